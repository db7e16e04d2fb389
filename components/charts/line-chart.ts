// A chart of counts over time: caption, y axis with round ticks, plot, x axis with labels. Exactly as large as asked; reads no clock and no size.

import type { Manner } from './plot.ts'
import { MANNERS } from './plot.ts'
import type { Values } from './resample.ts'
import { columnOf, hasGap } from './resample.ts'
import type { Scale } from './scale.ts'
import { levelOf, scaleFor, shortCount } from './scale.ts'
import type { Cell, ChartMode, Segment } from './segments.ts'
import { blank, cellsOf, laidOver, segmentsOf } from './segments.ts'

export interface ChartSeries {
  readonly name: string
  /** Calls by bucket, oldest first; null where nobody was there to count. */
  readonly values: Values
}

export interface LineChart {
  /** The second stands before the first; both have the same buckets. */
  readonly series: readonly [ChartSeries, ChartSeries?]
  readonly width: number
  readonly height: number
  readonly mode: ChartMode
  /** The text below a bucket. */
  readonly labels: (index: number) => string
  /** Sets of buckets that are round moments, densest first: the first set whose labels have room is used. */
  readonly ticks?: readonly (readonly number[])[]
  /** What one step of the y axis counts: `calls/min`. */
  readonly unit: string
  /** The time zone of the labels. */
  readonly zone?: string
}

/** Below these a part is left out, so that the plot stays. */
const HEIGHT_WITH_CAPTION = 6
const HEIGHT_WITH_LABELS = 4
const HEIGHT_WITH_FLOOR = 3
const WIDTH_WITH_SIDE = 20
const BETWEEN_LABELS = 2
const MOST_TICK_STEPS = 10
const NO_COUNTS = 'nothing was counted'

interface Tick {
  readonly column: number
  readonly start: number
  readonly text: string
}

/** Where the labels of some buckets would stand; none is cut, and a tick without room for its label is left out. */
function placed(indices: readonly number[], chart: LineChart, buckets: number, first: number, columns: number): Tick[] {
  const least = chart.zone === undefined ? 0 : chart.zone.length + BETWEEN_LABELS
  return indices.flatMap((index) => {
    const text = chart.labels(index)
    const column = first + columnOf(index, buckets, columns)
    const start = Math.min(chart.width - text.length, Math.max(least, column - Math.floor(text.length / 2)))
    return start >= least && column >= start && column < start + text.length ? [{ column, start, text }] : []
  })
}

const overlaps = (tick: Tick, before: Tick | undefined): boolean =>
  before !== undefined && tick.start < before.start + before.text.length + BETWEEN_LABELS

/** Every bucket, every second, fourth … */
const everyNth = (buckets: number): number[][] =>
  Array.from({ length: MOST_TICK_STEPS }, (_, power) =>
    Array.from({ length: Math.ceil(buckets / 2 ** power) }, (_, index) => index * 2 ** power),
  )

function ticksOf(chart: LineChart, buckets: number, first: number, columns: number): Tick[] {
  const sets = chart.ticks ?? everyNth(buckets)
  const all = sets.map((indices) => placed(indices, chart, buckets, first, columns))
  const fitting = all.find((ticks) => ticks.every((tick, index) => !overlaps(tick, ticks[index - 1])))
  if (fitting !== undefined) return fitting
  const kept: Tick[] = []
  for (const tick of all.at(-1) ?? []) if (!overlaps(tick, kept.at(-1))) kept.push(tick)
  return kept
}

/** The unit at the left, the names at the right; names that have no room are left out from the last one on. */
function caption({ series, unit, width }: LineChart, manner: Manner, isBroken: boolean): Cell[] {
  const items: Cell[][] = series.flatMap((one, index) =>
    one === undefined ? [] : [[...cellsOf(manner.samples[index === 0 ? 0 : 1], index === 0 ? 0 : 1), ...cellsOf(` ${one.name}`, 'axis')]],
  )
  if (isBroken) items.push([...cellsOf(manner.gap.repeat(2), 'gap'), ...cellsOf(' not counted', 'axis')])
  const room = width - unit.length
  let legend: Cell[] = []
  for (const item of items) {
    const longer = legend.length === 0 ? item : [...legend, ...blank(BETWEEN_LABELS), ...item]
    if (longer.length + BETWEEN_LABELS > room) break
    legend = longer
  }
  return laidOver(laidOver(blank(width), 0, cellsOf(unit, 'axis')), width - legend.length, legend)
}

