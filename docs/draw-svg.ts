// Draws the screen of a terminal as SVG: runs of text at fixed places, lines and blocks as shapes, a window around them. It reads and writes no file.

import type { Cell, Colour } from '../test/robot/emulator.ts'
import type { Shape } from './glyphs.ts'
import { shapeOf } from './glyphs.ts'
import { paletteColour, WINDOW } from './palette.ts'

const CELL_WIDTH = 8.4
const CELL_HEIGHT = 18
const FONT_PX = 14
/** From a cell's top to the line that letters stand on. */
const BASELINE = 13
const PADDING = 12
const TITLE_HEIGHT = 28
/** A gap of so many spaces parts a run: less text, and a font that is too wide can't smear over it. */
const GAP = / {2,}/
const FONTS = 'ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace'

export interface Picture {
  readonly columns: number
  readonly rows: number
  readonly title?: string
}

interface Ink {
  readonly colour: string
  readonly background: string | null
  /** Attributes of the text besides its colour. */
  readonly manner: string
}

interface Run {
  readonly column: number
  readonly width: number
  readonly text: string
  readonly ink: Ink
}

const DIM = ' opacity=".6"'
/** Where it only matters whether a character is a shape. */
const ANY_CELL = { x: 0, y: 0, width: 1, height: 1 }

