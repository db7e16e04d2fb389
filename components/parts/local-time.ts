// Moments in the viewer's time zone. Pure: the zone comes as a function.

import type { ZoneOffset } from '../model/state.ts'

const MINUTE_MS = 60_000

/** `Nov 26 14:05:09`, in the viewer's zone. */
export function localTime(instant: string, zoneOffset: ZoneOffset): string {
  const ms = Date.parse(instant)
  const shifted = new Date(ms + zoneOffset(ms) * MINUTE_MS).toISOString()
  return `${MONTHS[Number(shifted.slice(5, 7)) - 1]} ${shifted.slice(8, 10)} ${shifted.slice(11, 19)}`.slice(0, 15)
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
