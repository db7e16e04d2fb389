// A small table inside the app: ink-table drawn to rows, with ASCII lines where that is asked for. Not for lists that scroll far.

import { drawTable } from '../printed-table.tsx'
import type { Theme } from '../theme.ts'
import type { Row } from './row.ts'
import { row } from './row.ts'

const LINES: Readonly<Record<string, string>> = {
  '│': '|',
  '─': '-',
  '┌': '+',
  '┐': '+',
  '└': '+',
  '┘': '+',
  '├': '+',
  '┤': '+',
  '┬': '+',
  '┴': '+',
  '┼': '+',
  '…': '~',
}
/** More rows than this are not a small table. */
const MAX_ROWS = 200

export function smallTable(
  rows: readonly Readonly<Record<string, string>>[],
  flexible: readonly string[],
  columns: number,
  theme: Theme,
): Row[] {
  if (rows.length === 0) return []
  if (theme.isSpoken)
    return rows.slice(0, MAX_ROWS).map((cells) =>
      row(
        `  ${Object.entries(cells)
          .map(([name, text]) => `${name} ${text}`)
          .join(', ')}`,
      ),
    )
  const drawn = drawTable({ rows: rows.slice(0, MAX_ROWS), flexible, columns, isColoured: false })
  const lines = drawn.trimEnd().split('\n')
  const left = rows.length - MAX_ROWS
  const shown = theme.isAscii ? lines.map((line) => line.replace(/[│─┌┐└┘├┤┬┴┼…]/g, (glyph) => LINES[glyph] ?? '?')) : lines
  return [...shown.map((line) => row(`  ${line}`)), ...(left > 0 ? [row(`  and ${left} more`)] : [])]
}
