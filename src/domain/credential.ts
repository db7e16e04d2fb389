// A credential: one secret of one key, prepared for verification. Derived from the key, never stored.

import type { AccountHolder } from './account.ts'
import { addressMatcher } from './address.ts'
import type { Hashed } from './hashing.ts'
import { hashedOf } from './hashing.ts'
import type { Key, Secret } from './key.ts'
import type { TabHolder } from './meter.ts'

/** With what the limiter and the meter keep with it, so that they need not look it up; what they lose with it they find again. */
export interface Credential extends Hashed, AccountHolder, TabHolder {
  readonly key: Key
  readonly secret: Secret
  /** Milliseconds since 1970; infinite where the key says never. */
  readonly secretEndsMs: number
  readonly expiresMs: number
  /** The time in which nothing of the key's own state refuses a call; null where it has no begin or no end. */
  readonly beginsMs: number | null
  readonly endsMs: number | null
  readonly shortId: string
  /** A scope that this credential was found to have; null before. */
  grantedScope: string | null
  /** Null: any address. */
  readonly isAllowedIp: ((address: string) => boolean) | null
  readonly limits: Key['rateLimits']
  /** What verdicts say of the key, the same for every call; here, and in no object of its own: each that is met in no order is waited for. */
  readonly keyId: string
  readonly userId: string
  readonly name: string | null
  readonly environment: Key['environment']
  readonly scopes: readonly string[]
  readonly expiresAt: string | null
  readonly shownSecret: { readonly shortId: string; readonly notAfter: string | null }
}

const endOf = (instant: string | null): number => (instant === null ? Number.POSITIVE_INFINITY : Date.parse(instant))

function endsMsOf({ revokedAt, disabledAt }: Key, end: number): number | null {
  if (revokedAt !== null || disabledAt !== null) return Number.NEGATIVE_INFINITY
  return end === Number.POSITIVE_INFINITY ? null : end
}

export function credentialOf(key: Key, shortId: string): Credential | null {
  const secret = key.secrets.find((one) => one.shortId === shortId)
  if (secret === undefined) return null
  const { w0, w1, w2, w3, w4, w5, w6, w7, pepper } = hashedOf(secret)
  const secretEndsMs = endOf(secret.notAfter)
  const expiresMs = endOf(key.expiresAt)
  // In the order of the usual call, what it does not need last: side by side in memory.
  return {
    w0,
    w1,
    w2,
    w3,
    w4,
    w5,
    w6,
    w7,
    pepper,
    endsMs: endsMsOf(key, Math.min(secretEndsMs, expiresMs)),
    beginsMs: key.notBefore === null ? null : Date.parse(key.notBefore),
    isAllowedIp: key.allowedIps.length === 0 ? null : lazyMatcher(key.allowedIps),
    grantedScope: null,
    limits: key.rateLimits,
    onlyHeld: null,
    keyId: key.id,
    userId: key.userId,
    name: key.name,
    environment: key.environment,
    // A copy: what a caller does to an answer must not change the key.
    scopes: Object.freeze([...key.scopes]),
    expiresAt: key.expiresAt,
    shownSecret: Object.freeze({ shortId, notAfter: secret.notAfter }),
    shortId,
    tab: null,
    account: null,
    key,
    secret,
    secretEndsMs,
    expiresMs,
  }
}

/** Built at the first call that comes so far, so that looking a shortId up costs the same whatever its key allows. */
function lazyMatcher(cidrs: readonly string[]): (address: string) => boolean {
  let matches: ((address: string) => boolean) | null = null
  return (address) => {
    matches ??= addressMatcher(cidrs)
    return matches(address)
  }
}
