// How long an attempt may take, whatever hangs meanwhile. One that works through a big batch has time while it gets on.

import type { Pause } from './slices.ts'
import { nextTurn } from './slices.ts'

/** How long a big batch may stand still: what one statement of it may take. */
export const STEP_MS = 15_000

export interface Deadline {
  readonly left: () => number
  /** Answers what the work does, or fails when the time is over, even where the work goes on in vain. */
  readonly within: <T>(work: Promise<T>) => Promise<T>
  /** Throws when the time is over: what was answered as failed must not happen any more. */
  readonly check: () => void
  /** Between two slices of a big batch: proof that it gets on. */
  readonly pause: Pause
  /** Whether it is about a big batch, which has had more time for that. */
  readonly isMoved: () => boolean
  readonly end: () => void
}

/** `until`: on the clock of `uptime`. */
export function createDeadline(until: number, uptime: () => number): Deadline {
  const late = Promise.withResolvers<never>()
  // Who does not wait for it hears of it by `check`.
  late.promise.catch(() => undefined)
  let end = until
  let isOver = false
  let isMoved = false
  const pass = (): void => {
    isOver = true
    late.reject(noAnswer())
  }
  let timer = setTimeout(pass, Math.max(0, end - uptime())).unref()

  const check = (): void => {
    if (isOver) throw noAnswer()
  }

  return {
    left: () => Math.max(0, end - uptime()),
    within: (work) => Promise.race([work, late.promise]),
    check,
    pause() {
      check()
      isMoved = true
      end = Math.max(end, uptime() + STEP_MS)
      clearTimeout(timer)
      timer = setTimeout(pass, end - uptime()).unref()
      return nextTurn()
    },
    isMoved: () => isMoved,
    end: () => clearTimeout(timer),
  }
}

/** As the operating system says it of a connection: it is given up, and with it the transaction. */
const noAnswer = (): Error => Object.assign(new Error('no answer within the time'), { code: 'ETIMEDOUT' })
