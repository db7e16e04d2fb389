// What the domain asks of a store: one semantic port. Adapters implement it; the contract suite judges them.

import type { AccountHolder } from './account.ts'
import type { Actor, Anchor, AuditFilter, AuditPage, AuditPageQuery, AuditRecord, Timeline } from './audit.ts'
import type { AuditReport } from './audit-check.ts'
import type { Change } from './change.ts'
import type { Credential } from './credential.ts'
import type { Hashing } from './hashing.ts'
import type { Key, KeyRef, ListedKey } from './key.ts'
import type { RateLimit } from './limit.ts'
import type { LimitDecision } from './limiter.ts'
import type { TabHolder } from './meter.ts'
import type { KeywrightError } from './refusal.ts'
import type { KeyFilter, KeyQuery, KeyWindowQuery, Page, UserQuery, UserSummary, UserWindowQuery, Window } from './selection.ts'
import type { Overview } from './stats.ts'
import type { KeyUsage, Series, UsageGlance, UsageWindow } from './usage.ts'
import type { RefusedCode, VerdictCode } from './verdict.ts'
import type { Look } from './windows.ts'

/** Synchronous where the answer is at hand (the embedded store), a promise where it is not (a database). */
export type MaybePromise<T> = T | Promise<T>

/** Which keys a transaction is about. */
export type Targets = { readonly refs: readonly KeyRef[] } | { readonly filter: KeyFilter }

/** What a decision may look at. `targets` are in the order of the refs, null where a ref names no key. */
export interface Facts {
  readonly brand: string
  readonly targets: readonly (Key | null)[]
  /** Whether a key id or a shortId is known to be in use. One that is all the same is refused by the store, which asks for another decision. */
  readonly isTaken: (id: string) => boolean
}

/** What was decided: changes of targets, or births, all of which happen or none; and the answer to give once they have. */
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
  readonly count: (use: Use, holder?: TabHolder) => void
  /** Decides and, unless it only peeks, consumes one call of every limit or of none. */
  readonly take: (keyId: string, limits: readonly RateLimit[], isPeek: boolean, holder?: AccountHolder) => MaybePromise<LimitDecision>
  /** What was counted, this process's unflushed counts included; and when processes were alive to count. */
  readonly read: (selector: UsageSelector, at: number) => MaybePromise<{ readonly usage: KeyUsage; readonly alive: Series }>
  /**
   * The same of up to MAX_PAGE keys at once, each by itself and as much of it as a window needs: of the series, the buckets within
   * it are sure to be there; without a window none are. Every id has an answer, also one that names no key.
   */
  readonly readEach: (
    keyIds: readonly string[],
    window: UsageWindow | null,
    at: number,
  ) => MaybePromise<{ readonly usages: ReadonlyMap<string, UsageGlance>; readonly alive: Series }>
  /** The ids of all keys that refused a call with that code within the window. */
  readonly refusing: (code: RefusedCode, window: UsageWindow, at: number) => MaybePromise<ReadonlySet<string>>
  /** Usage of a window at a glance, this process's unflushed counts included. Answers from what is known while a file can't be read. */
  readonly overview: (selector: UsageSelector, window: UsageWindow, at: number) => MaybePromise<Overview>
  /** The same sums of many owners, each by itself. Every id has an answer. */
  readonly overviewEach: (
    userIds: readonly string[],
    window: UsageWindow,
    at: number,
  ) => MaybePromise<ReadonlyMap<string, Pick<Overview, 'usageCount' | 'series'>>>
  /** Writes counts out; after it every process's statistics include them. `isLast`: refusals of this minute are recorded too. */
  readonly flush: (isLast?: boolean) => Promise<void>
  /** Writes that this process is alive, so that minutes without calls count as zero and not as a gap. */
  readonly heartbeat: () => Promise<void>
}

