// Adversarial arrivals over simulated time, and the exact sliding log that limits are measured against. Times are milliseconds.

type Random = () => number

/** Numbers from 0 up to 1, millions of them in no time, the same for every run (mulberry32). */
export function quickRandom(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What an exact log admits: never more than `limit` in any half-open interval of the window's length, refused calls uncounted. */
export function exactLog(limit: number, windowMs: number) {
  const admitted: number[] = []
  let oldest = 0
  return {
    admitted,
    used(now: number): number {
      while (oldest < admitted.length && (admitted[oldest] as number) <= now - windowMs) oldest++
      return admitted.length - oldest
    },
    take(now: number): boolean {
      if (this.used(now) >= limit) return false
      admitted.push(now)
      return true
    },
  }
}

/** The most calls that fall into any half-open interval of the window's length; the times ascend. */
export function worstIn(times: readonly number[], windowMs: number): number {
  let worst = 0
  for (let first = 0, last = 0; last < times.length; last++) {
    while ((times[last] as number) - (times[first] as number) >= windowMs) first++
    worst = Math.max(worst, last - first + 1)
  }
  return worst
}

/** The nearest time whose distance from any other is exact, so that an edge is met and not missed by a rounding. */
const exactTime = (at: number): number => Math.round(at * 1024) / 1024

const times = (count: number, time: (index: number) => number): number[] =>
  Array.from({ length: Math.max(0, Math.floor(count)) }, (_, index) => exactTime(time(index)))

/** Arrivals at random times, `load` times as many as the limit admits. */
function poisson(limit: number, windowMs: number, windows: number, random: Random, load: number): number[] {
  const gap = windowMs / (limit * load)
  const arrivals: number[] = []
  for (let at = 0; at < windows * windowMs; at += gap * -Math.log(1 - random())) arrivals.push(exactTime(at))
  return arrivals
}

type Pattern = (limit: number, windowMs: number, windows: number, random: Random) => number[]

/** Each makes ascending arrival times over some windows. */
export const PATTERNS: Readonly<Record<string, Pattern>> = {
  'Poisson arrivals at 0.9 of the limit': (limit, windowMs, windows, random) => poisson(limit, windowMs, windows, random, 0.9),
  'Poisson arrivals at 1.5 of the limit': (limit, windowMs, windows, random) => poisson(limit, windowMs, windows, random, 1.5),
  'bursts at random times': (limit, windowMs, windows, random) =>
    times(windows * 3, () => random() * windows * windowMs)
      .sort((a, b) => a - b)
      .flatMap((at) => times(1 + random() * limit * 0.8, () => at)),
  'a burst at the end of a window, then a steady stream': (limit, windowMs, windows) => [
    0,
    ...times(limit * 1.2, () => windowMs - 1),
    ...times(windows * limit * 1.1, (index) => windowMs + (index * windowMs) / (limit * 1.1)),
  ],
  'both sides of every edge': (limit, windowMs, windows) =>
    times(windows, (index) => (index + 1) * windowMs).flatMap((edge) => [
      ...times(limit * 0.7, () => edge - 1),
      ...times(limit * 0.7, () => edge),
      ...times(limit * 0.7, () => edge + 1),
    ]),
  'bursts that come once a window': (limit, windowMs, windows) =>
    times(windows, (index) => index * windowMs).flatMap((at) => times(limit * 1.3, () => at)),
  'a drip, then all at once': (limit, windowMs, windows) =>
    times(windows, (index) => index * windowMs * 1.5).flatMap((at) => [
      ...times(limit / 33, () => at),
      exactTime(at + windowMs * 0.97),
      ...times(limit * 1.3, () => at + windowMs),
    ]),
  'a client that never stops asking': (limit, windowMs, windows) => times(windows * limit * 4, (index) => (index * windowMs) / (limit * 4)),
}
