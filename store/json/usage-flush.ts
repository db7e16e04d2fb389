// Merging counts into keys.usage.json under the lock, with the records that go with them. Never changes a key.

import { keepAdmissions } from '../../src/domain/admissions.ts'
import type { Actor, Entry } from '../../src/domain/audit.ts'
import type { KeyDelta } from '../../src/domain/delta.ts'
import { NO_KEY } from '../../src/domain/delta.ts'
import type { Key } from '../../src/domain/key.ts'
import type { Unshared } from '../../src/domain/limiter.ts'
import type { Counted, RefusalSum, Tab } from '../../src/domain/meter.ts'
import { keyDeltaOfTab } from '../../src/domain/meter.ts'
import { withPresence } from '../../src/domain/presence.ts'
import { isoFrom, MINUTE_MS } from '../../src/domain/time.ts'
import type { KeyUsage } from '../../src/domain/usage.ts'
import { ACCEPTED, addAlive, countIn, EMPTY_KEY_USAGE, RESOLUTIONS, sumUsages, trimmed } from '../../src/domain/usage.ts'
import type { Settings } from './settings.ts'
import type { UsageFile } from './usage-file.ts'
import type { UsageDocument } from './usage-text.ts'
import { usageLine } from './usage-text.ts'

/** How long merging or reading may hold other work of this process up: a verification waits no longer. */
const TURN_MS = 4
/** How long after its end an hour is summed up, so that every process has handed its counts over. */
const SUMMARY_DELAY_MS = MINUTE_MS
/** So many small steps between two looks at the time. */
const ITEMS_PER_LOOK = 256

export interface FlushInput {
  readonly file: UsageFile
  readonly keyOf: (id: string) => Key | undefined
  readonly counted: Counted
  readonly admitted: readonly Unshared[]
  readonly self: string
  /** Keys whose first use is on the log though their counts could not be written yet. */
  readonly noted: ReadonlySet<string>
  /** Up to when calls are summed up on the log though that could not be written here yet. */
  readonly summedUpUntil: number
  /** False while the log is broken: then nothing is summed up. */
  readonly isRecordable: boolean
  readonly aliveSince: number
  readonly now: number
  readonly uptime: () => number
  readonly summary: NonNullable<Settings['validateSummary']>
  readonly actor: Actor
}

export interface Merged {
  readonly document: Omit<UsageDocument, 'audit'>
  readonly entries: readonly Entry[]
}

/** Lets other work of this process have its turn, now and then. */
export function createTurns(uptime: () => number): () => Promise<void> | undefined {
  let began = uptime()
  return () => {
    if (uptime() - began < TURN_MS) return undefined
    return new Promise((resolve) =>
      setImmediate(() => {
        began = uptime()
        resolve()
      }),
    )
  }
}

/** The document with everything merged, and the records to be appended before it is written. */
export async function mergeUsage(input: FlushInput): Promise<Merged> {
  const { file, counted, admitted, now, aliveSince } = input
  const before = file.document()
  const seq = before.seq + 1
  const entries: Entry[] = []
  const turn = createTurns(input.uptime)
  const lines = await copied(before.lines, turn)
  const added = await byKey(admitted, turn)
  const tabs = await byKey(counted.tabs, turn)
  // One key after the other, from its line to its line: what is made of it in between is garbage at once, and never old.
  const others = new Set(counted.deltas.flatMap(({ keys }) => [...keys.keys()]))
  for (const keyId of eachOnce([tabs, added, others])) {
    const usage = file.parse(lines.get(keyId))
    for (const { minute, delta } of deltasOfKey(counted, tabs.of(keyId), keyId)) {
      const isFirstUse = keyId !== NO_KEY && (usage.total.counts[ACCEPTED] ?? 0) === 0 && (delta.counts[ACCEPTED] ?? 0) > 0
      if (isFirstUse && !input.noted.has(keyId)) entries.push(note(input, 'validate.first-use', keyId, delta.lastAt ?? now))
      countIn(usage, delta, minute, now)
    }
    usage.admissions = keptAdmissions(usage, added.of(keyId), seq, input)
    lines.set(keyId, usageLine(usage))
    await turn()
  }
  entries.push(...counted.refusals.map((sum) => refusalEntry(input, sum)))
  const summarisedUntil = await summarise(input, lines, entries, turn)
  const calls = before.calls + callsOf(counted)
  const processes = withPresence(before.processes, input.self, now)
  return { document: { seq, summarisedUntil, calls, processes, alive: addAlive(before.alive, aliveSince, now), lines }, entries }
}

type Turn = ReturnType<typeof createTurns>

/** A copy made in turns: of many thousand lines it is one of the longest stretches of a flush. */
async function copied(lines: ReadonlyMap<string, string>, turn: Turn): Promise<Map<string, string>> {
  const copy = new Map<string, string>()
  for (const [keyId, line] of lines) {
    copy.set(keyId, line)
    if (copy.size % ITEMS_PER_LOOK === 0) await turn()
  }
  return copy
}

/** Things by key; most keys have one. */
interface ByKey<T> extends KeysNamed {
  readonly of: (keyId: string) => readonly T[]
}

