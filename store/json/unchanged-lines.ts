// Which lines of keys.json stand in two versions of it: told by comparing their texts in runs of lines, without parsing any.

import type { PlacedKeys } from './key-lines.ts'
import type { KnownText } from './known-text.ts'

const COMPARE_BYTES = 64 * 1024
/** Kept, since making the pages of new memory takes longer than reading into them; nothing in it outlives a comparison. */
let scratch = Buffer.alloc(0)

/** Where lines begin and end. */
export type LineBounds = Pick<PlacedKeys, 'starts' | 'ends'>

/** Lines that are known, and their text. */
export interface KnownLines extends PlacedKeys {
  readonly text: KnownText
}

/** Of a line that stands in the new text only. */
export const FRESH = -1

/**
 * For each line of a text the known line that is the same byte for byte, or `FRESH`. Other processes edit keys all over the
 * file: each line is looked for at its place, counted from the beginning, and where lines came or went, also from the end.
 */
export function knownPlaces({ text, ...before }: KnownLines, bytes: Buffer, bounds: LineBounds): Int32Array {
  const count = bounds.starts.length
  const oldCount = before.starts.length
  const places = new Int32Array(count).fill(FRESH)
  if (scratch.length === 0) scratch = Buffer.allocUnsafeSlow(COMPARE_BYTES)

  const compareRun = (from: number, to: number, shift: number): void => {
    const begin = bounds.starts[from] as number
    const oldBegin = before.starts[from + shift] as number
    const length = (before.ends[to - 1 + shift] as number) - oldBegin
    const old = length > COMPARE_BYTES ? Buffer.allocUnsafe(length) : scratch.subarray(0, length)
    if (!text.read(old, oldBegin)) return
    const isSame = (start: number, end: number, oldStart: number, oldEnd: number): boolean =>
      oldEnd - oldStart === end - start && old.compare(bytes, start, end, oldStart - oldBegin, oldEnd - oldBegin) === 0
    const isWholeSame = isSame(begin, bounds.ends[to - 1] as number, oldBegin, oldBegin + length)
    for (let line = from; line < to; line++) {
      const [start, end] = [bounds.starts[line] as number, bounds.ends[line] as number]
      if (isWholeSame || isSame(start, end, before.starts[line + shift] as number, before.ends[line + shift] as number))
        places[line] = line + shift
    }
  }

  const runOf = Math.max(1, Math.floor(COMPARE_BYTES / Math.max(1, (bytes.length / Math.max(1, count)) | 0)))
  for (const shift of new Set([0, oldCount - count])) {
    const end = Math.min(count, oldCount - shift)
    for (let from = Math.max(0, -shift); from < end; ) {
      const to = Math.min(from + runOf, end)
      // Those that were found counting from the beginning need no second look.
      if (places.subarray(from, to).includes(FRESH)) compareRun(from, to, shift)
      from = to
    }
  }
  return text.isUnchanged() ? places : places.fill(FRESH)
}
