// The end of a log: reads back from the last record to an anchor, and says when the two don't belong together.

import type { Anchor, AuditRecord, Head } from '../../src/domain/audit.ts'
import { EMPTY_HEAD, isChangeRecord, parseRecord } from '../../src/domain/audit.ts'
import type { Disagreement } from '../../src/domain/disagreement.ts'
import type { Line } from './read.ts'
import { linesBackward } from './read.ts'
import { finishedSegments } from './segments.ts'

/** Records of changes behind an anchor that are held in memory; a store so far behind its log was replaced. */
const MAX_TAIL = 1_000_000
/** What bears on whether changes stand; counts and verifications, of which there may be millions, do not. */
const ABOUT_CHANGES: ReadonlySet<string> = new Set(['store.rollback', 'store.recover', 'log.repair'])

const bearsOnChanges = (record: AuditRecord): boolean => isChangeRecord(record) || ABOUT_CHANGES.has(record.action)

/** What the log holds behind an anchor. */
export interface LogTail {
  /** Those that bear on changes, and the one that follows the anchor. */
  readonly records: readonly AuditRecord[]
  readonly head: Head
  /** The bytes of a last line that was not finished. */
  readonly torn: Buffer | null
  /** Why the anchor and the log don't belong together. */
  readonly broken: Disagreement | null
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
  let next: AuditRecord | null = null
  const brokenAt = (broken: Disagreement): LogTail => ({ records: [], head, torn: null, broken })
  for await (const line of allBackward(path)) {
    if (!line.isWhole && next === null) {
      torn = Buffer.from(line.bytes)
      continue
    }
    const record = parseRecord(line.bytes)
    if (typeof record === 'string') return brokenAt({ kind: 'line-garbled', before: next?.seq ?? null, problem: record })
    if (next === null) head = { seq: record.seq, hash: record.hash, at: record.at }
    else if (record.seq !== next.seq - 1 || record.hash !== next.prev) return brokenAt({ kind: 'records-apart', seq: next.seq })
    if (record.seq < anchor.seq) return brokenAt({ kind: 'log-cut', seq: record.seq, vouched: anchor.seq, by: 'keys' })
    if (record.seq === anchor.seq) {
      if (record.hash !== anchor.hash) return brokenAt({ kind: 'log-is-another', seq: record.seq, by: 'keys' })
      return { records: tailOf(records, next), head, torn, broken: null }
    }
    if (bearsOnChanges(record) && records.push(record) > MAX_TAIL) return brokenAt({ kind: 'store-much-older', records: MAX_TAIL })
    next = record
  }
  const first = next
  if (first === null && anchor.seq > 0) return brokenAt({ kind: 'log-missing', vouched: anchor.seq, by: 'keys' })
  if (first !== null && (anchor.seq > 0 || first.seq !== 1 || first.prev !== EMPTY_HEAD.hash))
    return brokenAt({ kind: 'log-begins-late', seq: first.seq })
  return { records: tailOf(records, next), head, torn, broken: null }
}

function tailOf(newestFirst: readonly AuditRecord[], first: AuditRecord | null): AuditRecord[] {
  const records = newestFirst.toReversed()
  return first === null || records[0] === first ? records : [first, ...records]
}
