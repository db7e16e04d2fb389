// Keys as they are looked up and listed in the database: by id and shortId, by filter, as pages and as windows of a sorted list.

import type { Hashing } from '../../src/domain/hashing.ts'
import type { Key, KeyRef, ListedKey } from '../../src/domain/key.ts'
import { isMeant, keyView } from '../../src/domain/key.ts'
import { accepted } from '../../src/domain/refusal.ts'
import type { KeyFilter, KeyQuery, KeyWindowQuery, Page, SortField, Window } from '../../src/domain/selection.ts'
import { formatSort, selectKeys } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import type { Queryable } from './connection.ts'
import type { Values } from './key-filter.ts'
import { changesOf, createValues, isText, keysWhere, LAST_USE_JOIN, LAST_USE_OF_KEY, statusSql } from './key-filter.ts'
import { parseKey } from './key-rows.ts'
import type { ListOrder, Part } from './list-order.ts'
import type { Listing } from './list-windows.ts'
import { createWindows, pageFrom } from './list-windows.ts'

/** What lists are read from, and what this process alone knows of uses. */
export interface Lists {
  readonly database: Queryable
  /** The last use that was counted and not written yet. */
  readonly pendingLastUsed: (keyId: string) => number | null
  /** Writes those uses out: before a list that goes by them is read. */
  readonly settleUse: () => Promise<void>
}

const KEYS = 'keywright.keys k'

/** What a key is sorted by: a column, and whether every key has a value in it. `lastUsedAt` and `status` are no columns. */
const SORT_COLUMNS: Readonly<
  Record<Exclude<SortField, 'lastUsedAt' | 'status'>, { readonly column: string; readonly isNullable: boolean }>
> = {
  createdAt: { column: 'k.created_at', isNullable: false },
  updatedAt: { column: 'k.updated_at', isNullable: false },
  expiresAt: { column: 'k.expires_at', isNullable: true },
  name: { column: 'k.name', isNullable: true },
  userId: { column: 'k.user_id', isNullable: false },
  id: { column: 'k.id', isNullable: false },
  environment: { column: 'k.environment', isNullable: false },
  notBefore: { column: 'k.not_before', isNullable: true },
  disabledAt: { column: 'k.disabled_at', isNullable: true },
  revokedAt: { column: 'k.revoked_at', isNullable: true },
  createdBy: { column: 'k.created_by', isNullable: false },
  revision: { column: 'k.revision', isNullable: false },
}

/** Keys that were used are found by their use, those that never were by their id. */
const BY_USE: Pick<ListOrder, 'valueType' | 'valued' | 'empty'> = {
  valueType: 'double precision',
  valued: {
    from: 'keywright.last_use u JOIN keywright.keys k ON k.id = u.key_id',
    where: LAST_USE_OF_KEY,
    value: 'u.at',
    id: 'u.key_id',
  },
  empty: {
    from: KEYS,
    where: `NOT EXISTS (SELECT FROM keywright.last_use u WHERE u.key_id = k.id AND ${LAST_USE_OF_KEY})`,
    value: 'NULL::double precision',
    id: 'k.id',
  },
}

function orderOf({ sort: { field, isReversed }, at }: Pick<KeyQuery, 'sort' | 'at'>, values: Values): ListOrder {
  if (field === 'lastUsedAt') return { isReversed, ...BY_USE }
  const { column, isNullable } = field === 'status' ? { column: statusSql(at, values), isNullable: false } : SORT_COLUMNS[field]
  const part = (where: string | null): Part => ({ from: KEYS, where, value: column, id: 'k.id' })
  return {
    isReversed,
    valueType: field === 'revision' ? 'double precision' : 'text',
    valued: part(isNullable ? `${column} IS NOT NULL` : null),
    empty: isNullable ? part(`${column} IS NULL`) : null,
  }
}

