// What a filter of keys means as an SQL condition: that of `keyMatcher`, row for row. Values go in as parameters only.

import type { Status } from '../../src/domain/key.ts'
import { EXPIRING_MS, STATUSES } from '../../src/domain/key.ts'
import type { KeyFilter } from '../../src/domain/selection.ts'
import { isoFrom, SECOND_MS } from '../../src/domain/time.ts'
import { BETWEEN_TEXTS } from './key-rows.ts'

/** The values of a statement, collected while it is written. */
export interface Values {
  /** Answers how the statement names the value: $1, $2, … */
  readonly add: (value: unknown) => string
  readonly all: () => readonly unknown[]
}

export function createValues(): Values {
  const all: unknown[] = []
  return { add: (value) => `$${all.push(value)}`, all: () => all }
}

/** What tells the row of keywright.last_use that says when a key was used last. */
export const IS_LAST_USE = "u.kind = 'total' AND u.name = ''"

const IS_USE_OF_KEY = "w.key_id = k.id AND w.kind = 'total' AND w.name = ''"

/** What conditions are about. The planner leaves the join out where nothing asks for the last use: a key has one at most. */
export const KEYS_WITH_USE = `keywright.keys k LEFT JOIN keywright.last_use u ON u.key_id = k.id AND ${IS_LAST_USE}`

const LAST_MOMENT_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** The texts of instants have one length only within these years. No key has an instant outside of them. */
const instant = (ms: number): string => isoFrom(Math.max(0, Math.min(Math.floor(ms), LAST_MOMENT_MS)))

/** PostgreSQL keeps no text with this character, and takes none as a value. */
const NUL = '\0'
export const isText = (text: string): boolean => !text.includes(NUL)

/** What stands in a LIKE pattern for itself. */
const literal = (text: string): string => text.replace(/[\\%_]/g, '\\$&')

/** What an index of trigrams can look up, whatever the database's locale. For anything else it would be read from end to end. */
const HAS_TRIGRAM = /[a-z0-9]{3}/

/** Whether a lower-case column holds a text; null where every text does, a condition that never holds where no text can. */
export function holdsText(column: string, search: string | undefined, values: Values): string | null {
  if (search === undefined || search === '') return null
  if (!isText(search) || search.includes(BETWEEN_TEXTS)) return 'false'
  const text = search.toLowerCase()
  return HAS_TRIGRAM.test(text) ? `${column} LIKE ${values.add(`%${literal(text)}%`)}` : `strpos(${column}, ${values.add(text)}) > 0`
}

/** Names a value where it is used: the database refuses values that a statement does not use. */
function lazily(value: unknown, values: Values): () => string {
  let name: string | null = null
  return () => (name ??= values.add(value))
}

const IS_ON = 'k.revoked_at IS NULL AND k.disabled_at IS NULL'

/** What holds for a key of each status at a moment, so that the database can look up those few that it is about. */
export function statusConditions(at: number, values: Values): Readonly<Record<Status, () => string>> {
  const now = lazily(instant(at), values)
  const soon = lazily(instant(at + EXPIRING_MS), values)
  const isLive = (): string => `${IS_ON} AND (k.expires_at IS NULL OR k.expires_at > ${now()})`
  const isBegun = (): string => `(k.not_before IS NULL OR k.not_before <= ${now()})`
  const isSingle = (): string => `(k.grace_until IS NULL OR k.grace_until <= ${now()})`
  return {
    revoked: () => 'k.revoked_at IS NOT NULL',
    disabled: () => 'k.revoked_at IS NULL AND k.disabled_at IS NOT NULL',
    expired: () => `${IS_ON} AND k.expires_at <= ${now()}`,
    pending: () => `${isLive()} AND k.not_before > ${now()}`,
    rotating: () => `${isLive()} AND ${isBegun()} AND k.grace_until > ${now()}`,
    expiring: () => `${IS_ON} AND ${isBegun()} AND ${isSingle()} AND k.expires_at > ${now()} AND k.expires_at <= ${soon()}`,
    active: () => `${IS_ON} AND ${isBegun()} AND ${isSingle()} AND (k.expires_at IS NULL OR k.expires_at > ${soon()})`,
  }
}

