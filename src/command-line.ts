// The command-line door: real streams and signals around the command line, and the one place where its faults end.

import { runCommandLine } from './cli/run.ts'
import type { AppOptions, Terminal } from './cli/terminal.ts'
import type { Manager } from './manager.ts'
import { examineFiles, openManager, openUpkeep } from './open-manager.ts'

declare const __VERSION__: string

const MAX_STDIN_BYTES = 64 * 1024
/** How long a command that only read waits for its counts to be written. */
const COUNTS_WAIT_MS = 1000

/** Standard input up to a bound, as one text without its last line end. */
async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size > MAX_STDIN_BYTES) break
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

/** Asks on the terminal; what is typed is drawn only when it is no secret. */
async function ask(question: string, isHidden: boolean): Promise<string> {
  const { createInterface } = await import('node:readline')
  const { Writable } = await import('node:stream')
  process.stderr.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: isHidden ? silent : process.stderr, terminal: true })
  return new Promise((resolve) => {
    lines.once('line', (answer) => {
      resolve(answer)
      lines.close()
      if (isHidden) process.stderr.write('\n')
    })
    lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
    // The end of the input is an empty answer; after a line it comes too late to matter.
    lines.once('close', () => resolve(''))
  })
}

/** Closes within a second, so that counts that can't be written don't hold an answer up. */
async function closeSoon(manager: Manager, warn: (message: string) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), COUNTS_WAIT_MS)
  })
  try {
    const ended = await Promise.race([manager.close(), tooLong])
    if (ended === 'late') warn('the counts of this command could not be written within a second and are lost')
  } catch (error) {
    warn(`the counts of this command could not be written and are lost: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    clearTimeout(timer)
  }
}

/** `openApp`: loads the terminal app, which a command line that draws nothing does without. */
export async function main(openApp: (options: AppOptions) => Promise<number>): Promise<void> {
  // The arguments may hold a token; other users could read them in the list of processes.
  process.title = 'keywright'
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 4))
  const interrupted = new AbortController()
  process.once('SIGINT', () => {
    interrupted.abort()
    setTimeout(() => process.exit(130), 200).unref()
  })
  const terminal: Terminal = {
    version: __VERSION__,
    isOutputTTY: process.stdout.isTTY === true,
    isInputTTY: process.stdin.isTTY === true && process.stderr.isTTY === true,
    columns: process.stdout.columns || 80,
    environment: process.env,
    writeOut: (text) => void process.stdout.write(text),
    writeError: (text) => void process.stderr.write(text),
    readInput: readStandardInput,
    ask,
    signal: interrupted.signal,
    drawTable: async (table) => (await import('../components/printed-table.tsx')).drawTable(table),
    open: (options) => openManager(options, 'cli'),
    examine: examineFiles,
    upkeep: openUpkeep,
    closeSoon,
    now: Date.now,
    isAppPossible: process.stdin.isTTY === true && process.stdout.isTTY === true,
    openApp: (options) => {
      // From here on the app has the signals and the terminal.
      process.removeAllListeners('SIGINT')
      process.stdout.removeAllListeners('error')
      return openApp(options)
    },
  }
  const code = await runCommandLine(process.argv.slice(2), terminal)
  const exitCode = interrupted.signal.aborted ? 130 : code
  process.stdout.write('', () => process.exit(exitCode))
}
