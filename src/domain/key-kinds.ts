// The kinds of input that make up a key: scopes, tags, addresses, limits, metadata; and how a key is named.

import { MAX_ALLOWED_IPS, parseCidr } from './address.ts'
import type { Kind } from './field.ts'
import { isPlainText, listOf, single } from './field.ts'
import type { KeyRef } from './key.ts'
import { MAX_METADATA, MAX_TAGS, parseKeyRef } from './key.ts'
import type { RateLimit } from './limit.ts'
import { DEFAULT_LIMIT_NAME, MAX_LIMIT, MAX_RATE_LIMITS, MAX_WINDOW_SECONDS, MIN_WINDOW_SECONDS } from './limit.ts'
import { isRequirableScope, isScope, MAX_SCOPES, SCOPE_ACCEPTS, sortedUnique } from './scope.ts'
import { formatDuration, parseDuration } from './time.ts'

/** Keys that one command may name. */
const MAX_REFS = 10_000

const identity = (text: string): string => text

const scopeList = (accepts: string, isAccepted: (scope: string) => boolean): Kind<readonly string[]> =>
  listOf<string>({
    placeholder: 'S…',
    accepts,
    most: MAX_SCOPES,
    fromText: (given) => (isAccepted(given) ? given : null),
    toText: identity,
    finish: sortedUnique,
    items: (list) => list,
  })

/** Scopes that are granted: sorted, unique, `*` allowed. */
export const scopes = scopeList(SCOPE_ACCEPTS, isScope)
/** Scopes that are asked for: no `*`. */
export const requiredScopes = scopeList('a scope without *, as in read:users', isRequirableScope)

/** One scope that is asked for. */
export const requiredScope: Kind<string> = single({
  placeholder: 'S',
  accepts: 'a scope without *, as in read:users',
  fromText: (given) => (isRequirableScope(given) ? given : null),
  toText: identity,
})

/** One scope as it was granted, `*` and all. */
export const grantedScope: Kind<string> = single({
  placeholder: 'S',
  accepts: SCOPE_ACCEPTS,
  fromText: (given) => (isScope(given) ? given : null),
  toText: identity,
})

export const tags: Kind<readonly string[]> = listOf<string>({
  placeholder: 'T…',
  accepts: `at most ${MAX_TAGS} tags of 1 to 200 characters`,
  most: MAX_TAGS,
  fromText: (given) => (isPlainText(given) ? given : null),
  toText: identity,
  finish: sortedUnique,
  items: (list) => list,
})

export const allowedIps: Kind<readonly string[]> = listOf<string>({
  placeholder: 'CIDR…',
  accepts: `at most ${MAX_ALLOWED_IPS} IPv4 or IPv6 addresses or blocks, as in 10.0.0.0/8 or 2001:db8::/32`,
  most: MAX_ALLOWED_IPS,
  fromText: parseCidr,
  toText: identity,
  finish: (blocks) => [...new Set(blocks)],
  items: (list) => list,
})

const isLimitName = (name: unknown): name is string => typeof name === 'string' && /^[A-Za-z0-9._-]{1,40}$/.test(name)

function rateLimit(name: unknown, limit: unknown, windowSeconds: unknown): RateLimit | null {
  if (!isLimitName(name) || !Number.isInteger(limit) || !Number.isInteger(windowSeconds)) return null
  const [calls, window] = [limit as number, windowSeconds as number]
  const isInRange = calls >= 1 && calls <= MAX_LIMIT && window >= MIN_WINDOW_SECONDS && window <= MAX_WINDOW_SECONDS
  return isInRange ? { name, limit: calls, windowSeconds: window } : null
}

function rateLimitFromText(given: string): RateLimit | null {
  const match = /^(?:([^=]+)=)?(\d{1,10})\/(\d{0,8}[smhd])$/.exec(given)
  if (match === null) return null
  const [, name = DEFAULT_LIMIT_NAME, limit, window = ''] = match
  return rateLimit(name, Number(limit), parseDuration(/^\d/.test(window) ? window : `1${window}`))
}

const rateLimitList = listOf<RateLimit>({
  placeholder: '[NAME=]N/WINDOW…',
  accepts: `at most ${MAX_RATE_LIMITS} limits as in 100/m or burst=10/s, each name once, 1 to 1000000000 calls in 1s to 31d`,
  most: MAX_RATE_LIMITS,
  fromText: rateLimitFromText,
  fromItem: (item) => {
    if (typeof item !== 'object' || item === null) return null
    const { name = DEFAULT_LIMIT_NAME, limit, windowSeconds, ...more } = item as Record<string, unknown>
    return Object.keys(more).length === 0 ? rateLimit(name, limit, windowSeconds) : null
  },
  toText: formatRateLimit,
  finish: (limits) => (new Set(limits.map(({ name }) => name)).size === limits.length ? limits : null),
  items: (list) => list,
})

export const rateLimits: Kind<readonly RateLimit[]> = { ...rateLimitList, presets: ['60/m', '1000/h', '10000/d', 'burst=10/s'] }

export function formatRateLimit({ name, limit, windowSeconds }: RateLimit): string {
  return `${name === DEFAULT_LIMIT_NAME ? '' : `${name}=`}${limit}/${formatDuration(windowSeconds)}`
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

type Metadata = Readonly<Record<string, string>>

const metadataList = listOf<readonly [string, string], Metadata>({
  placeholder: 'K=V…',
  accepts: `at most ${MAX_METADATA} pairs as in team=core, each side 1 to 200 characters`,
  most: MAX_METADATA,
  fromText: (given) => {
    const at = given.indexOf('=')
    const pair = [given.slice(0, at), given.slice(at + 1)] as const
    return at > 0 && pair.every(isPlainText) ? pair : null
  },
  fromItem: (item) =>
    Array.isArray(item) && item.length === 2 && item.every((part) => typeof part === 'string' && isPlainText(part))
      ? (item as [string, string])
      : null,
  toText: ([name, value]) => `${name}=${value}`,
  finish: (pairs) => {
    const sorted = [...pairs].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return new Set(pairs.map(([name]) => name)).size === pairs.length ? Object.fromEntries(sorted) : null
  },
  items: Object.entries,
})

/** A flat object of strings; written as K=V. */
export const metadata: Kind<Metadata> = {
  ...metadataList,
  fromValue: (value) =>
    isPlainObject(value) ? metadataList.fromValue(Object.entries(value)) : { problem: 'is not a flat object of strings' },
}

/** A key by its id, by the shortId of one of its secrets, or by a whole token. */
export const keyRef: Kind<KeyRef> = single<KeyRef>({
  placeholder: 'ID',
  accepts: 'a key id, a shortId or a token',
  fromText: parseKeyRef,
  toText: (ref) => ref.name,
})

/** The same where a token is what is usually given. */
export const keyOfToken: Kind<KeyRef> = { ...keyRef, placeholder: 'TOKEN|-' }

export const keyRefs: Kind<readonly KeyRef[]> = listOf<KeyRef>({
  placeholder: 'ID…',
  accepts: `at most ${MAX_REFS} key ids or shortIds`,
  most: MAX_REFS,
  fromText: parseKeyRef,
  toText: (ref) => ref.name,
  // A shortId and a token with it are not the same: the token's secret may be wrong.
  finish: (refs) => [...new Map(refs.map((ref) => [JSON.stringify(ref), ref])).values()],
  items: (list) => list,
})
