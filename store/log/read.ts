// Reads log files as lines, forwards or from the end, in bounded chunks. Never writes, never holds more than a line and a chunk.

import { closeSync, openSync, readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { AuditRecord } from '../../src/domain/audit.ts'
import { parseRecord } from '../../src/domain/audit.ts'
import type { LineBlock } from '../../src/domain/audit-glance.ts'
import { BLOCK_ROOM, lineBlock } from '../../src/domain/audit-glance.ts'
import { errnoOf } from '../faults.ts'

const CHUNK_BYTES = 256 * 1024
/** After so many other work gets its turn. */
const BYTES_PER_TURN = 1024 * 1024
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

/** The same on this thread. */
export function openIfThereSync(path: string): number | null {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw error
  }
}

/** Whole lines together, or a piece of one: torn, or far too long. */
export type Lines = { readonly block: LineBlock; readonly end: number } | { readonly block: null; readonly piece: Line }

/** The lines of a file from `start` up to `stop` bytes, in order and many at once. Each answer is good until the next is asked for. */
export async function* blocksForward(source: Source, start = 0, stop = Number.POSITIVE_INFINITY): AsyncGenerator<Lines> {
  const descriptor = typeof source === 'string' ? openIfThereSync(source) : source.fd
  if (descriptor === null) return
  try {
    let held = 0
    let position = start
    let turn = start + BYTES_PER_TURN
    let buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES + BLOCK_ROOM)
    while (position < stop) {
      // The line that is being read does not fit in what is left: room for as much again.
      if (held > (buffer.length - BLOCK_ROOM) / 2) buffer = Buffer.concat([buffer], 2 * buffer.length)
      if (position >= turn) {
        await setImmediate()
        turn = position + BYTES_PER_TURN
      }
      // On this thread: the hop to another and back takes longer than the read.
      const bytesRead = readSync(descriptor, buffer, held, Math.min(buffer.length - BLOCK_ROOM - held, stop - position), position)
      if (bytesRead === 0) break
      position += bytesRead
      const filled = held + bytesRead
      const length = buffer.subarray(0, filled).lastIndexOf(NEWLINE) + 1
      held = filled - length
      if (length > 0) yield { block: lineBlock(buffer, length), end: position - held }
      buffer.copyWithin(0, length, filled)
      if (held > MAX_LINE_BYTES) {
        yield { block: null, piece: { bytes: buffer.subarray(0, held), isWhole: true, end: position } }
        held = 0
      }
    }
    if (held > 0) yield { block: null, piece: { bytes: buffer.subarray(0, held), isWhole: false, end: position } }
  } finally {
    if (typeof source === 'string') closeSync(descriptor)
  }
}

/** The same line by line. */
export async function* linesForward(source: Source, start?: number, stop?: number): AsyncGenerator<Line> {
  for await (const lines of blocksForward(source, start, stop)) {
    if (lines.block === null) {
      yield lines.piece
      continue
    }
    const { bytes } = lines.block
    const begin = lines.end - bytes.length
    for (let from = 0, at = 0; from < bytes.length; from = at + 1) {
      at = bytes.indexOf(NEWLINE, from)
      yield { bytes: bytes.subarray(from, at), isWhole: true, end: begin + at + 1 }
    }
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
