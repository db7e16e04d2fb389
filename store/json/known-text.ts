// The text of keys.json as it is known, read piece by piece: from the file that is held open, or from memory where it is small or the file has another layout.

import { fstatSync, readSync } from 'node:fs'
import type { Version } from '../version.ts'

export interface KnownText {
  /** Fills a buffer with what stands from a position on; false where that can't be read. */
  readonly read: (into: Buffer, position: number) => boolean
  /** False where the file was written to in place since: what was read then is worth nothing. */
  readonly isUnchanged: () => boolean
  /** All of it; null where that can't be read. */
  readonly whole: () => Buffer | null
  /** Room at whose beginning a small file's text stands: free for the next version, once this one is known no more. */
  readonly kept: Buffer | null
}

export function textInMemory(bytes: Buffer): KnownText {
  return {
    read(into, position) {
      bytes.copy(into, 0, position, position + into.length)
      return position + into.length <= bytes.length
    },
    isUnchanged: () => true,
    whole: () => bytes,
    kept: null,
  }
}

/**
 * The text of a version, by the descriptor that is held open for it, and from the bytes that were read or written where they
 * are `kept`. Its change time is that of its name, which another may have by now.
 */
export function textInFile(descriptor: number, { size, modified }: Version, kept: Buffer | null = null): KnownText {
  const read = (into: Buffer, position: number): boolean => {
    if (kept !== null) return position + into.length <= size && kept.copy(into, 0, position, position + into.length) === into.length
    try {
      return readInto(into, descriptor, position)
    } catch {
      return false
    }
  }
  const isUnchanged = (): boolean => {
    try {
      const status = fstatSync(descriptor)
      return status.size === size && status.mtimeMs === modified
    } catch {
      return false
    }
  }
  return {
    read,
    isUnchanged,
    whole() {
      const bytes = Buffer.allocUnsafeSlow(Math.max(0, size))
      return read(bytes, 0) && isUnchanged() ? bytes : null
    },
    kept,
  }
}

/** Fills the buffer from a place of a file; false when that holds less. */
export function readInto(bytes: Buffer, descriptor: number, position: number): boolean {
  for (let filled = 0; filled < bytes.length; ) {
    const count = readSync(descriptor, bytes, filled, bytes.length - filled, position + filled)
    if (count === 0) return false
    filled += count
  }
  return true
}

/** A piece of a new text: octets, or where they stand in the known one. */
export type Piece = Uint8Array | { readonly begin: number; readonly end: number }

export const pieceLength = (piece: Piece): number => (piece instanceof Uint8Array ? piece.length : piece.end - piece.begin)

/** The pieces in blocks, each good until the next is asked for. Throws where the known text can't be read, or became another. */
export function* blocksOf(pieces: readonly Piece[], text: KnownText, block: Buffer): Generator<Uint8Array> {
  let filled = 0
  for (const piece of pieces) {
    const length = pieceLength(piece)
    for (let done = 0; done < length; ) {
      const target = block.subarray(filled, Math.min(block.length, filled + length - done))
      if (piece instanceof Uint8Array) target.set(piece.subarray(done, done + target.length))
      else if (!text.read(target, piece.begin + done)) throw new Error('the text that is known could not be read again')
      filled += target.length
      done += target.length
      if (filled < block.length) continue
      yield block
      filled = 0
    }
  }
  if (!text.isUnchanged()) throw new Error('the file was edited in place while it was copied')
  if (filled > 0) yield block.subarray(0, filled)
}
