// The lock of an embedded store: the kernel's advisory lock on a file of its own, released by the kernel when a process dies.

import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs'
import type { KernelLocks } from 'fs-native-extensions'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { displayText } from '../../src/domain/text.ts'
import { FILE_MODE, NO_FOLLOW } from '../durable.ts'
import { errnoOf, faultAt } from '../faults.ts'
import { loadLocks } from '../kernel-locks.ts'
import { giveToOwner } from '../ownership.ts'

/** Never through a symbolic link: the file is emptied at the end, whatever it is. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_APPEND | NO_FOLLOW
const SAY_HOLDER_AFTER_MS = 2_000
export const GIVE_UP_AFTER_MS = 10_000
const MAX_HOLDER_BYTES = 1024
/** How often the file may be found removed or replaced under a waiting process. */
const MAX_REOPENINGS = 10

export interface Holder {
  readonly pid: number
  readonly host: string
  readonly since: string
}

export interface LockOptions {
  readonly path: string
  readonly holder: () => Holder
  /** Who holds the lock; called once while anyone waits, be it for a change, a flush or both. */
  readonly onWaiting: (message: string) => void
}

export interface Lock {
  /** Runs alone among all processes and all callers; `wasAbandoned`: the holder before died. Throws STORE_BUSY after 10 s, or when it is late. */
  readonly hold: <T>(work: (wasAbandoned: boolean) => Promise<T>, late?: Promise<'late'>) => Promise<T>
}

/** A descriptor that stands in the kernel's queue. */
interface Wait {
  readonly file: number
  readonly granted: Promise<void>
}

/** What a lock file says of its holder; a person may have edited it. */
export type LeftHolder = { readonly [N in keyof Holder]: string }

/** Who holds the lock, or died holding it: the last name in the file; null where there is none, nameless where it can't be read. */
export function leftHolder(path: string): LeftHolder | null {
  try {
    const text = readFileSync(path, 'utf8').slice(-MAX_HOLDER_BYTES).trim()
    if (text === '') return null
    const { pid, host, since } = JSON.parse(text.split('\n').at(-1) ?? '') as Record<string, unknown>
    return { pid: displayText(String(pid)), host: displayText(String(host)), since: displayText(String(since)) }
  } catch {
    return NAMELESS
  }
}

const NAMELESS: LeftHolder = { pid: '', host: '', since: '' }

/** Who holds it, in words for a message. */
export function describeHolder(holder: LeftHolder | null): string {
  if (holder === null || holder === NAMELESS) return 'another process holds it'
  return `process ${holder.pid} on ${holder.host} holds it since ${holder.since}`
}

/**
 * Every holding has a descriptor of its own: open file description locks exclude each other within a process too, and
 * closing the descriptor releases the lock, also one that is granted after its asker gave up.
 */
