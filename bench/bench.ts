// What a row is, and what it is given.

import type { Library } from './library.ts'
import type { Finding } from './measure.ts'
import type { BuiltStore } from './stores.ts'
import { createStore } from './stores.ts'

export interface Bench {
  /** A tiny form that checks correctness only. */
  readonly isShort: boolean
  /** A folder of this run, on the disk that is measured. */
  readonly folder: string
  readonly library: Library
  /** Its module, for processes that a row starts. */
  readonly libraryPath: string
  readonly rounds: number
  readonly warmups: number
  /** The first in a whole run, the second in a short one. */
  readonly size: (whole: number, short: number) => number
  readonly store: (keys: number, records?: number) => BuiltStore
}

export interface Row {
  readonly name: string
  readonly about: string
  readonly run: (bench: Bench) => Promise<readonly Finding[]>
}

const ROUNDS = 11
const WARMUPS = 3

export function createBench(isShort: boolean, folder: string, library: Library, libraryPath: string): Bench {
  return {
    isShort,
    folder,
    library,
    libraryPath,
    rounds: isShort ? 1 : ROUNDS,
    warmups: isShort ? 0 : WARMUPS,
    size: (whole, short) => (isShort ? short : whole),
    store: (keys, records) => createStore(folder, keys, records),
  }
}

/** Fails the row: what was measured was not what was promised. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}
