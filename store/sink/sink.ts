// What a sink of the audit log is: a second place that gets every record. Only the holder of the store's lock comes to one.

import type { Anchor } from '../../src/domain/audit.ts'

export interface Sink {
  /** The last whole record that it holds, null for none. Absent where a sink can't be asked: then is kept beside the store what it got. */
  readonly last?: () => Promise<Anchor | null>
  /**
   * Hands lines of the log over, each with its line end, and ends when the sink has them all; at the signal it gives up. After
   * a throw it may have some of them.
   */
  readonly deliver: (lines: Buffer, signal: AbortSignal) => Promise<void>
}

/** A kind of sink is one file, and a line in `kinds.ts`. */
export interface SinkKind {
  /** How an address of this kind is written. */
  readonly form: string
  /** The sink of an address, or null where the address is of another kind. Touches nothing. */
  readonly open: (address: string) => Sink | null
}
