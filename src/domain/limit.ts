// Rate limits: never more than `limit` admitted in any half-open interval of the window's length. Pure state; time is given.
//
// A sliding log of groups: g = ceil(limit / 24) admitted calls share the time of the last of them. Up to 24 calls a window
// the log is exact. Above, a group leaves the window when its last call does, which is never too early, and at most g - 1
// calls are held too long: a client is admitted at least 24/25 = 0.96 of what an exact log would admit. One decision costs
// O(1) amortised; the state is at most 25 times and counts, 432 bytes, side by side in one array: it is met in no order.

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

/** The admitted calls of one limit that are still inside its window, in groups, oldest first. Times are monotonic milliseconds. */
export interface LimitState {
  readonly limit: number
  readonly windowMs: number
  readonly groupSize: number
  /** `[last, count, last, count …]`: when the last call of each group was admitted, and how many calls it has. */
  readonly groups: number[]
  total: number
}

export function createLimit(limit: number, windowSeconds: number): LimitState {
  return { limit, windowMs: windowSeconds * 1000, groupSize: Math.ceil(limit / GROUPS), groups: [], total: 0 }
}

/** Calls that count at `now`; forgets those that have left the window. */
export function used(state: LimitState, now: number): number {
  const { groups } = state
  const edge = now - state.windowMs
  while (groups.length > 0 && (groups[0] as number) <= edge) {
    state.total -= groups[1] as number
    groups.splice(0, PAIR)
  }
  return state.total
}

/** Milliseconds until one more call would be admitted; 0 when it would be now. */
export function waitMs(state: LimitState, now: number): number {
  let left = used(state, now)
  if (left < state.limit) return 0
  const { groups } = state
  for (let at = 0; at < groups.length; at += PAIR) {
    left -= groups[at + 1] as number
    if (left < state.limit) return (groups[at] as number) + state.windowMs - now
  }
  return state.windowMs
}

/** Too many groups come only of an edit or of other processes: the two oldest become one, never with an earlier time. */
function joinOldest({ groups }: LimitState): void {
  while (groups.length > MAX_GROUPS * PAIR) {
    const [, oldest] = groups.splice(0, PAIR) as [number, number]
    groups[1] = (groups[1] as number) + oldest
  }
}

/** Counts one admitted call. The caller has seen that `waitMs` is 0. */
export function admit(state: LimitState, now: number): void {
  const { groups } = state
  const newest = groups.length - PAIR
  state.total++
  if (newest >= 0 && (groups[newest + 1] as number) < state.groupSize) {
    groups[newest] = now
    groups[newest + 1] = (groups[newest + 1] as number) + 1
    return
  }
  groups.push(now, 1)
  joinOldest(state)
}

/** Counts calls that another process admitted at `at`. They may exceed the limit. */
export function absorb(state: LimitState, count: number, at: number): void {
  let place = state.groups.length
  while (place > 0 && (state.groups[place - PAIR] as number) > at) place -= PAIR
  state.groups.splice(place, 0, at, count)
  state.total += count
  joinOldest(state)
}

/** The same admitted calls under a changed limit or window: an edit consumes nothing and resets nothing. */
export function carryOver(state: LimitState, limit: number, windowSeconds: number): LimitState {
  return { ...createLimit(limit, windowSeconds), groups: [...state.groups], total: state.total }
}

/** When the limit is whole again if nothing more is asked; `now` when it is whole already. */
export function wholeAt(state: LimitState, now: number): number {
  return used(state, now) === 0 ? now : (state.groups.at(-PAIR) as number) + state.windowMs
}
