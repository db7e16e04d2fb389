// Changes that wait for their turn. Each has a deadline of its own, and is told when that comes, whatever is going on meanwhile.

import type { Transaction } from '../../src/domain/ports.ts'
import { SLICE } from './slices.ts'

/** Every "no" comes within ten seconds. */
const GIVE_UP_AFTER_MS = 9_500
/** Less time than that is no use to begin with. */
const MIN_WORK_MS = 1_000
/** Changes that one commit may hold together; more wait for the next. */
const MAX_TOGETHER = 256

export interface Waiter {
  readonly transaction: Transaction<unknown>
  /** When it is over, on the clock of `uptime`. */
  readonly until: number
  /** How often its transaction got in another's way. */
  readonly collisions: number
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

export interface Queue {
  readonly add: (waiter: Omit<Waiter, 'until' | 'collisions'>) => void
  /** Takes out the next ones that are decided together: from now on nothing but their batch ends them. */
  readonly take: () => readonly Waiter[]
  /** Back to the front, with the time that they had. Who has none left is rejected with the fault. */
  readonly putBack: (waiters: readonly Waiter[], fault: unknown) => void
  readonly isEmpty: () => boolean
}

/** Whether it may be about many keys, and takes its time. Those are decided alone. */
export const isBig = ({ transaction: { targets } }: Waiter): boolean => 'filter' in targets || targets.refs.length > SLICE

/** `lateFault`: what those are told whose time is over before their turn has come. */
export function createQueue(uptime: () => number, lateFault: () => unknown): Queue {
  let waiting = new Set<Waiter>()
  const timers = new Map<Waiter, NodeJS.Timeout>()

  const timeOf = ({ until }: Waiter): number => until - MIN_WORK_MS - uptime()
  const watch = (waiter: Waiter): void => {
    const giveUp = (): void => {
      timers.delete(waiter)
      waiting.delete(waiter)
      waiter.reject(lateFault())
    }
    timers.set(waiter, setTimeout(giveUp, timeOf(waiter)).unref())
  }

  return {
    add(asked) {
      const waiter: Waiter = { ...asked, until: uptime() + GIVE_UP_AFTER_MS, collisions: 0 }
      waiting.add(waiter)
      watch(waiter)
    },
    take() {
      const batch: Waiter[] = []
      for (const waiter of waiting) {
        if (batch.length === MAX_TOGETHER || (batch.length > 0 && isBig(waiter))) break
        batch.push(waiter)
        if (isBig(waiter)) break
      }
      for (const waiter of batch) {
        waiting.delete(waiter)
        clearTimeout(timers.get(waiter))
        timers.delete(waiter)
      }
      return batch
    },
    putBack(waiters, fault) {
      const inTime = waiters.filter((waiter) => timeOf(waiter) > 0)
      for (const waiter of waiters) if (!inTime.includes(waiter)) waiter.reject(fault)
      waiting = new Set([...inTime, ...waiting])
      inTime.forEach(watch)
    },
    isEmpty: () => waiting.size === 0,
  }
}
