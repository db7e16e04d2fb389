// Where the records of two neighbouring files of a log do not meet, told while it is read. What is missing within a file `audit verify` tells.

import { basename } from 'node:path'
import { gapText } from '../../src/domain/audit-trail.ts'
import { headOf } from './bisect.ts'
import type { Source } from './read.ts'
import { segmentName, trailFile } from './segments.ts'

/** Told of each gap, in words. */
export type OnGap = (message: string) => void

export interface Gaps {
  readonly enter: (source: Source) => void
  /** Every line of the file, in the order of reading; costs nothing but at the edges. */
  readonly see: (line: Buffer) => void
  /** All files were read to their end. */
  readonly finish: () => void
}

/** `isReversed`: files and lines come newest first. */
export function createGaps(logPath: string, finished: readonly string[], isReversed: boolean, onGap: OnGap): Gaps {
  const names = new Set(finished.map((path) => basename(path)))
  let name = ''
  let last: Buffer | null = null
  let previous: { readonly name: string; readonly edge: number } | null = null
  let isAtBegin = false

  const seqOf = (line: Buffer | null): number | null => (line === null ? null : (headOf(line)?.seq ?? null))
  const tell = (from: number, to: number, before: string | null, next: string): void =>
    onGap(`${gapText(segmentName(logPath, from), before, next, names)}: records ${from} to ${to} are gone; see: keywright audit verify`)

  const compare = (seq: number): void => {
    if (isReversed && previous !== null && seq + 1 < previous.edge) tell(seq + 1, previous.edge - 1, name, previous.name)
    const expected = (previous?.edge ?? 0) + 1
    if (!isReversed && seq > expected) tell(expected, seq - 1, previous?.name ?? null, name)
  }

  return {
    enter(source) {
      const edge = seqOf(last)
      if (edge !== null) previous = { name, edge }
      name = trailFile(logPath, source).name
      last = null
      isAtBegin = true
    },
    see(line) {
      const seq = isAtBegin ? seqOf(line) : null
      isAtBegin = false
      if (seq !== null) compare(seq)
      last = line
    },
    finish() {
      const seq = seqOf(last)
      if (isReversed && seq !== null && seq > 1) tell(1, seq - 1, null, name)
    },
  }
}
