// Labels below a window of usage, in the viewer's zone, and which buckets are round moments there. Is given the zone; reads no clock.

import { DAY_MS, HOUR_MS, isoFrom, MINUTE_MS } from '../../src/domain/time.ts'
import type { UsageWindow } from '../../src/domain/usage.ts'
import { RESOLUTIONS, WINDOWS } from '../../src/domain/usage.ts'

/** Minutes that the viewer's clock is ahead of UTC at a moment. */
export type OffsetMinutes = (ms: number) => number

export interface TimeLabels {
  readonly labels: (index: number) => string
  /** Sets of round moments, densest first. */
  readonly ticks: readonly (readonly number[])[]
  /** `UTC+1`; both where the clocks change within the window. */
  readonly zone: string
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const
export const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const
/** The first of January 1970 was a Thursday. */
const EPOCH_WEEKDAY = 3

/** `UTC`, `UTC+1`, `UTC-3:30`. */
export function zoneText(offsetMinutes: number): string {
  if (offsetMinutes === 0) return 'UTC'
  const hours = Math.floor(Math.abs(offsetMinutes) / 60)
  const minutes = Math.abs(offsetMinutes) % 60
  return `UTC${offsetMinutes < 0 ? '-' : '+'}${hours}${minutes === 0 ? '' : `:${String(minutes).padStart(2, '0')}`}`
}

const dayOf = (local: number): number => Math.floor(local / DAY_MS)
const monthDay = (local: number): string => `${MONTHS[new Date(local).getUTCMonth()]} ${new Date(local).getUTCDate()}`
const clock = (local: number): string => isoFrom(local).slice(11, 16)
const isWithinFirst = (local: number, of: number, part: number): boolean => ((local % of) + of) % of < part
const every = (stepMs: number, bucketMs: number) => (local: number) => isWithinFirst(local, stepMs, bucketMs)
const everyDays = (days: number, bucketMs: number) => (local: number) =>
  isWithinFirst(local, DAY_MS, bucketMs) && (dayOf(local) + EPOCH_WEEKDAY) % days === 0

interface Manner {
  readonly text: (local: number) => string
  /** Which moments are round, densest first. */
  readonly rounds: readonly ((local: number) => boolean)[]
}

const MANNERS: Record<UsageWindow, Manner> = {
  '1h': { text: clock, rounds: [5, 10, 15, 30].map((minutes) => every(minutes * MINUTE_MS, MINUTE_MS)) },
  '24h': {
    text: (local) => (local % DAY_MS === 0 ? monthDay(local) : clock(local)),
    rounds: [1, 2, 3, 6, 12].map((hours) => every(hours * HOUR_MS, HOUR_MS)),
  },
  '7d': {
    text: (local) =>
      isWithinFirst(local, DAY_MS, HOUR_MS)
        ? `${WEEKDAYS[(dayOf(local) + EPOCH_WEEKDAY) % 7]} ${new Date(local).getUTCDate()}`
        : clock(local),
    rounds: [every(6 * HOUR_MS, HOUR_MS), every(12 * HOUR_MS, HOUR_MS), ...[1, 2, 7].map((days) => everyDays(days, HOUR_MS))],
  },
  '30d': { text: monthDay, rounds: [1, 2, 7, 14].map((days) => everyDays(days, DAY_MS)) },
}

/** Days are counted by UTC, so a window of days is labelled in UTC whatever the viewer's zone. `start` is that of the first bucket. */
export function timeLabels(window: UsageWindow, start: number, offsetMinutes: OffsetMinutes): TimeLabels {
  const { resolution, buckets } = WINDOWS[window]
  const { text, rounds } = MANNERS[window]
  const offset: OffsetMinutes = resolution === 'day' ? () => 0 : offsetMinutes
  const local = Array.from({ length: buckets }, (_, index) => {
    const ms = start + index * RESOLUTIONS[resolution].ms
    return ms + offset(ms) * MINUTE_MS
  })
  const zones = [offset(start), offset(start + (buckets - 1) * RESOLUTIONS[resolution].ms)].map(zoneText)
  return {
    labels: (index) => {
      const moment = local[index]
      return moment === undefined ? '' : text(moment)
    },
    ticks: rounds.map((isRound) => [...local.keys()].filter((index) => isRound(local[index] ?? 0))),
    zone: [...new Set(zones)].join('/'),
  }
}
