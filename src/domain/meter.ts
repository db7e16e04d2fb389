// What one process has counted and not yet handed over: uses by minute, and refusals for the audit log. Bounded; waits for nobody.

import type { Use } from './ports.ts'
import { MINUTE_MS } from './time.ts'
import type { Delta } from './usage.ts'
import { addCalls, count, createDelta, NO_KEY } from './usage.ts'
import type { VerdictCode } from './verdict.ts'

/** Refused verifications of one key (or of none) with one code within one minute. */
export interface RefusalSum {
  readonly minute: number
  readonly keyId: string | null
  readonly userId: string | null
  readonly code: VerdictCode | null
  readonly since: number
  count: number
}

/** Kinds of refusal that are told apart in one minute; the rest is one sum. */
const MAX_REFUSALS_PER_MINUTE = 100
/** Minutes that wait to be handed over; then the oldest two are counted as one. */
const MAX_WAITING_MINUTES = 180

export interface Counted {
  readonly deltas: readonly Delta[]
  readonly refusals: readonly RefusalSum[]
}

export interface Meter {
  readonly count: (use: Use) => void
  readonly isEmpty: () => boolean
  /** How many verifications were counted since the beginning. */
  readonly counted: () => number
  /** Counts that are not handed over yet, or on their way. */
  readonly pending: () => readonly Delta[]
  /** Hands over all counts, and the refusals of minutes that have ended, or all of them at the end. */
  readonly take: (now: number, isEnd: boolean) => Counted
  /** What was taken last is written: it is pending no more. */
  readonly settle: () => void
  /** Takes back what could not be written. */
  readonly giveBack: (counted: Counted) => void
}

export function createMeter(): Meter {
  let counted = 0
  let deltas: Delta[] = []
  let onTheWay: readonly Delta[] = []
  let refusals = new Map<string, RefusalSum>()
  let refusalMinute = { minute: 0, kinds: 0 }

  const noteRefusal = ({ keyId, userId, code, at }: Use, minute: number): void => {
    if (refusalMinute.minute !== minute) refusalMinute = { minute, kinds: 0 }
    const name = `${minute} ${keyId ?? ''} ${code}`
    const known = refusals.get(name) ?? (refusalMinute.kinds >= MAX_REFUSALS_PER_MINUTE ? refusals.get(`${minute} rest`) : undefined)
    if (known !== undefined) {
      known.count++
      return
    }
    const isRest = refusalMinute.kinds >= MAX_REFUSALS_PER_MINUTE
    if (!isRest) refusalMinute.kinds++
    const sum: RefusalSum = isRest
      ? { minute, keyId: null, userId: null, code: null, since: at, count: 1 }
      : { minute, keyId, userId, code, since: at, count: 1 }
    refusals.set(isRest ? `${minute} rest` : name, sum)
  }

  return {
    count(use) {
      counted++
      const minute = Math.floor(use.at / MINUTE_MS)
      let delta = deltas.at(-1)
      if (delta === undefined || delta.minute !== minute) {
        delta = createDelta(minute)
        deltas.push(delta)
        if (deltas.length > MAX_WAITING_MINUTES) deltas = [merged(deltas[0] as Delta, deltas[1] as Delta), ...deltas.slice(2)]
      }
      count(delta, use.keyId ?? NO_KEY, use.code, use.at, use.shortId, use.scopes)
      if (use.code !== 'VALID') noteRefusal(use, minute)
    },
    counted: () => counted,
    isEmpty: () => deltas.length === 0 && refusals.size === 0,
    pending: () => [...onTheWay, ...deltas],
    take(now, isEnd) {
      const current = Math.floor(now / MINUTE_MS)
      const ended = [...refusals].filter(([, { minute }]) => isEnd || minute < current)
      const taken = { deltas, refusals: ended.map(([, sum]) => sum) }
      onTheWay = deltas
      deltas = []
      for (const [name] of ended) refusals.delete(name)
      return taken
    },
    settle() {
      onTheWay = []
    },
    giveBack(taken) {
      onTheWay = []
      deltas = [...taken.deltas, ...deltas]
      refusals = new Map([
        ...taken.refusals.map((sum) => [`back ${sum.minute} ${sum.keyId ?? ''} ${sum.code ?? 'rest'} ${sum.since}`, sum] as const),
        ...refusals,
      ])
      while (deltas.length > MAX_WAITING_MINUTES) deltas = [merged(deltas[0] as Delta, deltas[1] as Delta), ...deltas.slice(2)]
      while (refusals.size > MAX_WAITING_MINUTES * MAX_REFUSALS_PER_MINUTE) refusals.delete(refusals.keys().next().value as string)
    },
  }
}

/** Two minutes counted as the later one. */
function merged(older: Delta, newer: Delta): Delta {
  for (const [keyId, from] of older.keys) {
    const into = newer.keys.get(keyId)
    if (into === undefined) {
      newer.keys.set(keyId, from)
      continue
    }
    from.counts.forEach((calls, index) => {
      into.counts[index] = (into.counts[index] ?? 0) + calls
    })
    for (const [shortId, { count, lastAt }] of from.secrets) addCalls(into.secrets, shortId, count, lastAt)
    for (const [scope, { count, lastAt }] of from.scopes) addCalls(into.scopes, scope, count, lastAt)
    into.lastAt ??= from.lastAt
  }
  return newer
}
