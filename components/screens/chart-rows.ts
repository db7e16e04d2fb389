// Charts as rows of the screen: inks become roles. In spoken mode a chart is a sentence.

import type { UsageStats } from '../../src/domain/stats.ts'
import type { UsageWindow } from '../../src/domain/usage.ts'
import { heatmap } from '../charts/heatmap.ts'
import { lineChart } from '../charts/line-chart.ts'
import type { ChartMode, Ink, Segment } from '../charts/segments.ts'
import { timeLabels } from '../charts/time-labels.ts'
import type { State } from '../model/state.ts'
import { formatCount } from '../model/step.ts'
import type { Row, Span } from '../parts/row.ts'
import { row } from '../parts/row.ts'
import type { Role, Theme } from '../theme.ts'

const ROLES: Readonly<Record<Ink, Role>> = { axis: 'dim', gap: 'dim', 0: 'accent', 1: 'limited' }
const UNITS: Readonly<Record<UsageStats['series']['bucket'], string>> = { minute: 'calls/min', hour: 'calls/h', day: 'calls/d' }
const MINUTE_MS = 60_000

const rowOf = (segments: readonly Segment[]): Row => row(...segments.map(({ text, ink }): Span => [ROLES[ink], text]))

/** Braille and blocks are drawn only where the terminal was not asked to do without. */
export function modeFor(mode: ChartMode, theme: Theme): ChartMode {
  return theme.isAscii ? 'ascii' : mode
}

interface Charted {
  readonly series: UsageStats['series']
  readonly window: UsageWindow
  readonly mode: ChartMode
  readonly width: number
  readonly height: number
}

const peakOf = (values: readonly (number | null)[]): number => values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0)

export function chartRows({ series, window, mode, width, height }: Charted, { setting: { theme, zoneOffset } }: State): Row[] {
  const unit = UNITS[series.bucket]
  if (theme.isSpoken) {
    const gaps = series.accepted.filter((value) => value === null).length
    const missing = gaps === 0 ? '' : `, nothing was counted in ${gaps} of ${series.accepted.length} ${series.bucket}s`
    return [
      row(
        `peak ${formatCount(peakOf(series.accepted))} accepted and ${formatCount(peakOf(series.rateLimited))} rate-limited ${unit}${missing}`,
      ),
    ]
  }
  const time = timeLabels(window, Date.parse(series.start), zoneOffset)
  const chart = lineChart({
    series: [
      { name: 'accepted', values: series.accepted },
      { name: 'rate-limited', values: series.rateLimited },
    ],
    width,
    height,
    mode: modeFor(mode, theme),
    ...time,
    unit,
  })
  return chart.map(rowOf)
}

export function heatmapRows(
  hours: readonly (readonly [hour: number, calls: number])[],
  mode: ChartMode,
  width: number,
  { setting: { theme, zoneOffset } }: State,
): Row[] {
  if (theme.isSpoken) return []
  const zone = (ms: number) => {
    const local = new Date(ms + zoneOffset(ms) * MINUTE_MS)
    return { weekday: (local.getUTCDay() + 6) % 7, hour: local.getUTCHours() }
  }
  return heatmap({ hours, zone, width, mode: modeFor(mode, theme) }).map(rowOf)
}