export function createLock({ path, holder, onWaiting }: LockOptions): Lock {
  const left = new Set<Wait>()
  let waiting = 0
  let isTold = false

  const tell = (): void => {
    if (isTold) return
    isTold = true
    onWaiting(`waiting for ${path}: ${describeHolder(leftHolder(path))}`)
  }

  const openFile = (): number => {
    try {
      return openOrMakeSync(path)
    } catch (error) {
      throw faultAt('STORE_UNAVAILABLE', 'opening the lock', path, error)
    }
  }

  /** Waits in the kernel's queue, which is fair, until the lock is there or the time is over. */
  const stand = async (locks: KernelLocks, wait: Wait, deadline: Promise<'late'>): Promise<void> => {
    try {
      if ((await Promise.race([wait.granted, deadline])) !== 'late') return
    } catch (error) {
      letGo(locks, wait.file)
      throw faultAt('STORE_UNAVAILABLE', 'waiting for the lock', path, error)
    }
    leave(locks, wait)
    throw new KeywrightError(
      'STORE_BUSY',
      `the store is busy: ${path} could not be locked within ${GIVE_UP_AFTER_MS / 1000} s; ${describeHolder(leftHolder(path))}`,
    )
  }

  /** A wait can't be called off: it is kept for who waits next, and let go where it is granted to nobody. */
  const leave = (locks: KernelLocks, wait: Wait): void => {
    left.add(wait)
    const abandon = (): void => {
      if (left.delete(wait)) letGo(locks, wait.file)
    }
    wait.granted.then(abandon, abandon)
  }

  /** A place in the kernel's queue that was given up: each has a thread, which must not become one more with every try. */
  const takeLeft = (): Wait | null => {
    const [wait] = left
    if (wait === undefined) return null
    left.delete(wait)
    return wait
  }

  const tryLock = (locks: KernelLocks, file: number): boolean => {
    try {
      return locks.tryLock(file)
    } catch (error) {
      letGo(locks, file)
      throw faultAt('STORE_UNAVAILABLE', 'locking', path, error)
    }
  }

  const isStillThere = (locks: KernelLocks, file: number): boolean => {
    try {
      return fstatSync(file).ino === statSync(path, { throwIfNoEntry: false })?.ino
    } catch (error) {
      letGo(locks, file)
      throw faultAt('STORE_UNAVAILABLE', 'looking at the lock', path, error)
    }
  }

  const acquire = async (locks: KernelLocks, late: Promise<'late'> | undefined): Promise<number> => {
    const timers: NodeJS.Timeout[] = []
    const deadline = late ?? new Promise<'late'>((resolve) => void timers.push(setTimeout(() => resolve('late'), GIVE_UP_AFTER_MS)))
    timers.push(setTimeout(tell, SAY_HOLDER_AFTER_MS))
    waiting++
    try {
      for (let openings = 0; openings < MAX_REOPENINGS; openings++) {
        const given = takeLeft()
        const file = given?.file ?? openFile()
        if (given !== null) await stand(locks, given, deadline)
        else if (!tryLock(locks, file)) await stand(locks, { file, granted: locks.waitForLock(file) }, deadline)
        // The file may have been removed while this process waited for it: what it locked then guards nothing.
        if (isStillThere(locks, file)) return file
        letGo(locks, file)
      }
    } finally {
      for (const timer of timers) clearTimeout(timer)
      waiting--
      if (waiting === 0) isTold = false
    }
    throw new KeywrightError('STORE_UNAVAILABLE', `the lock ${path} is removed again and again; look who does that`)
  }

  return {
    async hold(work, late) {
      const locks = await loadLocks()
      const file = await acquire(locks, late)
      try {
        return await work(takeOver(file, holder()))
      } finally {
        release(locks, file)
      }
    },
  }
}

/** Any of the processes that find no lock file may be the one that makes it. */
function openOrMakeSync(path: string): number {
  for (let looks = 1; ; looks++) {
    try {
      return openSync(path, OPEN_FLAGS)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
    try {
      const made = openSync(path, OPEN_FLAGS | constants.O_CREAT | constants.O_EXCL, FILE_MODE)
      try {
        giveToOwner(made)
      } catch (error) {
        closeSync(made)
        throw error
      }
      return made
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST' || looks === MAX_REOPENINGS) throw error
    }
  }
}

/** Empties the file, so that the next holder knows that this one ended well; and lets go, whatever the disk says. */
function release(locks: KernelLocks, file: number): void {
  try {
    ftruncateSync(file, 0)
  } catch {
    // The next holder looks for what a dead process left, and finds nothing.
  }
  letGo(locks, file)
}

/** Closing releases the lock; unlocking first makes sure of it where closing fails. */
function letGo(locks: KernelLocks, file: number): void {
  for (const step of [locks.unlock, closeSync]) {
    try {
      step(file)
    } catch {
      // Nothing is left to be done about it.
    }
  }
}

/** Writes who holds the lock now. A holder that ended well left the file empty; one that died left its name. */
function takeOver(file: number, holder: Holder): boolean {
  let wasAbandoned = true
  try {
    wasAbandoned = readSync(file, Buffer.alloc(1), 0, 1, 0) > 0
    // Behind the name of one that died: were this process killed in between, the next must still see that something is left.
    writeSync(file, `${wasAbandoned ? '\n' : ''}${JSON.stringify(holder)}`)
  } catch {
    // A full disk must not stop what may still succeed; the name of the holder is a courtesy.
  }
  return wasAbandoned
}
