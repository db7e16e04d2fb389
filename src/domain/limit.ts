// Rate limits: never more than `limit` admitted in any half-open interval of the window's length. Pure state; time is given.
//
// A sliding log of groups: g = ceil(limit / 24) admitted calls share the time of the last of them. Up to 24 calls a window
// the log is exact. Above, a group leaves the window when its last call does, which is never too early, and at most g - 1
// calls are held too long: a client is admitted at least 24/25 = 0.96 of what an exact log would admit. One decision costs
// O(1) amortised; the state is at most 25 times and counts, 464 bytes. The newest group and when the oldest began to wait lie in
// the object itself: states are met in no order, and each object more on the way of a call is waited for.

export const MAX_RATE_LIMITS = 8
export const MAX_LIMIT = 1_000_000_000
export const MIN_WINDOW_SECONDS = 1
export const MAX_WINDOW_SECONDS = 31 * 86_400
export const DEFAULT_LIMIT_NAME = 'default'
const GROUPS = 24
const MAX_GROUPS = GROUPS + 1
/** Members of the array for one group: when its last call was admitted, and how many calls it has. */
const PAIR = 2

export interface RateLimit {
  readonly name: string
  readonly limit: number
  readonly windowSeconds: number
}

/** The admitted calls of one limit that are still inside its window, in groups. Times are monotonic milliseconds. */
export interface LimitState {
  readonly limit: number
  readonly windowMs: number
  readonly groupSize: number
  /** Admitted calls, and in how many groups they are. */
  total: number
  groupCount: number
  /** When the last call of the oldest group and of the newest was admitted; while there is one. */
  oldestAt: number
  newestAt: number
  newestCount: number
  /** `[last, count, last, count …]` of the groups before the newest, oldest first: the usual call does without. */
  readonly older: number[]
}

export function createLimit(limit: number, windowSeconds: number): LimitState {
  const groupSize = Math.ceil(limit / GROUPS)
  return { limit, windowMs: windowSeconds * 1000, groupSize, total: 0, groupCount: 0, oldestAt: 0, newestAt: 0, newestCount: 0, older: [] }
}

/** Takes the oldest group out of its place, and answers how many calls it has. */
function withoutOldest(state: LimitState): number {
  const { older } = state
  const [, count = state.newestCount] = older.splice(0, PAIR)
  state.groupCount--
  state.oldestAt = older[0] ?? state.newestAt
  return count
}

/** Calls that count at `now`; forgets those that have left the window. */
export function used(state: LimitState, now: number): number {
  const edge = now - state.windowMs
  while (state.groupCount > 0 && state.oldestAt <= edge) state.total -= withoutOldest(state)
  return state.total
}

/** Milliseconds until one more call would be admitted; 0 when it would be now. */
export function waitMs(state: LimitState, now: number): number {
  let left = used(state, now)
  if (left < state.limit) return 0
  const { older, windowMs, newestAt } = state
  for (let at = 0; at < older.length; at += PAIR) {
    left -= older[at + 1] as number
    if (left < state.limit) return (older[at] as number) + windowMs - now
  }
  return newestAt + windowMs - now
}

/** Too many groups come only of an edit or of other processes: the two oldest become one, never with an earlier time. */
function joinOldest(state: LimitState): void {
  while (state.groupCount > MAX_GROUPS) {
    const oldest = withoutOldest(state)
    state.older[1] = (state.older[1] as number) + oldest
  }
}

function addNewest(state: LimitState, at: number, count: number): void {
  if (state.groupCount === 0) state.oldestAt = at
  else state.older.push(state.newestAt, state.newestCount)
  state.groupCount++
  state.newestAt = at
  state.newestCount = count
  joinOldest(state)
}

/** Counts one admitted call. The caller has seen that `waitMs` is 0. */
export function admit(state: LimitState, now: number): void {
  state.total++
  if (state.groupCount === 0 || state.newestCount >= state.groupSize) addNewest(state, now, 1)
  else {
    state.newestAt = now
    state.newestCount++
    if (state.groupCount === 1) state.oldestAt = now
  }
}

/** Counts calls that another process admitted at `at`. They may exceed the limit. */
export function absorb(state: LimitState, count: number, at: number): void {
  state.total += count
  if (state.groupCount === 0 || at >= state.newestAt) {
    addNewest(state, at, count)
    return
  }
  const { older } = state
  let place = older.length
  while (place > 0 && (older[place - PAIR] as number) > at) place -= PAIR
  older.splice(place, 0, at, count)
  state.groupCount++
  state.oldestAt = older[0] as number
  joinOldest(state)
}

/** The same admitted calls under a changed limit or window: an edit consumes nothing and resets nothing. */
export function carryOver(state: LimitState, limit: number, windowSeconds: number): LimitState {
  const { total, groupCount, oldestAt, newestAt, newestCount, older } = state
  return { ...createLimit(limit, windowSeconds), total, groupCount, oldestAt, newestAt, newestCount, older: [...older] }
}

/** When the limit is whole again if nothing more is asked; `now` when it is whole already. */
export function wholeAt(state: LimitState, now: number): number {
  return used(state, now) === 0 ? now : state.newestAt + state.windowMs
}
