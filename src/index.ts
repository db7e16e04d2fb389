// The library: what an application imports. A thin door: every method is one command or one question of the manager.

import { auditHead, auditVerify, libraryRecords } from './commands/audit.ts'
import type { ChangeCommand, ItemResult } from './commands/command.ts'
import { disable, enable } from './commands/disable.ts'
import { generate } from './commands/generate.ts'
import { graceEnd, graceExtend } from './commands/grace.ts'
import type { HygieneInput, HygieneReport } from './commands/hygiene.ts'
import { hygiene } from './commands/hygiene.ts'
import type { KeyList, UserList } from './commands/list.ts'
import { list, users } from './commands/list.ts'
import { purge } from './commands/purge.ts'
import { revoke } from './commands/revoke.ts'
import { rotate } from './commands/rotate.ts'
import { scopeAdd, scopeRemove, scopeSet } from './commands/scope.ts'
import { update } from './commands/update.ts'
import type { CallInput } from './commands/validate.ts'
import { callOptionsFrom, limitFrom, stats } from './commands/validate.ts'
import type { Anchor, AuditRecord } from './domain/audit.ts'
import type { AuditReport } from './domain/audit-check.ts'
import type { Fields } from './domain/field.ts'
import { inputFromValues, onlyMembers } from './domain/field.ts'
import type { KeyRef, KeyView, Status } from './domain/key.ts'
import { parseKeyRef } from './domain/key.ts'
import type { RateLimit } from './domain/limit.ts'
import type { SignedAnchor, VerifyOptions } from './domain/ports.ts'
import { accepted, KeywrightError } from './domain/refusal.ts'
import type { UsageStats } from './domain/stats.ts'
import type { Environment } from './domain/token.ts'
import type { UsageWindow } from './domain/usage.ts'
import type { Explanation, LimitAnswer, Verdict } from './domain/verdict.ts'
import type { Manager } from './manager.ts'
import type { OpenOptions } from './open-manager.ts'
import { openManager } from './open-manager.ts'
import { onProcessEnd } from './process-end.ts'
import { itemResults, soleItem } from './run-change.ts'
import { createActor } from './runtime.ts'

/** A moment: ISO 8601 (UTC unless a zone is given) or a Date. */
export type Instant = string | Date

/** A key id, a shortId or a whole token. */
export type KeyOrToken = string

export interface GenerateInput {
  userId: string
  name?: string
  environment?: Environment
  scopes?: readonly string[]
  expiresInDays?: number
  expiresAt?: Instant | null
  notBefore?: Instant
  rateLimits?: readonly { name?: string; limit: number; windowSeconds: number }[]
  allowedIps?: readonly string[]
  tags?: readonly string[]
  metadata?: Readonly<Record<string, string>>
  /** Takes what is not given from this key. */
  like?: KeyOrToken
}

/** Null empties a field; what is not given stays. */
export interface UpdateInput {
  name?: string | null
  expiresAt?: Instant | null
  notBefore?: Instant | null
  rateLimits?: GenerateInput['rateLimits'] | null
  allowedIps?: readonly string[] | null
  tags?: readonly string[] | null
  metadata?: Readonly<Record<string, string>> | null
}

export interface KeyFilterInput {
  userId?: string
  status?: Status | readonly Status[]
  scope?: string
  tag?: string
  search?: string
  expiringWithinSeconds?: number
  idleForSeconds?: number
}

/** `sort`: a field's name, `-` before it reverses; default `-createdAt`. `limit`: default 50, at most 1,000. */
export interface ListInput extends KeyFilterInput {
  sort?: string
  limit?: number
  cursor?: string
}

export interface AuditInput {
  keyId?: KeyOrToken
  userId?: string
  actor?: string
  action?: string
  since?: Instant
  until?: Instant
  reverse?: boolean
}

/** `expect`: a record that `auditHead` told once; the log must hold it. `publicKeyFile`: the key that checkpoints are proven with. */
export type VerifyAuditOptions = Pick<VerifyOptions, 'onProgress' | 'signal' | 'expect' | 'publicKeyFile'>

