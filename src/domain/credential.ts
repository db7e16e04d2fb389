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
  readonly secretEndsAt: number
  readonly expiresAt: number
  /** The time in which nothing of the key's own state refuses a call; null where it has no begin or no end. */
  readonly beginsAt: number | null
  readonly endsAt: number | null
  readonly shortId: string
  /** A scope that this credential was found to have; null before. */
  grantedScope: string | null
  /** Null: any address. */
  readonly isAllowedIp: ((address: string) => boolean) | null
  readonly limits: Key['rateLimits']
  /** The members of a verdict that name the key, the same for every call. */
  readonly named: {
    readonly keyId: string
    readonly userId: string
    readonly name: string | null
    readonly environment: Key['environment']
    readonly scopes: readonly string[]
    readonly expiresAt: string | null
    readonly secret: { readonly shortId: string; readonly notAfter: string | null }
  }
}

const endOf = (instant: string | null): number => (instant === null ? Number.POSITIVE_INFINITY : Date.parse(instant))

function endsAtOf({ revokedAt, disabledAt }: Key, end: number): number | null {
  if (revokedAt !== null || disabledAt !== null) return Number.NEGATIVE_INFINITY
  return end === Number.POSITIVE_INFINITY ? null : end
}

export function credentialOf(key: Key, shortId: string): Credential | null {
  const secret = key.secrets.find((one) => one.shortId === shortId)
  if (secret === undefined) return null
  const { hash, pepper } = hashedOf(secret)
  const secretEndsAt = endOf(secret.notAfter)
  const expiresAt = endOf(key.expiresAt)
  return {
    account: null,
    tab: null,
    grantedScope: null,
    key,
    secret,
    hash,
    pepper,
    secretEndsAt,
    expiresAt,
    beginsAt: key.notBefore === null ? null : Date.parse(key.notBefore),
    endsAt: endsAtOf(key, Math.min(secretEndsAt, expiresAt)),
    shortId,
    isAllowedIp: key.allowedIps.length === 0 ? null : lazyMatcher(key.allowedIps),
    limits: key.rateLimits,
    named: {
      keyId: key.id,
      userId: key.userId,
      name: key.name,
      environment: key.environment,
      // A copy: what a caller does to an answer must not change the key.
      scopes: Object.freeze([...key.scopes]),
      expiresAt: key.expiresAt,
      secret: Object.freeze({ shortId, notAfter: secret.notAfter }),
    },
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