/** The y axis beside the plot, a text a row; each ends in the axis itself. */
function side({ top, ticks }: Scale, rows: number, gutter: number, { stepsPerRow, axis }: Manner): string[] {
  const byRow = new Map(ticks.slice(1).map((tick) => [Math.floor(levelOf(tick, top, rows * stepsPerRow - 1, 0) / stepsPerRow), tick]))
  return Array.from({ length: rows }, (_, index) => {
    const tick = byRow.get(rows - 1 - index)
    return tick === undefined ? `${' '.repeat(gutter)} ${axis.side}` : `${shortCount(tick).padStart(gutter)} ${axis.sideTick}`
  })
}

/** The x axis: broken below what was not counted, else with a mark above each label. */
function floor(gaps: readonly boolean[], ticks: readonly Tick[], first: number, { axis, gap }: Manner): Cell[] {
  const marked = new Set(ticks.map(({ column }) => column - first))
  return gaps.map((isGap, column) => {
    if (isGap) return { glyph: gap, ink: 'gap' }
    return { glyph: marked.has(column) ? axis.tick : axis.floor, ink: 'axis' }
  })
}

function labelRow({ width, zone = '' }: LineChart, ticks: readonly Tick[]): Cell[] {
  return ticks.reduce(
    (row, { start, text }) => laidOver(row, start, cellsOf(text, 'axis')),
    laidOver(blank(width), 0, cellsOf(zone, 'axis')),
  )
}

/** Rows of segments, each row exactly `width` columns, `height` of them. */
export function lineChart(chart: LineChart): Segment[][] {
  const { series, width, height, mode } = chart
  const manner = MANNERS[mode]
  const [behind, before = { name: '', values: [] }] = series
  const buckets = behind.values.length
  const isCounted = behind.values.map((value, index) => (value ?? before.values[index] ?? null) !== null)

  const captionRows = height >= HEIGHT_WITH_CAPTION ? 1 : 0
  const labelRows = height >= HEIGHT_WITH_LABELS ? 1 : 0
  const floorRows = height >= HEIGHT_WITH_FLOOR ? 1 : 0
  const rows = Math.max(0, height - captionRows - labelRows - floorRows)
  const peak = [...behind.values, ...before.values].reduce<number>((most, value) => Math.max(most, value ?? 0), 0)
  const scale = scaleFor(peak, rows - 1)
  const gutter = width >= WIDTH_WITH_SIDE ? Math.max(...scale.ticks.map((tick) => shortCount(tick).length)) : 0
  const first = gutter === 0 ? 0 : gutter + 2
  const columns = Math.max(0, width - first)

  const ticks = labelRows === 0 || columns === 0 ? [] : ticksOf(chart, buckets, first, columns)
  const gaps =
    columns === 0
      ? []
      : hasGap(
          isCounted.map((one) => (one ? 0 : null)),
          columns,
        )
  const sides = gutter === 0 ? [] : side(scale, rows, gutter, manner)
  const plot = manner.draw({ behind: behind.values, before: before.values, columns, rows, top: scale.top })
  const corner = gutter === 0 ? '' : `${'0'.padStart(gutter)} ${manner.axis.corner}`
  const drawn = [
    ...(captionRows === 0 ? [] : [caption(chart, manner, isCounted.includes(false))]),
    ...plot.map((row, index) => [...cellsOf(sides[index] ?? '', 'axis'), ...row]),
    ...(floorRows === 0 ? [] : [[...cellsOf(corner, 'axis'), ...floor(gaps, ticks, first, manner)]]),
    ...(labelRows === 0 ? [] : [labelRow(chart, ticks)]),
  ]
  if (!isCounted.includes(true) && rows > 0) {
    const row = captionRows + Math.floor((rows - 1) / 2)
    const start = first + Math.max(0, Math.floor((columns - NO_COUNTS.length) / 2))
    drawn[row] = laidOver(drawn[row] ?? [], start, cellsOf(NO_COUNTS, 'gap'))
  }
  return drawn.map(segmentsOf)
}
