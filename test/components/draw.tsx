// Frames of a state at its own size, as Ink writes them to a terminal of that size. Shows what goes over the wire, escapes and all.

import { EventEmitter } from 'node:events'
import { render } from 'ink'
import { Frame } from '../../components/app.tsx'
import type { Size, State } from '../../components/model/state.ts'

/** A terminal that keeps what is written to it. */
class Screen extends EventEmitter {
  readonly columns: number
  readonly rows: number
  readonly isTTY = true
  readonly written: string[] = []

  constructor({ columns, rows }: Size) {
    super()
    this.columns = columns
    this.rows = rows
  }

  write = (text: string): boolean => {
    this.written.push(text)
    return true
  }
}

/** What Ink writes for a state. `debug`: the whole frame in one piece, without moving the terminal's own cursor. */
export function wireOf(state: State): string {
  const screen = new Screen(state.size)
  const app = render(<Frame state={state} />, {
    stdout: screen as unknown as NodeJS.WriteStream,
    debug: true,
    patchConsole: false,
    exitOnCtrlC: false,
    isScreenReaderEnabled: state.setting.theme.isSpoken,
  })
  const [frame = ''] = screen.written
  app.unmount()
  return frame
}

const ESCAPE = String.fromCharCode(27)
const SGR = new RegExp(`${ESCAPE}\\[[\\d;]*m`, 'g')

export const withoutColour = (wire: string): string => wire.replace(SGR, '')

/** The lines of a frame as a person reads them. */
export function linesOf(state: State): string[] {
  return withoutColour(wireOf(state))
    .split('\n')
    .map((line) => line.trimEnd())
}
