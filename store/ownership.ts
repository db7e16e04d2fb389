// Whose a new file is. Root works for whoever owns the store: what it makes there belongs to them, or they could not use it afterwards.

import { closeSync, constants, fchownSync, fstatSync, lstatSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Gives a file that this process has just made (`O_EXCL`) to who owns the file that it will replace, or else the folder that it
 * lies in. Where it lies is asked of the kernel: who owns a folder on the way could put a link to another one in its place
 * meanwhile, and would be given a file anywhere. Where the kernel does not say (no /proc, or not Linux), nothing is given away.
 * `replaces`: the name of the file that it takes the place of.
 */
export function giveToOwner(made: number, replaces?: string): void {
  const folder = process.geteuid?.() === 0 ? folderOf(made) : null
  if (folder === null) return
  const before = replaces === undefined ? undefined : lstatSync(join(folder, basename(replaces)), { throwIfNoEntry: false })
  const { uid, gid } = before?.isFile() === true ? before : lstatSync(folder)
  if (fstatSync(made).uid !== uid) fchownSync(made, uid, gid)
}

/** The same for a folder that was just made, and has nothing in it but what was made below it: no other folder is given away. */
export function giveFolderToOwner(path: string): void {
  if (process.geteuid?.() !== 0) return
  const folder = openSync(path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0))
  try {
    if (folderOf(folder) !== null && readdirSync(`/proc/self/fd/${folder}`).length <= 1) giveToOwner(folder)
  } finally {
    closeSync(folder)
  }
}

function folderOf(file: number): string | null {
  try {
    return dirname(readlinkSync(`/proc/self/fd/${file}`))
  } catch {
    return null
  }
}
