// Reads log files as lines, forwards or from the end, in bounded chunks. Never writes, never holds more than a line and a chunk.

import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import type { AuditRecord } from '../../src/domain/audit.ts'
import { parseRecord } from '../../src/domain/audit.ts'
import { errnoOf } from '../faults.ts'

const CHUNK_BYTES = 256 * 1024
/** A record holds at most two versions of a key: far below. A longer line is read as broken, in pieces. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024
const NEWLINE = 10

export interface Line {
  readonly bytes: Buffer
  /** False for a last line without its line end: torn, or just being written. */
  readonly isWhole: boolean
  /** Where the next line begins. */
  readonly end: number
}

/** A file by its path, or one that is held open and stays open. */
export type Source = string | FileHandle

export async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw error
  }
}

/** The lines of a file from `start` up to `stop` bytes, in order. A file that is not there has none. */
export async function* linesForward(source: Source, start = 0, stop = Number.POSITIVE_INFINITY): AsyncGenerator<Line> {
  const file = typeof source === 'string' ? await openIfThere(source) : source
  if (file === null) return
  try {
    let rest = Buffer.alloc(0)
    let position = start
    while (position < stop) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, stop - position))
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position)
      if (bytesRead === 0) break
      position += bytesRead
      const bytes = rest.length === 0 ? chunk.subarray(0, bytesRead) : Buffer.concat([rest, chunk.subarray(0, bytesRead)])
      let from = 0
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
        yield { bytes: bytes.subarray(from, at), isWhole: true, end: position - bytes.length + at + 1 }
        from = at + 1
      }
      rest = bytes.subarray(from)
      if (rest.length > MAX_LINE_BYTES) {
        yield { bytes: rest, isWhole: true, end: position }
        rest = Buffer.alloc(0)
      }
    }
    if (rest.length > 0) yield { bytes: rest, isWhole: false, end: position }
  } finally {
    if (typeof source === 'string') await file.close()
  }
}

/** The lines of a file from its end, newest first. */
export async function* linesBackward(source: Source): AsyncGenerator<Line> {
  const file = typeof source === 'string' ? await openIfThere(source) : source
  if (file === null) return
  try {
    let position = (await file.stat()).size
    // The parts of the line that is being put together, the last part first.
    let parts: Buffer[] = []
    let partBytes = 0
    let lineEnd = position
    let isWhole = false
    const take = () => {
      const bytes = Buffer.concat(parts.reverse())
      parts = []
      partBytes = 0
      return bytes
    }
    while (position > 0) {
      const size = Math.min(CHUNK_BYTES, position)
      const chunk = Buffer.allocUnsafe(size)
      await readFully(file, chunk, position - size)
      position -= size
      let to = size
      for (let at = chunk.lastIndexOf(NEWLINE); at >= 0; at = to === 0 ? -1 : chunk.lastIndexOf(NEWLINE, to - 1)) {
        parts.push(chunk.subarray(at + 1, to))
        const bytes = take()
        if (bytes.length > 0) yield { bytes, isWhole, end: lineEnd }
        isWhole = true
        lineEnd = position + at + 1
        to = at
      }
      if (to > 0) {
        parts.push(chunk.subarray(0, to))
        partBytes += to
      }
      if (partBytes > MAX_LINE_BYTES) yield { bytes: take(), isWhole, end: lineEnd }
    }
    const bytes = take()
    if (bytes.length > 0) yield { bytes, isWhole, end: lineEnd }
  } finally {
    if (typeof source === 'string') await file.close()
  }
}

async function readFully(file: FileHandle, into: Buffer, position: number): Promise<void> {
  for (let filled = 0; filled < into.length; ) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, position + filled)
    if (bytesRead === 0) throw new Error('the log became shorter while it was read')
    filled += bytesRead
  }
}

/** The first record of a file; null where there is none, or it is damaged. */
export async function firstRecord(path: string): Promise<AuditRecord | null> {
  for await (const line of linesForward(path)) {
    const record = line.isWhole ? parseRecord(line.bytes) : 'is not a record'
    return typeof record === 'string' ? null : record
  }
  return null
}
