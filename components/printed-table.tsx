// A small table by ink-table, which measures code units: it is given cells as wide as they are drawn. In the app, and printed once.

import { renderToString, Text } from 'ink'
import { Table } from 'ink-table'
import type { PropsWithChildren } from 'react'
import { createContext, useContext } from 'react'
import { cut, pad, screenText, widthOf } from './parts/text.ts'

export interface PrintedTableProps {
  readonly rows: readonly Readonly<Record<string, string>>[]
  /** Columns that may be cut to make the table fit; ids and states stay whole. */
  readonly flexible: readonly string[]
  readonly columns: number
  readonly isColoured: boolean
  readonly isAscii?: boolean
}

const MIN_CELL = 6
const BORDER_AND_PADDING = 3

/** Lines that a table of so many rows takes: a frame, and a line between rows. */
export function tableHeight(rows: number): number {
  return 2 * rows + 3
}

/** The width of each column: as wide as its content, the widest flexible one cut until the table fits. */
function widths(names: readonly string[], rows: PrintedTableProps['rows'], { columns, flexible }: PrintedTableProps): Map<string, number> {
  const wide = new Map(names.map((name) => [name, Math.max(...rows.map((row) => widthOf(row[name] ?? '')), widthOf(name))]))
  const room = columns - 1 - names.length * BORDER_AND_PADDING
  const total = (): number => [...wide.values()].reduce((sum, width) => sum + width, 0)
  while (total() > room) {
    const widest = flexible.reduce((a, b) => ((wide.get(b) ?? 0) > (wide.get(a) ?? 0) ? b : a), '')
    const width = wide.get(widest) ?? 0
    if (width <= MIN_CELL) break
    wide.set(widest, width - 1)
  }
  return wide
}

type CellProps = PropsWithChildren<{ readonly column?: number }>

const ASCII_LINES: Readonly<Record<string, string>> = { '│': '|', '─': '-' }

const Plain = ({ children }: CellProps) => <Text>{children}</Text>
const Bold = ({ children }: CellProps) => <Text bold>{children}</Text>
const Ascii = ({ children }: CellProps) => <Text>{String(children).replace(/[│─┌┐└┘├┤┬┴┼]/g, (line) => ASCII_LINES[line] ?? '+')}</Text>

interface Shown {
  readonly names: readonly string[]
  readonly rows: PrintedTableProps['rows']
  readonly widthOf: (name: string) => number
  readonly mark: string
}

const Content = createContext<Shown>({ names: [], rows: [], widthOf: () => MIN_CELL, mark: '' })

const Cell = ({ children, column = 0 }: CellProps) => {
  const { names, rows, widthOf, mark } = useContext(Content)
  const name = names[column] ?? ''
  const text = rows[Number(String(children).trim())]?.[name] ?? ''
  return <Text>{` ${pad(cut(text, widthOf(name), mark), widthOf(name))} `}</Text>
}

/** ink-table is given the row's number, as wide as the column shall be, and the cell draws the text in its place. */
export function PrintedTable(printed: PrintedTableProps) {
  const { rows, isColoured, isAscii = false } = printed
  const names = Object.keys(rows[0] ?? {})
  const mark = isAscii ? '~' : '…'
  const safe = rows.map((row) => Object.fromEntries(names.map((name) => [name, screenText(row[name] ?? '', isAscii)])))
  const wide = widths(names, safe, printed)
  const widthFor = (name: string): number => wide.get(name) ?? MIN_CELL
  const headings = names.map((name) => pad(cut(name, widthFor(name), mark), widthFor(name)))
  const data = safe.map((_, index) => Object.fromEntries(headings.map((heading) => [heading, String(index).padEnd(heading.length)])))
  return (
    <Content value={{ names, rows: safe, widthOf: widthFor, mark }}>
      <Table data={data} padding={1} header={isColoured ? Bold : Plain} cell={Cell} skeleton={isAscii ? Ascii : Plain} />
    </Content>
  )
}

/** The table as text, for a terminal of that many columns. Never while something is being drawn: Ink can't do both. */
export function drawTable(printed: PrintedTableProps): string {
  return `${renderToString(<PrintedTable {...printed} />, { columns: printed.columns })}\n`
}
