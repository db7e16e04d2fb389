// Buckets to columns, as many as there is room for. Loses no peak, and fills no gap but one beside a count in the same column.

export type Values = readonly (number | null)[]

/** The column that a bucket's middle is in. */
export const columnOf = (bucket: number, buckets: number, columns: number): number => Math.floor(((bucket + 0.5) * columns) / buckets)

/** The bucket that a column's middle is in. */
export const bucketOf = (column: number, buckets: number, columns: number): number => Math.floor(((column + 0.5) * buckets) / columns)

/** The greatest of the buckets in each column; null where no bucket of the column was counted. */
function greatest(values: Values, columns: number): (number | null)[] {
  const all = Array.from<number | null>({ length: columns }).fill(null)
  for (const [bucket, value] of values.entries()) {
    const column = columnOf(bucket, values.length, columns)
    const before = all[column] ?? null
    if (value !== null && (before === null || value > before)) all[column] = value
  }
  return all
}

/** A value a column, as steps: each column shows its bucket, or the greatest of its buckets. */
export function stepped(values: Values, columns: number): (number | null)[] {
  if (values.length > columns) return greatest(values, columns)
  return Array.from({ length: columns }, (_, column) => values[bucketOf(column, values.length, columns)] ?? null)
}

/**
 * A value a column, as a line: exact in the column of each bucket's middle, straight between them. Beside a gap and at both
 * ends the bucket's own value holds to its edge.
 */
export function sloped(values: Values, columns: number): (number | null)[] {
  if (values.length >= columns) return greatest(values, columns)
  return Array.from({ length: columns }, (_, column) => {
    const own = bucketOf(column, values.length, columns)
    const value = values[own] ?? null
    if (value === null) return null
    const middle = columnOf(own, values.length, columns)
    const next = column < middle ? own - 1 : own + 1
    const neighbour = values[next] ?? null
    if (column === middle || neighbour === null) return value
    const distance = Math.abs(columnOf(next, values.length, columns) - middle)
    return value + ((neighbour - value) * Math.abs(column - middle)) / distance
  })
}

/** Whether any bucket of a column was not counted: what the marks above can't show, the axis does. */
export function hasGap(values: Values, columns: number): boolean[] {
  const gaps = stepped(values, columns).map((value) => value === null)
  for (const [bucket, value] of values.entries()) if (value === null) gaps[columnOf(bucket, values.length, columns)] = true
  return gaps
}
