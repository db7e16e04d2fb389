// Runs a command-line session that is written as text: commands, what they print on stdout and stderr, and their exit codes.
//
//   $ keywright show <KEY1>        a command for sh, in a folder of its own; <KEY1> stands for what was printed before
//   id <KEY1>                      what it prints on stdout
//   ! keywright: …                 what it prints on stderr
//   ? 3                            its exit code, where it is not 0
//
// What differs from run to run is named in the order of its appearance: <TOKEN1>, <KEY1>, <SHORT1>, <TIME>, <HASH> …

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const MAIN = join(import.meta.dirname, '../../dist/main.js')
const TOKEN = /[a-z0-9_]+_(?:live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}/g

export interface Step {
  readonly command: string
  readonly expected: string
}

export function readSession(path: string): Step[] {
  const blocks = readFileSync(path, 'utf8').split(/^\$ /m).slice(1)
  return blocks.map((block) => {
    const [command = '', ...rest] = block.split('\n')
    return { command, expected: rest.filter((line) => line !== '' && !line.startsWith('# ')).join('\n') }
  })
}

/** Names for what differs from run to run, and what they stand for. */
export function createNames() {
  const byValue = new Map<string, string>()
  const counts = new Map<string, number>()
  const nameOf = (kind: string, value: string): string => {
    const known = byValue.get(value)
    if (known !== undefined) return known
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    byValue.set(value, `<${kind}${count}>`)
    return `<${kind}${count}>`
  }
  const noteToken = (token: string): string => {
    const name = nameOf('TOKEN', token)
    nameOf('SHORT', token.split('_').at(-2) as string)
    return name
  }
  return {
    tokens: () => [...byValue.keys()].filter((value) => value.length > 60),
    hide(text: string, folder: string): string {
      let hidden = text.replace(TOKEN, noteToken)
      hidden = hidden.replace(/key_[0-9A-Za-z]{12}/g, (id) => nameOf('KEY', id)).replace(/batch_\d+_[0-9A-Za-z]{12}/g, '<BATCH>')
      for (const [value, name] of byValue) if (name.startsWith('<SHORT')) hidden = hidden.replaceAll(value, name)
      return hidden
        .replaceAll(folder, '<FOLDER>')
        .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z?/g, '<TIME>')
        .replace(/\b[0-9a-f]{64}\b/g, '<HASH>')
        .replace(/process \d+ on \S+/g, 'process <PID> on <HOST>')
        .replace(/"(osUser|host)":"[^"]*"/g, '"$1":"…"')
        .replace(/again in \d+ ms/g, 'again in <N> ms')
        .replace(/"retryAfterMs":[1-9]\d*/g, '"retryAfterMs":<N>')
    },
    /** The command with the names replaced by what they stand for. */
    reveal(command: string): string {
      return [...byValue].reduce((text, [value, name]) => text.replaceAll(name, value), command)
    },
  }
}

export interface Ran {
  readonly stdout: string
  readonly stderr: string
  readonly code: number
}

const OUTSIDE = ['PATH', 'HOME', 'TMPDIR', 'NODE_COMPILE_CACHE']

/** Runs a command as sh would, with `keywright` being this build. */
export function shell(command: string, folder: string, more: Readonly<Record<string, string>> = {}): Ran {
  const inherited = Object.fromEntries(OUTSIDE.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])))
  const { stdout, stderr, status, error } = spawnSync('sh', ['-c', `keywright() { "${process.execPath}" "${MAIN}" "$@"; }; ${command}`], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...inherited, KEYWRIGHT_ACTOR: 'ann', LC_ALL: 'C.UTF-8', ...more },
    input: '',
    timeout: 120_000,
  })
  if (error !== undefined) throw error
  return { stdout, stderr, code: status ?? -1 }
}

/** What commands print in one shell on a terminal of 100 columns, as a person types them; `input` is typed at their prompts. */
export function typed(commands: readonly string[], folder: string, input = ''): string[] {
  const script = [
    'stty cols 100',
    `keywright() { "${process.execPath}" "${MAIN}" "$@"; }`,
    ...commands.flatMap((command) => ['echo @@@', command]),
  ]
  writeFileSync(join(folder, 'typed.sh'), script.join('\n'))
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const environment = { PATH, NODE_COMPILE_CACHE, HOME: folder, NO_COLOR: '1', TERM: 'xterm', LC_ALL: 'C.UTF-8' }
  const { stdout } = spawnSync('script', ['-qec', 'sh typed.sh', '/dev/null'], {
    cwd: folder,
    encoding: 'utf8',
    env: environment,
    input,
    timeout: 240_000,
  })
  return stdout
    .replaceAll('\r', '')
    .split('@@@\n')
    .slice(1)
    .map((text) => text.trimEnd())
}

export function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'keywright-session-'))
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function inFolderAsync(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'keywright-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export interface Played {
  readonly steps: readonly Step[]
  /** Everything but the stdout of commands that issue a token. */
  readonly printed: string
  readonly tokens: readonly string[]
  readonly files: string
}

const ISSUES = /keywright (?:--\S+ )*(?:generate|rotate)\b/

/** Plays a session and answers it as it went. */
export function play(session: readonly Step[]): Played {
  return inFolder((folder) => {
    const names = createNames()
    let printed = ''
    const steps = session.map(({ command }) => {
      const { stdout, stderr, code } = shell(names.reveal(command), folder)
      printed += ISSUES.test(command) ? stderr : stdout + stderr
      const lines = [
        ...names.hide(stdout, folder).split('\n'),
        ...names
          .hide(stderr, folder)
          .split('\n')
          .map((line) => (line === '' ? '' : `! ${line}`)),
      ].filter((line) => line !== '')
      return { command, expected: [...lines, ...(code === 0 ? [] : [`? ${code}`])].join('\n') }
    })
    return { steps, printed, tokens: names.tokens(), files: allFiles(folder) }
  })
}

export function allFiles(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n')
}

/** Writes a session as it went; the comments before its first command stay. */
export function writeSession(path: string, steps: readonly Step[]): void {
  const head = readFileSync(path, 'utf8').split(/^\$ /m)[0] ?? ''
  writeFileSync(path, head + steps.map(({ command, expected }) => `$ ${command}\n${expected}${expected === '' ? '' : '\n'}`).join('\n'))
}
