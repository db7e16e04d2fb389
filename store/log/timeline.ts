// Counts of records over time, from the seqs at the edges of each span. Reads what halving needs and the ends of each file; never writes.

import type { Timeline } from '../../src/domain/audit.ts'
import { timelineOf } from '../../src/domain/audit-search.ts'
import type { AuditPort } from '../../src/domain/ports.ts'
import { faultAt } from '../faults.ts'
import type { LineHead } from './bisect.ts'
import { firstFrom, firstNotBefore, headOf } from './bisect.ts'
import { createLineFinder } from './find-lines.ts'
import type { Part, Parts } from './parts.ts'
import { openParts } from './parts.ts'

export async function auditTimeline(path: string, range: Parameters<AuditPort['timeline']>[0]): Promise<Timeline | null> {
  let parts: Parts | null = null
  try {
    parts = await openParts(path)
    return timelineFrom(parts, range)
  } catch (error) {
    throw faultAt('AUDIT_UNAVAILABLE', 'reading the audit log', path, error)
  } finally {
    await parts?.close()
  }
}

/** A file's ends, and how many records there are in the files before it: what is missing between files is not counted. */
interface Ends {
  readonly first: LineHead
  readonly last: LineHead
  readonly before: number
}

function timelineFrom(parts: Parts, range: Parameters<AuditPort['timeline']>[0]): Timeline | null {
  const files = new Map<number, Ends>()
  let total = 0
  for (const index of parts.sizes.keys()) {
    const part = parts.part(index)
    const first = firstFrom(parts, index, index + 1)?.head
    const last = part === null ? null : lastHeadOf(part)
    if (first === undefined || last === null) continue
    files.set(index, { first, last, before: total })
    total += Math.max(0, last.seq - first.seq + 1)
  }
  const ends = [...files.values()]
  const [oldest, newest] = [ends[0], ends.at(-1)]
  if (oldest === undefined || newest === undefined) return null
  const before = (moment: number): number => {
    const found = firstNotBefore(parts, ({ at }) => at < moment)
    const file = found === null ? undefined : files.get(found.place.part)
    return found === null || file === undefined ? total : file.before + found.head.seq - file.first.seq
  }
  return timelineOf(range, { first: oldest.first.at, last: newest.last.at, total, before })
}

function lastHeadOf(part: Part): LineHead | null {
  for (const { lines } of createLineFinder({})({ part, from: 0, to: part.end }, false)) {
    for (const line of lines) {
      const head = headOf(line)
      if (head !== null) return head
    }
  }
  return null
}
