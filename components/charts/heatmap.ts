// Calls by hour of the day and day of the week, in the viewer's zone. Sums what it is given; is given the zone, and reads no clock.

import { HOUR_MS } from '../../src/domain/time.ts'
import { shortCount } from './scale.ts'
import type { Cell, ChartMode, Segment } from './segments.ts'
import { blank, cellsOf, laidOver, segmentsOf } from './segments.ts'
import { WEEKDAYS } from './time-labels.ts'

export interface Heatmap {
  /** `[whole hours since 1970, calls]`. */
  readonly hours: readonly (readonly [hour: number, calls: number])[]
  /** What the viewer's calendar and clock say at a moment; Monday is 0. */
  readonly zone: (ms: number) => { readonly weekday: number; readonly hour: number }
  readonly width: number
  readonly mode: ChartMode
}

const HOURS = 24
const SIDE = 4
const WIDEST_HOUR = 4
const SCALE = [0, 6, 12, 18] as const
/** From no call to the most calls. */
const SHADES: Record<ChartMode, readonly string[]> = {
  braille: [' ', '░', '▒', '▓', '█'],
  block: [' ', '░', '▒', '▓', '█'],
  ascii: [' ', '.', ':', '*', '#'],
}
const LEVELS = 4
const exactly = new Intl.NumberFormat('en')

const sumsOf = ({ hours, zone }: Heatmap): number[][] => {
  const sums = WEEKDAYS.map(() => Array.from({ length: HOURS }, () => 0))
  for (const [since, calls] of hours) {
    const { weekday, hour } = zone(since * HOUR_MS)
    const day = sums[weekday]
    if (day !== undefined) day[hour] = (day[hour] ?? 0) + calls
  }
  return sums
}

const clock = (hour: number): string => `${String(hour % HOURS).padStart(2, '0')}:00`

/** The shades with the most calls that each stands for, and the busiest hour in words; the earliest of the week if there are several. */
function legend(sums: readonly (readonly number[])[], most: number, shades: readonly string[], width: number): Cell[] {
  if (most === 0) return laidOver(blank(width), 0, cellsOf('no calls', 'axis'))
  const weekday = sums.findIndex((day) => day.includes(most))
  const hour = sums[weekday]?.indexOf(most) ?? 0
  const words = `busiest ${WEEKDAYS[weekday]} ${clock(hour)}-${clock(hour + 1)}, ${exactly.format(most)} ${most === 1 ? 'call' : 'calls'}`
  const scale = [...cellsOf('1 ', 'axis'), ...cellsOf(shades.slice(1).join(''), 0), ...cellsOf(` ${shortCount(most)}`, 'axis')]
  const isRoomy = width >= words.length + scale.length + 2
  return laidOver(isRoomy ? laidOver(blank(width), width - scale.length, scale) : blank(width), 0, cellsOf(words, 'axis'))
}

/** Nine rows, each `width` columns: the hours, Monday to Sunday, the legend. Any call at all is a shade above none. */
export function heatmap(map: Heatmap): Segment[][] {
  const { width, mode } = map
  const sums = sumsOf(map)
  const most = Math.max(...sums.flat())
  const shades = SHADES[mode]
  const columns = Math.min(WIDEST_HOUR, Math.max(1, Math.floor((width - SIDE) / HOURS)))
  const shadeOf = (calls: number): string => (shades[calls === 0 ? 0 : Math.ceil((calls / most) * LEVELS)] ?? ' ').repeat(columns)
  const scale = SCALE.reduce((row, hour) => laidOver(row, SIDE + hour * columns, cellsOf(String(hour), 'axis')), blank(width))
  const days = sums.map((day, weekday) =>
    laidOver(blank(width), 0, [...cellsOf(`${WEEKDAYS[weekday]} `, 'axis'), ...cellsOf(day.map(shadeOf).join(''), 0)]),
  )
  return [scale, ...days, legend(sums, most, shades, width)].map(segmentsOf)
}
