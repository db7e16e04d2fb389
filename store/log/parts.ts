// The files of a log as one sequence of lines, to be read at any place. Opens a finished file when it is come to; never writes.

import { closeSync, fstatSync, readSync, statSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { openIfThereSync } from './read.ts'
import { openLogFiles } from './segments.ts'

const NEWLINE = 10
const BLOCK_BYTES = 64 * 1024

/** One file: what it holds up to its last line end. What is behind that is torn, or just being written. */
export interface Part {
  readonly descriptor: number
  readonly end: number
}

/** Where a line begins; behind the last line: the number of parts, and 0. */
export interface Place {
  readonly part: number
  readonly offset: number
}

export interface Parts {
  /** Bytes of each, oldest first. */
  readonly sizes: readonly number[]
  /** Null for one that is gone meanwhile. Good until another one is asked for. */
  readonly part: (index: number) => Part | null
  readonly close: () => Promise<void>
}

/** All files of a log at one moment. The caller closes them. */
export async function openParts(logPath: string): Promise<Parts> {
  const { finished, active } = await openLogFiles(logPath)
  try {
    return partsOf(finished, active)
  } catch (error) {
    await active?.close()
    throw error
  }
}

function partsOf(finished: readonly string[], active: FileHandle | null): Parts {
  const activePart = active === null ? null : partOf(active.fd)
  const sizes = finished.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0)
  let held: { index: number; part: Part } | null = null
  const release = (): void => {
    if (held !== null) closeSync(held.part.descriptor)
    held = null
  }
  return {
    sizes: activePart === null ? sizes : [...sizes, activePart.end],
    part(index) {
      const path = finished[index]
      if (path === undefined) return index === finished.length ? activePart : null
      if (held?.index === index) return held.part
      // One at a time: a log may have more segments than a process may have open files.
      release()
      const descriptor = openIfThereSync(path)
      if (descriptor === null) return null
      try {
        held = { index, part: partOf(descriptor) }
      } catch (error) {
        closeSync(descriptor)
        throw error
      }
      return held.part
    },
    async close() {
      release()
      await active?.close()
    },
  }
}

function partOf(descriptor: number): Part {
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  for (let end = fstatSync(descriptor).size; end > 0; ) {
    const bytes = readAt(descriptor, block.subarray(0, Math.min(BLOCK_BYTES, end)), end - Math.min(BLOCK_BYTES, end))
    const last = bytes.lastIndexOf(NEWLINE)
    if (last >= 0) return { descriptor, end: end - bytes.length + last + 1 }
    end -= bytes.length
  }
  return { descriptor, end: 0 }
}

/** Fills the buffer with what stands in the file from there on. */
export function readAt(descriptor: number, into: Buffer, position: number): Buffer {
  for (let filled = 0; filled < into.length; ) {
    const count = readSync(descriptor, into, filled, into.length - filled, position + filled)
    if (count === 0) throw new Error('the log became shorter while it was read')
    filled += count
  }
  return into
}
