// A sparkline of a given width. Never stretches: what is short stands at the right, where now is.

import { ASCII_MARKS, BLOCK_MARKS, sparkline as marksOf } from '../../src/domain/sparkline.ts'
import type { Values } from './resample.ts'
import { stepped } from './resample.ts'
import type { ChartMode } from './segments.ts'

/** One mark a column: the greatest of its values. Zero is the lowest mark, a gap a space. */
export function sparkline(values: Values, width: number, mode: ChartMode): string {
  const fitted = values.length > width ? stepped(values, width) : values
  return marksOf(fitted, marksIn(mode)).padStart(width)
}

export const marksIn = (mode: ChartMode): string => (mode === 'ascii' ? ASCII_MARKS : BLOCK_MARKS)
