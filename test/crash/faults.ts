// Lays a hand on every file-system call of this process, so that the n-th one can kill the process or fail. Loaded by children only.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/** What shall happen at the n-th call: `half` writes half of what was asked for first, and then the rest of the fate comes. */
export interface Plan {
  /** From 1 on; a call that is never reached does nothing. */
  readonly at: number
  /** Only calls that write count, or all. */
  readonly calls: 'writing' | 'all'
  readonly fate: 'kill' | 'EIO' | 'ENOSPC' | 'EACCES'
  readonly isHalf: boolean
}

let plan: Plan | null = null
let seen: string[] = []

export function arm(next: Plan): void {
  plan = next
  seen = []
}

/** The calls that were counted since it was armed. */
export function disarm(): readonly string[] {
  plan = null
  return seen
}

type Call = (...args: unknown[]) => unknown
type Functions = Record<string, Call>

/** Flags as text, or as a number whose access mode is not read-only. */
const isWritingOpen = (flags: unknown): boolean =>
  typeof flags === 'number' ? (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) !== 0 : typeof flags === 'string' && flags !== 'r'
/** A close that fails has closed all the same. */
const isDoneFirst = (name: string): boolean => name.startsWith('close')

function meet(name: string, isWriting: boolean): Plan | null {
  if (plan === null || (plan.calls === 'writing' && !isWriting)) return null
  seen.push(name)
  if (seen.length !== plan.at) return null
  if (plan.fate === 'kill' && !plan.isHalf) process.kill(process.pid, 'SIGKILL')
  return plan
}

function fail({ fate }: Plan, name: string): never {
  if (fate === 'kill') process.kill(process.pid, 'SIGKILL')
  throw Object.assign(new Error(`${fate}: made to fail, ${name}`), { code: fate, syscall: name })
}

/** The first half of a write's bytes, whichever way they were given. */
function halved(args: readonly unknown[]): unknown[] {
  const [first, data, offset, length, ...rest] = typeof args[0] === 'number' ? args : [undefined, ...args]
  const front = first === undefined ? [] : [first]
  if (typeof data === 'string') return [...front, data.slice(0, data.length / 2)]
  const size = typeof length === 'number' ? length : (data as Uint8Array).length
  return [...front, data, typeof offset === 'number' ? offset : 0, Math.floor(size / 2), ...rest]
}

function wrap(functions: Functions, names: readonly string[], isWriting: (args: readonly unknown[]) => boolean, isAsync: boolean): void {
  for (const name of names) {
    const original = functions[name] as Call
    const wrapped = isAsync
      ? async function (this: unknown, ...args: unknown[]): Promise<unknown> {
          const met = meet(name, isWriting(args))
          if (met === null) return original.apply(this, args)
          if (isDoneFirst(name)) await original.apply(this, args)
          else if (met.isHalf && name === 'write') await original.apply(this, halved(args))
          return fail(met, name)
        }
      : function (this: unknown, ...args: unknown[]): unknown {
          const met = meet(name, isWriting(args))
          if (met === null) return original.apply(this, args)
          if (isDoneFirst(name)) original.apply(this, args)
          else if (met.isHalf && name === 'writeSync') original.apply(this, halved(args))
          return fail(met, name)
        }
    functions[name] = wrapped
  }
}

/** Calls that tell a callback, the last of what they are given. */
function wrapTelling(functions: Functions, names: readonly string[]): void {
  for (const name of names) {
    const original = functions[name] as Call
    functions[name] = function (this: unknown, ...args: unknown[]): unknown {
      const met = meet(name, true)
      if (met === null) return original.apply(this, args)
      const tell = args.at(-1) as (error: unknown) => void
      try {
        return fail(met, name)
      } catch (error) {
        return queueMicrotask(() => tell(error))
      }
    }
  }
}

const always = (): boolean => true
const never = (): boolean => false
const byFlags = ([, flags]: readonly unknown[]): boolean => isWritingOpen(flags)

const handle = await fs.promises.open(import.meta.filename)
const handles = Object.getPrototypeOf(handle) as Functions
await handle.close()

const sync = fs as unknown as Functions
wrap(
  sync,
  ['writeSync', 'ftruncateSync', 'fsyncSync', 'fdatasyncSync', 'renameSync', 'unlinkSync', 'mkdirSync', 'truncateSync'],
  always,
  false,
)
wrap(sync, ['openSync'], byFlags, false)
wrap(sync, ['closeSync', 'readSync', 'readFileSync', 'statSync', 'lstatSync', 'fstatSync', 'realpathSync', 'readdirSync'], never, false)
wrapTelling(sync, ['fsync'])
const promised = fs.promises as unknown as Functions
wrap(promised, ['rename', 'unlink', 'mkdir', 'truncate'], always, true)
wrap(promised, ['open'], byFlags, true)
wrap(promised, ['stat', 'readdir'], never, true)
wrap(handles, ['write', 'sync', 'datasync'], always, true)
wrap(handles, ['stat', 'read', 'close'], never, true)
syncBuiltinESMExports()
