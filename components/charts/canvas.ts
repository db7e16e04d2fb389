// A canvas of braille dots, 2 wide and 4 high in each cell, y counted upwards from the floor. Knows dots and inks, never what they mean.

/** A glyph and the ink that last touched its cell; null where nothing was drawn. */
export interface CanvasCell {
  readonly glyph: string
  readonly ink: number | null
}

/** Dots that lie outside are left out. */
export interface Canvas {
  readonly set: (x: number, y: number, ink: number) => void
  /** Takes a dot away; the cell keeps its ink. */
  readonly clear: (x: number, y: number) => void
  /** Every dot from one point to the other, both included. Whole coordinates only. */
  readonly line: (fromX: number, fromY: number, toX: number, toY: number, ink: number) => void
  /** Every dot of a column from one height to another, both included. */
  readonly bar: (x: number, fromY: number, toY: number, ink: number) => void
  readonly rows: () => string[]
  readonly cells: () => CanvasCell[][]
}

export const DOTS_ACROSS = 2
export const DOTS_DOWN = 4
const BLANK = 0x2800
/** The bit of a dot: by its column in the cell, then by its height from the cell's floor. */
const BITS = [
  [0x40, 0x04, 0x02, 0x01],
  [0x80, 0x20, 0x10, 0x08],
] as const

export function createCanvas(columns: number, rows: number): Canvas {
  const dots = new Uint8Array(columns * rows)
  const inks = new Int8Array(columns * rows).fill(-1)

  const cellAt = (x: number, y: number): number => (rows - 1 - Math.floor(y / DOTS_DOWN)) * columns + Math.floor(x / DOTS_ACROSS)
  const isInside = (x: number, y: number): boolean => x >= 0 && y >= 0 && x < columns * DOTS_ACROSS && y < rows * DOTS_DOWN
  const bitAt = (x: number, y: number): number => BITS[x % DOTS_ACROSS]?.[y % DOTS_DOWN] ?? 0

  function set(x: number, y: number, ink: number): void {
    if (!isInside(x, y)) return
    const cell = cellAt(x, y)
    dots[cell] = (dots[cell] ?? 0) | bitAt(x, y)
    inks[cell] = ink
  }

  function clear(x: number, y: number): void {
    if (!isInside(x, y)) return
    const cell = cellAt(x, y)
    dots[cell] = (dots[cell] ?? 0) & ~bitAt(x, y)
  }

  function line(fromX: number, fromY: number, toX: number, toY: number, ink: number): void {
    const steps = Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY))
    for (let step = 0; step <= steps; step++) {
      const part = steps === 0 ? 0 : step / steps
      set(Math.round(fromX + (toX - fromX) * part), Math.round(fromY + (toY - fromY) * part), ink)
    }
  }

  const cells = (): CanvasCell[][] =>
    Array.from({ length: rows }, (_, row) =>
      Array.from({ length: columns }, (_, column) => {
        const bits = dots[row * columns + column] ?? 0
        const ink = inks[row * columns + column] ?? -1
        return { glyph: bits === 0 ? ' ' : String.fromCodePoint(BLANK + bits), ink: ink < 0 ? null : ink }
      }),
    )

  return {
    set,
    clear,
    line,
    bar: (x, fromY, toY, ink) => line(x, fromY, x, toY, ink),
    rows: () => cells().map((row) => row.map(({ glyph }) => glyph).join('')),
    cells,
  }
}
