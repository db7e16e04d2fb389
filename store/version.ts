// Which version of a file is known: by inode, size and times, with the file held open so that its inode is not used again.

import type { Stats } from 'node:fs'

export interface Version {
  readonly inode: number
  readonly size: number
  readonly modified: number
  readonly changed: number
  readonly release: () => void
}

/**
 * The version with that status, whose `release` never throws: a file that can't be closed is no reason to call a change
 * undone. Where the file could not be looked at, one that the next look will find to be another.
 */
export function versionOf(status: Stats | null, release: () => void): Version {
  const { ino: inode, size, mtimeMs: modified, ctimeMs: changed } = status ?? { ino: -1, size: -1, mtimeMs: -1, ctimeMs: -1 }
  let isHeld = true
  const releaseQuietly = (): void => {
    // Once: the system may have given the descriptor's number to somebody else.
    if (!isHeld) return
    isHeld = false
    try {
      release()
    } catch {
      // The system closes it with the process.
    }
  }
  return { inode, size, modified, changed, release: releaseQuietly }
}

export function isVersion(version: Version, { ino, size, mtimeMs, ctimeMs }: Stats): boolean {
  return ino === version.inode && size === version.size && mtimeMs === version.modified && ctimeMs === version.changed
}
