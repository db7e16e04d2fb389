// Standard input as the app reads it: everything but mouse reports, which are told apart and handed over as rows and turns.

import { PassThrough } from 'node:stream'
import type { ReadStream } from 'node:tty'

const ESCAPE = '\u001b'
/** SGR mouse reports: button, column, row, and M for a press. */
const REPORT = new RegExp(`${ESCAPE}\\[<(\\d{1,4});(\\d{1,5});(\\d{1,5})([Mm])`, 'g')
/** A report that is not finished yet. */
const UNFINISHED = new RegExp(`${ESCAPE}\\[<[\\d;]*$`)
const MAX_UNFINISHED = 32
const WHEEL_UP = 64
const WHEEL_DOWN = 65

export interface MouseListener {
  /** `row`: from 0. */
  readonly onClick: (row: number) => void
  readonly onWheel: (by: number) => void
}

/** A stream that Ink takes for a terminal, fed from standard input. `onEnd`: the terminal went away. */
export function openTerminalInput(source: ReadStream, mouse: MouseListener, onEnd: () => void): NodeJS.ReadStream {
  const through = new PassThrough()
  let rest = ''
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const take = (chunk: Buffer): void => {
    const text = rest + decoder.decode(chunk, { stream: true })
    const unfinished = UNFINISHED.exec(text)?.[0] ?? ''
    rest = unfinished.length <= MAX_UNFINISHED ? unfinished : ''
    const keys = text.slice(0, text.length - rest.length).replace(REPORT, (_, button: string, __, row: string, end: string) => {
      report(Number(button), Number(row) - 1, end === 'M', mouse)
      return ''
    })
    if (keys !== '') through.write(keys)
  }
  source.on('data', take)
  source.once('end', onEnd)
  source.once('close', onEnd)
  source.on('error', onEnd)
  return Object.assign(through, {
    isTTY: true,
    setRawMode(isRaw: boolean) {
      source.setRawMode(isRaw)
      return through
    },
    ref() {
      source.ref()
      source.resume()
    },
    unref() {
      source.pause()
      source.unref()
    },
  }) as unknown as NodeJS.ReadStream
}

function report(button: number, row: number, isPress: boolean, { onClick, onWheel }: MouseListener): void {
  if (!isPress) return
  if (button === WHEEL_UP) onWheel(-1)
  else if (button === WHEEL_DOWN) onWheel(1)
  else if (button === 0) onClick(row)
}
