// Copies a store as a whole: its log first, then usage, keys and head at once; and proves the copy. What is interrupted goes on
// where it stood: until its end the copy holds no key. Knows no kind of store.

import { createHash } from 'node:crypto'
import type { Anchor, Head } from '../src/domain/audit.ts'
import { isChangeRecord, namedSeqs, parseRecord, sha256 } from '../src/domain/audit.ts'
import type { AuditReport } from '../src/domain/audit-check.ts'
import { createAuditCheck } from '../src/domain/audit-check.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { shellWord } from '../src/domain/text.ts'
import type { Copied, CopyProgress } from '../src/domain/upkeep.ts'
import type { Receiver, Source, Whole } from './whole.ts'

export interface CopyOptions {
  readonly signal: AbortSignal
  readonly onProgress: (progress: CopyProgress) => void
}

/** What a side of a copy holds. */
type Extent = Pick<Copied, 'records' | 'head' | 'keys' | 'keysDigest' | 'calls'>

export async function copyStore(from: Whole, to: Whole, options: CopyOptions): Promise<Copied> {
  return from.read(async (source) => {
    const resumedBehind = await to.receive((receiver) => transfer({ from, to, source, receiver }, options))
    const ours = await extentOf(source, from, options)
    const theirs = await to.read((copy) => extentOf(copy, to, options))
    assertSame(ours, theirs, to)
    return { from: from.name, to: to.name, ...theirs, resumedBehind }
  })
}

interface Transfer {
  readonly from: Whole
  readonly to: Whole
  readonly source: Source
  readonly receiver: Receiver
}

/** Answers behind which record it went on. */
async function transfer({ from, to, source, receiver }: Transfer, { signal, onProgress }: CopyOptions): Promise<number> {
  const { end } = receiver
  if (end.seq > source.head.seq) throw otherLog(from, to, end)
  let isJoined = end.seq === 0
  const reading = await createLogReading(source, signal)
  for await (const lines of source.log()) {
    signal.throwIfAborted()
    const fresh: string[] = []
    for (const line of lines) {
      const { seq, hash } = reading.add(line, from)
      if (seq > end.seq) fresh.push(line)
      if (seq === end.seq && hash === end.hash) isJoined = true
      if (seq >= end.seq && !isJoined) throw otherLog(from, to, end)
    }
    if (fresh.length > 0) await receiver.append(fresh, reading.head())
    onProgress({ doing: 'copied', records: reading.records(), totalRecords: source.head.seq })
  }
  assertWhole(reading.finish(), from)
  const unfinished = reading.unfinished()
  if (unfinished.length > 0) throw unsettled(from, unfinished)
  signal.throwIfAborted()
  await receiver.finish(source)
  return end.seq
}

interface LogReading {
  /** Throws where a line is no record in its place: such a log is copied by no one. */
  readonly add: (line: string, whole: Whole) => Head
  readonly head: () => Head
  readonly records: () => number
  readonly finish: () => AuditReport
  readonly keys: KeyDigests
  /** Changes behind the keys' anchor that nothing took back: of a commit that died half-way. */
  readonly unfinished: () => readonly number[]
}

async function createLogReading(source: Source, signal: AbortSignal): Promise<LogReading> {
  const { keysAnchor } = source
  const keys = await digestKeys(source, signal)
  const check = createAuditCheck({
    anchors: source.vouched,
    keyDigests: keys.byId,
    allKeysDigest: keys.all,
    seenSeq: keysAnchor.seq,
  })
  const unfinished = new Set<number>()
  let records = 0
  return {
    add(line, whole) {
      const bytes = Buffer.from(line)
      const before = check.head()
      check.add(bytes)
      const now = check.head()
      if (now.seq <= before.seq) throw damaged(whole, before)
      records++
      if (now.seq > keysAnchor.seq) followChange(bytes, unfinished)
      return now
    },
    head: check.head,
    records: () => records,
    finish: check.finish,
    keys,
    unfinished: () => [...unfinished],
  }
}