const short = (value: number): string => String(Math.round(value * 100) / 100)
const escaped = (text: string): string =>
  text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`).replace(/\p{Cc}/gu, '\ufffd')
const colourOf = (colour: Colour): string | null => (typeof colour === 'number' ? paletteColour(colour) : colour)

function inkOf({ foreground, background, isInverse, isBold, isDim, isItalic, isUnderlined }: Cell): Ink {
  const own = { colour: colourOf(foreground) ?? WINDOW.foreground, background: colourOf(background) }
  const { colour, background: behind } = isInverse ? { colour: own.background ?? WINDOW.background, background: own.colour } : own
  const manner = [isBold && ' class="b"', isDim && DIM, isItalic && ' font-style="italic"', isUnderlined && ' text-decoration="underline"']
  return { colour, background: behind, manner: manner.filter((attribute) => attribute !== false).join('') }
}

const isSameInk = (one: Ink, other: Ink): boolean =>
  one.colour === other.colour && one.background === other.background && one.manner === other.manner

/** Neighbouring cells of one kind; a wide character stands alone, so that it takes its two cells in any font. */
function runsOf(cells: readonly Cell[]): Run[] {
  const runs: Run[] = []
  for (const [column, cell] of cells.entries()) {
    if (cell.width === 0) continue
    const ink = inkOf(cell)
    const last = runs.at(-1)
    if (last !== undefined && cell.width === 1 && cell.text.length === 1 && last.width === last.text.length && isSameInk(last.ink, ink)) {
      runs[runs.length - 1] = { ...last, width: last.width + 1, text: last.text + cell.text }
    } else runs.push({ column, width: cell.width, text: cell.text, ink })
  }
  return runs
}

/** The words of a run that are text, without the gaps between them and without what is drawn as shapes. */
function wordsOf({ column, width, text, ink }: Run): Run[] {
  if (width !== text.length) return [{ column, width, text, ink }]
  const letters = [...text].map((character) => (shapeOf(character, ANY_CELL) === null ? character : ' '))
  const words: Run[] = []
  let at = 0
  for (const part of letters.join('').split(/( {2,})/)) {
    const word = part.trim()
    const start = at + part.length - part.trimStart().length
    if (word !== '' && !GAP.test(word)) words.push({ column: column + start, width: word.length, text: word, ink })
    at += part.length
  }
  return words
}

function drawText({ column, width, text, ink }: Run, row: number): string {
  const colour = ink.colour === WINDOW.foreground ? '' : ` fill="${ink.colour}"`
  const place = `x="${short(column * CELL_WIDTH)}" y="${row * CELL_HEIGHT + BASELINE}"`
  const length = width === 1 ? '' : ` textLength="${short(width * CELL_WIDTH)}" lengthAdjust="spacingAndGlyphs"`
  return `<text ${place}${length}${colour}${ink.manner}>${escaped(text)}</text>`
}

/** The cells of a run that are drawn as shapes; the same line or block again and again is one wide cell. */
function shapesOf({ column, width, text }: Run, row: number): Shape[] {
  if (width !== text.length) return []
  return [...text.matchAll(/([─━═▁▂▃▄▅▆▇█▀])\1*|./g)].flatMap(({ 0: characters, index }) => {
    const cell = { x: (column + index) * CELL_WIDTH, y: row * CELL_HEIGHT, width: characters.length * CELL_WIDTH, height: CELL_HEIGHT }
    return shapeOf(characters[0] ?? '', cell) ?? []
  })
}

/** All shapes of one colour are one path. */
function drawShapes(lines: readonly (readonly Run[])[]): string[] {
  const paths = new Map<string, string>()
  const add = (attributes: string, data: string): void => {
    if (data !== '') paths.set(attributes, (paths.get(attributes) ?? '') + data)
  }
  for (const [row, runs] of lines.entries()) {
    for (const run of runs) {
      const dim = run.ink.manner.includes(DIM) ? DIM : ''
      for (const { fill, stroke } of shapesOf(run, row)) {
        add(`fill="${run.ink.colour}"${dim}`, fill)
        add(`fill="none" stroke="${run.ink.colour}"${dim}`, stroke)
      }
    }
  }
  return [...paths].map(([attributes, data]) => `<path ${attributes} d="${data}"/>`)
}

/** Neighbours with one background are one area, without a seam. */
function drawBackgrounds(runs: readonly Run[], row: number): string[] {
  const areas: { column: number; width: number; colour: string | null }[] = []
  for (const { column, width, ink } of runs) {
    const last = areas.at(-1)
    if (last?.colour === ink.background) last.width += width
    else areas.push({ column, width, colour: ink.background })
  }
  return areas.flatMap(({ column, width, colour }) => {
    if (colour === null) return []
    const place = `x="${short(column * CELL_WIDTH)}" y="${row * CELL_HEIGHT}" width="${short(width * CELL_WIDTH)}" height="${CELL_HEIGHT}"`
    return [`<rect ${place} fill="${colour}"/>`]
  })
}

/** The picture of a screen as it was read by a terminal's `styled()`. */
export function drawSvg(cells: readonly (readonly Cell[])[], { columns, rows, title = '' }: Picture): string {
  const width = Math.ceil(columns * CELL_WIDTH + 2 * PADDING)
  const height = Math.ceil(rows * CELL_HEIGHT + 2 * PADDING + TITLE_HEIGHT)
  const lines = cells.slice(0, rows).map((line) => runsOf(line.slice(0, columns)))
  const lights = [0, 1, 2].map((index) => `<circle cx="${18 + index * 18}" cy="15" r="5" fill="${WINDOW.border}"/>`)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title><style>.b{font-weight:700}</style>`,
    `<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8" fill="${WINDOW.background}" stroke="${WINDOW.border}"/>`,
    `${lights.join('')}<g font-family="${FONTS}" font-size="${FONT_PX}" fill="${WINDOW.foreground}" xml:space="preserve">`,
    title === '' ? '' : `<text x="${width / 2}" y="20" text-anchor="middle" font-size="12" fill="${WINDOW.title}">${escaped(title)}</text>`,
    `<g transform="translate(${PADDING} ${PADDING + TITLE_HEIGHT})">`,
    ...lines.flatMap(drawBackgrounds),
    ...drawShapes(lines),
    ...lines.flatMap((runs, row) => runs.flatMap(wordsOf).map((run) => drawText(run, row))),
    '</g></g></svg>\n',
  ].join('\n')
}
