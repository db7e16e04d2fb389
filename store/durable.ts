// Durable files: written whole to a temporary file, synced, renamed, the folder synced. A reader sees one whole version.

import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open, readdir, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errnoOf } from './faults.ts'

const FILE_MODE = 0o600
const RANDOM_BYTES = 8

/** Writes all bytes, from a position or where the file stands; the system may take fewer at a time. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number | null = null): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position === null ? null : position + written)
    if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' })
    written += bytesWritten
  }
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const temporaryPrefix = (path: string): string => `.${basename(path)}.`

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
  const file = await open(temporary, 'wx+', FILE_MODE)
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
  const status = await file.stat().catch(() => null)
  return { file, status, warning }
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
