// The log of the store in memory: its lines as they would stand in a file, so that the same check proves them. Keeps nothing.

import * as audit from '../src/domain/audit.ts'
import type { Vouched } from '../src/domain/audit-check.ts'
import { createAuditCheck } from '../src/domain/audit-check.ts'
import { expectedBy } from '../src/domain/audit-expected.ts'
import { MAX_PAGE_ROWS, pageMatcher, timelineOf } from '../src/domain/audit-search.ts'
import type { Clocks } from '../src/domain/limiter.ts'
import type { AuditPort } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { isoFrom } from '../src/domain/time.ts'

export type Append = (entries: readonly audit.Entry[]) => audit.Anchor

export function createLog({ wall }: Clocks, vouched: () => Vouched): { append: Append; lastSeq: () => number; port: AuditPort } {
  const lines: Buffer[] = []
  const records: audit.AuditRecord[] = []
  const followers = new Set<() => void>()
  let head = audit.EMPTY_HEAD

  const append: Append = (entries) => {
    const made = audit.chainLines(head, entries)
    for (const line of made.lines.split('\n').slice(0, -1)) {
      lines.push(Buffer.from(line))
      records.push(JSON.parse(line) as audit.AuditRecord)
    }
    head = made.head
    for (const wake of [...followers]) wake()
    return { seq: head.seq, hash: head.hash }
  }

  const nextAppend = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        followers.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      followers.add(wake)
      signal.addEventListener('abort', wake)
    })

  async function* stream(filter: audit.AuditFilter, isReversed: boolean, follow?: AbortSignal): AsyncGenerator<audit.AuditRecord> {
    const order = isReversed && follow === undefined ? records.toReversed() : records
    for (let next = 0; ; ) {
      for (let record = order[next]; record !== undefined; record = order[++next]) if (audit.matchesRecord(record, filter)) yield record
      if (follow === undefined || follow.aborted) return
      await nextAppend(follow)
    }
  }

  const port: AuditPort = {
    records: (filter, { reverse = false, follow }) => stream(filter, reverse, follow),
    async page(query) {
      query.signal?.throwIfAborted()
      return pageOf(records, query)
    },
    async timeline(range) {
      const [first, last] = [records[0], records.at(-1)]
      if (first === undefined || last === undefined) return null
      const before = (moment: number): number => records.filter(({ at }) => Date.parse(at) < moment).length
      return timelineOf(range, { first: Date.parse(first.at), last: Date.parse(last.at), total: records.length, before })
    },
    head: async () => ({ seq: head.seq, hash: head.hash }),
    signedHead: async () => {
      throw new KeywrightError('INVALID_INPUT', 'there is no key to sign with: this store is gone with its process')
    },
    async verify({ actor, signal, expect }) {
      signal?.throwIfAborted()
      const check = createAuditCheck({ ...vouched(), expected: expectedBy(expect) })
      for (const line of lines) check.add(line)
      const report = check.finish()
      const { seq, hash } = check.head()
      const { ok, records: checked } = report
      if (actor !== undefined && ok && checked > 0)
        append([{ actor, at: isoFrom(wall()), action: 'audit.verify', after: { ok, records: checked } }])
      return { report, head: { seq, hash } }
    },
    acceptLoss: async () => {
      throw new KeywrightError('INVALID_INPUT', 'nothing is lost: this store has no file that could be')
    },
  }
  return { append, lastSeq: () => head.seq, port }
}

function pageOf(records: readonly audit.AuditRecord[], { filter, around, newer, older }: audit.AuditPageQuery): audit.AuditPage {
  const matches = pageMatcher(filter)
  // Seqs begin at 1 and have no gaps: a record's seq is how many there are up to it.
  const split =
    around === 'newest'
      ? records.length
      : around === 'oldest'
        ? 1
        : 'seq' in around
          ? around.seq
          : (records.find(({ at }) => Date.parse(at) >= around.at)?.seq ?? records.length)
  const [upTo, behind] = [records.slice(0, Math.max(0, split)), records.slice(Math.max(0, split))].map((part) => part.filter(matches))
  const newerRows = (behind ?? []).slice(0, Math.min(newer, MAX_PAGE_ROWS)).reverse()
  const olderRows = (upTo ?? []).reverse().slice(0, Math.min(older, MAX_PAGE_ROWS))
  return {
    rows: [...newerRows, ...olderRows].map((record) => ({ record, isProven: true })),
    hasNewer: newerRows.length < (behind?.length ?? 0),
    hasOlder: olderRows.length < (upTo?.length ?? 0),
    lastSeq: records.length,
  }
}
