// Durable files: written whole to a temporary file, synced, renamed, the folder synced. A reader sees one whole version.

import type { Stats } from 'node:fs'
import { closeSync, constants, fstatSync, fsync, openSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errnoOf } from './faults.ts'
import { giveFolderToOwner, giveToOwner } from './ownership.ts'

/** A file that this process makes is its owner's alone. */
export const FILE_MODE = 0o600
const FOLDER_MODE = 0o700
const RANDOM_BYTES = 8

/** Writes all bytes, from a position or where the file stands; the system may take fewer at a time. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number | null = null): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position === null ? null : position + written)
    if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' })
    written += bytesWritten
  }
}

/** Waits in another thread for the disk alone: what the system knows at once is asked here, since a hop there and back takes longer. */
export async function syncFolder(path: string): Promise<void> {
  const folder = openSync(path, 'r')
  try {
    await new Promise<void>((resolve, reject) => fsync(folder, (error) => (error === null ? resolve() : reject(error))))
  } finally {
    closeSync(folder)
  }
}

export interface Opened {
  readonly file: FileHandle
  /** Its name is in the folder only since now: a power failure may take it away until the folder is synced. */
  readonly isMade: boolean
}

/** Never through a link in the place of the file itself: what it leads to is no file of ours. */
export const NO_FOLLOW = constants.O_NOFOLLOW ?? 0

/** Opens a file with flags of the system, which needs no `O_CREAT`: a file that is not there is made. */
export async function openOrMake(path: string, flags: number): Promise<Opened> {
  try {
    return { file: await open(path, flags | NO_FOLLOW), isMade: false }
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
  return { file: await openNew(path, flags), isMade: true }
}

/** Opens a file that must not be there yet. `replaces`: the file whose name it will take. */
export async function openNew(path: string, flags: number, replaces?: string): Promise<FileHandle> {
  const file = await open(path, flags | constants.O_CREAT | constants.O_EXCL, FILE_MODE)
  try {
    giveToOwner(file.fd, replaces)
    return file
  } catch (error) {
    await file.close().catch(() => undefined)
    await unlink(path).catch(() => undefined)
    throw error
  }
}

/** Makes a folder and the folders above it, where they are not there, and syncs what names them. */
export async function makeFolder(path: string): Promise<void> {
  const topmost = await mkdir(path, { recursive: true, mode: FOLDER_MODE })
  if (topmost === undefined) return
  // From above down: a folder is given to who owns the one above it.
  const made: string[] = []
  for (let folder = path; folder.length >= topmost.length; folder = dirname(folder)) made.unshift(folder)
  for (const folder of made) {
    giveFolderToOwner(folder)
    await syncFolder(dirname(folder))
  }
}

const temporaryPrefix = (path: string): string => `.${basename(path)}.`

function statusOf({ fd }: FileHandle): Stats | null {
  try {
    return fstatSync(fd)
  } catch {
    return null
  }
}

export interface Replaced {
  /** The file that now has the name, still open; holding it keeps its inode from being used again. */
  readonly file: FileHandle
  /** Null when even that could not be read: the new version stands all the same. */
  readonly status: Stats | null
  /** What went wrong after the rename, when the new version already stood. */
  readonly warning: unknown
}

/** Replaces a file by blocks that follow each other. A throw means that the old version stands, untouched. */
export async function replaceFile(path: string, blocks: Iterable<Uint8Array>, draw: (bytes: number) => Uint8Array): Promise<Replaced> {
  const temporary = join(dirname(path), `${temporaryPrefix(path)}${Buffer.from(draw(RANDOM_BYTES)).toString('hex')}.tmp`)
  const file = await openNew(temporary, constants.O_RDWR, path)
  try {
    for (const block of blocks) await writeAll(file, block)
    await file.sync()
    await rename(temporary, path)
  } catch (error) {
    await file.close().catch(() => undefined)
    await unlink(temporary).catch(() => undefined)
    throw error
  }
  const warning = await syncFolder(dirname(path)).then(
    () => null,
    (problem: unknown) => problem,
  )
  return { file, status: statusOf(file), warning }
}

/** Temporary files of a file: what is being written just now, and what dead processes left. */
export async function temporariesOf(path: string): Promise<string[]> {
  const prefix = temporaryPrefix(path)
  const names = await readdir(dirname(path))
  return names
    .filter((name) => name.startsWith(prefix) && /^[0-9a-f]{16}\.tmp$/.test(name.slice(prefix.length)))
    .map((name) => join(dirname(path), name))
}

/** Removes temporary files of a file that nobody is writing: the caller holds the lock. */
export async function removeTemporaries(path: string): Promise<void> {
  for (const temporary of await temporariesOf(path)) {
    await unlink(temporary).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error
    })
  }
}
