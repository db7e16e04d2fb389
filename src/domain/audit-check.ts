// The proof of a log, record by record: chain, order, anchors, and the digests of the keys. Pure; its memory grows with the keys only.

import type { Anchor, AuditRecord, Head, LineProblem } from './audit.ts'
import { EMPTY_HEAD, GENESIS_HASH, namedSeqs, parseRecord } from './audit.ts'
import type { Expected } from './audit-expected.ts'
import { createExpectedCheck } from './audit-expected.ts'
import type { Glance, LineBlock } from './audit-glance.ts'
import { glanceAt } from './audit-glance.ts'
import { createReplay } from './audit-replay.ts'
import type { TrailFile } from './audit-trail.ts'
import { createFileTrail } from './audit-trail.ts'
import type { AuditProblem, SeqRange } from './problem-list.ts'
import { createProblemList } from './problem-list.ts'

/** The shape of `audit verify --json`. `firstBad`: the first wrong or missing seq; null when only keys are wrong. */
export interface AuditReport {
  readonly ok: boolean
  readonly records: number
  readonly firstBad: number | null
  readonly problems: readonly AuditProblem[]
  readonly notes: readonly string[]
}

/** What the store says at the moment of the check. */
export interface Vouched {
  /** Who vouches, as the operator knows the file, and for which record. */
  readonly anchors: readonly { readonly by: string; readonly anchor: Anchor }[]
  /** The digest of each key's line, by key id. */
  readonly keyDigests: ReadonlyMap<string, string>
  /** SHA-256 of all key lines joined by newlines. */
  readonly allKeysDigest: string
  /** The seq up to which the store has seen changes. */
  readonly seenSeq: number
  /** What is known of records from elsewhere; an accepted loss does not make good what contradicts it. */
  readonly expected?: readonly Expected[]
}

const NEWLINE = 10

const MAX_NOTES = 1000

/** A record as far as the check looks at it. */
type Seen = AuditRecord | Glance

interface Baseline {
  readonly digest: string
  isChanged: boolean
}

export interface AuditCheck {
  /** The lines that are added from now on stand in that file. A log that is one file need not be entered. */
  readonly enter: (file: TrailFile) => void
  readonly add: (line: Buffer) => void
  /** The same of many at once, and quicker. */
  readonly addLines: (lines: LineBlock) => void
  /** The last line of a file, which was not finished. `isLast`: of the file that is written to. */
  readonly addTorn: (line: Buffer, isLast: boolean) => void
  /** How many lines were added. */
  readonly records: () => number
  readonly finish: () => AuditReport
  /** After the end: what one who accepts it names as lost, records that are wrong or missing; null where none is. */
  readonly lost: () => SeqRange | null
  /** The last record that is whole and in its place. */
  readonly head: () => Head
}

