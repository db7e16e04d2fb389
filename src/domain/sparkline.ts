// Counts as one mark each, the lowest for zero and the highest for the most. Knows no width and no colour.

export const BLOCK_MARKS = '▁▂▃▄▅▆▇█'
export const ASCII_MARKS = '_.:-=+*#'

/** A bucket in which nobody was there to count. */
const GAP = ' '

/** One mark a bucket. Anything above zero stands above the lowest mark. `isLog`: every tenfold is as high as the one before. */
export function sparkline(values: readonly (number | null)[], marks: string = BLOCK_MARKS, isLog = false): string {
  const height = isLog ? Math.log1p : (value: number): number => value
  const most = height(values.reduce<number>((peak, value) => Math.max(peak, value ?? 0), 1))
  return values.map((value) => (value === null ? GAP : (marks[Math.ceil((height(value) / most) * (marks.length - 1))] as string))).join('')
}
