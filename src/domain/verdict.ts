// Verdicts: the closed list of answers to "may this call pass?", and the shapes they come in.

import type { Environment } from './token.ts'

export const VERDICT_CODES = [
  'VALID',
  'RATE_LIMITED',
  'NOT_FOUND',
  'REVOKED',
  'DISABLED',
  'EXPIRED',
  'FORBIDDEN',
  'INSUFFICIENT_SCOPE',
] as const
export type VerdictCode = (typeof VERDICT_CODES)[number]
export type RefusedCode = Exclude<VerdictCode, 'VALID'>

export type RefusalReason =
  | 'MALFORMED'
  | 'BAD_CHECKSUM'
  | 'UNKNOWN'
  | 'KEY_REVOKED'
  | 'SECRET_RETIRED'
  | 'KEY_DISABLED'
  | 'KEY_EXPIRED'
  | 'NOT_YET_VALID'
  | 'ENVIRONMENT_MISMATCH'
  | 'IP_NOT_ALLOWED'
  | 'IP_UNKNOWN'
  | 'MISSING_SCOPE'
  | `LIMIT:${string}`

/** What is left of one limit. `resetAt` is when it is whole again if nothing more is asked. */
export interface LimitVerdict {
  readonly name: string
  readonly limit: number
  readonly windowSeconds: number
  readonly remaining: number
  readonly resetAt: string
  readonly retryAfterMs: number
}

/**
 * The answer to one verification. `reason` is for the log and the operator: an HTTP adapter must not send it.
 * From the look-up on it names the key; `missing` comes with INSUFFICIENT_SCOPE, `retryAfterMs` with RATE_LIMITED,
 * `rateLimits` when it got as far as the limits.
 */
export interface Verdict {
  readonly valid: boolean
  readonly code: VerdictCode
  readonly reason: RefusalReason | null
  readonly keyId?: string
  readonly userId?: string
  readonly name?: string | null
  readonly environment?: Environment
  readonly scopes?: readonly string[]
  readonly expiresAt?: string | null
  readonly secret?: { readonly shortId: string; readonly notAfter: string | null }
  readonly missing?: readonly string[]
  readonly rateLimits?: readonly LimitVerdict[]
  readonly retryAfterMs?: number
}

export const CHECKS = [
  'shape',
  'checksum',
  'lookup',
  'revoked',
  'secret',
  'disabled',
  'expiry',
  'not-before',
  'environment',
  'ip',
  'scopes',
  'limits',
] as const
export type CheckName = (typeof CHECKS)[number]

export interface CheckResult {
  readonly check: CheckName
  readonly outcome: 'pass' | 'fail' | 'skipped'
  readonly detail: string
}

export interface Explanation {
  readonly verdict: Verdict
  readonly checks: readonly CheckResult[]
}

/** The answer of `checkRateLimit`. */
export interface LimitAnswer {
  readonly allowed: boolean
  readonly limit: number
  readonly remaining: number
  readonly resetAt: string
  readonly retryAfterMs: number
}

/** What a call asks for beside a valid key. */
export interface CallOptions {
  readonly requiredScopes: readonly string[]
  readonly environment: Environment | null
  readonly ip: string | null
  /** Answer without counting or consuming anything. */
  readonly isPeek: boolean
}
