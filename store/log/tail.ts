// The end of a log: reads back from the last record to an anchor, and says when the two don't belong together.

import type { Anchor, AuditRecord, Head } from '../../src/domain/audit.ts'
import { EMPTY_HEAD, parseRecord } from '../../src/domain/audit.ts'
import type { Line } from './read.ts'
import { linesBackward } from './read.ts'
import { finishedSegments } from './segments.ts'

/** Records behind an anchor that are held in memory; a store so far behind its log was replaced. */
const MAX_TAIL = 1_000_000

/** What the log holds behind an anchor. */
export interface LogTail {
  readonly records: readonly AuditRecord[]
  readonly head: Head
  /** The bytes of a last line that was not finished. */
  readonly torn: Buffer | null
  /** Why the anchor and the log don't belong together. */
  readonly broken: string | null
}

/** All lines of the log, newest first, across its segments. */
export async function* allBackward(path: string): AsyncGenerator<Line> {
  yield* linesBackward(path)
  for (const segment of finishedSegments(path).reverse()) yield* linesBackward(segment)
}

/** Reads from the end of the log back to the anchor. */
export async function readTail(path: string, anchor: Anchor): Promise<LogTail> {
  const records: AuditRecord[] = []
  let torn: Buffer | null = null
  let head: Head = EMPTY_HEAD
  let next: { seq: number; prev: string } | null = null
  const brokenAt = (broken: string): LogTail => ({ records: [], head, torn: null, broken })
  for await (const line of allBackward(path)) {
    if (!line.isWhole && next === null) {
      torn = Buffer.from(line.bytes)
      continue
    }
    const record = parseRecord(line.bytes)
    if (typeof record === 'string') return brokenAt(`the record before seq ${next === null ? 'the end' : next.seq} ${record}`)
    if (next === null) head = { seq: record.seq, hash: record.hash, at: record.at }
    else if (record.seq !== next.seq - 1 || record.hash !== next.prev)
      return brokenAt(`seq ${next.seq} does not follow the record before it`)
    if (record.seq < anchor.seq) return brokenAt(`it ends at seq ${record.seq}, the store vouches for seq ${anchor.seq}`)
    if (record.seq === anchor.seq) {
      if (record.hash !== anchor.hash) return brokenAt(`seq ${record.seq} is not the record that the store vouches for`)
      return { records: records.reverse(), head, torn, broken: null }
    }
    if (records.push(record) > MAX_TAIL) return brokenAt(`it is more than ${MAX_TAIL} records ahead of the store`)
    next = { seq: record.seq, prev: record.prev }
  }
  const first = records.at(-1)
  if (anchor.seq > 0 && first === undefined) return brokenAt(`it is missing, the store vouches for seq ${anchor.seq}`)
  if (anchor.seq > 0) return brokenAt(`it begins at seq ${first?.seq}, behind seq ${anchor.seq} that the store vouches for`)
  if (first !== undefined && (first.seq !== 1 || first.prev !== EMPTY_HEAD.hash))
    return brokenAt(`it begins at seq ${first.seq}; what was before it is missing`)
  return { records: records.reverse(), head, torn, broken: null }
}
