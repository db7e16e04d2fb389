// What stands above the axis, in three manners: dots, eighth blocks, ASCII. The first series is drawn behind, the second before it.

import { BLOCK_MARKS } from '../../src/domain/sparkline.ts'
import { createCanvas, DOTS_ACROSS, DOTS_DOWN } from './canvas.ts'
import type { Values } from './resample.ts'
import { sloped, stepped } from './resample.ts'
import { levelOf } from './scale.ts'
import type { Cell, ChartMode } from './segments.ts'

export interface Plot {
  readonly behind: Values
  readonly before: Values
  readonly columns: number
  readonly rows: number
  /** The value at the upper edge. */
  readonly top: number
}

const BLANK: Cell = { glyph: ' ', ink: 'axis' }

export interface Manner {
  readonly stepsPerRow: number
  readonly draw: (plot: Plot) => Cell[][]
  /** How the legend shows each series, and a gap. */
  readonly samples: readonly [string, string]
  readonly gap: string
  readonly axis: {
    readonly side: string
    readonly sideTick: string
    readonly corner: string
    readonly floor: string
    readonly tick: string
  }
}

/** Where a step is small, the least call is one step above zero; a row of ASCII is too much for that, and marks zero in another way. */
const ONE_STEP = 1

/** Heights in steps; null where nothing was counted. */
const levelsOf = (values: Values, top: number, steps: number, least: number): (number | null)[] =>
  values.map((value) => (value === null ? null : levelOf(value, top, steps, least)))

/** The same for what stands before: no height where there was no call, so that nothing hides what is behind. */
const frontOf = (values: Values, top: number, steps: number, least: number): (number | null)[] =>
  values.map((value) => (value === null || value === 0 ? null : levelOf(value, top, steps, least)))

/** A line over a sparse body, and solid bars before it. Where the bars are higher, the line is cut out of them. */
function drawBraille({ behind, before, columns, rows, top }: Plot): Cell[][] {
  const canvas = createCanvas(columns, rows)
  const steps = rows * DOTS_DOWN - 1
  const line = levelsOf(sloped(behind, columns * DOTS_ACROSS), top, steps, ONE_STEP)
  const bars = frontOf(stepped(before, columns * DOTS_ACROSS), top, steps, ONE_STEP)
  for (const [x, level] of line.entries()) {
    if (level === null) continue
    const previous = line[x - 1] ?? null
    canvas.line(previous === null ? x : x - 1, previous ?? level, x, level, 0)
    if (x % DOTS_ACROSS === 0) for (let y = 1; y < level; y += 2) canvas.set(x, y, 0)
  }
  for (const [x, level] of bars.entries()) {
    if (level === null) continue
    canvas.bar(x, 0, level, 1)
    const cut = line[x] ?? null
    if (cut !== null && cut < level) canvas.clear(x, cut)
  }
  return canvas.cells().map((row) => row.map(({ glyph, ink }) => ({ glyph, ink: ink === 1 ? 1 : 0 })))
}

/** A column's heights: of the series behind, of the one before it, and of the series behind in the column to the left. */
interface Heights {
  readonly back: number | null
  readonly isZero: boolean
  readonly front: number | null
  readonly left: number | null
}

/** What stands in a row of a column, counted from the floor; null: nothing. */
type CellAt = (heights: Heights, row: number) => Cell | null

function drawColumns({ behind, before, columns, rows, top }: Plot, stepsPerRow: number, least: number, cellAt: CellAt): Cell[][] {
  const steps = rows * stepsPerRow - 1
  const values = stepped(behind, columns)
  const back = levelsOf(values, top, steps, least)
  const front = frontOf(stepped(before, columns), top, steps, least)
  const heights = back.map((level, x) => ({ back: level, isZero: values[x] === 0, front: front[x] ?? null, left: back[x - 1] ?? null }))
  return Array.from({ length: rows }, (_, row) => heights.map((column) => cellAt(column, rows - 1 - row) ?? BLANK))
}

const EIGHTHS = BLOCK_MARKS.length
const FULL = '█'
const SHADE = '▒'

/** The cell of a column that ends in eighths; null above its end. */
function eighths(level: number, row: number, body: string): string | null {
  const own = level - row * EIGHTHS
  return own < 0 ? null : own >= EIGHTHS ? body : (BLOCK_MARKS[own] ?? null)
}

/** Full columns behind, shaded ones before them. Where the shaded are higher, the end of the full one is seen in them. */
function blockCell({ back, front }: Heights, row: number): Cell | null {
  const behind = back === null ? null : eighths(back, row, FULL)
  const before = front === null ? null : eighths(front, row, SHADE)
  const isEndOfBack = back !== null && Math.floor(back / EIGHTHS) === row
  if (before === SHADE && isEndOfBack) return { glyph: FULL, ink: 0 }
  if (before !== null) return { glyph: before, ink: 1 }
  return behind === null ? null : { glyph: behind, ink: 0 }
}

/** A line behind, full columns before it. Where the columns are higher, the line is seen in them. Zero is a line of its own form. */
function asciiCell({ back, isZero, front, left }: Heights, row: number): Cell | null {
  if (front !== null && row <= front && (row !== back || row === front)) return { glyph: 'x', ink: 1 }
  if (row === back) return { glyph: isZero ? '-' : '*', ink: 0 }
  if (back === null || left === null) return null
  return row > Math.min(back, left) && row < Math.max(back, left) ? { glyph: '|', ink: 0 } : null
}

const LINES = { side: '│', sideTick: '┤', corner: '┼', floor: '─', tick: '┬' } as const

export const MANNERS: Record<ChartMode, Manner> = {
  braille: { stepsPerRow: DOTS_DOWN, draw: drawBraille, samples: ['⡠⠊', '⣿⣿'], gap: '·', axis: LINES },
  block: {
    stepsPerRow: EIGHTHS,
    draw: (plot) => drawColumns(plot, EIGHTHS, ONE_STEP, blockCell),
    samples: [FULL + FULL, SHADE + SHADE],
    gap: '·',
    axis: LINES,
  },
  ascii: {
    stepsPerRow: 1,
    draw: (plot) => drawColumns(plot, 1, 0, asciiCell),
    samples: ['**', 'xx'],
    gap: '.',
    axis: { side: '|', sideTick: '+', corner: '+', floor: '-', tick: '+' },
  },
}
