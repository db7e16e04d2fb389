// Whether someone set the wall clock: it moved otherwise than the clock that only measures. Pure; the clocks are given.

import type { Clocks } from './limiter.ts'

/** More than clocks drift apart, and less than anyone would set one by. */
const MAX_DRIFT_MS = 2_000

/** Answers whether the wall clock was set since it was asked last, or since it was made. */
export function createStepWatch(clocks: Clocks): () => boolean {
  let last = { wall: clocks.wall(), monotonic: clocks.monotonic() }
  return () => {
    const now = { wall: clocks.wall(), monotonic: clocks.monotonic() }
    const drift = Math.abs(now.wall - last.wall - (now.monotonic - last.monotonic))
    last = now
    return drift > MAX_DRIFT_MS
  }
}
