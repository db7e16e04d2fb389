// A table printed once, for `list`, `users` and `audit` on a terminal: ink-table drawn to a string. The big lists of the app are not this.

import { renderToString, Text } from 'ink'
import { Table } from 'ink-table'
import type { PropsWithChildren } from 'react'
import { createContext, useContext } from 'react'
import stringWidth from 'string-width'
import { displayText } from '../src/domain/text.ts'

export interface PrintedTableProps {
  readonly rows: readonly Readonly<Record<string, string>>[]
  /** Columns that may be cut to make the table fit; ids and states stay whole. */
  readonly flexible: readonly string[]
  readonly columns: number
  readonly isColoured: boolean
}

const MIN_CELL = 6
const BORDER_AND_PADDING = 3

/** Cuts a text to a display width; what is cut ends with an ellipsis. */
function fitted(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let cut = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(cut + segment) > width - 1) break
    cut += segment
  }
  return `${cut}…`
}

/** The width of each column: as wide as its content, the widest flexible one cut until the table fits. */
function widths(names: readonly string[], rows: PrintedTableProps['rows'], { columns, flexible }: PrintedTableProps): Map<string, number> {
  const wide = new Map(names.map((name) => [name, Math.max(...rows.map((row) => stringWidth(row[name] ?? '')), stringWidth(name))]))
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

const Plain = ({ children }: CellProps) => <Text>{children}</Text>
const Bold = ({ children }: CellProps) => <Text bold>{children}</Text>

interface Shown {
  readonly names: readonly string[]
  readonly rows: PrintedTableProps['rows']
  readonly widthOf: (name: string) => number
}

const Content = createContext<Shown>({ names: [], rows: [], widthOf: () => MIN_CELL })

const Cell = ({ children, column = 0 }: CellProps) => {
  const { names, rows, widthOf } = useContext(Content)
  const name = names[column] ?? ''
  const text = fitted(rows[Number(String(children).trim())]?.[name] ?? '', widthOf(name))
  return <Text>{` ${text}${' '.repeat(widthOf(name) - stringWidth(text))} `}</Text>
}

/**
 * ink-table measures code units, not display width. So it is given the row's number, as wide as the column shall be, and
 * the cell draws the text in its place.
 */
export function PrintedTable(printed: PrintedTableProps) {
  const { rows, isColoured } = printed
  const names = Object.keys(rows[0] ?? {})
  const safe = rows.map((row) => Object.fromEntries(names.map((name) => [name, displayText(row[name] ?? '')])))
  const wide = widths(names, safe, printed)
  const widthOf = (name: string): number => wide.get(name) ?? MIN_CELL
  const headings = names.map((name) => fitted(name, widthOf(name)).padEnd(widthOf(name)))
  const data = safe.map((_, index) => Object.fromEntries(headings.map((heading) => [heading, String(index).padEnd(heading.length)])))
  const content = { names, rows: safe, widthOf }
  return (
    <Content value={content}>
      <Table data={data} padding={1} header={isColoured ? Bold : Plain} cell={Cell} skeleton={Plain} />
    </Content>
  )
}

/** The table as text, for a terminal of that many columns. */
export function drawTable(printed: PrintedTableProps): string {
  return `${renderToString(<PrintedTable {...printed} />, { columns: printed.columns })}\n`
}