function listingOf(query: Pick<KeyQuery, 'filter' | 'sort' | 'at'>, pendingLastUsed: Lists['pendingLastUsed']): Listing<ListedKey> {
  const { filter, sort, at } = query
  return {
    name: `${formatSort(sort)} ${JSON.stringify(filter)}`,
    ...changesOf(filter, sort.field),
    write: (values) => ({
      order: orderOf(query, values),
      filter: keysWhere(filter, at, values),
      columns: 'k.line, u.at AS last_used',
      joins: `JOIN ${KEYS} ON k.id = s.id ${LAST_USE_JOIN}`,
      allSql: 'keys',
    }),
    itemOf: ({ line, last_used: written }) => {
      const key = parseKey(line as string)
      const last = later(written as number | null, pendingLastUsed(key.id))
      return { ...keyView(key, at), lastUsedAt: last === null ? null : isoFrom(last) }
    },
  }
}

const later = (a: number | null, b: number | null): number | null => (a === null || (b !== null && b > a) ? b : a)

export async function queryKeys({ database, pendingLastUsed, settleUse }: Lists, query: KeyQuery): Promise<Page<ListedKey>> {
  // No keys: what is wrong with the cursor is said before the database is asked.
  accepted(selectKeys([], query, () => null))
  const listing = listingOf(query, pendingLastUsed)
  if (listing.isByUse) await settleUse()
  return pageFrom(database, listing, { sort: formatSort(query.sort), cursor: query.cursor, limit: query.limit })
}

export function createKeyWindows({ database, pendingLastUsed, settleUse }: Lists): (query: KeyWindowQuery) => Promise<Window<ListedKey>> {
  const look = createWindows(database)
  return async (query) => {
    const listing = listingOf(query, pendingLastUsed)
    if (listing.isByUse) await settleUse()
    return look(listing, query.span, query.at)
  }
}

const keysOf = (rows: readonly { readonly line: string }[]): readonly Key[] => rows.map(({ line }) => parseKey(line))

/** The keys that a filter selects, in the order of their birth. */
export async function selectTargets(database: Queryable, filter: KeyFilter, at: number): Promise<readonly Key[]> {
  const values = createValues()
  const where = keysWhere(filter, at, values)
  return keysOf(await database.query(`SELECT k.line FROM ${KEYS}${where === null ? '' : ` WHERE ${where}`} ORDER BY k.place`, values.all()))
}

/** All keys that some refs name, whatever else is wrong with those: each once. */
export async function keysOfRefs(database: Queryable, refs: readonly KeyRef[]): Promise<readonly Key[]> {
  const ids = refs.flatMap((ref) => (ref.by === 'id' && isText(ref.id) ? [ref.id] : []))
  const shortIds = refs.flatMap((ref) => (ref.by === 'secret' && isText(ref.shortId) ? [ref.shortId] : []))
  if (ids.length + shortIds.length === 0) return []
  const named = 'SELECT unnest($1::text[]) UNION SELECT key_id FROM keywright.secrets WHERE short_id = ANY($2::text[])'
  return keysOf(await database.query(`SELECT k.line FROM ${KEYS} WHERE k.id IN (${named}) ORDER BY k.place`, [ids, shortIds]))
}

export async function findKey(database: Queryable, ref: KeyRef, hashing: Hashing): Promise<Key | null> {
  const [key] = await keysOfRefs(database, [ref])
  return key !== undefined && isMeant(key, ref, hashing) ? key : null
}

/** The keys that have these secrets, by shortId; those that no key has are left out. */
export async function findBySecret(database: Queryable, shortIds: readonly string[]): Promise<ReadonlyMap<string, Key>> {
  const rows = await database.query<{ readonly short_id: string; readonly line: string }>(
    `SELECT s.short_id, k.line FROM keywright.secrets s JOIN ${KEYS} ON k.id = s.key_id WHERE s.short_id = ANY($1::text[])`,
    [shortIds.filter(isText)],
  )
  return new Map(rows.map(({ short_id, line }) => [short_id, parseKey(line)]))
}