function followChange(line: Buffer, unfinished: Set<number>): void {
  const record = parseRecord(line)
  if (typeof record === 'string') return
  if (isChangeRecord(record)) unfinished.add(record.seq)
  for (const seq of [...namedSeqs(record, 'rolledBack'), ...namedSeqs(record, 'redone')]) unfinished.delete(seq)
}

interface KeyDigests {
  readonly byId: ReadonlyMap<string, string>
  readonly all: string
}

async function digestKeys(source: Source, signal: AbortSignal): Promise<KeyDigests> {
  const byId = new Map<string, string>()
  const all = createHash('sha256')
  for await (const lines of source.keys()) {
    signal.throwIfAborted()
    for (const line of lines) {
      all.update(byId.size === 0 ? line : `\n${line}`)
      byId.set((JSON.parse(line) as { id: string }).id, sha256(line))
    }
  }
  return { byId, all: all.digest('hex') }
}

/** Reads one side through, proves it, and answers what it holds. */
async function extentOf(source: Source, whole: Whole, { signal, onProgress }: CopyOptions): Promise<Extent> {
  const reading = await createLogReading(source, signal)
  for await (const lines of source.log()) {
    signal.throwIfAborted()
    for (const line of lines) reading.add(line, whole)
    onProgress({ doing: 'proved', records: reading.records(), totalRecords: source.head.seq })
  }
  assertWhole(reading.finish(), whole)
  let calls = 0
  for await (const usages of source.usage()) {
    signal.throwIfAborted()
    for (const { usage } of usages) calls += usage.total.counts.reduce((sum, count) => sum + count, 0)
  }
  const { seq, hash } = reading.head()
  const { byId, all } = reading.keys
  return { records: reading.records(), head: { seq, hash }, keys: byId.size, keysDigest: all, calls }
}

function assertSame(ours: Extent, theirs: Extent, to: Whole): void {
  const said = (extent: Extent): Readonly<Record<string, string | number>> => ({
    ...extent,
    head: `${extent.head.seq}:${extent.head.hash}`,
  })
  const [one, other] = [said(ours), said(theirs)]
  const different = Object.keys(one).filter((name) => one[name] !== other[name])
  if (different.length === 0) return
  const found = different.map((name) => `${name} ${one[name]} became ${other[name]}`).join(', ')
  throw new KeywrightError('STORE_CORRUPT', `the copy ${to.name} is not what was copied: ${found}`, {
    hint: 'do not use the copy; remove it, and copy again while nobody else writes there',
  })
}

const verifyHint = ({ flag }: Whole): string => `keywright audit verify --store ${shellWord(flag)}`

function assertWhole({ ok, problems }: AuditReport, whole: Whole): void {
  if (ok) return
  const [first] = problems
  const where = first?.seq === undefined ? (first?.keyId ?? '') : `seq ${first.seq}`
  throw new KeywrightError(
    'AUDIT_BROKEN',
    `the store ${whole.name} is not as its log says: ${where} ${first?.problem ?? ''}`.replace(/ {2,}/g, ' '),
    {
      hint: `see all of it with: ${verifyHint(whole)}; then restore it from a backup, or accept it with: keywright audit accept-loss --reason R --store ${shellWord(whole.flag)}`,
    },
  )
}

function damaged(whole: Whole, { seq }: Anchor): KeywrightError {
  return new KeywrightError('AUDIT_BROKEN', `the log of ${whole.name} holds a line behind seq ${seq} that is no record in its place`, {
    hint: `see it with: ${verifyHint(whole)}; a log that is damaged can't be copied: restore it from a backup`,
  })
}

function unsettled(from: Whole, seqs: readonly number[]): KeywrightError {
  return new KeywrightError('STORE_UNAVAILABLE', `a change of ${from.name} died half-way (seq ${seqs.join(', ')})`, {
    hint: `have it recovered with: ${verifyHint(from)}; then copy again`,
  })
}

function otherLog(from: Whole, to: Whole, { seq }: Anchor): KeywrightError {
  return new KeywrightError('INVALID_INPUT', `${to.name} holds records up to seq ${seq} that are not those of ${from.name}`, {
    field: 'to',
    hint: 'copy onto a store that is empty, or that an interrupted copy of the same store left',
  })
}
