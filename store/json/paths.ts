// Where an embedded store keeps its files, and whether those places can be trusted.

import type { Stats } from 'node:fs'
import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
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

/** The files of `NAME.json` are named after NAME: a store that is called NAME alone would take the other's. */
export function assertOwnFiles(path: string): void {
  const other = `${path}.json`
  if (path.endsWith('.json') || !existsSync(other)) return
  throw new KeywrightError('INVALID_INPUT', `there is a store ${other}, whose log and lock a store ${path} would share`, {
    hint: `give the path ${other}, or name the other store differently`,
  })
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

/** Whose files are taken for ours, beside root's: root works for whoever owns the folder, everyone else for themselves. */
const ownerFor = (path: string): number => {
  const me = process.geteuid?.() ?? 0
  return me === 0 ? (statOrNull(dirname(path))?.uid ?? 0) : me
}

/** In a folder that all may add to, which is sticky, anyone may have put a file under a name of ours; and its owner may replace every one. */
function strangerAt(path: string): number | null {
  const folder = statOrNull(dirname(path))
  if (folder === null || (folder.mode & OTHERS_MAY_WRITE) === 0) return null
  const uids = [lstatSync(path, { throwIfNoEntry: false })?.uid, folder.uid]
  return uids.find((uid) => uid !== undefined && uid !== 0 && uid !== ownerFor(path)) ?? null
}

/**
 * Refuses files and folders that others may write, put there or lead astray by a link; warns of files that others may read.
 * `trusted`: what decides about keys, or proves it; `others`: what else lies beside it.
 */
export function checkTrust(trusted: readonly string[], others: readonly string[], isInsecureAllowed: boolean, warn: Warn): void {
  const refuse = (message: string, remedy: string): void => {
    if (!isInsecureAllowed)
      throw new KeywrightError('STORE_INSECURE', message, { hint: `${remedy}; or pass --insecure to use it all the same` })
    warn({ code: 'STORE_INSECURE', message })
  }
  const folders = trusted.map((path) => dirname(path))
  for (const path of new Set([...trusted, ...folders])) {
    const status = statOrNull(path)
    if (status === null || !isOpenToWriters(status)) continue
    const isFolder = status.isDirectory()
    const message = `others on this machine may write ${isFolder ? 'the folder ' : ''}${path} (mode ${(status.mode & 0o777).toString(8)})`
    refuse(message, `run: chmod go-w ${path}`)
  }
  for (const path of new Set([...trusted, ...others])) {
    if (!isInsecureAllowed) assertLinks(path)
    const uid = strangerAt(path)
    if (uid === null) continue
    const message = `${path} can be replaced by, or belongs to, another user (uid ${uid}): everyone may add files to ${dirname(path)}`
    refuse(message, 'keep the store in a folder of its own (mkdir -m 700)')
  }
}

/** Tells of files that others may read. */
export function warnOfReadable(paths: readonly string[], warn: Warn): void {
  for (const path of paths) {
    const status = statOrNull(path)
    if (status !== null && (status.mode & OTHERS_MAY_READ) !== 0)
      warn({ code: 'READABLE', message: `others on this machine may read ${path}; run: chmod go= ${path}` })
  }
}
