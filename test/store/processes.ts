// Processes of their own for tests and storms: started, listened to line by line, killed. Knows no test runner.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface Child {
  readonly pid: number
  /** The next line that the child writes to stdout; throws when it ends before. */
  readonly line: () => Promise<string>
  /** All lines so far. */
  readonly lines: readonly string[]
  readonly kill: (signal?: NodeJS.Signals) => void
  readonly say: (line: string) => void
  /** How it ended: an exit code or a signal. */
  readonly ended: Promise<number | NodeJS.Signals>
  /** Ends when it ended well; throws with what it wrote to stderr when it did not. */
  readonly done: () => Promise<void>
}

export interface ChildOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** As whom it runs; root alone may say so. */
  readonly uid?: number
  readonly gid?: number
}

/** Starts a script in a Node of its own; whoever starts it ends it. */
export function startProcess(script: URL, { args = [], env = {}, ...more }: ChildOptions = {}): Child {
  const path = fileURLToPath(script)
  const child = spawn(process.execPath, [path, ...args], {
    ...more,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1', ...env },
  })
  const lines: string[] = []
  const waiting: ((line: string | null) => void)[] = []
  let taken = 0
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  child.stdin.on('error', () => undefined)
  const reader = createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    const next = waiting.shift()
    if (next === undefined) return
    taken++
    next(line)
  })
  const outputEnded = new Promise<void>((resolve) => reader.on('close', resolve))
  const exited = new Promise<number | NodeJS.Signals>((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal ?? 'SIGKILL')))
  const ended = Promise.all([exited, outputEnded]).then(([how]) => {
    for (const next of waiting.splice(0)) next(null)
    return how
  })
  return {
    pid: child.pid ?? 0,
    lines,
    async line() {
      const known = lines[taken]
      if (known !== undefined) {
        taken++
        return known
      }
      const line = await Promise.race([new Promise<string | null>((resolve) => waiting.push(resolve)), ended.then(() => null)])
      if (line === null) throw new Error(`${path} ended (${await ended}) after ${lines.length} lines: ${errors}`)
      return line
    },
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    say: (line) => void child.stdin.write(`${line}\n`),
    ended,
    async done() {
      const how = await ended
      if (how !== 0) throw new Error(`${path} ended with ${how}: ${errors}\n${lines.join('\n')}`)
    },
  }
}

/** Does all jobs, so many at a time. */
export async function inParallel<T>(jobs: readonly T[], atOnce: number, work: (job: T) => Promise<void>): Promise<void> {
  const queue = [...jobs]
  const worker = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await work(job)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
