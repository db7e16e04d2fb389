// Finds a record by its seq or its time, by halving: in a log both only grow. Reads a few thousand bytes, whatever the length.

import type { Part, Parts, Place } from './parts.ts'
import { readAt } from './parts.ts'

const NEWLINE = 10
/** Read at once while looking for the next line. */
const WINDOW_BYTES = 4 * 1024
/** What is as short is read from its begin. */
const BLOCK_BYTES = 8 * 1024
const HEAD_BYTES = 80
const HEAD = /^\{"seq":(\d{1,16}),"at":"([^"]{24})"/

/** What the first members of a line say; `at` in milliseconds since 1970. */
export interface LineHead {
  readonly seq: number
  readonly at: number
}

export interface FoundLine {
  readonly place: Place
  readonly head: LineHead
}

/** Null for a line that does not begin as a record does. */
export function headOf(line: Buffer): LineHead | null {
  const [, seq, at] = HEAD.exec(line.toString('latin1', 0, HEAD_BYTES)) ?? []
  return seq === undefined || at === undefined ? null : { seq: Number(seq), at: Date.parse(at) }
}

/**
 * The oldest record that is not before what is looked for; null when all are. Lines that are no records are passed over. Where
 * a damaged log goes back in seq or time, some place near by is found.
 */
export function firstNotBefore(parts: Parts, isBefore: (head: LineHead) => boolean): FoundLine | null {
  let low = 0
  for (let high = parts.sizes.length; low < high; ) {
    const middle = Math.floor((low + high) / 2)
    const found = firstFrom(parts, middle, high)
    if (found !== null && isBefore(found.head)) low = found.place.part + 1
    else high = middle
  }
  // It is in the last file that begins before it, or else begins the next one.
  return (low === 0 ? null : firstWithin(parts, low - 1, isBefore)) ?? firstFrom(parts, low, parts.sizes.length)
}

/** The first record of the files from one up to another. */
export function firstFrom(parts: Parts, index: number, stop: number): FoundLine | null {
  for (let part = index; part < stop; part++) {
    const opened = parts.part(part)
    for (const { offset, head } of opened === null ? [] : headsFrom(opened, 0, opened.end)) return { place: { part, offset }, head }
  }
  return null
}

function firstWithin(parts: Parts, index: number, isBefore: (head: LineHead) => boolean): FoundLine | null {
  const part = parts.part(index)
  if (part === null) return null
  const found = ({ offset, head }: Heading): FoundLine => ({ place: { part: index, offset }, head })
  let nearest: FoundLine | null = null
  let low = 0
  let high = part.end
  // What is looked for begins from `low` up to `high`, or is the nearest that was seen.
  while (high - low > BLOCK_BYTES) {
    const middle = Math.floor((low + high) / 2)
    const next = headsFrom(part, middle, high).next().value
    if (next !== undefined && isBefore(next.head)) low = next.offset
    else {
      if (next !== undefined) nearest = found(next)
      high = middle
    }
  }
  for (const line of headsFrom(part, low, high)) if (!isBefore(line.head)) return found(line)
  return nearest
}

interface Heading {
  readonly offset: number
  readonly head: LineHead
}

/** The records whose lines begin from one offset up to another, in order. */
function* headsFrom({ descriptor, end }: Part, from: number, until: number): Generator<Heading, undefined> {
  const window = Buffer.allocUnsafe(WINDOW_BYTES)
  // Whether a line begins at the offset itself is told by the byte before it.
  let isLineBegin = from === 0
  for (let at = Math.max(0, from - 1); at < until; ) {
    const bytes = readAt(descriptor, window.subarray(0, Math.min(WINDOW_BYTES, end - at)), at)
    const isLast = at + bytes.length === end
    let begin = isLineBegin ? 0 : behindLineEnd(bytes, 0)
    for (; begin >= 0 && at + begin < until && (isLast || begin + HEAD_BYTES <= bytes.length); begin = behindLineEnd(bytes, begin)) {
      const head = headOf(bytes.subarray(begin))
      if (head !== null) yield { offset: at + begin, head }
    }
    isLineBegin = begin >= 0
    at += isLineBegin ? begin : bytes.length
  }
}

function behindLineEnd(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(NEWLINE, from)
  return at < 0 ? -1 : at + 1
}
