// Finds the lines that can match a filter, in pieces of a log file, without parsing any. Holds one piece at a time.

import type { AuditPageFilter } from '../../src/domain/audit.ts'
import type { Needle } from '../../src/domain/audit-search.ts'
import { needlesOf } from '../../src/domain/audit-search.ts'
import type { Part } from './parts.ts'
import { readAt } from './parts.ts'
import { MAX_LINE_BYTES } from './read.ts'
import type { VectorSearch } from './vector-search.ts'
import { createVectorSearch } from './vector-search.ts'

const NEWLINE = 10
/** The first piece, which often is enough for a page; then as much as fits into a processor's own cache. */
const FIRST_CHUNK_BYTES = 64 * 1024
const CHUNK_BYTES = 256 * 1024
const GROWTH = 4
/** So much of a log tells which bytes are rare in it. */
const SAMPLE_BYTES = 16 * 1024
/** Rare is what stands at most so often in that. */
const RARE_COUNT = 16
/** The bit by which a small letter of ASCII differs from its capital. */
const CASE_BIT = 0x20
/** What the hashes at the end of a line begin with. */
const HASHES = ',"digest":'
const MAX_HASHES_BYTES = 256

let shared: VectorSearch | null = null
const vectors = (): VectorSearch => {
  shared ??= createVectorSearch(MAX_LINE_BYTES)
  return shared
}

/** Where whole lines stand in the shared memory: good until the next turn of the event loop. */
interface Span {
  readonly begin: number
  readonly end: number
}

/** A stretch of a file that begins and ends with lines. */
export interface Stretch {
  readonly part: Part
  readonly from: number
  readonly to: number
}

export interface Found {
  /** The lines that hold what the filter needs, without their ends, in the order of reading. Use them up before anything is awaited. */
  readonly lines: Iterable<Buffer>
  /** How much was read for them. */
  readonly bytes: number
}

/** Reads a stretch piece by piece: from its begin, or newest first from its end. */
export type FindLines = (stretch: Stretch, isForward: boolean) => Iterable<Found>

export function createLineFinder(filter: AuditPageFilter): FindLines {
  const { memory } = vectors()
  const needles = needlesOf(filter)
  let conditions: readonly (readonly NeedleSearch[])[] | null = null
  return function* (stretch, isForward) {
    for (const chunk of chunksOf(memory, stretch, isForward)) {
      conditions ??= prepare(needles, memory.subarray(chunk.begin, Math.min(chunk.end, chunk.begin + SAMPLE_BYTES)))
      const spans = linesHolding(conditions, memory, chunk)
      const inOrder = isForward ? spans : spans.reverse()
      yield { lines: inOrder.values().map(({ begin, end }) => memory.subarray(begin, end)), bytes: chunk.end - chunk.begin }
    }
  }
}

/** Fills the memory with one piece of whole lines after the other. */
function* chunksOf(memory: Buffer, { part, from, to }: Stretch, isForward: boolean): Generator<Span> {
  let size = FIRST_CHUNK_BYTES
  for (let low = from, high = to; low < high; ) {
    const length = Math.min(size, high - low)
    const isRest = length === high - low
    const bytes = readAt(part.descriptor, memory.subarray(0, length), isForward ? low : high - length)
    let begin = isForward || isRest ? 0 : bytes.indexOf(NEWLINE) + 1
    let end = isForward && !isRest ? bytes.lastIndexOf(NEWLINE) + 1 : length
    if (!isRest && (isForward ? end === 0 : begin === 0 || begin === length)) {
      size = Math.min(size * GROWTH, MAX_LINE_BYTES)
      if (length < size) continue
      // Longer than any record: passed over in pieces.
      begin = 0
      end = length
    }
    yield { begin, end }
    if (isForward) low += end
    else high -= length - begin
    size = Math.min(Math.max(size, FIRST_CHUNK_BYTES) * GROWTH, CHUNK_BYTES)
  }
}

