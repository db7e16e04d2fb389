// A page of the log and its counts over time, out of the database. Reads no further than until the page is full; never writes.

import type { AuditPage, AuditPageQuery, AuditRow, Timeline } from '../../src/domain/audit.ts'
import type { TimelineRange } from '../../src/domain/audit-search.ts'
import { MAX_PAGE_ROWS, pageMatcher, rowOf, timelineEdges, timelineOf } from '../../src/domain/audit-search.ts'
import type { Reading, Stretch } from './audit-read.ts'
import { endsOf, linesIn, searchOf, seqsFrom, stretchOf } from './audit-read.ts'
import type { Queryable } from './connection.ts'

/** About what a line takes: how far a search has come is told in bytes, which the database does not count. */
const LINE_BYTES = 600

export async function pageOf({ database, uptime }: Pick<Reading, 'database' | 'uptime'>, query: AuditPageQuery): Promise<AuditPage> {
  const { filter, around, signal, onProgress } = query
  signal?.throwIfAborted()
  const ends = await endsOf(database)
  if (ends === null) return { rows: [], hasNewer: false, hasOlder: false, lastSeq: 0 }
  const bounds = await stretchOf(database, ends, filter)
  const split =
    around === 'newest'
      ? ends.last.seq
      : around === 'oldest'
        ? ends.first.seq
        : 'seq' in around
          ? around.seq
          : Math.min(ends.last.seq, (await seqsFrom(database, ends, [around.at]))[0] as number)

  const search = searchOf(filter)
  const matches = pageMatcher(filter)
  const totalBytes = Math.max(0, bounds.upTo - bounds.after) * LINE_BYTES
  let bytes = 0
  let found = 0
  const onRead = (seqs: number): void => {
    bytes += seqs * LINE_BYTES
    onProgress?.({ bytes, totalBytes, found })
  }

  const rowsIn = async (stretch: Stretch, isForward: boolean, wanted: number): Promise<AuditRow[]> => {
    const rows: AuditRow[] = []
    for await (const lines of linesIn({ database, uptime, signal, onRead }, search, stretch, isForward, wanted)) {
      for (const { line } of lines) {
        const row = rowOf(Buffer.from(line))
        if (row === null || !matches(row.record)) continue
        found++
        if (rows.push(row) === wanted) return rows
      }
    }
    return rows
  }

  const [older, newer] = [Math.min(query.older, MAX_PAGE_ROWS), Math.min(query.newer, MAX_PAGE_ROWS)]
  // One more than asked for, to know whether there are more.
  const olderRows = await rowsIn({ after: bounds.after, upTo: Math.min(split, bounds.upTo) }, false, older + 1)
  const newerRows = await rowsIn({ after: Math.max(split, bounds.after), upTo: bounds.upTo }, true, newer + 1)
  return {
    rows: [...newerRows.slice(0, newer).reverse(), ...olderRows.slice(0, older)],
    hasNewer: newerRows.length > newer,
    hasOlder: olderRows.length > older,
    lastSeq: ends.last.seq,
  }
}

export async function timelineFrom(database: Queryable, range: TimelineRange): Promise<Timeline | null> {
  const ends = await endsOf(database)
  if (ends === null) return null
  const { first, last } = ends
  const edges = timelineEdges(range, { first: first.at, last: last.at })
  const found = await seqsFrom(database, ends, edges)
  const seqs = new Map(edges.map((edge, index) => [edge, found[index] as number]))
  const before = (moment: number): number => Math.max(0, (seqs.get(moment) as number) - first.seq)
  return timelineOf(range, { first: first.at, last: last.at, total: last.seq - first.seq + 1, before })
}
