// Which keys, in which order, from where on: filters, sorting and keyset cursors. Pure; the adapters answer with them.

import type { Hashing } from './hashing.ts'
import type { Key, KeyRef, ListedKey, Status } from './key.ts'
import { isMeant, statusOf } from './key.ts'
import type { Refusal } from './refusal.ts'
import { refuse } from './refusal.ts'
import { SECOND_MS } from './time.ts'

export const DEFAULT_PAGE = 50
export const MAX_PAGE = 1000
const MAX_CURSOR_LENGTH = 8192

/** All given conditions hold. `scope` and `tag` are literal; `search` looks into name, owner, ids and tags. */
export interface KeyFilter {
  readonly ids?: readonly string[]
  readonly userId?: string
  readonly status?: readonly Status[]
  readonly scope?: string
  readonly tag?: string
  readonly search?: string
  readonly expiringWithinSeconds?: number
  readonly idleForSeconds?: number
  /** Revoked or expired for at least that long. */
  readonly endedForSeconds?: number
}

/** When a key was last used, in milliseconds since 1970, or null. */
export type LastUsed = (keyId: string) => number | null

/** A test for keys at a moment. Idle means not used, nor created, for that long. */
export function keyMatcher(filter: KeyFilter, at: number, lastUsed: LastUsed): (key: Key) => boolean {
  const ids = filter.ids === undefined ? null : new Set(filter.ids)
  const search = filter.search?.toLowerCase()
  return (key) => {
    if (ids !== null && !ids.has(key.id)) return false
    if (filter.userId !== undefined && key.userId !== filter.userId) return false
    if (filter.scope !== undefined && !key.scopes.includes(filter.scope)) return false
    if (filter.tag !== undefined && !key.tags.includes(filter.tag)) return false
    if (filter.status !== undefined && !filter.status.includes(statusOf(key, at))) return false
    if (filter.expiringWithinSeconds !== undefined) {
      const left = key.expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(key.expiresAt) - at
      if (left <= 0 || left > filter.expiringWithinSeconds * SECOND_MS) return false
    }
    if (filter.idleForSeconds !== undefined) {
      const since = at - filter.idleForSeconds * SECOND_MS
      if (Date.parse(key.createdAt) > since || (lastUsed(key.id) ?? 0) > since) return false
    }
    if (filter.endedForSeconds !== undefined && endedAt(key) > at - filter.endedForSeconds * SECOND_MS) return false
    return search === undefined || holdsText(key, search)
  }
}

/** When a key stopped to authenticate for good; infinite when it has not and will not. */
function endedAt(key: Key): number {
  const ends = [key.revokedAt, key.expiresAt].flatMap((instant) => (instant === null ? [] : [Date.parse(instant)]))
  return Math.min(...ends, Number.POSITIVE_INFINITY)
}

function holdsText(key: Key, search: string): boolean {
  const has = (text: string | null): boolean => text?.toLowerCase().includes(search) === true
  return has(key.name) || has(key.userId) || has(key.id) || key.secrets.some(({ shortId }) => has(shortId)) || key.tags.some(has)
}

const SORT_FIELDS = [
  'createdAt',
  'updatedAt',
  'expiresAt',
  'lastUsedAt',
  'name',
  'userId',
  'id',
  'status',
  'environment',
  'notBefore',
  'disabledAt',
  'revokedAt',
  'createdBy',
  'revision',
] as const satisfies readonly (keyof ListedKey)[]
export type SortField = (typeof SORT_FIELDS)[number]

export interface Sort {
  readonly field: SortField
  readonly isReversed: boolean
}

export const SORT_ACCEPTS = `one of ${SORT_FIELDS.join(', ')}; a - before it reverses`
export const DEFAULT_SORT: Sort = { field: 'createdAt', isReversed: true }

export function parseSort(text: string): Sort | null {
  const isReversed = text.startsWith('-')
  const field = SORT_FIELDS.find((name) => name === (isReversed ? text.slice(1) : text))
  return field === undefined ? null : { field, isReversed }
}

export function formatSort({ field, isReversed }: Sort): string {
  return `${isReversed ? '-' : ''}${field}`
}

export type SortValue = string | number | null

/** The place behind which the next page begins: its row's sort value and id. */
export interface Cursor {
  readonly sort: string
  readonly value: SortValue
  readonly id: string
}

export function formatCursor({ sort, value, id }: Cursor): string {
  return Buffer.from(JSON.stringify([sort, value, id])).toString('base64url')
}

/** A cursor that an earlier page gave; null when it is none. */
export function parseCursor(text: string): Cursor | null {
  if (text.length > MAX_CURSOR_LENGTH) return null
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    if (!Array.isArray(parts) || parts.length !== 3) return null
    const [sort, value, id] = parts
    const isValue = value === null || typeof value === 'string' || typeof value === 'number'
    return typeof sort === 'string' && typeof id === 'string' && isValue ? { sort, value, id } : null
  } catch {
    return null
  }
}

