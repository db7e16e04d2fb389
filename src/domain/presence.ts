// Which processes are seen beside a store: each leaves the time of its last writing of counts. Pure and bounded.

import { MINUTE_MS } from './time.ts'

/** By the id that each process drew for itself: when it last wrote counts or that it is alive, in milliseconds since 1970. */
export type Processes = Readonly<Record<string, number>>

/** Twice as long as a process that counts nothing stays silent. */
const SEEN_MS = 2 * MINUTE_MS
const MAX_PROCESSES = 64

/** A time that lies as far ahead is one of a clock that was wrong. */
const isSeen = (writtenAt: number, now: number): boolean => Math.abs(now - writtenAt) < SEEN_MS

/** The processes that are seen, this one as of now; of too many the latest. */
export function withPresence(processes: Processes, self: string, now: number): Processes {
  const others = Object.entries(processes).filter(([id, writtenAt]) => id !== self && isSeen(writtenAt, now))
  const latest = others.sort(([, a], [, b]) => b - a).slice(0, MAX_PROCESSES - 1)
  return Object.fromEntries([...latest, [self, now]])
}

/** How many processes beside this one are seen. */
export function othersSeen(processes: Processes, self: string, now: number): number {
  return Object.entries(processes).filter(([id, writtenAt]) => id !== self && isSeen(writtenAt, now)).length
}
