// A store as a whole: what a copy reads of one and puts into another. Each adapter has one; store/copy.ts joins two.

import type { Anchor, Head } from '../src/domain/audit.ts'
import type { Vouched } from '../src/domain/audit-check.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import type { KeyUsage, Series } from '../src/domain/usage.ts'

/** What one store holds at one moment, in bounded pieces. Each can be read more than once. */
export interface Source {
  readonly brand: string
  /** The last record of the log, and the one that the keys are vouched for by. */
  readonly head: Anchor
  readonly keysAnchor: Anchor
  /** What else vouches for records, and who, as the operator knows it. */
  readonly vouched: Vouched['anchors']
  /** Lines of the log, oldest first, without their line ends. */
  readonly log: () => AsyncIterable<readonly string[]>
  /** Lines of the keys in the order of their birth. */
  readonly keys: () => AsyncIterable<readonly string[]>
  readonly usage: () => AsyncIterable<readonly KeyedUsage[]>
  readonly alive: Series
  /** Up to when calls are summed up on the log, in milliseconds since 1970. */
  readonly summarisedUntil: number
}

export interface KeyedUsage {
  readonly keyId: string
  readonly usage: KeyUsage
}

/** A store that holds nothing, or the beginning of a log that an interrupted copy left. */
export interface Receiver {
  readonly end: Anchor
  /** Puts lines behind the end, durably enough for a copy to go on behind them. `end`: the last of them. */
  readonly append: (lines: readonly string[], end: Head) => Promise<void>
  /** Usage, keys and head: all of it or nothing. Until then the store holds no key. */
  readonly finish: (source: Source) => Promise<void>
}

export interface Whole {
  /** As messages name it; never with a password. */
  readonly name: string
  /** How a command line names it. */
  readonly flag: string
  readonly read: <T>(work: (source: Source) => Promise<T>) => Promise<T>
  /** Throws INVALID_INPUT where the store is not empty; keeps others from writing to it where it can. */
  readonly receive: <T>(work: (receiver: Receiver) => Promise<T>) => Promise<T>
}

/** Of a store that may not be copied onto. */
export function notEmpty(name: string, what: string): KeywrightError {
  return new KeywrightError('INVALID_INPUT', `${name} is not empty: it holds ${what}`, {
    field: 'to',
    hint: 'copy onto a store that does not exist yet, or onto a database whose tables are fresh (keywright migrate)',
  })
}
