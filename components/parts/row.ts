// A row of the screen as data: spans with roles. Composed to exactly the width it is given, so that nothing wraps or overlaps.

import type { Role, Theme } from '../theme.ts'
import { cut, pad, screenText, widthOf } from './text.ts'

/** A text, or a text in a role. */
export type Span = string | readonly [role: Role, text: string]

export interface Row {
  readonly spans: readonly Span[]
  /** The row that the cursor is on: its roles give way to one bar. */
  readonly isCursor?: boolean
  /** Put at the right edge, where it fits. */
  readonly right?: readonly Span[]
}

export function row(...spans: readonly Span[]): Row {
  return { spans }
}

/** The row that a list's cursor or a form's focus is on begins with this; every other begins with as many spaces. */
export const CURSOR = '>'

interface Piece {
  readonly role: Role
  readonly text: string
}

const piecesOf = (spans: readonly Span[], isAscii: boolean): Piece[] =>
  spans.map((span) =>
    typeof span === 'string' ? { role: 'plain', text: screenText(span, isAscii) } : { role: span[0], text: screenText(span[1], isAscii) },
  )

const widthOfAll = (pieces: readonly Piece[]): number => pieces.reduce((sum, { text }) => sum + widthOf(text), 0)

/** As much of the pieces as fits; the first that does not is cut. */
function fitted(pieces: readonly Piece[], width: number, mark: string): Piece[] {
  const kept: Piece[] = []
  let left = width
  for (const { role, text } of pieces) {
    if (left <= 0) break
    const shown = cut(text, left, mark)
    kept.push({ role, text: shown })
    left -= widthOf(shown)
    if (shown !== text) break
  }
  return kept
}

/** The row as text of exactly that many cells, with the theme's colours. */
export function drawRow({ spans, right = [], isCursor = false }: Row, width: number, theme: Theme): string {
  const { glyphs, isAscii, paint } = theme
  const left = piecesOf(spans, isAscii)
  const end = piecesOf(right, isAscii)
  const endWidth = widthOfAll(end)
  const hasRoom = endWidth > 0 && widthOfAll(left) + 1 + endWidth <= width
  const shown = fitted(left, width, glyphs.ellipsis)
  const space = { role: 'plain', text: ' '.repeat(Math.max(0, width - widthOfAll(shown) - (hasRoom ? endWidth : 0))) } as const
  const all = [...shown, space, ...(hasRoom ? end : [])]
  if (isCursor && theme.isColoured) return paint('bar', all.map(({ text }) => text).join(''))
  return all.map(({ role, text }) => paint(role, text)).join('')
}

/** The whole row as one line of words, however long: a screen reader reads it, a terminal wraps it. */
export function spokenText({ spans, right = [] }: Row, { isAscii }: Theme): string {
  const text = [...spans, ...(right.length > 0 ? ['  ', ...right] : [])]
    .map((span) => screenText(typeof span === 'string' ? span : span[1], isAscii))
    .join('')
  return text.trimEnd()
}

/** One cell of a table: exactly so wide. */
export function cell(text: string, width: number, theme: Theme, options: { role?: Role; isRight?: boolean } = {}): Span {
  const shown = pad(cut(screenText(text, theme.isAscii), width, theme.glyphs.ellipsis), width, options.isRight)
  return options.role === undefined ? shown : [options.role, shown]
}

/** The titles above the columns of a table, behind its gutter. */
export function headingRow(
  columns: readonly { readonly title: string; readonly width: number; readonly isRight?: boolean }[],
  gutter: number,
): Row {
  const titles = columns.map(({ title, width, isRight = false }) => pad(title, width, isRight))
  return row(' '.repeat(gutter), ['dim', titles.join(' ')])
}
