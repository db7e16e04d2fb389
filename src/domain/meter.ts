// What one process has counted and not yet handed over: uses by minute, and refusals for the audit log. Bounded; waits for nobody.

import type { Delta, KeyDelta } from './delta.ts'
import { addCalls, count, createDelta, keyDeltaOf, NO_KEY } from './delta.ts'
import type { Use } from './ports.ts'
import { MINUTE_MS } from './time.ts'
import { ACCEPTED } from './usage.ts'
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

/**
 * Accepted calls of one secret that are counted where they happen: within one minute, with at most one scope, and not yet
 * put with the others.
 */
export interface Tab {
  readonly keyId: string
  readonly shortId: string
  /** In which round it was opened: when that is over, it was put with the others or handed over, and counts no more calls. */
  readonly round: number
  calls: number
  minute: number
  /** When the last call was, in milliseconds of its minute: a small number, which needs no memory of its own. */
  lastOfMinute: number
  scope: string | null
}

/** Where a caller keeps the tab of a secret, so that its next call need not be looked up in three maps. */
export interface TabHolder {
  tab: Tab | null
}

export interface Counted {
  readonly deltas: readonly Delta[]
  /** What is counted here is not in `deltas`: to put all of it together would hold a server up, and be the most of what a flush keeps alive. */
  readonly tabs: readonly Tab[]
  readonly refusals: readonly RefusalSum[]
}

export interface Meter {
  readonly count: (use: Use, holder?: TabHolder) => void
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
  let onTheWay: Pick<Counted, 'deltas' | 'tabs'> = NOTHING
  let refusals = new Map<string, RefusalSum>()
  let refusalMinute = { minute: 0, kinds: 0 }
  let lastRefusal: RefusalSum | null = null
  let open: Tab[] = []
  let round = 0

  /** What is counted of a minute; the newest is the last. */
  const deltaOf = (minute: number): Delta => {
    let place = deltas.length
    while (place > 0 && (deltas[place - 1] as Delta).minute > minute) place--
    const known = deltas[place - 1]
    if (known?.minute === minute) return known
    if (place === 0 && deltas.length === MAX_WAITING_MINUTES) return deltas[0] as Delta
    const delta = createDelta(minute)
    deltas.splice(place, 0, delta)
    if (deltas.length > MAX_WAITING_MINUTES) deltas = [merged(deltas[0] as Delta, deltas[1] as Delta), ...deltas.slice(2)]
    return delta
  }

  const fold = (tab: Tab): void => countTab(deltaOf(tab.minute), tab)

  /** All tabs that are open; from now on others are opened. */
  const close = (): readonly Tab[] => {
    const closed = open
    open = []
    round++
    return closed
  }

  const countOn = (holder: TabHolder, keyId: string, shortId: string, scope: string | null, at: number, minute: number): void => {
    let { tab } = holder
    if (tab === null || tab.round !== round) {
      tab = { keyId, shortId, round, calls: 0, minute, lastOfMinute: 0, scope }
      holder.tab = tab
      open.push(tab)
    } else if (tab.minute !== minute || tab.scope !== scope) {
      fold(tab)
      tab.calls = 0
      tab.minute = minute
      tab.scope = scope
    }
    tab.calls++
    tab.lastOfMinute = at - minute * MINUTE_MS
  }

  const noteRefusal = ({ keyId, userId, code, at }: Use, minute: number): void => {
    if (lastRefusal !== null && lastRefusal.minute === minute && lastRefusal.keyId === keyId && lastRefusal.code === code) {
      lastRefusal.count++
      return
    }
    if (refusalMinute.minute !== minute) refusalMinute = { minute, kinds: 0 }
    const name = `${minute} ${keyId ?? ''} ${code}`
    const known = refusals.get(name) ?? (refusalMinute.kinds >= MAX_REFUSALS_PER_MINUTE ? refusals.get(`${minute} rest`) : undefined)
    if (known !== undefined) {
      lastRefusal = known
      known.count++
      return
    }
    const isRest = refusalMinute.kinds >= MAX_REFUSALS_PER_MINUTE
    if (!isRest) refusalMinute.kinds++
    const sum: RefusalSum = isRest
      ? { minute, keyId: null, userId: null, code: null, since: at, count: 1 }
      : { minute, keyId, userId, code, since: at, count: 1 }
    refusals.set(isRest ? `${minute} rest` : name, sum)
    lastRefusal = sum
  }