/** `actor`: who makes this change. `expectedRevision`: refuse with CHANGED_MEANWHILE when the key has another one. */
export interface ChangeInput {
  actor?: string
  expectedRevision?: number
}

export interface BulkResult {
  readonly results: readonly ItemResult[]
  readonly dryRun: boolean
}

/**
 * Issues, verifies and looks after an application's API keys. Any number of managers, in any number of processes on one
 * machine, share one store. Methods reject with a KeywrightError; `validateApiKey` never does so for a bad token.
 *
 * @example
 * const manager = await ApiKeyManager.open({ store: 'keys.json', actor: 'billing-api' })
 * const { token } = await manager.generateApiKey({ userId: 'user123', scopes: ['read:users'], expiresInDays: 30 })
 * const { valid, code } = await manager.validateApiKey(token, { requiredScope: 'read:users' })
 * await manager.close()
 */
export class ApiKeyManager {
  readonly #manager: Manager
  readonly #forget: () => void

  private constructor(manager: Manager) {
    this.#manager = manager
    this.#forget = onProcessEnd(() => manager.flush(true))
  }

  /** Opens a store; rejects when it can't be used. One that does not exist reads as empty and is created at the first change. */
  static async open(options: OpenOptions = {}): Promise<ApiKeyManager> {
    return new ApiKeyManager(await openManager(options, 'library'))
  }

  /** A new key. The answer is the only place where its token exists. */
  async generateApiKey(input: GenerateInput, change?: ChangeInput): Promise<{ token: string; key: KeyView }> {
    return this.#issue(generate, input, change)
  }

  /**
   * The verdict on a token of any type, length or content. Counts the use and consumes the key's limits unless `peek`.
   * Throws STORE_UNAVAILABLE, never VALID, when the store can't be read.
   */
  async validateApiKey(token: unknown, options?: CallInput): Promise<Verdict> {
    return this.#manager.validate(token, callOptionsFrom(options))
  }

  /** Every check in order, with the rule that decided; consumes and counts nothing. */
  async explainApiKey(token: unknown, options?: CallInput): Promise<Explanation> {
    return this.#manager.explain(token, callOptionsFrom(options))
  }

  /** Consumes one call of an ad-hoc limit of this key. An unknown key, or one that would not be valid, is not allowed. Never counts as a use. */
  async checkRateLimit(
    keyOrToken: KeyOrToken,
    limit: { limitPerMinute: number } | { limit: number; windowSeconds: number },
  ): Promise<LimitAnswer> {
    return this.#manager.checkRateLimit(refOf(keyOrToken), limitFrom(limit))
  }

  /** A new secret for the same key; the old ones work until their grace (default 24 h) ends. */
  async rotateApiKey(
    keyOrToken: KeyOrToken,
    options: { graceSeconds?: number; expiresAt?: Instant } = {},
    change?: ChangeInput,
  ): Promise<{ token: string; key: KeyView }> {
    return this.#issue(rotate, { ...onlyMembers(options, ['graceSeconds', 'expiresAt']), key: keyOrToken }, change)
  }

  /** Retires all older secrets now. */
  async endGrace(keyOrToken: KeyOrToken, change?: ChangeInput): Promise<KeyView> {
    return this.#changeOne(graceEnd, { key: keyOrToken }, change)
  }

  /** Lets the newest older secret work until then; never past the key's expiry. */
  async extendGrace(keyOrToken: KeyOrToken, options: { until: Instant }, change?: ChangeInput): Promise<KeyView> {
    return this.#changeOne(graceExtend, { ...onlyMembers(options, ['until']), key: keyOrToken }, change)
  }

  /** Ends a key for good. */
  async revokeApiKey(keyOrToken: KeyOrToken, options: { reason: string }, change?: ChangeInput): Promise<KeyView> {
    return this.#changeOne(revoke, { ...onlyMembers(options, ['reason']), ids: [keyOrToken] }, change)
  }

