// The hot path: token → verdict, and the same rules one by one as an explanation. Reads no clock and no file.

import type { Credential } from './domain/credential.ts'
import type { Key } from './domain/key.ts'
import type { LimitDecision } from './domain/limiter.ts'
import type { MaybePromise, Store } from './domain/ports.ts'
import { missingScopes } from './domain/scope.ts'
import { isoFrom } from './domain/time.ts'
import { parseToken } from './domain/token.ts'
import type { CallOptions, CheckName, CheckResult, Explanation, RefusalReason, Verdict, VerdictCode } from './domain/verdict.ts'
import { CHECKS } from './domain/verdict.ts'

interface Refused {
  readonly code: VerdictCode
  readonly reason: RefusalReason
  readonly missing?: readonly string[]
}

interface StateCheck {
  readonly check: CheckName
  /** Null when the call passes. */
  readonly refuses: (credential: Credential, call: CallOptions, at: number) => Refused | null
  readonly detail: (credential: Credential, call: CallOptions, at: number) => string
}

const KEY_REVOKED: Refused = { code: 'REVOKED', reason: 'KEY_REVOKED' }
const SECRET_RETIRED: Refused = { code: 'REVOKED', reason: 'SECRET_RETIRED' }
const KEY_DISABLED: Refused = { code: 'DISABLED', reason: 'KEY_DISABLED' }
const KEY_EXPIRED: Refused = { code: 'EXPIRED', reason: 'KEY_EXPIRED' }
const NOT_YET_VALID: Refused = { code: 'FORBIDDEN', reason: 'NOT_YET_VALID' }
const ENVIRONMENT_MISMATCH: Refused = { code: 'FORBIDDEN', reason: 'ENVIRONMENT_MISMATCH' }
const IP_UNKNOWN: Refused = { code: 'FORBIDDEN', reason: 'IP_UNKNOWN' }
const IP_NOT_ALLOWED: Refused = { code: 'FORBIDDEN', reason: 'IP_NOT_ALLOWED' }

/** What the key's own state says, whoever calls: the first refusal ends it. */
const KEY_CHECKS: readonly StateCheck[] = [
  {
    check: 'revoked',
    refuses: ({ key }) => (key.revokedAt === null ? null : KEY_REVOKED),
    detail: ({ key }) => (key.revokedAt === null ? 'the key is not revoked' : `the key was revoked at ${key.revokedAt}`),
  },
  {
    check: 'secret',
    refuses: ({ secretEndsMs }, _, at) => (at < secretEndsMs ? null : SECRET_RETIRED),
    detail: ({ secret }, _, at) =>
      secret.notAfter === null ? 'the secret is the current one' : `the secret's grace ends at ${secret.notAfter}; it is ${isoFrom(at)}`,
  },
  {
    check: 'disabled',
    refuses: ({ key }) => (key.disabledAt === null ? null : KEY_DISABLED),
    detail: ({ key }) => (key.disabledAt === null ? 'the key is not disabled' : `the key was disabled at ${key.disabledAt}`),
  },
  {
    check: 'expiry',
    refuses: ({ expiresMs }, _, at) => (at < expiresMs ? null : KEY_EXPIRED),
    detail: ({ key }, _, at) =>
      key.expiresAt === null ? 'the key never expires' : `the key expires at ${key.expiresAt}; it is ${isoFrom(at)}`,
  },
  {
    check: 'not-before',
    refuses: ({ beginsMs }, _, at) => (beginsMs === null || at >= beginsMs ? null : NOT_YET_VALID),
    detail: ({ key }) => (key.notBefore === null ? 'the key has no not-before' : `the key is valid from ${key.notBefore} on`),
  },
]

