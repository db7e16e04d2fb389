// Moments and durations as text: ISO 8601 in, ISO 8601 UTC with milliseconds out. Reads no clock.

import { isValid } from 'date-fns/isValid'
import { parseISO } from 'date-fns/parseISO'

export const SECOND_MS = 1000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS
export const DAY_SECONDS = 86_400
/** A hundred years: longer spans are a slip of the finger. */
export const MAX_DURATION_SECONDS = 36_525 * DAY_SECONDS

export const DURATION_ACCEPTS = 'a number with s, m, h or d, as in 90s, 15m, 24h or 30d'
export const INSTANT_ACCEPTS = 'ISO 8601, UTC unless a zone is given, as in 2027-01-31 or 2027-01-31T12:00:00Z'

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: DAY_SECONDS }
const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ]((?:[01]\d|2[0-3]):[0-5]\d)(?:(:[0-5]\d)(?:\.(\d{1,9}))?)?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?$/
const LAST_MOMENT_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** The moment that was written last: within one millisecond many calls ask for the same. */
let lastMoment = { ms: Number.NaN, text: '' }

export function isoFrom(ms: number): string {
  if (ms !== lastMoment.ms) lastMoment = { ms, text: new Date(ms).toISOString() }
  return lastMoment.text
}

/** Milliseconds since 1970 of an ISO 8601 text or a Date between 1970 and 9999; null when it is none. A text without a zone is UTC. */
export function parseInstant(value: unknown): number | null {
  let ms: number
  if (value instanceof Date) ms = value.getTime()
  else {
    const match = typeof value === 'string' && value.length <= 40 ? ISO.exec(value) : null
    if (match === null) return null
    const [, day, minutes = '00:00', seconds = ':00', fraction = '', zone = 'Z'] = match
    const date = parseISO(`${day}T${minutes}${seconds}${zone}`)
    if (!isValid(date)) return null
    // Apart: as a fraction of a second parseISO loses a millisecond here and there.
    ms = date.getTime() + Number(fraction.slice(0, 3).padEnd(3, '0'))
  }
  return ms >= 0 && ms <= LAST_MOMENT_MS ? ms : null
}

/** Seconds of `90s`, `15m`, `24h`, `30d` (a day is 86,400 s); null when it is none. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,10})([smhd])$/.exec(text)
  if (match === null) return null
  const seconds = Number(match[1]) * (UNITS[match[2] as string] as number)
  return seconds <= MAX_DURATION_SECONDS ? seconds : null
}

/** The shortest exact spelling: 86400 is `1d`, 90 is `90s`. */
export function formatDuration(seconds: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    const size = UNITS[unit] as number
    if (seconds > 0 && seconds % size === 0) return `${seconds / size}${unit}`
  }
  return `${seconds}s`
}

/** A distance in time in its largest unit: `in 6 d`, `3 h ago`, `now`. */
export function formatDistance(ms: number, now: number): string {
  const distance = Math.abs(ms - now)
  const [size, unit] =
    distance >= DAY_MS
      ? [DAY_MS, 'd']
      : distance >= HOUR_MS
        ? [HOUR_MS, 'h']
        : distance >= MINUTE_MS
          ? [MINUTE_MS, 'min']
          : [SECOND_MS, 's']
  const count = Math.floor(distance / size)
  if (count === 0) return 'now'
  return ms > now ? `in ${count} ${unit}` : `${count} ${unit} ago`
}
