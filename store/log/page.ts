// A page of the log, newest first, from any place of it. Reads no further than until the page is full; never writes.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AuditPage, AuditPageQuery, AuditRow } from '../../src/domain/audit.ts'
import { MAX_PAGE_ROWS, pageMatcher, rowOf } from '../../src/domain/audit-search.ts'
import { faultAt } from '../faults.ts'
import { firstFrom, firstNotBefore } from './bisect.ts'
import type { FindLines, Stretch } from './find-lines.ts'
import { createLineFinder } from './find-lines.ts'
import type { Parts, Place } from './parts.ts'
import { openParts } from './parts.ts'

/** So much is searched in one turn of the event loop: about a millisecond's work, some more where the disk must be waited for. */
const TURN_BYTES = 4 * 1024 * 1024
/** Parsing a line takes as long as searching so much. */
const LINE_BYTES = 16 * 1024
const PROGRESS_MS = 50

export async function auditPage(path: string, query: AuditPageQuery): Promise<AuditPage> {
  const { signal } = query
  signal?.throwIfAborted()
  let parts: Parts | null = null
  try {
    parts = await openParts(path)
    return await pageOf(parts, query)
  } catch (error) {
    signal?.throwIfAborted()
    throw faultAt('AUDIT_UNAVAILABLE', 'reading the audit log', path, error)
  } finally {
    await parts?.close()
  }
}

async function pageOf(parts: Parts, query: AuditPageQuery): Promise<AuditPage> {
  const { filter } = query
  const since = filter.since === undefined ? BEGIN : placeOf(parts, filter.since)
  const until = filter.until === undefined ? endOf(parts) : placeOf(parts, filter.until)
  const split = earlier(until, later(since, behind(parts, query.around)))
  const older = Math.min(query.older, MAX_PAGE_ROWS)
  const newer = Math.min(query.newer, MAX_PAGE_ROWS)
  const search = createSearch(parts, query, bytesBetween(parts, since, until))
  try {
    // One more than asked for, to know whether there are more.
    const olderRows = await search.rows(since, split, false, older + 1)
    const newerRows = await search.rows(split, until, true, newer + 1)
    return {
      rows: [...newerRows.slice(0, newer).reverse(), ...olderRows.slice(0, older)],
      hasNewer: newerRows.length > newer,
      hasOlder: olderRows.length > older,
      lastSeq: lastSeqOf(parts),
    }
  } finally {
    search.end()
  }
}

const BEGIN: Place = { part: 0, offset: 0 }
const endOf = ({ sizes }: Parts): Place => ({ part: sizes.length, offset: 0 })
const isEarlier = (a: Place, b: Place): boolean => a.part < b.part || (a.part === b.part && a.offset < b.offset)
const earlier = (a: Place, b: Place): Place => (isEarlier(b, a) ? b : a)
const later = (a: Place, b: Place): Place => (isEarlier(a, b) ? b : a)

/** Where the records from a moment on begin. */
function placeOf(parts: Parts, moment: number): Place {
  return firstNotBefore(parts, ({ at }) => at < moment)?.place ?? endOf(parts)
}

/** The place behind the record that the page is opened around: what is newer begins there. */
function behind(parts: Parts, around: AuditPageQuery['around']): Place {
  if (around === 'newest') return endOf(parts)
  const named =
    around === 'oldest'
      ? firstFrom(parts, 0, parts.sizes.length)?.head
      : 'seq' in around
        ? around
        : firstNotBefore(parts, ({ at }) => at < around.at)?.head
  if (named === undefined) return endOf(parts)
  return firstNotBefore(parts, ({ seq }) => seq <= named.seq)?.place ?? endOf(parts)
}

/** The part of each file that lies between two places, oldest first. */
function* rangesBetween({ sizes }: Parts, from: Place, to: Place): Generator<{ index: number; from: number; to: number }> {
  for (let index = from.part; index <= Math.min(to.part, sizes.length - 1); index++)
    yield { index, from: index === from.part ? from.offset : 0, to: index === to.part ? to.offset : (sizes[index] as number) }
}

function bytesBetween(parts: Parts, from: Place, to: Place): number {
  return rangesBetween(parts, from, to).reduce((sum, range) => sum + Math.max(0, range.to - range.from), 0)
}

interface Search {
  /** Matching records between two places, from the first on or from the last back, until there are so many. */
  readonly rows: (from: Place, to: Place, isForward: boolean, wanted: number) => Promise<AuditRow[]>
  readonly end: () => void
}

function createSearch(parts: Parts, { filter, signal, onProgress }: AuditPageQuery, totalBytes: number): Search {
  const findLines = createLineFinder(filter)
  const matches = pageMatcher(filter)
  let bytes = 0
  let found = 0
  let isProgressDue = false
  const timer = onProgress === undefined ? undefined : setInterval(() => (isProgressDue = true), PROGRESS_MS)

  const turn = async (): Promise<void> => {
    await nextTurn()
    signal?.throwIfAborted()
    if (!isProgressDue) return
    isProgressDue = false
    onProgress?.({ bytes, totalBytes, found })
  }

  const rowsOf = async (stretch: Stretch, isForward: boolean, wanted: number): Promise<AuditRow[]> => {
    const rows: AuditRow[] = []
    let bytesInTurn = 0
    for (const piece of findLines(stretch, isForward)) {
      for (const line of piece.lines) {
        bytesInTurn += LINE_BYTES
        const row = rowOf(line)
        if (row === null || !matches(row.record)) continue
        found++
        if (rows.push(row) === wanted) return rows
      }
      bytes += piece.bytes
      bytesInTurn += piece.bytes
      if (bytesInTurn < TURN_BYTES) continue
      bytesInTurn = 0
      await turn()
    }
    return rows
  }

  return {
    async rows(from, to, isForward, wanted) {
      const rows: AuditRow[] = []
      const ranges = [...rangesBetween(parts, from, to)]
      for (const range of isForward ? ranges : ranges.reverse()) {
        const part = parts.part(range.index)
        if (part === null) continue
        const stretch = { part, from: range.from, to: Math.min(range.to, part.end) }
        rows.push(...(await rowsOf(stretch, isForward, wanted - rows.length)))
        if (rows.length === wanted) break
      }
      return rows
    },
    end: () => clearInterval(timer),
  }
}

function lastSeqOf(parts: Parts): number {
  const findLines: FindLines = createLineFinder({})
  for (let index = parts.sizes.length - 1; index >= 0; index--) {
    const part = parts.part(index)
    for (const { lines } of part === null ? [] : findLines({ part, from: 0, to: part.end }, false)) {
      for (const line of lines) {
        const row = rowOf(line)
        if (row !== null) return row.record.seq
      }
    }
  }
  return 0
}