/** `nameOf`: the name of the log's file that begins with that seq. */
export function createAuditCheck(vouched: Vouched, nameOf?: (firstSeq: number) => string): AuditCheck {
  const trail = createFileTrail(nameOf)
  const problems = createProblemList()
  const bad = problems.add
  const notes: string[] = []
  let expected = 1
  let prev: string | null = GENESIS_HASH
  let lastAt = ''
  let records = 0
  let head: Head = EMPTY_HEAD
  /** The last record that was blamed for not following the one before it. */
  let unfit = 0
  let brokenAt: (Anchor & { readonly where: string }) | null = null
  /** Behind a line that is no record: how many records stood there is not known. */
  let isLost = false
  const replay = createReplay()
  let baseline: Baseline | null = null
  const pendingAnchors = new Map(vouched.anchors.filter(({ anchor }) => anchor.seq > 0).map((one) => [one.by, one.anchor]))

  const expectations = createExpectedCheck(vouched.expected ?? [])

  const note = (text: string) => {
    if (notes.length < MAX_NOTES) notes.push(text)
  }

  const applyChange = (record: Seen) => {
    const keyId = record.keyId as string
    // After a loss the log knows no births of the keys that were there.
    if (record.action !== 'key.generate' && !replay.digests.has(keyId) && baseline === null && problems.count() === 0)
      bad({ keyId, problem: `was changed at seq ${record.seq}, and no record tells of its birth: it was added by hand` })
    replay.change(record)
    if (baseline !== null) baseline.isChanged = true
  }

  const acceptLoss = (record: AuditRecord) => {
    problems.accept(record).forEach(note)
    note(`loss accepted at seq ${record.seq} by ${record.actor.name}: ${record.reason}`)
    replay.restart(Number(record.after?.['keys']))
    baseline = { digest: String(record.after?.['digest']), isChanged: false }
    for (const [by, anchor] of pendingAnchors) if (anchor.seq < record.seq) pendingAnchors.delete(by)
  }

  const apply = (record: Seen) => {
    if (record.base !== null) applyChange(record)
    else if (record.action === 'store.rollback' || record.action === 'store.recover') {
      const rolledBack = namedSeqs(record, 'rolledBack')
      const redone = namedSeqs(record, 'redone')
      replay.undo(rolledBack)
      const what = [
        redone.length > 0 ? `redone ${redone.join(', ')}` : '',
        rolledBack.length > 0 ? `rolled back ${rolledBack.join(', ')}` : '',
      ]
      note(`seq ${record.seq}: ${record.action}: ${what.filter((part) => part !== '').join('; ')}`)
    } else if (record.action === 'log.repair')
      note(`seq ${record.seq}: log.repair: a torn last line of ${record.after?.['length']} bytes was cut`)
    else if (record.action === 'usage.repair') note(`seq ${record.seq}: usage.repair: an unreadable usage file was set aside`)
    else if (record.action === 'audit.accept-loss') acceptLoss(record)
  }

  const checkAnchors = (seq: number, hash: string) => {
    for (const [by, anchor] of pendingAnchors) {
      if (anchor.seq !== seq) continue
      pendingAnchors.delete(by)
      if (anchor.hash !== hash) bad({ seq, problem: `is not the record that ${by} vouches for` })
    }
  }

  const add = (record: Seen | LineProblem) => {
    records++
    if (typeof record === 'string') {
      settleBreak(null)
      trail.pass()
      bad({ seq: expected, problem: `${record}${trail.where()}` })
      isLost = true
      prev = null
      expected++
      return
    }
    const problem = trail.see(record.seq, expected)
    if (problem !== null) bad({ seq: expected, problem }, Math.max(expected, record.seq - 1))
    if (record.seq < expected && !(isLost && record.seq > head.seq))
      return bad({ seq: record.seq, problem: `stands twice or out of place${trail.where()}` })
    if (record.seq > expected) prev = null
    settleBreak(record.prev)
    if (prev !== null && record.prev !== prev) brokenAt = { seq: record.seq, hash: record.hash, where: trail.where() }
    if (record.at < lastAt) note(`seq ${record.seq}: time goes back, from ${lastAt} to ${record.at}`)
    isLost = false
    expected = record.seq + 1
    prev = record.hash
    lastAt = record.at
    head = { seq: record.seq, hash: record.hash, at: record.at }
    checkAnchors(record.seq, record.hash)
    expectations.see(record.seq, record.hash)
    apply(record)
  }

  return {
    enter: trail.enter,

    addLines({ bytes, view }) {
      for (let from = 0; from < bytes.length; ) {
        const seen = prev === null ? null : glanceAt({ bytes, view }, from, prev)
        const end = seen === null ? bytes.indexOf(NEWLINE, from) : seen.end - 1
        add(seen ?? parseRecord(bytes.subarray(from, end)))
        from = end + 1
      }
    },

    add: (line) => add(parseRecord(line)),

    addTorn(line, isLast) {
      if (!isLast) return bad({ seq: expected, problem: `is cut off in its middle${trail.where()}` })
      note(`the last line, of ${line.length} bytes, was not finished; the next change will cut it`)
    },

    records: () => records,
    head: () => head,

    finish() {
      settleBreak(null)
      const last = expected - 1
      for (const [by, anchor] of pendingAnchors) {
        if (anchor.seq > last) bad({ seq: expected, problem: `is missing: ${by} vouches for records up to ${anchor.seq}` })
        else bad({ seq: anchor.seq, problem: `can't be compared with what ${by} vouches for` })
      }
      settleUnfinished()
      // Where records are lost, so are digests: comparing would accuse keys that nobody touched.
      if (problems.range() === null) compareKeys()
      else note('the keys were not compared with a log that is not whole')
      for (const problem of expectations.finish(last)) bad(problem)
      const listed = problems.listed()
      if (problems.count() > listed.length) note(`${problems.count() - listed.length} more problems are not listed`)
      return { ok: problems.count() === 0, records, firstBad: problems.range()?.from ?? null, problems: listed, notes }
    },

    lost() {
      const seen = Math.max(0, ...vouched.anchors.map(({ anchor }) => anchor.seq))
      const { from, to } = problems.range() ?? { from: head.seq + 1, to: head.seq }
      // Once a record stands behind the last, which does not follow the one before it, that one before is blamed.
      const lost = { from: from === unfit ? unfit - 1 : from, to: seen > head.seq ? Math.max(seen, to) : to }
      return lost.from > lost.to ? null : lost
    },
  }

  /**
   * Two neighbours that don't fit together, each whole in itself: when the next record goes on from the second, the first
   * was rewritten, else the second was. `next` is what the next record names as the one before it, null at the end.
   */
  function settleBreak(next: string | null): void {
    if (brokenAt === null) return
    const { seq, hash, where } = brokenAt
    brokenAt = null
    const isVouched = vouched.anchors.some(({ anchor }) => anchor.seq === seq && anchor.hash === hash)
    if (next === hash || (next === null && isVouched))
      bad({ seq: seq - 1, problem: `was rewritten: the record after it${where} names another hash` })
    else {
      bad({ seq, problem: `does not follow the record before it${where}` })
      unfit = seq
    }
  }

  /** Changes behind the store's anchor: one commit is an unrecovered crash, more are a lost or replaced store. */
  function settleUnfinished(): void {
    const { base, seqs } = replay.commit()
    const unfinished = seqs.filter((seq) => seq > vouched.seenSeq)
    if (unfinished.length === 0) return
    if (base === vouched.seenSeq) {
      replay.undo(unfinished)
      note(`seq ${unfinished.join(', ')}: a change died half-way; the next change will recover it`)
    } else bad({ problem: `the store has not seen the changes behind seq ${vouched.seenSeq}: it was lost or replaced by an older one` })
  }

  function compareKeys(): void {
    for (const [keyId, digest] of vouched.keyDigests) {
      const known = replay.digests.get(keyId)
      if (known === undefined && baseline === null) bad({ keyId, problem: 'was added to the store by hand' })
      else if (known !== undefined && known !== digest) bad({ keyId, problem: 'was changed in the store by hand' })
    }
    for (const keyId of replay.digests.keys())
      if (!vouched.keyDigests.has(keyId)) bad({ keyId, problem: 'was removed from the store by hand' })
    if (baseline === null) return
    if (!baseline.isChanged && baseline.digest !== vouched.allKeysDigest)
      bad({ problem: 'keys were changed in the store by hand since the loss was accepted' })
    else if (replay.keyCount() !== vouched.keyDigests.size)
      bad({ problem: `the store holds ${vouched.keyDigests.size} keys where the log knows of ${replay.keyCount()}` })
  }
}