export interface AuditPort {
  /** Streams records; `limit` ends it. Oldest first unless `reverse`; `follow` goes on until the signal, oldest first. */
  readonly records: (filter: AuditFilter, options: { reverse?: boolean; follow?: AbortSignal }) => AsyncIterable<AuditRecord>
  /** One page of the log without reading the rest of it, where the filter allows. */
  readonly page: (query: AuditPageQuery) => Promise<AuditPage>
  /** Counts of records over time, from the seqs at the edges: exact, and without reading what lies between. Bounds null: the log's own. */
  readonly timeline: (range: {
    readonly from: number | null
    readonly to: number | null
    readonly spans: number
  }) => Promise<Timeline | null>
  /** The last whole record, as the log has it: what to keep elsewhere. Writes nothing; throws AUDIT_BROKEN where the log ends in no record. */
  readonly head: () => Promise<Anchor>
  /** The same with a signed note for it. Throws INVALID_INPUT where there is no key to sign with. */
  readonly signedHead: () => Promise<SignedAnchor>
  readonly verify: (options: VerifyOptions) => Promise<Proof>
  readonly acceptLoss: (actor: Actor, reason: string) => Promise<AcceptedLoss>
}

export interface VerifyOptions {
  /** Who asks: with an actor the verification itself goes on the log. */
  readonly actor?: Actor
  readonly onProgress?: (progress: { readonly records: number; readonly bytes: number; readonly totalBytes: number }) => void
  readonly signal?: AbortSignal
  /** A record that was kept elsewhere: the log must hold it with that hash. */
  readonly expect?: Anchor
  /** Path of the Ed25519 public key (PEM, SPKI) that the log's checkpoints must be signed with; else the one the store was opened with. */
  readonly publicKeyFile?: string
}

/** `note`: a signed note (C2SP) of the record, to be kept elsewhere. */
export interface SignedAnchor extends Anchor {
  readonly note: string
}

/** What a verification found. `head`: the last record that is whole and in its place, before the verification's own. */
export interface Proof {
  readonly report: AuditReport
  readonly head: Anchor
}

export interface AcceptedLoss {
  readonly lostFrom: number | null
  readonly lostTo: number | null
  readonly seq: number
}

/** What an app that stands open looks at several times a second. */
export interface Pulse {
  readonly revision: number
  readonly keys: number
  /** Another number whenever counts of any process were written. */
  readonly usage: number
  /** Verifications that were counted and written, of all time. */
  readonly calls: number
  /** Other processes that wrote counts or a heartbeat within the last two minutes. */
  readonly others: number
  /** The seq of the newest record of the log. */
  readonly lastSeq: number
  /** Why the store or its log can't be used just now. */
  readonly trouble: KeywrightError | null
}

/** Something that an operator should see and that stops nothing. */
export type Warn = (warning: { readonly code: string; readonly message: string }) => void

export interface Store {
  /** How tokens are hashed by those who opened this store. */
  readonly hashing: Hashing
  readonly transact: <T>(transaction: Transaction<T>) => Promise<T>
  /** The facts of a transaction that will not happen: for a dry run, or to grey an action out. Writes nothing. */
  readonly look: (targets: Targets) => MaybePromise<Facts>
  /** The credential that a shortId names, as fresh as the store promises (250 ms). Throws STORE_UNAVAILABLE when it can't be known. */
  readonly findCredential: (shortId: string) => MaybePromise<Credential | null>
  readonly findKey: (ref: KeyRef) => MaybePromise<Key | null>
  readonly queryKeys: (query: KeyQuery) => MaybePromise<Page<ListedKey>>
  readonly queryUsers: (query: UserQuery) => MaybePromise<Page<UserSummary>>
  /** A window of a list. Answers from what is known while the store can't be read: `pulse` says so. */
  readonly keyWindow: (query: KeyWindowQuery) => MaybePromise<Window<ListedKey>>
  /** The rows of such a window at once, whatever it takes to count the list. */
  readonly keyLook: (query: KeyWindowQuery) => MaybePromise<Look<ListedKey>>
  readonly userWindow: (query: UserWindowQuery) => MaybePromise<Window<UserSummary>>
  /** Looks for news; cheap where there is none. Never throws. */
  readonly pulse: () => MaybePromise<Pulse>
  readonly usage: UsagePort
  readonly audit: AuditPort
  /** Calls the listener after any change of the store, by whichever process. Answers what ends it. */
  readonly watch: (listener: (change: { readonly revision: number }) => void) => () => void
  /** The last record that the store vouches for: its revision. */
  readonly anchor: () => MaybePromise<Anchor>
  readonly close: () => Promise<void>
}