/** What sorts by one value, then by id; rows without a value come last, whichever way the rest goes. */
export function comparePlaces(isReversed: boolean, a: Place, b: Place): number {
  if (a.value !== b.value) {
    if (a.value === null) return 1
    if (b.value === null) return -1
    return a.value < b.value === isReversed ? 1 : -1
  }
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

interface Row<T> {
  readonly item: T
  readonly value: SortValue
  readonly id: string
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | null
  readonly total: number
}

/** One page of rows: sorted, begun behind the cursor. A cursor of another order is refused. */
export function pageOf<T>(rows: Row<T>[], sort: string, isReversed: boolean, cursor: Cursor | undefined, limit: number): Page<T> | Refusal {
  if (cursor !== undefined && cursor.sort !== sort) {
    return refuse('INVALID_INPUT', 'the cursor belongs to a list in another order; begin again without a cursor', { field: 'cursor' })
  }
  rows.sort((a, b) => comparePlaces(isReversed, a, b))
  const begin = cursor === undefined ? 0 : rows.findIndex((row) => comparePlaces(isReversed, row, cursor) > 0)
  const shown = begin < 0 ? [] : rows.slice(begin, begin + limit)
  const last = shown.at(-1)
  const hasMore = last !== undefined && begin + limit < rows.length
  return {
    items: shown.map(({ item }) => item),
    nextCursor: hasMore ? formatCursor({ sort, value: last.value, id: last.id }) : null,
    total: rows.length,
  }
}

/** Where a row stands in a list: its sort value and id. */
export interface Place {
  readonly value: SortValue
  readonly id: string
}

/**
 * A part of a list to look at. `around`: an end of the list, or a row – where it stands now if it is still in the list, else
 * the place that it had. `before`: how many rows before it; `after`: how many from it on, itself included.
 */
export interface Span {
  readonly around: 'first' | 'last' | Place
  readonly before: number
  readonly after: number
}

/** A window of a list. `position`: how many rows stand before the first of these; `total`: how many the list has. */
export interface Window<T> {
  readonly rows: readonly { readonly place: Place; readonly item: T }[]
  readonly position: number
  readonly total: number
}

export interface KeyWindowQuery {
  readonly filter: KeyFilter
  readonly sort: Sort
  readonly span: Span
  readonly at: number
}

export interface UserWindowQuery {
  readonly search?: string
  readonly span: Span
  readonly at: number
}

export interface KeyQuery {
  readonly filter: KeyFilter
  readonly sort: Sort
  readonly limit: number
  readonly cursor?: Cursor
  /** How long the list is, as a page before said: then a store need not count it again. */
  readonly total?: number
  readonly at: number
}

/** What a key is sorted by at a moment. */
export function sortValueOf(field: SortField, at: number, lastUsed: LastUsed): (key: Key) => SortValue {
  if (field === 'lastUsedAt') return ({ id }) => lastUsed(id)
  return field === 'status' ? (key) => statusOf(key, at) : (key) => key[field]
}

/** The page of a key query over all keys; the caller makes views of its few keys. */
export function selectKeys(keys: readonly Key[], query: KeyQuery, lastUsed: LastUsed): Page<Key> | Refusal {
  const { field, isReversed } = query.sort
  const sortValue = sortValueOf(field, query.at, lastUsed)
  const value = query.cursor?.value ?? null
  if (value !== null && typeof value !== (field === 'revision' || field === 'lastUsedAt' ? 'number' : 'string')) {
    return refuse('INVALID_INPUT', 'the cursor is none that a list in this order gave; begin again without a cursor', { field: 'cursor' })
  }
  const rows = keys.filter(keyMatcher(query.filter, query.at, lastUsed)).map((key) => ({ item: key, value: sortValue(key), id: key.id }))
  return pageOf(rows, formatSort(query.sort), isReversed, query.cursor, query.limit)
}

/** An owner: how many keys in all and of each status, and when one was last used. */
export type UserSummary = { readonly userId: string; readonly total: number; readonly lastUsedAt: string | null } & Readonly<
  Record<Status, number>
>

export interface UserQuery {
  readonly search?: string
  readonly limit: number
  readonly cursor?: Cursor
  readonly at: number
}

/** The keys that the refs name, null for those that name none. */
export function resolveRefs(refs: readonly KeyRef[], hashing: Hashing, find: (ref: KeyRef) => Key | undefined): (Key | null)[] {
  return refs.map((ref) => {
    const key = find(ref)
    return key !== undefined && isMeant(key, ref, hashing) ? key : null
  })
}
