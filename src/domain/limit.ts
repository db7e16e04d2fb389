// Rate limits: never more than `limit` admitted in any half-open interval of the window's length. Pure state; time is given.
//
// A sliding log that keeps the time of every g-th admitted call, g = ceil(limit / 32). Up to 32 calls a window the log is
// exact. Above, a group of g calls leaves the window when its last call does, which is never too early, and at most g - 1
// calls are held too long: a client is admitted at least 32/33 = 0.969 of what an exact log would admit. One decision
// costs O(1) amortised; the state is at most 32 + 1 times, about 300 bytes.

export const MAX_RATE_LIMITS = 8
export const MAX_LIMIT = 1_000_000_000
export const MIN_WINDOW_SECONDS = 1
export const MAX_WINDOW_SECONDS = 31 * 86_400
export const DEFAULT_LIMIT_NAME = 'default'
const GROUPS = 32

export interface RateLimit {
  readonly name: string
  readonly limit: number
  readonly windowSeconds: number
}

/** The admitted calls of one limit that are still inside its window. Times are monotonic milliseconds. */
export interface LimitState {
  readonly limit: number
  readonly windowMs: number
  readonly groupSize: number
  /** When the last call of each closed group was admitted; a ring. */
  readonly lasts: Float64Array
  oldest: number
  closed: number
  /** Calls in the group that is still filling, and when its last one was admitted. */
  open: number
  openLast: number
}

export function createLimit(limit: number, windowSeconds: number): LimitState {
  const groupSize = Math.ceil(limit / GROUPS)
  return {
    limit,
    windowMs: windowSeconds * 1000,
    groupSize,
    lasts: new Float64Array(Math.ceil(limit / groupSize)),
    oldest: 0,
    closed: 0,
    open: 0,
    openLast: Number.NEGATIVE_INFINITY,
  }
}

function dropOldest(state: LimitState): void {
  state.oldest = (state.oldest + 1) % state.lasts.length
  state.closed--
}

/** Calls that count at `now`; forgets those that have left the window. */
export function used(state: LimitState, now: number): number {
  const edge = now - state.windowMs
  if (state.openLast <= edge) {
    state.closed = 0
    state.open = 0
  }
  while (state.closed > 0 && (state.lasts[state.oldest] as number) <= edge) dropOldest(state)
  return state.closed * state.groupSize + state.open
}

/** Milliseconds until one more call would be admitted; 0 when it would be now. */
export function waitMs(state: LimitState, now: number): number {
  if (used(state, now) < state.limit) return 0
  const first = state.closed > 0 ? (state.lasts[state.oldest] as number) : state.openLast
  return first + state.windowMs - now
}

/** Counts one admitted call. The caller has seen that `waitMs` is 0. */
export function admit(state: LimitState, now: number): void {
  state.openLast = now
  state.open++
  if (state.open < state.groupSize) return
  if (state.closed === state.lasts.length) dropOldest(state)
  state.lasts[(state.oldest + state.closed) % state.lasts.length] = now
  state.closed++
  state.open = 0
}

/**
 * Counts calls that another process admitted at `at`. They may exceed the limit; only the newest `limit` of them can
 * matter to a later decision, so older groups are dropped without loss.
 */
export function absorb(state: LimitState, count: number, at: number): void {
  const when = Math.max(at, state.openLast)
  const most = state.lasts.length * state.groupSize
  for (let rest = Math.min(count, most); rest > 0; ) {
    const step = Math.min(rest, state.groupSize - state.open)
    state.open += step - 1
    admit(state, when)
    rest -= step
  }
}

/** The same admitted calls under a changed limit or window: an edit consumes nothing and resets nothing. */
export function carryOver(state: LimitState, limit: number, windowSeconds: number): LimitState {
  const next = createLimit(limit, windowSeconds)
  for (let index = 0; index < state.closed; index++) {
    absorb(next, state.groupSize, state.lasts[(state.oldest + index) % state.lasts.length] as number)
  }
  if (state.open > 0) absorb(next, state.open, state.openLast)
  return next
}

/** When the limit is whole again if nothing more is asked; `now` when it is whole already. */
export function wholeAt(state: LimitState, now: number): number {
  return used(state, now) === 0 ? now : state.openLast + state.windowMs
}