  return {
    count(use, holder) {
      counted++
      const { keyId, code, at, shortId, scopes } = use
      const minute = Math.floor(at / MINUTE_MS)
      if (code === 'VALID' && holder !== undefined && keyId !== null && shortId !== null && scopes.length <= 1)
        return countOn(holder, keyId, shortId, scopes[0] ?? null, at, minute)
      count(deltaOf(minute), keyId ?? NO_KEY, code, at, shortId, scopes)
      if (code !== 'VALID') noteRefusal(use, minute)
    },
    counted: () => counted,
    isEmpty: () => open.length === 0 && deltas.length === 0 && refusals.size === 0,
    pending() {
      close().forEach(fold)
      onTheWay = { deltas: deltasOf(onTheWay), tabs: [] }
      return [...onTheWay.deltas, ...deltas]
    },
    take(now, isEnd) {
      lastRefusal = null
      const current = Math.floor(now / MINUTE_MS)
      const ended = [...refusals].filter(([, { minute }]) => isEnd || minute < current)
      const taken = { deltas, tabs: close(), refusals: ended.map(([, sum]) => sum) }
      onTheWay = taken
      deltas = []
      for (const [name] of ended) refusals.delete(name)
      return taken
    },
    settle() {
      onTheWay = NOTHING
    },
    giveBack(taken) {
      onTheWay = NOTHING
      deltas = [...taken.deltas, ...deltas]
      taken.tabs.forEach(fold)
      refusals = new Map([
        ...taken.refusals.map((sum) => [`back ${sum.minute} ${sum.keyId ?? ''} ${sum.code ?? 'rest'} ${sum.since}`, sum] as const),
        ...refusals,
      ])
      while (deltas.length > MAX_WAITING_MINUTES) deltas = [merged(deltas[0] as Delta, deltas[1] as Delta), ...deltas.slice(2)]
      while (refusals.size > MAX_WAITING_MINUTES * MAX_REFUSALS_PER_MINUTE) refusals.delete(refusals.keys().next().value as string)
    },
  }
}

const NOTHING: Pick<Counted, 'deltas' | 'tabs'> = { deltas: [], tabs: [] }

function countTab(delta: Delta, tab: Tab): void {
  const { keyId, shortId, calls, minute, lastOfMinute, scope } = tab
  const lastAt = minute * MINUTE_MS + lastOfMinute
  const key = keyDeltaOf(delta, keyId)
  key.counts[ACCEPTED] = (key.counts[ACCEPTED] as number) + calls
  key.lastAt = Math.max(key.lastAt ?? 0, lastAt)
  addCalls(key.secrets, shortId, calls, lastAt)
  if (scope !== null) addCalls(key.scopes, scope, calls, lastAt)
}

/** One tab as what it adds to its key. */
export function keyDeltaOfTab(tab: Tab): KeyDelta {
  const { keyId, minute } = tab
  const delta = createDelta(minute)
  countTab(delta, tab)
  return keyDeltaOf(delta, keyId)
}

/** Everything that was counted, minute by minute: those of the tabs behind the others. */
export function deltasOf({ deltas, tabs }: Pick<Counted, 'deltas' | 'tabs'>): readonly Delta[] {
  const minutes = new Map<number, Delta>()
  for (const tab of tabs) {
    const delta = minutes.get(tab.minute) ?? createDelta(tab.minute)
    minutes.set(tab.minute, delta)
    countTab(delta, tab)
  }
  return [...deltas, ...minutes.values()]
}

/** The same, each minute once and the oldest first. What was counted is folded into the larger of two that share a minute. */
export function oneEachMinute(deltas: readonly Delta[]): readonly Delta[] {
  const minutes = new Map<number, Delta>()
  for (const delta of deltas) {
    const known = minutes.get(delta.minute)
    const [small, large] = known !== undefined && known.keys.size > delta.keys.size ? [delta, known] : [known, delta]
    minutes.set(delta.minute, small === undefined ? large : merged(small, large))
  }
  return [...minutes.values()].sort((a, b) => a.minute - b.minute)
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
    if (from.lastAt !== null) into.lastAt = Math.max(into.lastAt ?? 0, from.lastAt)
  }
  return newer
}
