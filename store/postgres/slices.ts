// Big batches, a slice at a time: no statement grows with the batch, and between two slices the event loop has its turn.

import { setImmediate } from 'node:timers/promises'

/** Rows that one statement carries. */
export const SLICE = 256

/** What happens between two slices: whoever waits has a turn. */
export type Pause = () => Promise<void>
export const nextTurn: Pause = () => setImmediate()

export async function* inSlices<T>(items: readonly T[], pause: Pause): AsyncGenerator<readonly T[]> {
  for (let begin = 0; begin < items.length; begin += SLICE) {
    if (begin > 0) await pause()
    yield items.length <= SLICE ? items : items.slice(begin, begin + SLICE)
  }
}
