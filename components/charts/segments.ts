// Drawn rows as runs of one ink, for whoever colours them. Every glyph here is one column wide; stored text never comes in.

/** What a run is: a number is a series' place. Form tells series apart, too; colour never does so alone. */
export type Ink = 'axis' | 'gap' | 0 | 1

export interface Segment {
  readonly text: string
  readonly ink: Ink
}

export interface Cell {
  readonly glyph: string
  readonly ink: Ink
}

export type ChartMode = 'braille' | 'block' | 'ascii'

/** A text's cells. */
export const cellsOf = (text: string, ink: Ink): Cell[] => [...text].map((glyph) => ({ glyph, ink }))

export const blank = (columns: number): Cell[] => Array.from({ length: Math.max(0, columns) }, () => ({ glyph: ' ', ink: 'axis' }))

/** The row with the cells laid over it from a column on; what would lie outside is left out. */
export function laidOver(row: readonly Cell[], column: number, cells: readonly Cell[]): Cell[] {
  return row.map((cell, index) => cells[index - column] ?? cell)
}

/** The fewest segments that draw the row. A blank cell takes the ink before it. */
export function segmentsOf(row: readonly Cell[]): Segment[] {
  const segments: { text: string; ink: Ink }[] = []
  for (const { glyph, ink } of row) {
    const last = segments.at(-1)
    if (last !== undefined && (last.ink === ink || glyph === ' ')) last.text += glyph
    else segments.push({ text: glyph, ink })
  }
  return segments
}

/** A row without its inks. */
export const plainText = (row: readonly Segment[]): string => row.map(({ text }) => text).join('')
