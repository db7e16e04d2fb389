// The steps that a story may take, each with what it does. A check waits until it holds; none of them sleeps.

import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { createNames } from '../cli/session.ts'
import { MAIN, shell } from '../cli/session.ts'
import type { Cell } from './emulator.ts'
import { matchFrame } from './frames.ts'
import type { MouseAction } from './keys.ts'
import type { Terminal } from './terminal.ts'
import { openTerminal } from './terminal.ts'

/** What `open` starts, and where its frames are kept. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly framesFolder: string
}

export const KEYWRIGHT: Program = {
  command: process.execPath,
  args: [MAIN],
  env: { NODE_ENV: 'production', KEYWRIGHT_ACTOR: 'ann' },
  framesFolder: join(import.meta.dirname, '../frames'),
}

export interface Stage {
  readonly folder: string
  readonly names: ReturnType<typeof createNames>
  /** In the order of their opening; steps are about the last. */
  readonly terminals: Terminal[]
  readonly program: Program
  readonly onPicture: (name: string, terminal: Terminal) => void
}

type Step = (stage: Stage, rest: string) => unknown

function terminalOf({ terminals }: Stage): Terminal {
  const terminal = terminals.at(-1)
  if (terminal === undefined) throw new Error('nothing is open: begin with a step like "open 80x24"')
  return terminal
}

/** A step about the open terminal, begun when the program has taken all that it was sent before. */
const onScreen =
  (step: (terminal: Terminal, rest: string) => unknown): Step =>
  async (stage, rest) => {
    const terminal = terminalOf(stage)
    await terminal.settled()
    await step(terminal, rest)
  }

function sizeOf(text: string): { columns: number; rows: number } {
  const [, columns, rows] = /^(\d+)x(\d+)$/.exec(text) ?? []
  if (columns === undefined || rows === undefined) throw new Error(`"${text}" is no size; write columns x rows, like 80x24`)
  return { columns: Number(columns), rows: Number(rows) }
}

/** Whether a text holds one of the wanted: `this | that`, each plain or a /pattern/. */
function holdsOneOf(text: string, wanted: string): boolean {
  return wanted.split(' | ').some((choice) => {
    const pattern = /^\/(.+)\/$/.exec(choice)?.[1]
    return pattern === undefined ? text.includes(choice) : new RegExp(pattern, 'm').test(text)
  })
}

/** Row 1, row 12 or the last row `has` or `lacks` something. */
function checkRow(terminal: Terminal, rest: string): Promise<unknown> {
  const [, place = '', verb, wanted = ''] = /^(\d+|last) (has|lacks) (.+)$/.exec(rest) ?? []
  if (verb === undefined) throw new Error('write "row 1 has TEXT", "row last has TEXT" or "row 3 lacks TEXT"')
  return terminal.until((frame) => {
    const line = (place === 'last' ? frame.at(-1) : frame[Number(place) - 1]) ?? ''
    return holdsOneOf(line, wanted) === (verb === 'has')
  })
}

function checkCursor(terminal: Terminal, rest: string): Promise<unknown> {
  const wanted = rest.replace(/^on /, '')
  return terminal.until((frame) => {
    const rows = frame.filter((line) => line.startsWith('>'))
    return rows.length === 1 && holdsOneOf(rows[0] ?? '', wanted)
  })
}

async function checkExit(terminal: Terminal, rest: string): Promise<void> {
  const { exitCode, signal } = await terminal.exit()
  const ending = signal ?? String(exitCode)
  if (ending !== rest) throw new Error(`the program ended with ${ending}, not with ${rest}`)
}

/** What may be absent: colours, or the box, block and braille characters that a screen reader would spell out. */
const ABSENCES: Readonly<Record<string, (cell: Cell) => boolean>> = {
  colour: ({ foreground, background }) => foreground !== null || background !== null,
  glyphs: ({ text }) => /[\u2500-\u259f\u2800-\u28ff]/.test(text),
}