  /** Ends all keys that are selected; those that are revoked already are left out. */
  async revokeApiKeys(
    selector: { userId?: string; filter?: KeyFilterInput | string; ids?: readonly KeyOrToken[] },
    options: { reason: string; dryRun?: boolean },
    change?: ChangeInput,
  ): Promise<BulkResult> {
    const { results, dryRun } = await this.#changeMany(
      revoke,
      { ...onlyMembers(selector, ['userId', 'filter', 'ids']), ...onlyMembers(options, ['reason', 'dryRun']) },
      change,
    )
    return { results: results.filter(({ error }) => error?.code !== 'KEY_REVOKED'), dryRun }
  }

  /** Stops a key until it is enabled again. */
  async disableApiKey(keyOrToken: KeyOrToken, options: { reason: string }, change?: ChangeInput): Promise<KeyView> {
    return this.#changeOne(disable, { ...onlyMembers(options, ['reason']), ids: [keyOrToken] }, change)
  }

  async enableApiKey(keyOrToken: KeyOrToken, options: { reason: string }, change?: ChangeInput): Promise<KeyView> {
    return this.#changeOne(enable, { ...onlyMembers(options, ['reason']), ids: [keyOrToken] }, change)
  }

  async addScopeToKey(keyOrToken: KeyOrToken, scope: string, change?: ChangeInput): Promise<KeyView> {
    return this.#changeOne(scopeAdd, { key: keyOrToken, scopes: [scope] }, change)
  }

  async removeScopeFromKey(keyOrToken: KeyOrToken, scope: string, change?: ChangeInput): Promise<KeyView> {
    return this.#changeOne(scopeRemove, { key: keyOrToken, scopes: [scope] }, change)
  }

  /** Gives a key exactly these scopes. */
  async setScopes(keyOrToken: KeyOrToken, scopes: readonly string[], change?: ChangeInput): Promise<KeyView> {
    return this.#changeOne(scopeSet, { key: keyOrToken, scopes }, change)
  }

  /** Edits a key; each given field is replaced whole. */
  async updateApiKey(keyOrToken: KeyOrToken, input: UpdateInput, change?: ChangeInput): Promise<KeyView> {
    return this.#changeOne(update, { ...onlyMembers(input, UPDATE_MEMBERS), key: keyOrToken }, change)
  }

  /** Removes keys that were revoked or expired for longer than that. The audit log keeps their story. */
  async purge(options: { olderThanSeconds: number; dryRun?: boolean }, change?: ChangeInput): Promise<BulkResult> {
    return this.#changeMany(purge, options, change)
  }

  async getApiKey(keyOrToken: KeyOrToken): Promise<KeyView | null> {
    return this.#manager.findKey(refOf(keyOrToken))
  }

  async listApiKeys(input: ListInput = {}): Promise<KeyList> {
    return this.#manager.read(list, accepted(inputFromValues(list.fields, input)))
  }

  async listUsers(input: { search?: string; limit?: number; cursor?: string } = {}): Promise<UserList> {
    return this.#manager.read(users, accepted(inputFromValues(users.fields, input)))
  }

  /** Usage of one key: all of it with a series of the last hour, or of a window. Includes this process's unwritten counts. */
  async getKeyUsageStats(keyOrToken: KeyOrToken, options: { window?: UsageWindow } = {}): Promise<UsageStats> {
    return this.#manager.read(stats, accepted(inputFromValues(stats.fields, { ...onlyMembers(options, ['window']), id: keyOrToken })))
  }

  /** Usage of an owner's keys, or of the whole store. */
  async getUsageStats(options: { userId?: string; window?: UsageWindow } = {}): Promise<UsageStats> {
    return this.#manager.read(stats, accepted(inputFromValues(stats.fields, onlyMembers(options, ['userId', 'window']))))
  }

  /** Streams records of the audit log, oldest first unless `reverse`. */
  async *auditRecords(input: AuditInput = {}): AsyncGenerator<AuditRecord, void, undefined> {
    yield* await this.#manager.read(libraryRecords, accepted(inputFromValues(libraryRecords.fields, input)))
  }

  /** The number and the hash of the last record: kept elsewhere, they prove later that the log up to there is the same. */
  async auditHead(): Promise<Anchor> {
    return this.#manager.read(auditHead, {})
  }

  /** The same with a signed note (C2SP) for it; rejects where no `auditKeyFile` is given. */
  async signedAuditHead(): Promise<SignedAnchor> {
    return (await this.#manager.read(auditHead, { signed: true })) as SignedAnchor
  }

  /** Proves that neither the log nor the store was edited by hand, cut short or replaced. */
  async verifyAudit(options: VerifyAuditOptions = {}): Promise<AuditReport> {
    const { onProgress, signal, ...input } = onlyMembers(options, ['expect', 'publicKeyFile', 'onProgress', 'signal']) as VerifyAuditOptions
    return this.#manager.read(auditVerify, accepted(inputFromValues(auditVerify.fields, input)), {
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(signal === undefined ? {} : { signal }),
    })
  }

  /** What is wrong with the keys, worst first, each finding with the command line that mends it; at most 10,000. Changes nothing. */
  async hygiene(input: HygieneInput = {}): Promise<HygieneReport> {
    return this.#manager.read(hygiene, accepted(inputFromValues(hygiene.fields, input)))
  }

  /** Calls the listener after any change of the store, by whichever process. Answers what ends that. */
  subscribe(listener: (change: { readonly revision: number }) => void): () => void {
    return this.#manager.subscribe(listener)
  }

  /** Writes counts out; after it every process's statistics include them. */
  async flush(): Promise<void> {
    await this.#manager.flush()
  }

  /** Writes counts out and lets go of the store. Later calls reject with CLOSED; a second close does nothing. */
  async close(): Promise<void> {
    this.#forget()
    await this.#manager.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #change<F extends Fields>(command: ChangeCommand<F>, input: unknown, change: ChangeInput = {}) {
    const { actor, expectedRevision } = onlyMembers(change, ['actor', 'expectedRevision'])
    if (expectedRevision !== undefined && !Number.isSafeInteger(expectedRevision)) {
      throw new KeywrightError('INVALID_INPUT', 'expectedRevision is not a whole number', { field: 'expectedRevision' })
    }
    const options = {
      actor: actor === undefined ? undefined : createActor('library', actor),
      expectedRevision: expectedRevision as number | undefined,
    }
    return this.#manager.change(command, accepted(inputFromValues(command.fields, input)), options)
  }

  async #changeOne<F extends Fields>(command: ChangeCommand<F>, input: unknown, change?: ChangeInput): Promise<KeyView> {
    return soleItem(await this.#change(command, input, change)).key
  }

  async #changeMany<F extends Fields>(command: ChangeCommand<F>, input: unknown, change?: ChangeInput): Promise<BulkResult> {
    return itemResults(await this.#change(command, input, change))
  }

  async #issue<F extends Fields>(
    command: ChangeCommand<F>,
    input: unknown,
    change?: ChangeInput,
  ): Promise<{ token: string; key: KeyView }> {
    const { token, key } = soleItem(await this.#change(command, input, change))
    return { token: token as string, key }
  }
}

