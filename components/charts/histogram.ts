// Counts over a range as one row of marks, with the cursor's place. Stretches to its width: both ends of the row are those of the range.

import { sparkline } from '../../src/domain/sparkline.ts'
import { columnOf, stepped } from './resample.ts'
import type { Cell, ChartMode, Segment } from './segments.ts'
import { cellsOf, laidOver, segmentsOf } from './segments.ts'
import { marksIn } from './sparkline.ts'

export interface Histogram {
  readonly counts: readonly number[]
  readonly width: number
  readonly mode: ChartMode
  /** The count that the cursor is on. */
  readonly cursor?: number | null
  /** Heights by powers of ten, so that a few are seen beside many. */
  readonly isLog?: boolean
}

/** One row, `width` columns. The marks are ink 0, the cursor ink 1, and of a form that no mark has. */
export function histogram({ counts, width, mode, cursor = null, isLog = false }: Histogram): Segment[] {
  const strip: Cell[] = cellsOf(sparkline(stepped(counts, width), marksIn(mode), isLog), 0)
  if (cursor === null || cursor < 0 || cursor >= counts.length) return segmentsOf(strip)
  return segmentsOf(laidOver(strip, columnOf(cursor, counts.length, width), cellsOf(mode === 'ascii' ? '|' : '┃', 1)))
}
