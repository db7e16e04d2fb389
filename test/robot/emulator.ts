// The screen of a terminal emulator: what a program wrote, as a person would see it. It never starts a program.

import type { IBuffer, IBufferCell } from '@xterm/headless'
import headless from '@xterm/headless'
import { presentDayWidths } from './widths.ts'

/** Lines kept above the screen; a robot's run fits, and a program gone wild is cut off. */
const SCROLLBACK_LINES = 10_000
const CLIPBOARD = 52

/** The terminal's own colour, one of its 256, or an exact one. */
export type Colour = null | number | `#${string}`

export interface Cell {
  /** Empty in the second half of a wide character. */
  readonly text: string
  readonly width: number
  readonly foreground: Colour
  readonly background: Colour
  readonly isBold: boolean
  readonly isDim: boolean
  readonly isItalic: boolean
  readonly isUnderlined: boolean
  readonly isInverse: boolean
}

export interface Emulator {
  /** Parses a piece of output and then calls back. */
  write(output: string, onParsed: () => void): void
  /** Something came from the keyboard: it goes to `onInput`, and the next output is parsed without delay. */
  input(bytes: string): void
  /** What goes to the program: keys, and the terminal's own answers to its questions. */
  onInput(listener: (bytes: string) => void): void
  resize(columns: number, rows: number): void
  /** The visible screen, a text for each row, without spaces at its end. */
  frame(): string[]
  styled(): Cell[][]
  /** What stays when the program has ended: the normal screen and all above it, wrapped lines whole again. */
  scrollback(): string
  /** The rows of the alternate screen, from 1, whose text ran on into the next row. */
  overflowingRows(): number[]
  clipboard(): string | null
  readonly columns: number
  readonly isAlternate: boolean
  /** Within a synchronized update; what is on the screen is half a frame. */
  readonly isDrawing: boolean
  readonly isApplicationMode: boolean
  readonly isPasteBracketed: boolean
  dispose(): void
}

const hex = (rgb: number): `#${string}` => `#${rgb.toString(16).padStart(6, '0')}`

function readCell(cell: IBufferCell): Cell {
  return {
    text: cell.getWidth() === 0 ? '' : cell.getChars() || ' ',
    width: cell.getWidth(),
    foreground: cell.isFgDefault() ? null : cell.isFgRGB() ? hex(cell.getFgColor()) : cell.getFgColor(),
    background: cell.isBgDefault() ? null : cell.isBgRGB() ? hex(cell.getBgColor()) : cell.getBgColor(),
    isBold: cell.isBold() !== 0,
    isDim: cell.isDim() !== 0,
    isItalic: cell.isItalic() !== 0,
    isUnderlined: cell.isUnderline() !== 0,
    isInverse: cell.isInverse() !== 0,
  }
}

function textOf(buffer: IBuffer): string {
  let text = ''
  for (let index = 0; index < buffer.length; index++) {
    const line = buffer.getLine(index)
    const isContinued = buffer.getLine(index + 1)?.isWrapped === true
    text += `${line?.translateToString(!isContinued) ?? ''}${isContinued ? '' : '\n'}`
  }
  return text.trimEnd()
}

export function createEmulator(columns: number, rows: number): Emulator {
  const terminal = new headless.Terminal({ cols: columns, rows, scrollback: SCROLLBACK_LINES, allowProposedApi: true })
  terminal.unicode.register(presentDayWidths)
  terminal.unicode.activeVersion = presentDayWidths.version
  let clipboard: string | null = null
  terminal.parser.registerOscHandler(CLIPBOARD, (data) => {
    clipboard = Buffer.from(data.slice(data.indexOf(';') + 1), 'base64').toString('utf8')
    return true
  })
  const visibleLines = () =>
    Array.from({ length: terminal.rows }, (_, row) => terminal.buffer.active.getLine(terminal.buffer.active.baseY + row))
  return {
    write: (output, onParsed) => terminal.write(output, onParsed),
    input: (bytes) => terminal.input(bytes),
    onInput: (listener) => void terminal.onData(listener),
    resize: (columns, rows) => terminal.resize(columns, rows),
    frame: () => visibleLines().map((line) => (line?.translateToString(true) ?? '').trimEnd()),
    styled: () =>
      visibleLines().map((line) =>
        Array.from({ length: terminal.cols }, (_, column) => line?.getCell(column)).flatMap((cell) =>
          cell === undefined ? [] : [readCell(cell)],
        ),
      ),
    scrollback: () => textOf(terminal.buffer.normal),
    overflowingRows: () => {
      if (terminal.buffer.active.type === 'normal') return []
      return visibleLines().flatMap((line, row) => (line?.isWrapped === true ? [row] : []))
    },
    clipboard: () => clipboard,
    get columns() {
      return terminal.cols
    },
    get isAlternate() {
      return terminal.buffer.active.type === 'alternate'
    },
    get isDrawing() {
      return terminal.modes.synchronizedOutputMode
    },
    get isApplicationMode() {
      return terminal.modes.applicationCursorKeysMode
    },
    get isPasteBracketed() {
      return terminal.modes.bracketedPasteMode
    },
    dispose: () => terminal.dispose(),
  }
}