const CALL_CHECKS: readonly StateCheck[] = [
  {
    check: 'environment',
    refuses: ({ key }, { environment }) => (environment === null || environment === key.environment ? null : ENVIRONMENT_MISMATCH),
    detail: ({ key }, { environment }) =>
      environment === null ? 'no environment is required' : `${environment} is required, the key is for ${key.environment}`,
  },
  {
    check: 'ip',
    refuses: ({ isAllowedIp }, { ip }) =>
      isAllowedIp === null ? null : ip === null ? IP_UNKNOWN : isAllowedIp(ip) ? null : IP_NOT_ALLOWED,
    detail: ({ key, isAllowedIp }, { ip }) => {
      if (isAllowedIp === null) return 'the key allows any address'
      return `the key allows ${key.allowedIps.join(', ')}; ${ip === null ? 'no address was given' : 'an address was given'}`
    },
  },
  {
    check: 'scopes',
    refuses: ({ key }, { requiredScopes }) => {
      if (requiredScopes.length === 0) return null
      const missing = missingScopes(key.scopes, requiredScopes)
      return missing.length === 0 ? null : { code: 'INSUFFICIENT_SCOPE', reason: 'MISSING_SCOPE', missing }
    },
    detail: ({ key }, { requiredScopes }) => {
      if (requiredScopes.length === 0) return 'no scope is required'
      return `required: ${requiredScopes.join(' ')}; granted: ${key.scopes.join(' ') || 'none'}`
    },
  },
]

const STATE_CHECKS: readonly StateCheck[] = [...KEY_CHECKS, ...CALL_CHECKS]

const firstRefusal = (checks: readonly StateCheck[], credential: Credential, call: CallOptions, at: number): Refused | null => {
  for (const { refuses } of checks) {
    const refused = refuses(credential, call, at)
    if (refused !== null) return refused
  }
  return null
}

/** Whether the key's own state lets calls pass, whatever they ask for. */
export function isInForce(credential: Credential, at: number): boolean {
  return firstRefusal(KEY_CHECKS, credential, { requiredScopes: [], environment: null, ip: null, isPeek: true }, at) === null
}

const unnamed = (reason: RefusalReason): Verdict => ({ valid: false, code: 'NOT_FOUND', reason })
const MALFORMED = Object.freeze(unnamed('MALFORMED'))
const BAD_CHECKSUM = Object.freeze(unnamed('BAD_CHECKSUM'))
const UNKNOWN = Object.freeze(unnamed('UNKNOWN'))

type VerifyingStore = Pick<Store, 'findCredential' | 'hashing' | 'usage'>

/** Chains on a promise, and stays synchronous where there is none. */
export function chain<A, B>(value: MaybePromise<A>, next: (value: A) => MaybePromise<B>): MaybePromise<B> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** The verdict on a token of any type, length or content. Counts the use and consumes the limits unless it only peeks. */
export function verify(store: VerifyingStore, token: unknown, options: CallOptions, at: number): MaybePromise<Verdict> {
  const parsed = parseToken(token)
  if (typeof parsed === 'string') return counted(store, null, parsed === 'MALFORMED' ? MALFORMED : BAD_CHECKSUM, options, at)
  return chain(store.findCredential(parsed.shortId), (credential) => {
    if (!store.hashing.matches(token as string, credential) || credential === null) return counted(store, null, UNKNOWN, options, at)
    return judge(store, credential, options, at)
  })
}

/** Whether no check can refuse: the usual call, told without going through them one by one. */
function isPlainlyAllowed(credential: Credential, { requiredScopes, environment }: CallOptions, at: number): boolean {
  return (
    (credential.endsMs === null || at < credential.endsMs) &&
    (credential.beginsMs === null || at >= credential.beginsMs) &&
    environment === null &&
    credential.isAllowedIp === null &&
    (requiredScopes.length === 0 || (requiredScopes.length === 1 && requiredScopes[0] === credential.grantedScope))
  )
}

/** Something of what was read ahead: kept, so that it is read. */
const ahead = { touched: 0 }

/** Reads two objects that the usual call meets later, so that memory is waited for once for both of them. */
function readAhead({ onlyHeld, tab }: Credential): void {
  ahead.touched = (onlyHeld === null ? 0 : onlyHeld.total) + (tab === null ? 0 : tab.calls)
}

function judge(store: VerifyingStore, credential: Credential, options: CallOptions, at: number): MaybePromise<Verdict> {
  readAhead(credential)
  if (!isPlainlyAllowed(credential, options, at)) {
    const refused = firstRefusal(STATE_CHECKS, credential, options, at)
    if (refused !== null) return counted(store, credential, { valid: false, ...refused, ...namedOf(credential) }, options, at)
    if (options.requiredScopes.length === 1) credential.grantedScope = options.requiredScopes[0] as string
  }
  return chain(store.usage.take(credential.keyId, credential.limits, options.isPeek, credential), (decision) =>
    counted(store, credential, decision.isAllowed ? valid(credential, decision) : limited(credential, decision), options, at),
  )
}

