// The lock of an embedded store: the kernel's advisory lock on a file of its own, released by the kernel when a process dies.

import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs'
import type { KernelLocks } from 'fs-native-extensions'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { displayText } from '../../src/domain/text.ts'
import { errnoOf, faultAt } from '../faults.ts'

const FILE_MODE = 0o600
export const SAY_HOLDER_AFTER_MS = 2_000
export const GIVE_UP_AFTER_MS = 10_000
const MAX_HOLDER_BYTES = 1024
/** Threads of this process that may block in the kernel; the rest of libuv's four must stay free for the holder's own writing. */
const MAX_BLOCKED = 2

/** The native addon is loaded at the first lock: reading and verifying never need it. */
async function loadLocks(): Promise<KernelLocks> {
  const { default: locks } = await import('fs-native-extensions')
  return locks
}

export interface Holder {
  readonly pid: number
  readonly host: string
  readonly since: string
}

export interface LockOptions {
  readonly path: string
  readonly holder: () => Holder
  /** Called once while waiting: who holds the lock. */
  readonly onWaiting: (message: string) => void
}

export interface Lock {
  /** Runs alone among all processes and all callers; `wasAbandoned`: the holder before died. Throws STORE_BUSY after 10 s. */
  readonly hold: <T>(work: (wasAbandoned: boolean) => Promise<T>) => Promise<T>
  readonly close: () => void
}

let blocked = 0
const queue: (() => void)[] = []

/** At most MAX_BLOCKED waits in the kernel at a time, first come first served. */
async function blockInKernel(locks: KernelLocks, descriptor: number): Promise<void> {
  if (blocked >= MAX_BLOCKED) await new Promise<void>((resolve) => queue.push(resolve))
  blocked++
  try {
    await locks.waitForLock(descriptor)
  } finally {
    blocked--
    queue.shift()?.()
  }
}

/** Who holds it, in words for a message; the file may be empty or edited. */
function describeHolder(path: string): string {
  try {
    const { pid, host, since } = JSON.parse(readFileSync(path, 'utf8').slice(0, MAX_HOLDER_BYTES)) as Record<string, unknown>
    return displayText(`process ${String(pid)} on ${String(host)} holds it since ${String(since)}`)
  } catch {
    return 'another process holds it'
  }
}

export function createLock({ path, holder, onWaiting }: LockOptions): Lock {
  let descriptor: number | null = null
  /** A wait that was given up and may still be answered by the kernel. */
  let waiting: Promise<void> | null = null
  let last: Promise<unknown> = Promise.resolve()
  let locks: KernelLocks | null = null

  const openFile = (): number => {
    if (descriptor !== null && isStillThere(descriptor, path)) return descriptor
    if (descriptor !== null) closeSync(descriptor)
    descriptor = null
    try {
      descriptor = openSync(path, 'a+', FILE_MODE)
    } catch (error) {
      throw faultAt('STORE_UNAVAILABLE', 'opening the lock', path, error)
    }
    return descriptor
  }

  const acquire = async (): Promise<number> => {
    locks ??= await loadLocks()
    const file = openFile()
    if (waiting === null && locks.tryLock(file)) return file
    waiting ??= blockInKernel(locks, file)
    const wait = waiting
    const say = setTimeout(() => onWaiting(`waiting for ${path}: ${describeHolder(path)}`), SAY_HOLDER_AFTER_MS)
    let giveUp: NodeJS.Timeout | undefined
    const tooLong = new Promise<'busy'>((resolve) => {
      giveUp = setTimeout(() => resolve('busy'), GIVE_UP_AFTER_MS)
    })
    try {
      if ((await Promise.race([wait, tooLong])) === 'busy') {
        wait
          .then(
            () => release(file),
            () => undefined,
          )
          .finally(() => {
            waiting = null
          })
        throw new KeywrightError(
          'STORE_BUSY',
          `the store is busy: ${path} could not be locked within ${GIVE_UP_AFTER_MS / 1000} s; ${describeHolder(path)}`,
        )
      }
      waiting = null
      return file
    } finally {
      clearTimeout(say)
      clearTimeout(giveUp)
    }
  }

  const release = (file: number): void => {
    if (file === descriptor) locks?.unlock(file)
  }

  const holdAlone = async <T>(work: (wasAbandoned: boolean) => Promise<T>): Promise<T> => {
    let file = await acquire()
    // The file may have been removed while this process waited for it: what it locked then guards nothing.
    for (let tries = 0; tries < 3 && !isStillThere(file, path); tries++) file = await acquire()
    try {
      const wasAbandoned = takeOver(file, holder())
      return await work(wasAbandoned)
    } finally {
      try {
        ftruncateSync(file, 0)
      } finally {
        release(file)
      }
    }
  }

  return {
    hold(work) {
      const run = last.then(() => holdAlone(work))
      last = run.catch(() => undefined)
      return run
    },
    close() {
      if (descriptor !== null && waiting === null) closeSync(descriptor)
      descriptor = null
    },
  }
}

function isStillThere(descriptor: number, path: string): boolean {
  try {
    return fstatSync(descriptor).ino === statSync(path).ino
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw faultAt('STORE_UNAVAILABLE', 'opening the lock', path, error)
  }
}

/** Writes who holds the lock now. A holder that ended well left the file empty; one that died left its name. */
function takeOver(file: number, holder: Holder): boolean {
  const wasAbandoned = readSync(file, Buffer.alloc(1), 0, 1, 0) > 0
  try {
    if (wasAbandoned) ftruncateSync(file, 0)
    writeSync(file, JSON.stringify(holder))
  } catch {
    // A full disk must not stop what may still succeed; the name of the holder is a courtesy.
  }
  return wasAbandoned
}
