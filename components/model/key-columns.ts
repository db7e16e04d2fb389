// The columns of Keys: which there are, which fit a terminal, which can be sorted by.

import type { Column, Placed } from '../parts/columns.ts'
import { placed } from '../parts/columns.ts'
import { STATUS_WIDTH } from '../parts/status.ts'
import { paneWidth } from './layout.ts'
import type { Size } from './state.ts'

/** In the order in which they stand. */
export const KEY_COLUMNS = ['status', 'name', 'userId', 'id', 'scopes', 'expiresAt', 'lastUsedAt', 'hour', 'limited'] as const
export type KeyColumn = (typeof KEY_COLUMNS)[number]

const COLUMNS: readonly Column<KeyColumn>[] = [
  { name: 'status', title: 'status', least: STATUS_WIDTH, grow: 0, rank: 0 },
  { name: 'name', title: 'name', least: 13, grow: 3, rank: 0 },
  { name: 'userId', title: 'owner', least: 10, grow: 2, rank: 0 },
  { name: 'id', title: 'shortId', least: 12, grow: 0, rank: 1 },
  { name: 'scopes', title: 'scopes', least: 14, grow: 3, rank: 5 },
  { name: 'expiresAt', title: 'expires', least: 9, grow: 0, rank: 2 },
  { name: 'lastUsedAt', title: 'last used', least: 10, grow: 0, rank: 3 },
  { name: 'hour', title: 'last hour', least: 15, grow: 0, rank: 4 },
  { name: 'limited', title: 'limited', least: 7, grow: 0, isRight: true, rank: 6 },
]

/** Cursor and mark, before the first column. */
export const GUTTER = 3

/** Those that have room beside the gutter and, on wide terminals, the detail pane. */
export function columnsOf(size: Size): Placed<KeyColumn>[] {
  const pane = paneWidth(size)
  return placed(COLUMNS, size.columns - pane - (pane > 0 ? 1 : 0) - GUTTER)
}

/** The column in focus moved among those that are drawn. */
export function columnMoved(column: number, by: number, size: Size): number {
  const shown = columnsOf(size).map(({ name }) => KEY_COLUMNS.indexOf(name))
  const at = Math.max(
    0,
    shown.findLastIndex((index) => index <= column),
  )
  return shown[Math.max(0, Math.min(shown.length - 1, at + by))] ?? 0
}
