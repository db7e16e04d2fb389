// A program in a real pseudo-terminal with an emulator behind it: presses keys, reads the screen, waits for frames.
// It never sleeps: every wait ends with an event or at a named bound, with the last frame in its message.

import { constants } from 'node:os'
import type { Cell, Emulator } from './emulator.ts'
import { createEmulator } from './emulator.ts'
import type { MouseAction } from './keys.ts'
import { bytesOfKey, bytesOfMouse, bytesOfPaste } from './keys.ts'
import { closeMaster, startProgram } from './pseudo-terminal.ts'
import type { Exit, Waits } from './waits.ts'
import { createWaits } from './waits.ts'

/** How long a frame, an end or a rest is waited for; generous, for a slow machine with much else to do. */
const WITHIN_MS = 15_000
/** A program that wrote nothing for so long has taken its input: Ink holds a lone escape back for 20 ms and a frame for 33 ms. */
const QUIET_MS = 50
/** A program that is never quiet is not waited for longer than this before the next key. */
const NEXT_KEY_WITHIN_MS = 2000
const RAW_BYTES_MAX = 256 * 1024 * 1024
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'NODE_COMPILE_CACHE']

export interface TerminalOptions {
  readonly command: string
  readonly args?: readonly string[]
  readonly columns: number
  readonly rows: number
  /** Beside PATH, HOME and TMPDIR; TERM is xterm-256color, with exact colours. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** A text or pattern in the frame's lines, joined by line ends, or a question to the lines themselves. */
export type Wanted = string | RegExp | ((frame: readonly string[]) => boolean)

interface Bound {
  /** Milliseconds. */
  readonly within?: number
}

export interface Terminal extends Hands, Eyes {
  readonly pid: number
  resize(columns: number, rows: number): void
  kill(signal: NodeJS.Signals): void
  /** The terminal goes away, as when its window is closed or its connection breaks. */
  hangUp(): void
  /** Ends whatever still runs and frees the terminal. */
  close(): Promise<void>
}

type Hands = ReturnType<typeof createHands>
type Eyes = ReturnType<typeof createEyes>

function environmentOf(own: Readonly<Record<string, string>>): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  return { ...Object.fromEntries(inherited), COLORTERM: 'truecolor', LC_ALL: 'C.UTF-8', ...own }
}

const nameOfSignal = (number: number): string | null => Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? null

/** A frame in a border, so that one sees where it ends. */
export function inBorder(frame: readonly string[], columns: number): string {
  const border = '─'.repeat(columns)
  return [`┌${border}┐`, ...frame.map((line) => `│${line}`), `└${border}┘`].join('\n')
}

const shows = (frame: readonly string[], wanted: Wanted): boolean => {
  if (typeof wanted === 'function') return wanted(frame)
  const text = frame.join('\n')
  return typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text)
}

const describeWanted = (wanted: Wanted): string => {
  if (typeof wanted === 'function') return 'a frame'
  return typeof wanted === 'string' ? JSON.stringify(wanted) : String(wanted)
}

/** What goes to the program. Each input waits until the program has taken the one before, so that an escape is glued to nothing. */
function createHands(emulator: Emulator, waits: Waits) {
  let isTaken = false
  const settled = async (): Promise<void> => {
    if (!isTaken) await waits.comesToRest(QUIET_MS, NEXT_KEY_WITHIN_MS)
    isTaken = true
  }
  const send = (raw: string): void => {
    isTaken = false
    emulator.input(raw)
  }
  // The bytes depend on the modes that the program set, so they are made when it has settled.
  const put = async (bytes: () => string): Promise<void> => {
    await settled()
    send(bytes())
  }
  return {
    /** Resolves when the program has taken what it was sent; one that never rests is given two seconds. */
    settled,
    /** Keys by name, each as a write of its own; see keys.ts. */
    async press(...keys: readonly string[]): Promise<void> {
      for (const key of keys) await put(() => bytesOfKey(key, emulator))
    },
    /** Text as from a fast typist: in one write. */
    type: (text: string): Promise<void> => put(() => text),
    paste: (text: string): Promise<void> => put(() => bytesOfPaste(text, { isBracketed: emulator.isPasteBracketed })),
    /** Column and row count from 1. */
    mouse: (action: MouseAction, column: number, row: number): Promise<void> => put(() => bytesOfMouse(action, column, row)),
    /** Bytes as they are, at once. */
    send,
    /** A key at once, whether the program has taken the one before or not. */
    sendKey: (key: string): void => send(bytesOfKey(key, emulator)),
  }
}

