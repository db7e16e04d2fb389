// Where an embedded store keeps its files, and whether those places can be trusted.

import type { Stats } from 'node:fs'
import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, parse, resolve, sep } from 'node:path'
import type { Warn } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { errnoOf, faultAt } from '../faults.ts'

export interface Paths {
  readonly keys: string
  readonly usage: string
  readonly lock: string
  readonly log: string
  /** Signed checkpoints of the log. */
  readonly checkpoints: string
}

const MAX_LINKS = 40

/** Where a symbolic link leads: `..` in it is seen from the folder that it really lies in. */
const targetOf = (link: string): string => resolve(realpathSync(dirname(link)), readlinkSync(link))

/** Every symbolic link on the way to a path must belong to this user or root: who owns a link decides where it leads. */
export function assertLinks(path: string, links = 0): void {
  if (links > MAX_LINKS)
    throw new KeywrightError('STORE_UNAVAILABLE', `the symbolic links of ${path} go round in a circle`, { hint: 'mend the link' })
  const me = process.getuid?.()
  let way = parse(path).root
  for (const part of path.slice(way.length).split(sep)) {
    way = join(way, part)
    const status = lstatSync(way, { throwIfNoEntry: false })
    if (status === undefined) return
    if (!status.isSymbolicLink()) continue
    if (me !== undefined && status.uid !== 0 && status.uid !== me) {
      throw new KeywrightError('STORE_INSECURE', `${way} is a symbolic link of another user (uid ${status.uid})`, {
        hint: `make the link anew as this user or root, or give the path that it leads to; or pass --insecure to follow it all the same`,
      })
    }
    assertLinks(targetOf(way), links + 1)
  }
}

/** The store's real path: symbolic links followed, each of which must belong to this user or root. */
export function resolveStore(path: string, isInsecureAllowed: boolean): string {
  const full = resolve(path)
  try {
    if (!isInsecureAllowed) assertLinks(full)
    return realpathSync(full)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw faultAt('STORE_UNAVAILABLE', 'opening the store', full, error)
  }
  try {
    // A link to a store that is not there yet is followed too.
    if (lstatSync(full, { throwIfNoEntry: false })?.isSymbolicLink() === true) return resolveStore(targetOf(full), isInsecureAllowed)
    return join(realpathSync(dirname(full)), basename(full))
  } catch (error) {
    throw faultAt('STORE_UNAVAILABLE', 'opening the folder of the store', dirname(full), error)
  }
}

export function pathsOf(keys: string, auditLog: string | undefined): Paths {
  const folder = dirname(keys)
  const stem = basename(keys, '.json')
  const log =
    auditLog === undefined
      ? join(folder, 'logs', stem === 'keys' ? 'security-audit.log' : `${stem}.security-audit.log`)
      : resolve(folder, auditLog)
  return {
    keys,
    usage: join(folder, `${stem}.usage.json`),
    lock: join(folder, `${stem}.lock`),
    log,
    checkpoints: `${log.replace(/\.log$/, '')}.checkpoints`,
  }
}

function statOrNull(path: string): Stats | null {
  try {
    return statSync(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null
    throw faultAt('STORE_UNAVAILABLE', 'looking at', path, error)
  }
}

export const OTHERS_MAY_WRITE = 0o022
export const OTHERS_MAY_READ = 0o044
export const STICKY = 0o1000

/** Whether others may write a file, or replace files in a folder. In a sticky folder they can add files, but not replace ours. */
export function isOpenToWriters(status: Stats): boolean {
  return (status.mode & OTHERS_MAY_WRITE) !== 0 && !(status.isDirectory() && (status.mode & STICKY) !== 0)
}

/** Refuses files and folders that others may write; warns of files that others may read. */
export function checkTrust({ keys, usage, lock, log }: Paths, isInsecureAllowed: boolean, warn: Warn): void {
  for (const path of new Set([keys, log, dirname(keys), dirname(log)])) {
    const status = statOrNull(path)
    if (status === null || !isOpenToWriters(status)) continue
    const isFolder = status.isDirectory()
    const message = `others on this machine may write ${isFolder ? 'the folder ' : ''}${path} (mode ${(status.mode & 0o777).toString(8)})`
    if (!isInsecureAllowed)
      throw new KeywrightError('STORE_INSECURE', message, { hint: `run: chmod go-w ${path}; or pass --insecure to use it all the same` })
    warn({ code: 'STORE_INSECURE', message })
  }
  for (const path of [keys, usage, lock, log]) {
    const status = statOrNull(path)
    if (status !== null && (status.mode & OTHERS_MAY_READ) !== 0)
      warn({ code: 'READABLE', message: `others on this machine may read ${path}; run: chmod go= ${path}` })
  }
}