/** The members of a verdict that name the key. */
function namedOf({ keyId, userId, name, environment, scopes, expiresAt, shownSecret: secret }: Credential) {
  return { keyId, userId, name, environment, scopes, expiresAt, secret }
}

function valid(credential: Credential, { limits }: LimitDecision): Verdict {
  const { keyId, userId, name, environment, scopes, expiresAt, shownSecret: secret } = credential
  // Written out: a spread in the middle costs more than all checks together.
  return { valid: true, code: 'VALID', reason: null, keyId, userId, name, environment, scopes, expiresAt, secret, rateLimits: limits }
}

function limited(credential: Credential, { refusedBy, limits }: LimitDecision): Verdict {
  return {
    valid: false,
    code: 'RATE_LIMITED',
    reason: `LIMIT:${refusedBy}`,
    ...namedOf(credential),
    rateLimits: limits,
    retryAfterMs: Math.max(...limits.map(({ retryAfterMs }) => retryAfterMs)),
  }
}

const NO_SCOPES: readonly string[] = []

function counted(store: VerifyingStore, credential: Credential | null, verdict: Verdict, options: CallOptions, at: number): Verdict {
  if (!options.isPeek) {
    const { code, valid: isValid } = verdict
    if (credential === null) store.usage.count({ keyId: null, userId: null, code, at, shortId: null, scopes: NO_SCOPES })
    else {
      const { keyId, userId } = credential
      const shortId = isValid ? credential.shortId : null
      store.usage.count({ keyId, userId, code, at, shortId, scopes: isValid ? options.requiredScopes : NO_SCOPES }, credential)
    }
  }
  return verdict
}

/** Every check in order, with the rule that decided; consumes nothing and counts nothing. */
export async function explain(store: VerifyingStore, token: unknown, options: CallOptions, at: number): Promise<Explanation> {
  const peek = { ...options, isPeek: true }
  const verdict = await verify(store, token, peek, at)
  const parsed = parseToken(token)
  const credential = verdict.keyId === undefined || typeof parsed === 'string' ? null : await store.findCredential(parsed.shortId)
  const failed = failedCheck(verdict)
  const failedAt = failed === null ? CHECKS.length : CHECKS.indexOf(failed)
  const checks = CHECKS.map((check, index): CheckResult => {
    const outcome = index < failedAt ? 'pass' : index === failedAt ? 'fail' : 'skipped'
    return {
      check,
      outcome,
      detail: outcome === 'skipped' ? `not reached: ${failed} decided` : detailOf(check, verdict, credential, peek, at),
    }
  })
  return { verdict, checks }
}

const CHECK_OF_REASON: Readonly<Record<string, CheckName>> = {
  MALFORMED: 'shape',
  BAD_CHECKSUM: 'checksum',
  UNKNOWN: 'lookup',
  KEY_REVOKED: 'revoked',
  SECRET_RETIRED: 'secret',
  KEY_DISABLED: 'disabled',
  KEY_EXPIRED: 'expiry',
  NOT_YET_VALID: 'not-before',
  ENVIRONMENT_MISMATCH: 'environment',
  IP_NOT_ALLOWED: 'ip',
  IP_UNKNOWN: 'ip',
  MISSING_SCOPE: 'scopes',
}

function failedCheck({ reason }: Verdict): CheckName | null {
  return reason === null ? null : (CHECK_OF_REASON[reason] ?? 'limits')
}

function detailOf(check: CheckName, verdict: Verdict, credential: Credential | null, call: CallOptions, at: number): string {
  const isFailed = failedCheck(verdict) === check
  if (check === 'shape') return isFailed ? 'the text has not the shape of a token' : 'the text has the shape of a token'
  if (check === 'checksum') return isFailed ? 'the checksum is wrong: the token was mistyped or cut' : 'the checksum is right'
  if (check === 'lookup') return isFailed ? 'no key has this secret' : `the secret is one of ${verdict.keyId}`
  if (check === 'limits') {
    const limits = verdict.rateLimits ?? []
    return (
      limits.map(({ name, remaining, limit, resetAt }) => `${name}: ${remaining} of ${limit} left, whole at ${resetAt}`).join('; ') ||
      'the key has no limits'
    )
  }
  const state = STATE_CHECKS.find((one) => one.check === check)
  return credential === null || state === undefined ? '' : state.detail(credential, call, at)
}

/** The newest credential of a key. */
export function newestShortId(key: Key): string {
  return (key.secrets[0] as Key['secrets'][number]).shortId
}