/** Chains of places instead of a list for each key, which would live as long as the flush. */
async function byKey<T extends { readonly keyId: string }>(items: readonly T[], turn: Turn): Promise<ByKey<T>> {
  const firsts = new Map<string, number>()
  const nexts = new Int32Array(items.length)
  for (let place = items.length - 1; place >= 0; place--) {
    const { keyId } = items[place] as T
    nexts[place] = firsts.get(keyId) ?? END
    firsts.set(keyId, place)
    if (place % ITEMS_PER_LOOK === 0) await turn()
  }
  const of = (keyId: string): readonly T[] => {
    const found: T[] = []
    for (let place = firsts.get(keyId) ?? END; place !== END; place = nexts[place] as number) found.push(items[place] as T)
    return found
  }
  return { has: (keyId) => firsts.has(keyId), keys: () => firsts.keys(), of }
}
const END = -1

interface KeysNamed {
  readonly has: (keyId: string) => boolean
  readonly keys: () => Iterable<string>
}

/** The names in any of them, without a set of all. */
function* eachOnce(all: readonly KeysNamed[]): Generator<string> {
  for (const [index, one] of all.entries())
    for (const name of one.keys()) if (!all.slice(0, index).some((before) => before.has(name))) yield name
}

/** What is added to one key, minute by minute. */
function* deltasOfKey({ deltas }: Counted, tabs: readonly Tab[], keyId: string): Generator<{ minute: number; delta: KeyDelta }> {
  for (const { minute, keys } of deltas) {
    const delta = keys.get(keyId)
    if (delta !== undefined) yield { minute, delta }
  }
  for (const tab of tabs) yield { minute: tab.minute, delta: keyDeltaOfTab(tab) }
}

function callsOf({ deltas, tabs }: Counted): number {
  let calls = tabs.reduce((sum, tab) => sum + tab.calls, 0)
  for (const { keys } of deltas) for (const { counts } of keys.values()) for (const count of counts) calls += count
  return calls
}

/** What is still inside a window of a key's limits, with what this process admitted in them. */
function keptAdmissions(
  { admissions }: KeyUsage,
  added: readonly Unshared[],
  seq: number,
  { self, now }: FlushInput,
): KeyUsage['admissions'] {
  const kept = new Map(Object.entries(admissions))
  for (const { name, windowMs } of added) kept.set(name, { windowMs, calls: kept.get(name)?.calls ?? [] })
  const entries = [...kept].map(([name, { windowMs, calls }]) => {
    const own = added.filter((one) => one.name === name).map(({ at, count }) => ({ seq, at, count, by: self }))
    return [name, { windowMs, calls: keepAdmissions(calls, own, windowMs, now) }] as const
  })
  return Object.fromEntries(entries.filter(([, { calls }]) => calls.length > 0))
}

type NoteAction = 'validate.first-use' | 'validate.summary'

function note(
  { actor, keyOf, now }: FlushInput,
  action: NoteAction,
  keyId: string,
  at: number,
  after: Entry['after'] = { at: isoFrom(at) },
): Entry {
  return { actor, at: isoFrom(now), action, keyId, userId: keyOf(keyId)?.userId ?? null, after }
}

function refusalEntry({ actor, now }: FlushInput, { keyId, userId, code, count, since }: RefusalSum): Entry {
  return {
    actor,
    at: isoFrom(now),
    action: 'validate.refused',
    keyId,
    userId,
    outcome: 'refused',
    reason: code ?? 'OTHERS',
    after: { count, since: isoFrom(since) },
  }
}

/** Once a period: sums up the accepted calls of each key, and forgets what is too old. Answers up to when all is summed up. */
async function summarise(input: FlushInput, lines: Map<string, string>, entries: Entry[], turn: Turn): Promise<number> {
  const { file, now, summary } = input
  const resolution = summary === 'day' ? 'day' : 'hour'
  const { ms } = RESOLUTIONS[resolution]
  const until = Math.floor((now - SUMMARY_DELAY_MS) / ms) * ms
  const from = file.document().summarisedUntil
  if (from === 0) return Math.floor(now / ms) * ms
  if (until <= from || !input.isRecordable) return from
  const firstDue = Math.max(from, input.summedUpUntil)
  let folded: KeyUsage = file.parse(lines.get(NO_KEY))
  for (const [keyId, line] of [...lines]) {
    const usage = file.parse(line)
    if (summary !== 'off' && keyId !== NO_KEY) {
      for (const [bucket, accepted = 0] of usage.total.series[resolution]) {
        const begin = bucket * ms
        if (accepted > 0 && begin >= firstDue && begin < until)
          entries.push(note(input, 'validate.summary', keyId, now, { count: accepted, since: isoFrom(begin) }))
      }
    }
    if (keyId !== NO_KEY && input.keyOf(keyId) === undefined) {
      // The key was purged: the store's totals keep its calls.
      folded = { ...EMPTY_KEY_USAGE, total: sumUsages([folded, usage]).total }
      lines.delete(keyId)
    } else if (keyId !== NO_KEY) lines.set(keyId, usageLine(trimmed({ ...usage, admissions: keptAdmissions(usage, [], 0, input) }, now)))
    await turn()
  }
  if (folded.total.counts.length > 0) lines.set(NO_KEY, usageLine(folded))
  return until
}