/** What is seen of the program. */
function createEyes(
  emulator: Emulator,
  waits: Waits,
  progress: { readonly written: number; readonly ended: Exit | null },
  chunks: string[],
) {
  return {
    /** The visible screen, a text for each row, without spaces at its end. */
    frame: (): string[] => emulator.frame(),
    styled: (): Cell[][] => emulator.styled(),
    /** What stays when the program has ended: the normal screen and all above it, wrapped lines whole again. */
    scrollback: (): string => emulator.scrollback(),
    /** The rows of the alternate screen, from 1, whose text ran on into the next row. */
    overflowingRows: (): number[] => emulator.overflowingRows(),
    isAlternate: (): boolean => emulator.isAlternate,
    columns: (): number => emulator.columns,
    hasEnded: (): boolean => progress.ended !== null,
    /** The last text that was sent to the terminal's clipboard. */
    clipboard: (): string | null => emulator.clipboard(),
    /** Bytes that the program wrote so far. */
    written: (): number => progress.written,
    raw(): string {
      if (progress.written > RAW_BYTES_MAX)
        throw new Error(`the program wrote ${progress.written} bytes; raw() keeps the first ${RAW_BYTES_MAX}`)
      return chunks.join('')
    },
    /** Resolves with the first whole frame that shows what is wanted. */
    until: (wanted: Wanted, { within = WITHIN_MS }: Bound = {}): Promise<string[]> =>
      waits.watch(`waiting for ${describeWanted(wanted)}`, within, () => {
        if (emulator.isDrawing && progress.ended === null) return undefined
        const frame = emulator.frame()
        return shows(frame, wanted) ? frame : undefined
      }),
    /** Resolves when the program has written nothing for `quietMs` and waits. */
    async idle({ quietMs = QUIET_MS, within = WITHIN_MS }: Bound & { readonly quietMs?: number } = {}): Promise<void> {
      if (await waits.comesToRest(quietMs, within)) return
      throw new Error(`waiting for ${quietMs} ms without output: not within ${within} ms; it wrote ${progress.written} bytes`)
    },
    exit: ({ within = WITHIN_MS }: Bound = {}): Promise<Exit> =>
      waits.watch('waiting for the end', within, () => progress.ended ?? undefined),
  }
}

export function openTerminal({ command, args = [], columns, rows, env = {}, cwd = process.cwd() }: TerminalOptions): Terminal {
  const pty = startProgram(command, args, { name: 'xterm-256color', cols: columns, rows, cwd, env: environmentOf(env) })
  const emulator = createEmulator(columns, rows)
  const chunks: string[] = []
  const progress = {
    pid: pty.pid,
    written: 0,
    unparsed: 0,
    ended: null as Exit | null,
    describe: (): string => `the last frame was\n${inBorder(emulator.frame(), emulator.columns)}`,
  }
  const waits = createWaits(progress)

  emulator.onInput((bytes) => {
    if (progress.ended === null) pty.write(bytes)
  })
  pty.onData((output) => {
    progress.written += Buffer.byteLength(output)
    progress.unparsed += 1
    if (progress.written <= RAW_BYTES_MAX) chunks.push(output)
    emulator.write(output, () => {
      progress.unparsed -= 1
      waits.tell()
    })
  })
  pty.onExit(({ exitCode, signal = 0 }) =>
    emulator.write('', () => {
      progress.ended = { exitCode, signal: nameOfSignal(signal) }
      waits.tell()
    }),
  )

  const eyes = createEyes(emulator, waits, progress, chunks)
  return {
    ...createHands(emulator, waits),
    ...eyes,
    pid: pty.pid,
    resize(columns, rows) {
      emulator.resize(columns, rows)
      pty.resize(columns, rows)
    },
    kill: (signal) => void process.kill(pty.pid, signal),
    hangUp: () => closeMaster(pty),
    async close() {
      if (progress.ended === null) process.kill(pty.pid, 'SIGKILL')
      await eyes.exit()
      closeMaster(pty)
      emulator.dispose()
    },
  }
}