function refOf(keyOrToken: unknown): KeyRef {
  if (typeof keyOrToken !== 'string')
    throw new KeywrightError('INVALID_INPUT', 'the key is not a text; give a key id, a shortId or a token', { field: 'key' })
  return parseKeyRef(keyOrToken)
}

const UPDATE_MEMBERS = Object.keys(update.fields).filter((name) => name !== 'key')

export type { ItemResult } from './commands/command.ts'
export type { Action, Actor, Anchor, AuditRecord, Via } from './domain/audit.ts'
export type { AuditReport } from './domain/audit-check.ts'
export type { Finding, RuleName, Severity } from './domain/hygiene.ts'
export type { KeyView, ListedKey, SecretView, Status } from './domain/key.ts'
export type { SignedAnchor } from './domain/ports.ts'
export type { AuditProblem } from './domain/problem-list.ts'
export { type ErrorCode, KeywrightError } from './domain/refusal.ts'
export type { UserSummary } from './domain/selection.ts'
export type { UsageStats } from './domain/stats.ts'
export type { UsageWindow } from './domain/usage.ts'
export type { CheckResult, Explanation, LimitAnswer, LimitVerdict, RefusalReason, Verdict, VerdictCode } from './domain/verdict.ts'
export type { CallInput, Environment, HygieneInput, HygieneReport, KeyList, OpenOptions, RateLimit, UserList }