function checkAbsence(terminal: Terminal, rest: string): void {
  const isPresent = ABSENCES[rest]
  if (isPresent === undefined) throw new Error(`write "no" with one of ${Object.keys(ABSENCES).join(', ')}`)
  const row = terminal.styled().findIndex((cells) => cells.some(isPresent))
  if (row !== -1) throw new Error(`row ${row + 1} has ${rest}`)
}

/** A file that the user asked for: it holds an issued token and only its owner may read it. It is removed, so that the last search finds none. */
function checkSecretFile({ folder, names }: Stage, rest: string): void {
  const path = join(folder, rest)
  const text = readFileSync(path, 'utf8')
  names.hide(text, folder)
  const mode = statSync(path).mode & 0o777
  if (mode !== 0o600) throw new Error(`${rest} has mode ${mode.toString(8)}, not 600`)
  if (!names.tokens().some((token) => text.includes(token))) throw new Error(`${rest} holds no token`)
  rmSync(path)
}

function checkClipboard(terminal: Terminal, rest: string): Promise<unknown> {
  return terminal.until(() => holdsOneOf(terminal.clipboard() ?? '', rest))
}

async function open({ program, folder, terminals }: Stage, rest: string): Promise<void> {
  const [size = '', ...words] = rest.split(' ')
  const firstArgument = words.findIndex((word) => !/^[A-Z_]+=/.test(word))
  const settings = firstArgument === -1 ? words : words.slice(0, firstArgument)
  const env = {
    ...program.env,
    ...Object.fromEntries(settings.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)])),
  }
  const args = [...program.args, ...words.slice(settings.length)]
  const terminal = openTerminal({ command: program.command, args, env, cwd: folder, ...sizeOf(size) })
  terminals.push(terminal)
  await terminal.until((frame) => frame.some((line) => line !== ''))
}

function run({ folder, names, program }: Stage, command: string): void {
  const { stdout, stderr, code } = shell(command, folder, program.env)
  names.hide(stdout + stderr, folder)
  if (code !== 0) throw new Error(`the command ended with ${code}\n${stdout}${stderr}`)
}

export const STEPS: Readonly<Record<string, Step>> = {
  // The robot does not read while the command runs, so the program should be at rest before: what it writes meanwhile must fit into the terminal.
  async $(stage, rest) {
    await stage.terminals.at(-1)?.settled()
    run(stage, rest)
  },
  open,
  size: onScreen((terminal, rest) => {
    const { columns, rows } = sizeOf(rest)
    terminal.resize(columns, rows)
  }),
  press: onScreen((terminal, rest) => terminal.press(...rest.split(' '))),
  type: onScreen((terminal, rest) => terminal.type(rest)),
  paste: onScreen((terminal, rest) => terminal.paste(rest)),
  // mouse click COLUMN ROW, mouse wheel-up COLUMN ROW, mouse wheel-down COLUMN ROW
  mouse: onScreen((terminal, rest) => {
    const [action, column, row] = rest.split(' ')
    return terminal.mouse(action as MouseAction, Number(column), Number(row))
  }),
  see: onScreen((terminal, rest) => terminal.until((frame) => holdsOneOf(frame.join('\n'), rest))),
  unseen: onScreen((terminal, rest) => terminal.until((frame) => !holdsOneOf(frame.join('\n'), rest))),
  row: onScreen(checkRow),
  cursor: onScreen(checkCursor),
  no: onScreen(checkAbsence),
  clipboard: onScreen(checkClipboard),
  secret: checkSecretFile,
  frame: (stage, rest) => matchFrame(terminalOf(stage), join(stage.program.framesFolder, `${rest}.txt`), stage),
  picture: async (stage, rest) => {
    await terminalOf(stage).idle()
    stage.onPicture(rest, terminalOf(stage))
  },
  // Waits until the program has written nothing for so many milliseconds: a dialog takes no key in its first 300.
  idle: onScreen((terminal, rest) => terminal.idle({ quietMs: Number(rest) })),
  kill: onScreen((terminal, rest) => terminal.kill(rest as NodeJS.Signals)),
  hangup: onScreen((terminal) => terminal.hangUp()),
  exit: (stage, rest) => checkExit(terminalOf(stage), rest),
}
