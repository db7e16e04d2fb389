// What the tests of charts share: frames as text and as heights, and counts as they come from the store.

import type { LineChart } from '../../../components/charts/line-chart.ts'
import { lineChart } from '../../../components/charts/line-chart.ts'
import type { Segment } from '../../../components/charts/segments.ts'
import { plainText } from '../../../components/charts/segments.ts'
import { fc } from '../../domain/seed.ts'

type Counts = (number | null)[]

export const MODES = ['braille', 'block', 'ascii'] as const

/** The frame between rulers, so that blanks at its right are seen. */
export const framed = (rows: readonly (readonly Segment[])[]): string => `\n${rows.map((row) => `${plainText(row)}|`).join('\n')}\n`

export const chartOf = (accepted: Counts, limited: Counts | null, options: Partial<LineChart> = {}): Segment[][] =>
  lineChart({
    series:
      limited === null
        ? [{ name: 'accepted', values: accepted }]
        : [
            { name: 'accepted', values: accepted },
            { name: 'rate-limited', values: limited },
          ],
    width: 56,
    height: 10,
    mode: 'braille',
    labels: (index) => `#${index}`,
    unit: 'calls/min',
    ...options,
  })

/** The cells of the plot alone, top row first: without caption, axes and labels. */
export function plotOf(rows: readonly (readonly Segment[])[]): { glyph: string; ink: Segment['ink'] }[][] {
  const cells = rows.slice(1, -2).map((row) => row.flatMap(({ text, ink }) => [...text].map((glyph) => ({ glyph, ink }))))
  const first = plainText(rows.at(-2) ?? []).search(/[┼+]/) + 1
  return cells.map((row) => row.slice(first))
}

/** How high the first series reaches in each column of dots, or null: read from the glyphs, not from the code that drew them. */
export function dotHeights(rows: readonly (readonly Segment[])[]): (number | null)[] {
  const plot = plotOf(rows).toReversed()
  const columns = plot[0]?.length ?? 0
  return Array.from({ length: 2 * columns }, (_, x) => {
    let highest: number | null = null
    for (const [row, cells] of plot.entries()) {
      const code = cells[Math.floor(x / 2)]?.glyph.codePointAt(0) ?? 0
      const bits = code >= 0x2800 && code < 0x2900 ? code - 0x2800 : 0
      const column = x % 2 === 0 ? [0x40, 0x04, 0x02, 0x01] : [0x80, 0x20, 0x10, 0x08]
      for (const [y, bit] of column.entries()) if ((bits & bit) !== 0) highest = row * 4 + y
    }
    return highest
  })
}

const count = fc.oneof(fc.constant(0), fc.nat(9), fc.nat(2000), fc.nat(Number.MAX_SAFE_INTEGER))

/** Two series with the same gaps. */
export const pairs = fc
  .array(fc.option(fc.tuple(count, count), { freq: 6 }), { maxLength: 200 })
  .map((buckets) => ({ accepted: buckets.map((one) => one?.[0] ?? null), limited: buckets.map((one) => one?.[1] ?? null) }))

/** A working day of a service: quiet at night, with limited bursts, and a time when nobody was there to count. */
export function dayOf(buckets: number, scale: number, gap: readonly [number, number]): { accepted: Counts; limited: Counts } {
  const isGap = (index: number): boolean => index >= gap[0] && index < gap[1]
  const wave = (index: number): number => scale * (0.5 - 0.4 * Math.cos((index / buckets) * 2 * Math.PI) + 0.07 * Math.sin(index * 2.3))
  return {
    accepted: Array.from({ length: buckets }, (_, index) => (isGap(index) ? null : Math.round(wave(index)))),
    limited: Array.from({ length: buckets }, (_, index) => (isGap(index) ? null : index % 11 < 2 ? Math.round(wave(index) / 3) : 0)),
  }
}
