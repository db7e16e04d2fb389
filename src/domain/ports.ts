// What the domain asks of a store: one semantic port. Adapters implement it; the contract suite judges them.

import type { Actor, Anchor, AuditFilter, AuditRecord } from './audit.ts'
import type { AuditReport } from './audit-check.ts'
import type { Change } from './change.ts'
import type { Credential } from './credential.ts'
import type { Key, KeyRef, ListedKey } from './key.ts'
import type { RateLimit } from './limit.ts'
import type { LimitDecision } from './limiter.ts'
import type { KeyFilter, KeyQuery, Page, UserQuery, UserSummary } from './selection.ts'
import type { KeyUsage, Series } from './usage.ts'
import type { VerdictCode } from './verdict.ts'

/** Synchronous where the answer is at hand (the embedded store), a promise where it is not (a database). */
export type MaybePromise<T> = T | Promise<T>

/** Which keys a transaction is about. */
export type Targets = { readonly refs: readonly KeyRef[] } | { readonly filter: KeyFilter }

/** What a decision may look at. `targets` are in the order of the refs, null where a ref names no key. */
export interface Facts {
  readonly brand: string
  readonly targets: readonly (Key | null)[]
  /** Whether a key id or a shortId is in use. */
  readonly isTaken: (id: string) => boolean
}

/** What was decided: changes, all of which happen or none, and the answer to give once they have. */
export interface Outcome<T> {
  readonly at: number
  readonly changes: readonly Change[]
  readonly answer: T
}

export interface Transaction<T> {
  readonly actor: Actor
  readonly targets: Targets
  /** Called under the lock, once or, where an adapter must try again, more often. Throws to refuse: nothing is changed. */
  readonly decide: (facts: Facts) => Outcome<T>
}

/** Counts that a verification leaves behind. `shortId` null: no secret of the key was used. */
export interface Use {
  readonly keyId: string | null
  readonly userId: string | null
  readonly code: VerdictCode
  readonly at: number
  readonly shortId: string | null
  readonly scopes: readonly string[]
}

export type UsageSelector = { readonly keyId: string } | { readonly userId: string } | 'store'

export interface UsagePort {
  /** Counts one verification in memory. Never waits, never throws. */
  readonly count: (use: Use) => void
  /** Decides and, unless it only peeks, consumes one call of every limit or of none. */
  readonly take: (keyId: string, limits: readonly RateLimit[], isPeek: boolean) => MaybePromise<LimitDecision>
  /** What was counted, this process's unflushed counts included; and when processes were alive to count. */
  readonly read: (selector: UsageSelector, at: number) => MaybePromise<{ readonly usage: KeyUsage; readonly alive: Series }>
  /** Writes counts out; after it every process's statistics include them. `isLast`: refusals of this minute are recorded too. */
  readonly flush: (isLast?: boolean) => Promise<void>
  /** Writes that this process is alive, so that minutes without calls count as zero and not as a gap. */
  readonly heartbeat: () => Promise<void>
}

export interface AuditPort {
  /** Streams records; `limit` ends it. Oldest first unless `reverse`; `follow` goes on until the signal, oldest first. */
  readonly records: (filter: AuditFilter, options: { reverse?: boolean; follow?: AbortSignal }) => AsyncIterable<AuditRecord>
  readonly verify: (options: VerifyOptions) => Promise<AuditReport>
  readonly acceptLoss: (actor: Actor, reason: string) => Promise<AcceptedLoss>
}

export interface VerifyOptions {
  /** Who asks: with an actor the verification itself goes on the log. */
  readonly actor?: Actor
  readonly onProgress?: (progress: { readonly records: number; readonly bytes: number; readonly totalBytes: number }) => void
  readonly signal?: AbortSignal
}

export interface AcceptedLoss {
  readonly lostFrom: number | null
  readonly lostTo: number | null
  readonly seq: number
}

/** Something that an operator should see and that stops nothing. */
export type Warn = (warning: { readonly code: string; readonly message: string }) => void

export interface Store {
  readonly transact: <T>(transaction: Transaction<T>) => Promise<T>
  /** The facts of a transaction that will not happen: for a dry run, or to grey an action out. Writes nothing. */
  readonly look: (targets: Targets) => MaybePromise<Facts>
  /** The credential that a shortId names, as fresh as the store promises (250 ms). Throws STORE_UNAVAILABLE when it can't be known. */
  readonly findCredential: (shortId: string) => MaybePromise<Credential | null>
  readonly findKey: (ref: KeyRef) => MaybePromise<Key | null>
  readonly queryKeys: (query: KeyQuery) => MaybePromise<Page<ListedKey>>
  readonly queryUsers: (query: UserQuery) => MaybePromise<Page<UserSummary>>
  readonly usage: UsagePort
  readonly audit: AuditPort
  /** Calls the listener after any change of the store, by whichever process. Answers what ends it. */
  readonly watch: (listener: (change: { readonly revision: number }) => void) => () => void
  /** The last record that the store vouches for: its revision. */
  readonly anchor: () => MaybePromise<Anchor>
  readonly close: () => Promise<void>
}
