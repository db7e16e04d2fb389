// Whose a new file is. Root works for whoever owns the store: what it makes there belongs to them, or they could not use it afterwards.

import { fchownSync, fstatSync, statSync } from 'node:fs'

/**
 * Gives a file or folder that this process has just made to who owns another: the file it replaces, or the folder it lies in.
 * Only of what was made by this process (`O_EXCL`): a name that others could have put there might be any file of the system.
 */
export function giveToOwner(made: number, like: string): void {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = statSync(like)
  const own = fstatSync(made)
  if (own.uid !== uid || own.gid !== gid) fchownSync(made, uid, gid)
}
