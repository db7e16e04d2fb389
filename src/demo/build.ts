// Builds the demo's store: plans lives, runs them, tells what was counted, chains the records, writes the files. Never a token.

import { join } from 'node:path'
import { pathsOf } from '../../store/json/paths.ts'
import { seedLog, seedStore } from '../../store/json/seed.ts'
import type { Anchor, AuditRecord, Entry, Head } from '../domain/audit.ts'
import { chainLines, EMPTY_HEAD } from '../domain/audit.ts'
import { NO_KEY } from '../domain/delta.ts'
import { DAY_MS, isoFrom, MINUTE_MS } from '../domain/time.ts'
import type { Draw } from '../domain/token.ts'
import type { KeyUsage, Series } from '../domain/usage.ts'
import { AUDITOR } from './cast.ts'
import { createChance } from './chance.ts'
import { runHistory } from './history.ts'
import { planLives } from './lives.ts'
import type { Telling } from './past.ts'
import { summarisedUntil, tellPast, tellStrangers } from './past.ts'
import type { TrafficPlan } from './plan.ts'
import { planTraffic } from './plan.ts'
import type { Stretch } from './rhythm.ts'
import { stretches } from './rhythm.ts'
import { seriesFrom } from './tally.ts'

export interface DemoSetting {
  /** When the demo is opened, in milliseconds since 1970. The same moment and the same draw make the same store. */
  readonly at: number
  readonly draw: Draw
}

export interface DemoStore {
  readonly store: string
  readonly traffic: TrafficPlan
}

/** Older than the oldest key. */
const PAST_DAYS = 200
const PROVEN = { everyDays: 7, times: 25 } as const

/** Writes the store `keys.json` with its log and usage into a folder that is fresh. */
export async function buildDemo(folder: string, { at, draw }: DemoSetting): Promise<DemoStore> {
  const chance = createChance(draw)
  const history = await runHistory(planLives(at, chance), draw)
  const telling: Telling = { at, chance, stretches: stretches(at - PAST_DAYS * DAY_MS, at) }
  const strangers = tellStrangers(telling)
  const usages = new Map<string, KeyUsage>([[NO_KEY, strangers.usage]])
  const notes: Entry[] = [...strangers.entries, ...proofs(at)]
  for (const [{ habit }, key] of history.keys) {
    const { usage, entries } = tellPast(key, habit, telling)
    if (usage.total.counts.length > 0) usages.set(key.id, usage)
    for (const entry of entries) notes.push(entry)
  }
  const { lines, head, anchor } = chain(history.records, notes)
  const paths = pathsOf(join(folder, 'keys.json'), undefined)
  seedLog(paths.log, lines)
  seedStore(
    paths,
    { keys: [...history.keys.values()], audit: anchor },
    { head, summarisedUntil: summarisedUntil(at), alive: aliveIn(telling.stretches, at), keys: usages },
  )
  return { store: paths.keys, traffic: planTraffic(history, at, draw) }
}

/** The log was proven every week; how many records it had then is known only in the chain. */
function proofs(at: number): Entry[] {
  return Array.from({ length: PROVEN.times }, (_, index) => ({
    actor: AUDITOR,
    at: isoFrom(Math.floor(at / DAY_MS - (index + 0.5) * PROVEN.everyDays) * DAY_MS),
    action: 'audit.verify',
  }))
}

interface Chained {
  readonly lines: string
  readonly head: Head
  /** The record of the last change. */
  readonly anchor: Anchor
}

/** Changes and notes in the order of time, as one chain. A change's base is where the last commit before its own stands now. */
function chain(changes: readonly AuditRecord[], notes: readonly Entry[]): Chained {
  const seqBefore = new Map<Entry, number>(changes.map((record) => [record, record.seq]))
  const seqs = new Map([[0, 0]])
  let lastChange = 0
  const ordered = [...changes, ...notes].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  const entries = ordered.map((entry, index): Entry => {
    if (entry.action === 'audit.verify') return { ...entry, after: { ok: true, records: index } }
    const before = seqBefore.get(entry)
    if (before === undefined) return entry
    seqs.set(before, index + 1)
    lastChange = index + 1
    return { ...entry, base: seqs.get(entry.base ?? 0) ?? 0 }
  })
  const upToLastChange = chainLines(EMPTY_HEAD, entries.slice(0, lastChange))
  const rest = chainLines(upToLastChange.head, entries.slice(lastChange))
  const { seq, hash } = upToLastChange.head
  return { lines: upToLastChange.lines + rest.lines, head: rest.head, anchor: { seq, hash } }
}

function aliveIn(all: readonly Stretch[], at: number): Series {
  const alive = all.filter(({ isGap }) => !isGap)
  return seriesFrom(
    alive.map(({ begin }) => ({ minute: Math.floor(begin / MINUTE_MS), counts: [] })),
    at,
  )
}