/** The status of a key at a moment, as `statusOf` tells it. */
export function statusSql(at: number, values: Values): string {
  const now = values.add(instant(at))
  const soon = values.add(instant(at + EXPIRING_MS))
  return `CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.disabled_at IS NOT NULL THEN 'disabled'
    WHEN k.expires_at <= ${now} THEN 'expired' WHEN k.not_before > ${now} THEN 'pending' WHEN k.grace_until > ${now} THEN 'rotating'
    WHEN k.expires_at <= ${soon} THEN 'expiring' ELSE 'active' END COLLATE "C"`
}

/** When an idle key was used last at the latest; null where the filter does not ask. */
export function idleSince({ idleForSeconds }: KeyFilter, at: number, values: Values): string | null {
  return idleForSeconds === undefined ? null : `${values.add(at - idleForSeconds * SECOND_MS)}::double precision`
}

/**
 * The condition on KEYS_WITH_USE that a filter is at a moment; null where all keys match. `isByUse`: what the filter says of the
 * last use, the list's order says already.
 */
export function keysWhere(filter: KeyFilter, at: number, values: Values, isByUse = false): string | null {
  const { ids, userId, scope, tag, status, search, expiringWithinSeconds, idleForSeconds, endedForSeconds } = filter
  const conditions: string[] = []
  const equal = (text: string, condition: (value: string) => string): void => {
    conditions.push(isText(text) ? condition(values.add(text)) : 'false')
  }
  if (ids !== undefined) conditions.push(`k.id = ANY(${values.add(ids.filter(isText))}::text[])`)
  if (userId !== undefined) equal(userId, (value) => `k.user_id = ${value}`)
  if (scope !== undefined) equal(scope, (value) => `k.scopes @> ARRAY[${value}]::text[]`)
  if (tag !== undefined) equal(tag, (value) => `k.tags @> ARRAY[${value}]::text[]`)
  if (status !== undefined) conditions.push(statusCondition(status, at, values))
  if (expiringWithinSeconds !== undefined) {
    const until = values.add(instant(at + expiringWithinSeconds * SECOND_MS))
    conditions.push(`k.expires_at > ${values.add(instant(at))} AND k.expires_at <= ${until}`)
  }
  if (idleForSeconds !== undefined) {
    const cutoff = at - idleForSeconds * SECOND_MS
    conditions.push(`k.created_at <= ${values.add(instant(cutoff))}`)
    // Looked up apart, in an index: of a condition on the join the planner has no idea how many keys it leaves.
    if (!isByUse) conditions.push(`NOT EXISTS (SELECT FROM keywright.last_use w WHERE ${IS_USE_OF_KEY} AND w.at > ${values.add(cutoff)})`)
  }
  if (endedForSeconds !== undefined) {
    const cutoff = values.add(instant(at - endedForSeconds * SECOND_MS))
    conditions.push(`(k.revoked_at <= ${cutoff} OR k.expires_at <= ${cutoff})`)
  }
  const text = holdsText('k.search', search, values)
  if (text !== null) conditions.push(text)
  return conditions.length === 0 ? null : conditions.join(' AND ')
}

function statusCondition(status: readonly Status[], at: number, values: Values): string {
  const wanted = STATUSES.filter((one) => status.includes(one))
  if (wanted.length === 0) return 'false'
  if (wanted.length === STATUSES.length) return 'true'
  const conditions = statusConditions(at, values)
  return `(${wanted.map((one) => `(${conditions[one]()})`).join(' OR ')})`
}

/** What can make a list of keys another although no key was changed: a call, or the clock. */
export function changesOf(filter: KeyFilter, sortField: string): { readonly isByUse: boolean; readonly isByMoment: boolean } {
  const { status, expiringWithinSeconds, idleForSeconds, endedForSeconds } = filter
  return {
    isByUse: idleForSeconds !== undefined || sortField === 'lastUsedAt',
    isByMoment: sortField === 'status' || [status, expiringWithinSeconds, idleForSeconds, endedForSeconds].some((one) => one !== undefined),
  }
}
