// The lines behind an anchor, oldest first, for whoever carries them to another place. Reads whole lines only; never writes.

import type { Anchor } from '../../src/domain/audit.ts'
import { parseRecord } from '../../src/domain/audit.ts'
import { firstNotBefore } from './bisect.ts'
import type { Part, Parts, Place } from './parts.ts'
import { openParts, readAt } from './parts.ts'
import { allBackward } from './tail.ts'

/** Carried at once; a longer line goes alone. */
const PIECE_BYTES = 256 * 1024
const NEWLINE = 10
/** What the line of every accepted loss holds. */
const LOSS_NEEDLE = '"action":"audit.accept-loss"'
/** Whether the log holds a record. Whole lines only; a few small reads. */
export async function holdsRecord(path: string, anchor: Anchor): Promise<boolean> {
  const parts = await openParts(path)
  try {
    return placeBehind(parts, anchor) !== null
  } finally {
    await parts.close()
  }
}

/** Lines as they stand in the log, each with its line end. */
export interface Lines {
  readonly bytes: Buffer
  /** The record of the last line; null where that is damaged. */
  readonly last: Anchor | null
}

/** Hands on what is behind the anchor, piece by piece. False where the log doesn't hold the anchor, and no accepted loss explains that. */
export async function carryBehind(path: string, anchor: Anchor, carry: (lines: Lines) => Promise<void>): Promise<boolean> {
  const parts = await openParts(path)
  try {
    const place = placeBehind(parts, anchor) ?? (await placeOfLoss(path, parts, anchor))
    if (place === null) return false
    for (let { part: index, offset } = place; index < parts.sizes.length; index++, offset = 0) {
      const part = parts.part(index)
      while (part !== null && offset < part.end) {
        const bytes = linesAt(part, offset)
        offset += bytes.length
        await carry({ bytes, last: recordOf(lastLine(bytes)) })
      }
    }
    return true
  } finally {
    await parts.close()
  }
}

/** Whether one who has the log up to a record can go on behind it: the log holds it, or an accepted loss explains that it does not. */
export async function goesOnBehind(path: string, anchor: Anchor): Promise<boolean> {
  const parts = await openParts(path)
  try {
    return (placeBehind(parts, anchor) ?? (await placeOfLoss(path, parts, anchor))) !== null
  } finally {
    await parts.close()
  }
}

function placeBehind(parts: Parts, anchor: Anchor): Place | null {
  if (anchor.seq === 0) return { part: 0, offset: 0 }
  const place = placeOf(parts, anchor.seq)
  const part = place === null ? null : parts.part(place.part)
  if (place === null || part === null) return null
  const bytes = linesAt(part, place.offset)
  const length = bytes.indexOf(NEWLINE)
  return recordOf(bytes.subarray(0, length))?.hash === anchor.hash ? { ...place, offset: place.offset + length + 1 } : null
}

/**
 * Where the accepted loss stands that the anchor is of: its record is among those that the loss names, and the log goes on from
 * there. Any other record that the log does not hold is a disagreement, however many losses were accepted before.
 */
async function placeOfLoss(path: string, parts: Parts, anchor: Anchor): Promise<Place | null> {
  for await (const { bytes, isWhole } of allBackward(path)) {
    const loss = isWhole && bytes.includes(LOSS_NEEDLE) ? parseRecord(bytes) : null
    if (loss === null || typeof loss === 'string' || loss.action !== 'audit.accept-loss') continue
    const lostTo = loss.after?.['lostTo']
    if (loss.seq <= anchor.seq && typeof lostTo === 'number' && anchor.seq <= lostTo) return placeOf(parts, loss.seq)
  }
  return null
}

function placeOf(parts: Parts, seq: number): Place | null {
  const found = firstNotBefore(parts, (head) => head.seq < seq)
  return found?.head.seq === seq ? found.place : null
}

/** The lines from an offset on: as many as a piece holds, but one at least. */
function linesAt({ descriptor, end }: Part, offset: number): Buffer {
  for (let size = PIECE_BYTES; ; size *= 2) {
    const bytes = readAt(descriptor, Buffer.allocUnsafe(Math.min(size, end - offset)), offset)
    const length = bytes.lastIndexOf(NEWLINE) + 1
    // A part ends with a line end: it is found at the latest when all of the part is read.
    if (length > 0) return bytes.subarray(0, length)
  }
}

function lastLine(lines: Buffer): Buffer {
  return lines.subarray(lines.lastIndexOf(NEWLINE, lines.length - 2) + 1, -1)
}

function recordOf(line: Buffer): Anchor | null {
  const record = parseRecord(line)
  return typeof record === 'string' ? null : { seq: record.seq, hash: record.hash }
}
