// What a process does for usage behind its flushes: sums up on the log and tidies. It fails nobody's call: it is told of and done another time.

import type { Actor } from '../../src/domain/audit.ts'
import type { Warn } from '../../src/domain/ports.ts'
import { MINUTE_MS, SECOND_MS } from '../../src/domain/time.ts'
import type { StoreClocks } from '../json/store.ts'
import type { Database } from './connection.ts'
import { faultOf } from './connection.ts'
import type { Owing } from './usage-notes.ts'
import { isBrokenLog } from './usage-notes.ts'
import type { Summary } from './usage-summary.ts'
import { isSummaryDue, sumUp } from './usage-summary.ts'
import { foldSome, tidyUsage } from './usage-tidy.ts'

/** A heartbeat a minute may come a little early. */
const TIDY_EVERY_MS = MINUTE_MS - 5 * SECOND_MS

interface Options {
  readonly database: Database
  readonly actor: Actor
  readonly clocks: StoreClocks
  readonly isReadOnly: boolean
  readonly isClockGiven: boolean
  readonly summary: Summary
  readonly warn: Warn
  readonly owing: Owing
  /** Whether the process is about to end: what takes several steps stops behind the one that it is at. */
  readonly isEnding: () => boolean
}

export type Reason = 'flush' | 'heartbeat' | 'end'

/** Who only flushes, or comes and goes, does a little; the rest is for those who stay. */
export function createUpkeep(options: Options): (reason: Reason) => Promise<void> {
  const { database, actor, clocks, isReadOnly, isClockGiven, summary, warn, owing, isEnding } = options
  /** Up to when all is known to be summed up. */
  let until = 0
  let isSumming = false
  let tidiedAt = Number.NEGATIVE_INFINITY

  const sum = async (reason: Reason): Promise<void> => {
    const now = clocks.wall()
    if (isSumming || !isSummaryDue(until, summary, now)) return
    isSumming = true
    try {
      for (;;) {
        const done = await sumUp({ database, actor, summary, now, isClockGiven })
        until = done ?? until
        if (done !== null || reason !== 'heartbeat' || isEnding()) return
      }
    } catch (error) {
      if (isBrokenLog(error)) owing.tell(error)
      else throw error
    } finally {
      isSumming = false
    }
  }

  const tidy = async (reason: Reason): Promise<void> => {
    const now = clocks.wall()
    if (reason === 'flush' || clocks.uptime() - tidiedAt < TIDY_EVERY_MS) return
    tidiedAt = clocks.uptime()
    if (reason === 'end') await foldSome(database, now)
    else await tidyUsage({ database, now, limitsNow: isClockGiven ? now : null, isEnding })
  }

  return async (reason) => {
    if (isReadOnly) return
    for (const [work, doing] of [
      [sum, 'summing up the usage in'],
      [tidy, 'tidying up the usage in'],
    ] as const) {
      try {
        await work(reason)
      } catch (error) {
        const { code, message } = faultOf(database.name, doing, error)
        warn({ code, message })
      }
    }
  }
}
