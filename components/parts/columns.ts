// Columns of a table of our own: which ones fit into a width, and how wide each becomes. Pure.

export interface Column<N extends string> {
  readonly name: N
  readonly title: string
  readonly least: number
  /** Its share of the room that is left; 0: it stays as it is. */
  readonly grow: number
  readonly isRight?: boolean
  /** The lower, the longer it stays when room is short. */
  readonly rank: number
}

export type Placed<N extends string> = Column<N> & { readonly width: number }

/** One space between columns. */
const GAP = 1

/** The columns that fit, in their order; those of rank 0 always stand. */
export function placed<N extends string>(columns: readonly Column<N>[], width: number): Placed<N>[] {
  const chosen = new Set<Column<N>>()
  let used = -GAP
  for (const column of columns.toSorted((a, b) => a.rank - b.rank)) {
    if (column.rank > 0 && used + GAP + column.least > width) break
    chosen.add(column)
    used += GAP + column.least
  }
  const shown = columns.filter((column) => chosen.has(column))
  const shares = shown.reduce((sum, { grow }) => sum + grow, 0)
  let left = Math.max(0, width - used)
  let sharesLeft = shares
  return shown.map((column) => {
    const extra = sharesLeft === 0 ? 0 : Math.floor((left * column.grow) / sharesLeft)
    left -= extra
    sharesLeft -= column.grow
    return { ...column, width: column.least + extra }
  })
}
