// Which lines of keys.json stand in two versions of it: told by comparing their texts in runs of lines, without parsing any.

import type { PlacedKeys } from './key-lines.ts'
import type { KnownText } from './known-text.ts'

const COMPARE_BYTES = 64 * 1024

/** Where lines begin and end. */
export type LineBounds = Pick<PlacedKeys, 'starts' | 'ends'>

/** Lines that are known, and their text. */
export interface KnownLines extends PlacedKeys {
  readonly text: KnownText
}

/** How many lines at the beginning and at the end stand in both texts, byte for byte. */
export function unchangedLines({ text, ...before }: KnownLines, bytes: Buffer, bounds: LineBounds): { first: number; last: number } {
  const count = bounds.starts.length
  const oldCount = before.starts.length
  let scratch = Buffer.alloc(COMPARE_BYTES)
  const isSameRun = (from: number, oldFrom: number, lines: number): boolean => {
    const [begin, end] = [bounds.starts[from] as number, bounds.ends[from + lines - 1] as number]
    const oldBegin = before.starts[oldFrom] as number
    const length = end - begin
    if ((before.ends[oldFrom + lines - 1] as number) - oldBegin !== length) return false
    if (scratch.length < length) scratch = Buffer.alloc(length)
    const old = scratch.subarray(0, length)
    return text.read(old, oldBegin) && old.compare(bytes, begin, end) === 0
  }
  const most = Math.min(count, oldCount)
  let first = 0
  // Blocks of lines first: one comparison for many lines.
  const blockOf = Math.max(1, Math.floor(COMPARE_BYTES / Math.max(1, (bytes.length / Math.max(1, count)) | 0)))
  while (first + blockOf <= most && isSameRun(first, first, blockOf)) first += blockOf
  while (first < most && isSameRun(first, first, 1)) first++
  let last = 0
  while (first + last + blockOf <= most && isSameRun(count - last - blockOf, oldCount - last - blockOf, blockOf)) last += blockOf
  while (first + last < most && isSameRun(count - last - 1, oldCount - last - 1, 1)) last++
  return text.isUnchanged() ? { first, last } : { first: 0, last: 0 }
}