interface NeedleSearch {
  /** The first place in the memory from `from` on where the needle stands and ends before `to`; infinite where there is none. */
  readonly find: (from: number, to: number) => number
  /** Where it stands next, as far as that is known of this piece. */
  hit: number
}

/** Looks for each needle by those two of its bytes that are the rarest in a sample of the log. */
function prepare(conditions: readonly (readonly Needle[])[], sample: Buffer): NeedleSearch[][] {
  const counts = new Uint32Array(256)
  for (const byte of sample) counts[byte] = (counts[byte] ?? 0) + 1
  return conditions.map((needles) => needles.map((needle) => ({ find: finderOf(needle, counts), hit: -1 })))
}

function finderOf({ bytes: needle, isFolded, isNoHash }: Needle, counts: Uint32Array): NeedleSearch['find'] {
  const { memory, find } = vectors()
  const masks = needle.map((byte) => (isFolded && byte >= 0x61 && byte <= 0x7a ? CASE_BIT : 0))
  const countAt = (place: number): number => {
    const byte = needle[place] as number
    return (counts[byte] as number) + (masks[place] === 0 ? 0 : (counts[byte & ~CASE_BIT] as number))
  }
  const [first = 0, second = first] = [...needle.keys()].sort((a, b) => countAt(a) - countAt(b))
  const isMasked = masks[first] !== 0 || masks[second] !== 0
  const isLone = countAt(first) <= RARE_COUNT
  const findPair = isLone ? (isMasked ? find.maskedLone : find.lone) : isMasked ? find.maskedPair : find.pair
  const stands = (at: number): boolean => {
    for (let place = 0; place < needle.length; place++)
      if (((memory[at + place] as number) | (masks[place] as number)) !== needle[place]) return false
    return true
  }
  return (from, to) => {
    const stop = to - needle.length + 1 + first
    for (let at = from + first; at < stop; at++) {
      at = findPair(
        at,
        stop,
        second - first,
        needle[first] as number,
        needle[second] as number,
        masks[first] as number,
        masks[second] as number,
      )
      if (at < stop && stands(at - first) && !(isNoHash && isAmongHashes(memory, at))) return at - first
    }
    return Number.POSITIVE_INFINITY
  }
}

function isAmongHashes(memory: Buffer, at: number): boolean {
  const lineEnd = memory.indexOf(NEWLINE, at)
  const begin = memory.lastIndexOf(HASHES, lineEnd)
  // Farther away they are those of the line before.
  return begin >= 0 && begin < at && lineEnd - begin < MAX_HASHES_BYTES
}

/**
 * The lines of a piece that hold a needle of each condition. Goes from the farthest of their next places to the next farthest,
 * so that what is rare spares looking for what is not.
 */
function linesHolding(conditions: readonly (readonly NeedleSearch[])[], memory: Buffer, chunk: Span): Span[] {
  const lines: Span[] = []
  for (const search of conditions.flat()) search.hit = -1
  const nextHit = (needles: readonly NeedleSearch[], from: number): number => {
    let nearest = Number.POSITIVE_INFINITY
    for (const search of needles) {
      if (search.hit < from) search.hit = search.find(from, chunk.end)
      if (search.hit < nearest) nearest = search.hit
    }
    return nearest
  }
  for (let start = chunk.begin; start < chunk.end; ) {
    let nearest = Number.POSITIVE_INFINITY
    let farthest = start
    for (const needles of conditions) {
      const hit = nextHit(needles, start)
      if (hit === Number.POSITIVE_INFINITY) return lines
      nearest = Math.min(nearest, hit)
      farthest = Math.max(farthest, hit)
    }
    const begin = farthest === start ? start : Math.max(start, memory.lastIndexOf(NEWLINE, farthest - 1) + 1)
    if (nearest >= begin) {
      const lineEnd = memory.indexOf(NEWLINE, farthest)
      const end = lineEnd < 0 || lineEnd > chunk.end ? chunk.end : lineEnd
      lines.push({ begin, end })
      start = end + 1
    } else start = begin
  }
  return lines
}
