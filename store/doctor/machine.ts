// What an examination asks of the machine: Node, the kernel's locks, the disk, the clock. Changes nothing.

import type { StatsFs } from 'node:fs'
import { closeSync, openSync } from 'node:fs'
import type { Found } from '../../src/domain/examination.ts'
import { shellWord } from '../../src/domain/text.ts'
import { formatDistance, isoFrom } from '../../src/domain/time.ts'
import { errnoOf, meaningOf } from '../faults.ts'
import type { LeftHolder } from '../json/lock.ts'
import { describeHolder, GIVE_UP_AFTER_MS, leftHolder } from '../json/lock.ts'
import { loadLocks } from '../kernel-locks.ts'
import { fine, problem, skipped, warning } from './found.ts'

/** As `engines` of package.json says. */
export const NEEDED_NODE = '22.18'

export function lookAtNode(version: string): Found {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [neededMajor = 0, neededMinor = 0] = NEEDED_NODE.split('.').map(Number)
  const isNewEnough = major > neededMajor || (major === neededMajor && minor >= neededMinor)
  if (isNewEnough) return fine(`Node ${version}`)
  return problem(`Node ${version} is too old; Keywright needs Node ${NEEDED_NODE} or newer`, 'install a newer Node: https://nodejs.org')
}

export async function lookAtKernelLock(): Promise<Found> {
  try {
    await loadLocks()
    return fine('the addon fs-native-extensions loads')
  } catch (error) {
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    return problem(
      `the kernel's locks can't be used: ${why}; keys are verified and listed, no change is possible`,
      'install Keywright anew for this machine: npm install keywright',
    )
  }
}

/** How a lock file was found. `holder`: who holds it, or who died holding it. */
export type LockState =
  | { readonly kind: 'none' }
  | { readonly kind: 'free' }
  | { readonly kind: 'held'; readonly holder: LeftHolder | null }
  | { readonly kind: 'abandoned'; readonly holder: LeftHolder }
  | { readonly kind: 'unknown'; readonly why: string }

/** Asks for a shared lock, which is granted unless someone holds it, and lets go at once. Makes no file. */
export async function lockStateOf(path: string): Promise<LockState> {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? { kind: 'none' } : { kind: 'unknown', why: `${path} can't be opened: ${meaningOf(error)}` }
  }
  try {
    const locks = await loadLocks()
    if (!locks.tryLock(file, { shared: true })) return { kind: 'held', holder: leftHolder(path) }
    const holder = leftHolder(path)
    locks.unlock(file)
    return holder === null ? { kind: 'free' } : { kind: 'abandoned', holder }
  } catch (error) {
    return { kind: 'unknown', why: `${path} can't be locked: ${error instanceof Error ? error.message : String(error)}` }
  } finally {
    closeSync(file)
  }
}

export function lookAtLock(state: LockState, path: string, now: number): Found {
  if (state.kind === 'none') return fine('nobody has changed the store yet')
  if (state.kind === 'free') return fine('nobody holds it')
  if (state.kind === 'unknown') return skipped(state.why)
  if (state.kind === 'abandoned')
    return warning(
      `a process died while it changed the store, and left its name: ${state.holder.pid || 'unreadable'}; nothing is lost`,
      'nothing needs to be done: the next change brings to an end what it left',
    )
  const since = Date.parse(state.holder?.since ?? '')
  const words = describeHolder(state.holder)
  if (!(now - since > GIVE_UP_AFTER_MS)) return fine(words)
  return warning(
    `${words}, for longer than others wait: their changes end with STORE_BUSY`,
    `look what it does, and end it if it hangs: ps -fp ${state.holder?.pid}; the lock ${shellWord(path)} is free once it has ended`,
  )
}

/** Numbers of statfs(2) on Linux of what does not lie on this machine, or asks a program for everything. */
const FOREIGN_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB 2'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
  [0x65735546, 'FUSE'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x7461636f, 'OCFS2'],
  [0x01161970, 'GFS2'],
])

type Disk = Pick<StatsFs, 'type' | 'bsize' | 'bavail' | 'files' | 'ffree'>

export function lookAtFileSystem({ type }: Disk, platform: string): Found {
  if (platform !== 'linux') return skipped('only Linux tells which file system it is')
  const foreign = FOREIGN_FILE_SYSTEMS.get(type >>> 0)
  if (foreign === undefined) return fine(`local, of type 0x${(type >>> 0).toString(16)}`)
  return warning(
    `the store lies on ${foreign}, whose locks and renames may not hold: two processes may lose each other's changes`,
    'move the store to a disk of this machine, and let one machine use it',
  )
}

/** How often the store should fit on the disk besides itself: a change writes it anew, its counts too, and the log grows. */
const MIN_TIMES = 4
const MIN_FREE_BYTES = 16 * 1024 * 1024
const MIN_FREE_INODES = 100
const MEGABYTE = 1024 * 1024

const inMegabytes = (bytes: number): string => `${Math.floor(bytes / MEGABYTE)} MB`

export function lookAtSpace({ bsize, bavail }: Disk, storeBytes: number, folder: string): Found {
  const free = bsize * bavail
  const needed = Math.max(MIN_FREE_BYTES, MIN_TIMES * storeBytes)
  if (free >= needed) return fine(`${inMegabytes(free)} free, the store takes ${inMegabytes(storeBytes)}`)
  return warning(
    `${inMegabytes(free)} free, less than the ${inMegabytes(needed)} that changes may need: where there is no room they are refused, and nothing is lost`,
    `make room: df -h ${shellWord(folder)}`,
  )
}

export function lookAtInodes({ files, ffree }: Disk, folder: string): Found {
  // Some file systems make them as they need them, and count none.
  if (files === 0) return fine('this file system does not count them')
  if (ffree >= MIN_FREE_INODES) return fine(`${ffree} free`)
  return warning(
    `only ${ffree} files can be made here: every change makes one`,
    `remove files that nobody needs: df -i ${shellWord(folder)}`,
  )
}

/** Clocks of one machine may differ by that much between two looks. */
const TOLERATED_MS = 5_000

export function lookAtClock(newestAt: string | null, now: number): Found {
  if (newestAt === null) return fine(`${isoFrom(now)}; there is no record to compare it with`)
  const ahead = Date.parse(newestAt) - now
  if (ahead <= TOLERATED_MS) return fine(`${isoFrom(now)}, the newest record is of ${newestAt}`)
  return warning(
    `it says ${isoFrom(now)}, but the newest record is of ${newestAt}, ${formatDistance(now + ahead, now)}: one of them is wrong, and so may be when keys expire`,
    'set the clock, with: timedatectl; records keep the time of the newest until it has caught up',
  )
}
