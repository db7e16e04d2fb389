// Plays a story: a user's script as plain text, one step a line, against a real program in a real terminal. story-steps.ts lists the steps.
// After each step it looks whether the screen keeps its promises, and at the end whether any secret stayed behind. It changes no file of its own.
//
//   # An admin revokes a key                      a comment
//   $ keywright generate --user ann --name api    a command for sh in the story's folder, whether the app is open or not; it must succeed
//   open 80x24                                    the program; words behind the size are NAME=value for its environment, then arguments
//   see No keys yet | 1 key                       waits until one of these is on the screen; /…/ is a pattern
//   press X
//   see Type revoke to confirm
//   type left the company
//   press tab r esc
//   row 1 has verified to 12                      cursor on api: the one row that begins with ">" holds this
//   exit 0

import { readFileSync } from 'node:fs'
import { allFiles, createNames, inFolderAsync } from '../cli/session.ts'
import type { Program, Stage } from './story-steps.ts'
import { KEYWRIGHT, STEPS } from './story-steps.ts'
import type { Terminal } from './terminal.ts'
import { inBorder } from './terminal.ts'

export interface StoryStep {
  readonly line: number
  readonly verb: string
  readonly rest: string
}

interface Options {
  readonly program?: Program
  /** Called by the step `picture NAME`. */
  readonly onPicture?: (name: string, terminal: Terminal) => void
}

/** Reads the whole story before anything is started, so that a misspelt step is found first. */
export function readStory(path: string): StoryStep[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((text, index) => ({ text: text.trim(), line: index + 1 }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'))
    .map(({ text, line }) => {
      const [, verb = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(text) ?? []
      if (Object.hasOwn(STEPS, verb)) return { line, verb, rest }
      throw new Error(`${path}:${line}: there is no step "${verb}"; the steps are ${Object.keys(STEPS).join(' ')}`)
    })
}

/** What a screen promises at every moment: at most one row has the cursor, and nothing runs over the edge. */
export function brokenPromise(frame: readonly string[], overflowingRows: readonly number[]): string | null {
  const cursors = frame.flatMap((line, row) => (line.startsWith('>') ? [row + 1] : []))
  if (cursors.length > 1) return `rows ${cursors.join(', ')} begin with ">": at most one may`
  if (overflowingRows.length > 0) return `rows ${overflowingRows.join(', ')} are wider than the terminal`
  return null
}

async function playStep({ verb, rest }: StoryStep, stage: Stage): Promise<void> {
  await STEPS[verb]?.(stage, stage.names.reveal(rest))
  const terminal = stage.terminals.at(-1)
  if (terminal === undefined) return
  await terminal.settled()
  // Tokens that come to be known by the clipboard or a reveal get their names too, and are looked for at the end.
  stage.names.hide(`${terminal.frame().join('\n')}\n${terminal.clipboard() ?? ''}`, stage.folder)
  if (terminal.hasEnded()) return
  const broken = brokenPromise(terminal.frame(), terminal.overflowingRows())
  if (broken !== null) throw new Error(broken)
}

/** Where a story failed, why, and what was on the screen. */
function failure(path: string, { line, verb, rest }: StoryStep, error: unknown, stage: Stage): Error {
  const terminal = stage.terminals.at(-1)
  const reason = error instanceof Error ? error.message : String(error)
  const frame = terminal === undefined || reason.includes('the last frame was') ? '' : `\n${inBorder(terminal.frame(), terminal.columns())}`
  return new Error(`${path}:${line}: ${verb} ${rest}\n${reason}${frame}`, { cause: error })
}

/** No token is left in what stays on the terminals or in any file of the folder. */
function searchForSecrets(path: string, stage: Stage): void {
  const scrollback = stage.terminals.map((terminal) => terminal.scrollback()).join('\n')
  const files = allFiles(stage.folder)
  for (const token of stage.names.tokens()) {
    const name = stage.names.hide(token, stage.folder)
    if (scrollback.includes(token)) throw new Error(`${path}: ${name} stayed in the scrollback of the terminal`)
    if (files.includes(token)) throw new Error(`${path}: ${name} stayed in a file; one that may hold it is named by the step "secret"`)
  }
}

/** Plays a story in a folder of its own; rejects with the step's line, its reason and the last frame. */
export async function playStory(path: string, { program = KEYWRIGHT, onPicture = () => {} }: Options = {}): Promise<void> {
  const steps = readStory(path)
  await inFolderAsync(async (folder) => {
    const stage: Stage = { folder, names: createNames(), terminals: [], program, onPicture }
    try {
      for (const step of steps) {
        try {
          await playStep(step, stage)
        } catch (error) {
          throw failure(path, step, error, stage)
        }
      }
      searchForSecrets(path, stage)
    } finally {
      for (const terminal of stage.terminals) await terminal.close()
    }
  })
}
