// Frames as text files that a person reviews: what differs from run to run is replaced by something as wide, then compared line by line.
// UPDATE_FRAMES=1 writes them anew; nothing else does.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { createNames } from '../cli/session.ts'
import type { Terminal } from './terminal.ts'

/** How long a frame that differs is given to become the expected one. */
const FRAME_WITHIN_MS = 5000

interface Known {
  readonly names: Pick<ReturnType<typeof createNames>, 'hide'>
  readonly folder: string
}

const zeros = (text: string): string => text.replace(/\d/g, '0')
const pad = (name: string, width: number): string => name.padEnd(width, '·').slice(0, width)

/** What varies, the longest first; a name stands for the same token, key or short id wherever it is. */
const VARYING: readonly (readonly [RegExp, (text: string, known: Known) => string])[] = [
  [/[a-z0-9_]+_(?:live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}/g, (text, { names, folder }) => pad(names.hide(text, folder), text.length)],
  [/key_[0-9A-Za-z]{12}/g, (text, { names, folder }) => pad(names.hide(text, folder), text.length)],
  [/batch_\d+_[0-9A-Za-z]{12}/g, (text) => pad('<BATCH>', text.length)],
  [/(?<![0-9A-Za-z])[0-9A-Za-z]{12}(?![0-9A-Za-z])/g, (text, { names, folder }) => pad(names.hide(text, folder), text.length)],
  [/\b\d{4}-\d\d-\d\d\b/g, zeros],
  [/\d\d:\d\d(?::\d\d(?:\.\d+)?)?/g, zeros],
  [/\b[0-9a-f]{8,64}\b/g, (text) => 'h'.repeat(text.length)],
  [/\b\d+ (?:ms|s)\b/g, zeros],
  [/\b(?:process|pid) \d+/g, zeros],
]

export function withoutVariation(frame: readonly string[], known: Known): string[] {
  return frame.map((line) =>
    VARYING.reduce(
      (text, [pattern, replace]) => text.replace(pattern, (match) => replace(match, known)),
      line.replaceAll(known.folder, pad('<FOLDER>', known.folder.length)),
    ),
  )
}

function difference(expected: readonly string[], actual: readonly string[]): string {
  return Array.from({ length: Math.max(expected.length, actual.length) }, (_, row) => row)
    .filter((row) => expected[row] !== actual[row])
    .map((row) => `row ${row + 1}\n  is     ${actual[row] ?? '(none)'}\n  was    ${expected[row] ?? '(none)'}`)
    .join('\n')
}

/** Waits until the screen is as the file of this name says, or writes the file. */
export async function matchFrame(terminal: Terminal, path: string, known: Known): Promise<void> {
  const read = (): string[] => withoutVariation(terminal.frame(), known)
  await terminal.settled()
  if (process.env['UPDATE_FRAMES'] === '1') {
    await terminal.idle()
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${read().join('\n')}\n`)
    return
  }
  if (!existsSync(path)) throw new Error(`there is no frame ${path}; UPDATE_FRAMES=1 writes it, for a person to review`)
  const expected = readFileSync(path, 'utf8').replace(/\n$/, '').split('\n')
  const isAsExpected = (): boolean => read().join('\n') === expected.join('\n')
  await terminal.until(isAsExpected, { within: FRAME_WITHIN_MS }).catch(() => {
    throw new Error(`the screen is not the frame ${path}; UPDATE_FRAMES=1 writes it anew\n${difference(expected, read())}`)
  })
}
