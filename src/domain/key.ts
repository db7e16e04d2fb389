// One key, many secrets: its shape, its derived status, what others may see of it. Never holds a token.

import type { Hashing } from './hashing.ts'
import { hashedOf } from './hashing.ts'
import type { RateLimit } from './limit.ts'
import { DAY_MS, isoFrom } from './time.ts'
import type { Environment } from './token.ts'
import { parseToken } from './token.ts'

/** Retired secrets that are kept as tombstones, and older ones that may still be in their grace at once. */
export const MAX_TOMBSTONES = 10
export const MAX_IN_GRACE = 10
export const MAX_TAGS = 20
export const MAX_METADATA = 50
export const EXPIRING_MS = 7 * DAY_MS
export const KEY_ID = /^key_[0-9A-Za-z]{12}$/
export const SHORT_ID = /^[0-9A-Za-z]{12}$/

/** One version of a key's credential. `notAfter` null: the current one. Times are ISO 8601 UTC. */
export interface Secret {
  readonly shortId: string
  readonly hash: string
  readonly createdAt: string
  readonly notAfter: string | null
  readonly retiredReason: string | null
}

/** A key as it is stored. The order of the members is the order in `keys.json`. */
export interface Key {
  readonly id: string
  readonly userId: string
  readonly name: string | null
  readonly environment: Environment
  readonly scopes: readonly string[]
  readonly rateLimits: readonly RateLimit[]
  readonly allowedIps: readonly string[]
  readonly notBefore: string | null
  readonly expiresAt: string | null
  readonly disabledAt: string | null
  readonly revokedAt: string | null
  readonly revokedBy: string | null
  readonly revokedReason: string | null
  readonly createdAt: string
  readonly createdBy: string
  readonly updatedAt: string
  readonly revision: number
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly secrets: readonly Secret[]
}

/** The members of a key, in the order in which they are stored. */
export const KEY_FIELDS = [
  'id',
  'userId',
  'name',
  'environment',
  'scopes',
  'rateLimits',
  'allowedIps',
  'notBefore',
  'expiresAt',
  'disabledAt',
  'revokedAt',
  'revokedBy',
  'revokedReason',
  'createdAt',
  'createdBy',
  'updatedAt',
  'revision',
  'tags',
  'metadata',
  'secrets',
] as const satisfies readonly (keyof Key)[]

export const STATUSES = ['revoked', 'disabled', 'expired', 'pending', 'rotating', 'expiring', 'active'] as const
export type Status = (typeof STATUSES)[number]

/** The moment that was compared with last, as text: a list compares many instants with one moment. */
let compared = { at: Number.NaN, iso: '' }

/**
 * Whether an instant lies after a moment. Stored instants are ISO 8601 UTC with milliseconds, of one length, and compare as
 * texts: a tenth of what parsing costs, which a filter by status over 100,000 keys notices.
 */
function isAfter(instant: string | null, at: number): boolean {
  if (instant === null) return false
  if (compared.at !== at) compared = { at, iso: isoFrom(at) }
  return instant > compared.iso
}

/** A key as guards see it: with or without the hashes of its secrets. */
export type SeenKey = Omit<Key, 'secrets'> & { readonly secrets: readonly Omit<Secret, 'hash'>[] }

export function isExpired(key: Pick<Key, 'expiresAt'>, at: number): boolean {
  return key.expiresAt !== null && !isAfter(key.expiresAt, at)
}

/** The first that applies, from the fields and the clock. */
export function statusOf(key: SeenKey, at: number): Status {
  if (key.revokedAt !== null) return 'revoked'
  if (key.disabledAt !== null) return 'disabled'
  if (isExpired(key, at)) return 'expired'
  if (isAfter(key.notBefore, at)) return 'pending'
  if (key.secrets.some(({ notAfter }) => isAfter(notAfter, at))) return 'rotating'
  // Parsed: two moments in turn would make a text of each for every key.
  if (key.expiresAt !== null && Date.parse(key.expiresAt) <= at + EXPIRING_MS) return 'expiring'
  return 'active'
}

