// Rate limits: never more than `limit` admitted in any half-open interval of the window's length. Pure state; time is given.
//
// A sliding log of groups: g = ceil(limit / 24) admitted calls share the time of the last of them. Up to 24 calls a window
// the log is exact. Above, a group leaves the window when its last call does, which is never too early, and at most g - 1
// calls are held too long: a client is admitted at least 24/25 = 0.96 of what an exact log would admit. One decision costs
// O(1) amortised; the state is at most 25 times and counts, 432 bytes.

export const MAX_RATE_LIMITS = 8
export const MAX_LIMIT = 1_000_000_000
export const MIN_WINDOW_SECONDS = 1
export const MAX_WINDOW_SECONDS = 31 * 86_400
export const DEFAULT_LIMIT_NAME = 'default'
const GROUPS = 24
const MAX_GROUPS = GROUPS + 1

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
  /** When the last call of each group was admitted, and how many calls it has. */
  readonly lasts: number[]
  readonly counts: number[]
  total: number
}

export function createLimit(limit: number, windowSeconds: number): LimitState {
  return { limit, windowMs: windowSeconds * 1000, groupSize: Math.ceil(limit / GROUPS), lasts: [], counts: [], total: 0 }
}

/** Calls that count at `now`; forgets those that have left the window. */
export function used(state: LimitState, now: number): number {
  const { lasts, counts } = state
  const edge = now - state.windowMs
  while (lasts.length > 0 && (lasts[0] as number) <= edge) {
    lasts.shift()
    state.total -= counts.shift() as number
  }
  return state.total
}

/** Milliseconds until one more call would be admitted; 0 when it would be now. */
export function waitMs(state: LimitState, now: number): number {
  let left = used(state, now)
  if (left < state.limit) return 0
  for (const [index, count] of state.counts.entries()) {
    left -= count
    if (left < state.limit) return (state.lasts[index] as number) + state.windowMs - now
  }
  return state.windowMs
}

/** Too many groups come only of an edit or of other processes: the two oldest become one, never with an earlier time. */
function joinOldest({ lasts, counts }: LimitState): void {
  while (lasts.length > MAX_GROUPS) {
    lasts.shift()
    const oldest = counts.shift() as number
    counts[0] = (counts[0] as number) + oldest
  }
}

/** Counts one admitted call. The caller has seen that `waitMs` is 0. */
export function admit(state: LimitState, now: number): void {
  const { lasts, counts } = state
  const newest = lasts.length - 1
  state.total++
  if (newest >= 0 && (counts[newest] as number) < state.groupSize) {
    lasts[newest] = now
    counts[newest] = (counts[newest] as number) + 1
    return
  }
  lasts.push(now)
  counts.push(1)
  joinOldest(state)
}

/** Counts calls that another process admitted at `at`. They may exceed the limit. */
export function absorb(state: LimitState, count: number, at: number): void {
  const place = state.lasts.findLastIndex((last) => last <= at) + 1
  state.lasts.splice(place, 0, at)
  state.counts.splice(place, 0, count)
  state.total += count
  joinOldest(state)
}

/** The same admitted calls under a changed limit or window: an edit consumes nothing and resets nothing. */
export function carryOver(state: LimitState, limit: number, windowSeconds: number): LimitState {
  return { ...createLimit(limit, windowSeconds), lasts: [...state.lasts], counts: [...state.counts], total: state.total }
}

/** When the limit is whole again if nothing more is asked; `now` when it is whole already. */
export function wholeAt(state: LimitState, now: number): number {
  return used(state, now) === 0 ? now : (state.lasts.at(-1) as number) + state.windowMs
}
