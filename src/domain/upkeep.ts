// Upkeep: what an operator does with stores as wholes, none of which is opened for it. Shapes only.

import type { Anchor } from './audit.ts'

/** What a migration did or, in a dry run, would do. */
export interface Migrated {
  /** The database, as messages name it. */
  readonly store: string
  /** Versions of its tables; 0 where there were none. */
  readonly from: number
  readonly to: number
  readonly steps: readonly { readonly version: number; readonly about: string }[]
  readonly dryRun: boolean
}

/** What both sides of a copy hold, as each was found to when it was read again. */
export interface Copied {
  readonly from: string
  readonly to: string
  readonly records: number
  /** The last record. */
  readonly head: Anchor
  readonly keys: number
  /** SHA-256 of all key lines joined by newlines. */
  readonly keysDigest: string
  /** Calls of any outcome that were counted. */
  readonly calls: number
  /** The seq of the last record that an interrupted copy had left there already; 0 where there was none. */
  readonly resumedBehind: number
}

export interface CopyProgress {
  readonly doing: 'copied' | 'proved'
  readonly records: number
  readonly totalRecords: number
}

export interface CopyRequest {
  /** Paths or URLs. */
  readonly from: string
  readonly to: string
  readonly signal: AbortSignal
  readonly onProgress: (progress: CopyProgress) => void
}

/** What upkeep may ask of the world. */
export interface Upkeep {
  readonly migrate: (store: string | undefined, isDryRun: boolean) => Promise<Migrated>
  /** SQL that makes the roles of a database. */
  readonly roles: () => Promise<string>
  readonly copy: (request: CopyRequest) => Promise<Copied>
}