/** Older secrets that still work, newest first. */
export function secretsInGrace<S extends Pick<Secret, 'notAfter'>>(key: { readonly secrets: readonly S[] }, at: number): readonly S[] {
  return key.secrets.filter((secret) => isAfter(secret.notAfter, at))
}

export type SecretState = 'current' | 'grace' | 'retired'

export function secretState(secret: Pick<Secret, 'notAfter'>, at: number): SecretState {
  if (secret.notAfter === null) return 'current'
  return isAfter(secret.notAfter, at) ? 'grace' : 'retired'
}

/** What is shown of a secret: everything but its hash. */
export type SecretView = Omit<Secret, 'hash'>

/** A key as every door answers it: no hash, with its status at that moment. */
export interface KeyView extends Omit<Key, 'secrets'> {
  readonly secrets: readonly SecretView[]
  readonly status: Status
}

/** A key in a list: also when it was last used, or null. */
export interface ListedKey extends KeyView {
  readonly lastUsedAt: string | null
}

export function secretView({ hash: _, ...seen }: Secret): SecretView {
  return seen
}

/** A copy through and through: what a caller does to an answer must not change the key. */
export function keyView(key: Key, at: number): KeyView {
  return {
    ...key,
    scopes: [...key.scopes],
    rateLimits: key.rateLimits.map((limit) => ({ ...limit })),
    allowedIps: [...key.allowedIps],
    tags: [...key.tags],
    metadata: { ...key.metadata },
    secrets: key.secrets.map(secretView),
    status: statusOf(key, at),
  }
}

/** The key's line in `keys.json`: its members in the stored order, without a line end. */
export function keyLine(key: Key): string {
  // Written out: a bulk change makes thousands of lines, and building each object from a list of names takes as long as its text.
  const line: { [Field in keyof Key]: Key[Field] } = {
    id: key.id,
    userId: key.userId,
    name: key.name,
    environment: key.environment,
    scopes: key.scopes,
    rateLimits: key.rateLimits,
    allowedIps: key.allowedIps,
    notBefore: key.notBefore,
    expiresAt: key.expiresAt,
    disabledAt: key.disabledAt,
    revokedAt: key.revokedAt,
    revokedBy: key.revokedBy,
    revokedReason: key.revokedReason,
    createdAt: key.createdAt,
    createdBy: key.createdBy,
    updatedAt: key.updatedAt,
    revision: key.revision,
    tags: key.tags,
    metadata: key.metadata,
    secrets: key.secrets,
  }
  return JSON.stringify(line)
}

/** A token as a question: it is sealed in the function, which no serialiser opens. */
type Proof = (secret: Secret, hashing: Hashing) => boolean

/** How a caller names a key. `name` is what may be repeated in a message: never a token. `proves`: of a token, whether a secret is its own. */
export type KeyRef =
  | { readonly by: 'id'; readonly id: string; readonly name: string }
  | { readonly by: 'secret'; readonly shortId: string; readonly proves: Proof | null; readonly name: string }
  | { readonly by: 'nothing'; readonly name: string }

/** Takes a key id, a shortId or a whole token. Anything else names no key. */
export function parseKeyRef(text: string): KeyRef {
  if (KEY_ID.test(text)) return { by: 'id', id: text, name: text }
  if (SHORT_ID.test(text)) return { by: 'secret', shortId: text, proves: null, name: text }
  const parsed = parseToken(text)
  if (typeof parsed === 'string') return { by: 'nothing', name: 'that text' }
  const proves: Proof = (secret, hashing) => hashing.matches(text, hashedOf(secret))
  return { by: 'secret', shortId: parsed.shortId, proves, name: parsed.shortId }
}

/** Whether the key is the one that is meant; a token with the right shortId and a wrong secret means no key. */
export function isMeant(key: Key, ref: KeyRef, hashing: Hashing): boolean {
  if (ref.by === 'id') return key.id === ref.id
  if (ref.by === 'nothing') return false
  return key.secrets.some((secret) => secret.shortId === ref.shortId && (ref.proves === null || ref.proves(secret, hashing)))
}
