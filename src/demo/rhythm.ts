// When calls come: the shape of a day and of a week, and the stretches of time in which the demo's past is told. Pure.

import { DAY_MS, HOUR_MS, MINUTE_MS } from '../domain/time.ts'
import { RESOLUTIONS } from '../domain/usage.ts'

/** How much of its calls a key gets in each hour of a day; 1 is a busy hour. */
const DAYS = {
  office: [0.04, 0.03, 0.02, 0.02, 0.03, 0.06, 0.15, 0.4, 0.8, 1, 1, 0.95, 0.7, 0.85, 1, 0.95, 0.85, 0.6, 0.35, 0.2, 0.15, 0.1, 0.08, 0.05],
  shop: [0.3, 0.2, 0.15, 0.12, 0.12, 0.2, 0.35, 0.55, 0.75, 0.9, 1, 1, 1.1, 1, 0.95, 0.95, 1, 1.1, 1.25, 1.3, 1.2, 1, 0.75, 0.5],
  machine: [0.9, 0.9, 0.95, 0.95, 1, 1, 1, 1, 1.05, 1.05, 1, 1, 1, 1, 1.05, 1.05, 1, 1, 1, 0.95, 0.95, 0.95, 0.9, 0.9],
  night: [
    0.4, 1.5, 3, 2.5, 1, 0.1, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.05, 0.1,
  ],
} as const satisfies Record<string, readonly number[]>
export type Shape = keyof typeof DAYS

/** Sunday first. */
const WEEKS: Readonly<Record<Shape, readonly number[]>> = {
  office: [0.06, 1, 1.05, 1.1, 1.05, 0.9, 0.1],
  shop: [1.1, 0.85, 0.85, 0.9, 0.95, 1.1, 1.3],
  machine: [0.9, 1, 1, 1, 1, 1, 0.9],
  night: [0.7, 1, 1, 1, 1, 1, 0.7],
}

/** The hour of the demo's day in which it is opened: whenever that is, it is a busy one. */
const OPENED_AT_HOUR = 10.5

/** What time of the demo's day a moment is, as a number of hours, when the demo is opened at `at`. */
export function hourOfDay(ms: number, at: number): number {
  const hour = ((ms - at) / HOUR_MS + OPENED_AT_HOUR) % 24
  return hour < 0 ? hour + 24 : hour
}

const mean = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0) / numbers.length

/** How busy a stretch is. Longer ones than an hour count with the average of a day, longer ones than a day with that of a week. */
export function busyness(shape: Shape, begin: number, end: number, at: number): number {
  const middle = (begin + end) / 2
  const week = WEEKS[shape]
  const day = DAYS[shape]
  if (end - begin > DAY_MS) return mean(week) * mean(day)
  const weekday = week[new Date(middle).getUTCDay()] ?? 1
  if (end - begin > HOUR_MS) return weekday * mean(day)
  const hour = hourOfDay(middle, at)
  const [before, after] = [day[Math.floor(hour)] ?? 0, day[(Math.floor(hour) + 1) % day.length] ?? 0]
  return weekday * (before + (after - before) * (hour % 1))
}

/** A stretch of the past: what is counted in it is one number. */
export interface Stretch {
  readonly begin: number
  readonly end: number
  /** No process was alive: nothing was counted. */
  readonly isGap: boolean
}

/** How long ago no process was alive: a short restart, a night of maintenance, two days of moving house. */
const GAPS_MS = [
  [71 * MINUTE_MS, 65 * MINUTE_MS],
  [26 * MINUTE_MS, 23 * MINUTE_MS],
  [81 * HOUR_MS, 78 * HOUR_MS],
  [44 * DAY_MS, 42 * DAY_MS],
] as const

/** What is older than any series is told in stretches of so many days. */
const FORGOTTEN_DAYS = 7

const stepAt = (ms: number, at: number): { readonly ms: number; readonly until: number } => {
  const { minute, hour, day } = RESOLUTIONS
  const firstMinute = (Math.floor(at / minute.ms) - minute.kept + 1) * minute.ms
  const firstHour = (Math.floor(at / hour.ms) - hour.kept + 1) * hour.ms
  const firstDay = (Math.floor(at / day.ms) - day.kept + 1) * day.ms
  if (ms >= firstMinute) return { ms: minute.ms, until: at }
  if (ms >= firstHour) return { ms: hour.ms, until: firstMinute }
  return ms >= firstDay ? { ms: day.ms, until: firstHour } : { ms: FORGOTTEN_DAYS * day.ms, until: firstDay }
}

/** The time between two moments in stretches as long as a series tells apart when it is seen from `at`: weeks, days, hours, minutes. */
export function stretches(from: number, at: number): Stretch[] {
  const found: Stretch[] = []
  for (let begin = from; begin < at; ) {
    const step = stepAt(begin, at)
    const end = Math.min((Math.floor(begin / step.ms) + 1) * step.ms, step.until)
    const middle = (begin + end) / 2
    const isGap = GAPS_MS.some(([first, last]) => middle >= at - first && middle < at - last)
    found.push({ begin, end, isGap })
    begin = end
  }
  return found
}
