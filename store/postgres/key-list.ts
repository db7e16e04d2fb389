// Keys as they are looked up and listed in the database: by id and shortId, by filter, as pages and as windows of a sorted list.

import type { Hashing } from '../../src/domain/hashing.ts'
import type { Key, KeyRef, ListedKey } from '../../src/domain/key.ts'
import { isMeant, keyView, STATUSES } from '../../src/domain/key.ts'
import { accepted } from '../../src/domain/refusal.ts'
import type { KeyFilter, KeyQuery, KeyWindowQuery, Page, SortField, Window } from '../../src/domain/selection.ts'
import { formatSort, selectKeys } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { ENVIRONMENTS } from '../../src/domain/token.ts'
import type { Look } from '../../src/domain/windows.ts'
import type { Queryable } from './connection.ts'
import { PREPARED } from './connection.ts'
import type { Values } from './key-filter.ts'
import {
  changesOf,
  createValues,
  IS_LAST_USE,
  idleSince,
  isText,
  KEYS_WITH_USE,
  keysWhere,
  statusConditions,
  statusSql,
} from './key-filter.ts'
import { parseKey } from './key-rows.ts'
import type { Group, ListOrder, Part } from './list-order.ts'
import type { Listing, ListSource } from './list-read.ts'
import { createWindows, pageFrom } from './list-windows.ts'
import type { Pause } from './slices.ts'
import { SLICE } from './slices.ts'

/** What lists are read from, and what this process alone knows of uses. */
export interface Lists extends ListSource {
  /** The last use that was counted and not written yet. */
  readonly pendingLastUsed: (keyId: string) => number | null
  /** Writes those uses out: before a list that goes by them is read. */
  readonly settleUse: () => Promise<void>
}

const KEYS = 'keywright.keys k'

/** What a key is sorted by: a column, and what indexes there are for it. */
interface SortColumn {
  readonly column: string
  /** Not every key has a value in it; `sparse`: few have, and only those are in an index. */
  readonly nulls: 'none' | 'some' | 'sparse'
  /** Whether an index holds values and ids as pairs, for either way. */
  readonly isIndexed: boolean
}

/** `lastUsedAt` and `status` are no columns, and of environments there are two. */
const SORT_COLUMNS: Readonly<Record<Exclude<SortField, 'lastUsedAt' | 'status' | 'environment'>, SortColumn>> = {
  createdAt: { column: 'k.created_at', nulls: 'none', isIndexed: true },
  updatedAt: { column: 'k.updated_at', nulls: 'none', isIndexed: true },
  expiresAt: { column: 'k.expires_at', nulls: 'some', isIndexed: true },
  name: { column: 'k.name', nulls: 'some', isIndexed: true },
  userId: { column: 'k.user_id', nulls: 'none', isIndexed: true },
  id: { column: 'k.id', nulls: 'none', isIndexed: true },
  notBefore: { column: 'k.not_before', nulls: 'sparse', isIndexed: true },
  disabledAt: { column: 'k.disabled_at', nulls: 'sparse', isIndexed: true },
  revokedAt: { column: 'k.revoked_at', nulls: 'sparse', isIndexed: true },
  createdBy: { column: 'k.created_by', nulls: 'none', isIndexed: false },
  revision: { column: 'k.revision', nulls: 'none', isIndexed: false },
}

/** Keys that were used are found by their use, those that never were by their id. */
const BY_USE = {
  valueType: 'double precision',
  isIndexed: true,
  valued: {
    from: 'keywright.last_use u JOIN keywright.keys k ON k.id = u.key_id',
    where: IS_LAST_USE,
    value: 'u.at',
    id: 'u.key_id',
  },
  empty: { from: KEYS_WITH_USE, where: 'u.key_id IS NULL', value: 'NULL::double precision', id: 'k.id' },
} as const satisfies Omit<ListOrder, 'isReversed'>

/** Where the list is one of idle keys, both parts name since when: the database refuses a value that a statement does not use. */
function byUse(since: string | null, isReversed: boolean): ListOrder {
  if (since === null) return { isReversed, ...BY_USE }
  const { valued, empty } = BY_USE
  return {
    ...BY_USE,
    isReversed,
    valued: { ...valued, where: `${IS_LAST_USE} AND u.at <= ${since}` },
    empty: { ...empty, where: `u.key_id IS NULL AND ${since} IS NOT NULL` },
  }
}

/** Few values: those that the filter leaves, each with its keys in the order of their ids. */
function grouped(
  field: 'status' | 'environment',
  { filter, at }: Pick<ListedBy, 'filter' | 'at'>,
  isReversed: boolean,
  values: Values,
): ListOrder {
  const conditions = statusConditions(at, values)
  const wanted = STATUSES.filter((one) => filter.status?.includes(one) ?? true)
  // The condition is written where it is used: the database refuses values that a statement does not use.
  const part = (of: string, where: () => string): Group => ({
    of,
    from: KEYS_WITH_USE,
    get where() {
      return where()
    },
    value: `'${of}'::text COLLATE "C"`,
    id: 'k.id',
  })
  const groups =
    field === 'environment'
      ? ENVIRONMENTS.map((one) => part(one, () => `k.environment = '${one}'`))
      : (wanted.length === 0 ? STATUSES : wanted).toSorted().map((one) => part(one, conditions[one]))
  const valued = {
    from: KEYS_WITH_USE,
    where: null,
    get value() {
      return field === 'environment' ? 'k.environment' : statusSql(at, values)
    },
    id: 'k.id',
  }
  return { isReversed, valueType: 'text', isIndexed: false, valued, empty: null, groups }
}

function orderOf({ filter, sort: { field, isReversed }, at }: ListedBy, values: Values): ListOrder {
  if (field === 'lastUsedAt') return byUse(idleSince(filter, at, values), isReversed)
  if (field === 'status' || field === 'environment') return grouped(field, { filter, at }, isReversed, values)
  const { column, nulls, isIndexed } = SORT_COLUMNS[field]
  const part = (where: string | null, value: string): Part => ({ from: KEYS_WITH_USE, where, value, id: 'k.id' })
  return {
    isReversed,
    valueType: field === 'revision' ? 'double precision' : 'text',
    isIndexed,
    valued: part(nulls === 'none' ? null : `${column} IS NOT NULL`, column),
    // Most keys: in the order of their ids, which the planner does not see while the column is named.
    empty: nulls === 'none' ? null : part(`${column} IS NULL`, nulls === 'sparse' ? 'NULL::text' : column),
  }
}

type ListedBy = Pick<KeyQuery, 'filter' | 'sort' | 'at'>

function listingOf(query: ListedBy, pendingLastUsed: Lists['pendingLastUsed']): Listing<ListedKey> {
  const { filter, sort, at } = query
  return {
    name: `${formatSort(sort)} ${JSON.stringify(filter)}`,
    ...changesOf(filter, sort.field),
    isReversed: sort.isReversed,
    order: (values) => orderOf(query, values),
    filter: (values) => keysWhere(filter, at, values, sort.field === 'lastUsedAt'),
    items: () => ({ columns: 'k.line, u.at AS last_used', joins: `JOIN (${KEYS_WITH_USE}) ON k.id = s.id` }),
    allSql: 'keys',
    itemOf: ({ line, last_used: written }) => {
      const key = parseKey(line as string)
      const last = later(written as number | null, pendingLastUsed(key.id))
      return { ...keyView(key, at), lastUsedAt: last === null ? null : isoFrom(last) }
    },
  }
}

const later = (a: number | null, b: number | null): number | null => (a === null || (b !== null && b > a) ? b : a)

export async function queryKeys(lists: Lists, query: KeyQuery): Promise<Page<ListedKey>> {
  // No keys: what is wrong with the cursor is said before the database is asked.
  accepted(selectKeys([], query, () => null))
  const listing = listingOf(query, lists.pendingLastUsed)
  if (listing.isByUse) await lists.settleUse()
  return pageFrom(lists, listing, { sort: formatSort(query.sort), cursor: query.cursor, limit: query.limit, total: query.total })
}

export interface KeyWindows {
  readonly window: (query: KeyWindowQuery) => Promise<Window<ListedKey>>
  readonly look: (query: KeyWindowQuery) => Promise<Look<ListedKey>>
}

export function createKeyWindows(lists: Lists): KeyWindows {
  const windows = createWindows(lists)
  const settled = async (query: KeyWindowQuery): Promise<Listing<ListedKey>> => {
    const listing = listingOf(query, lists.pendingLastUsed)
    if (listing.isByUse) await lists.settleUse()
    return listing
  }
  return {
    window: async (query) => windows.window(await settled(query), query.span, query.at),
    look: async (query) => windows.look(await settled(query), query.span, query.at),
  }
}

const keysOf = (rows: readonly { readonly line: string }[]): readonly Key[] => rows.map(({ line }) => parseKey(line))

/** The keys that a filter selects, in the order of their birth. In a transaction: they come a slice at a time. */
export async function selectTargets(tx: Queryable, filter: KeyFilter, at: number, pause: Pause): Promise<readonly Key[]> {
  const values = createValues()
  const where = keysWhere(filter, at, values)
  const sql = `SELECT k.line FROM ${KEYS_WITH_USE}${where === null ? '' : ` WHERE ${where}`} ORDER BY k.place`
  const keys: Key[] = []
  await tx.query(`DECLARE targets NO SCROLL CURSOR FOR ${sql}`, values.all())
  for (;;) {
    const rows = await tx.query<{ readonly line: string }>(`FETCH ${SLICE} FROM targets`)
    for (const { line } of rows) keys.push(parseKey(line))
    if (rows.length < SLICE) break
    await pause()
  }
  await tx.query('CLOSE targets')
  return keys
}

/** All keys that some refs name, whatever else is wrong with those: each once. */
export async function keysOfRefs(database: Queryable, refs: readonly KeyRef[]): Promise<readonly Key[]> {
  const ids = refs.flatMap((ref) => (ref.by === 'id' && isText(ref.id) ? [ref.id] : []))
  const shortIds = refs.flatMap((ref) => (ref.by === 'secret' && isText(ref.shortId) ? [ref.shortId] : []))
  if (ids.length + shortIds.length === 0) return []
  const named = 'SELECT unnest($1::text[]) UNION SELECT key_id FROM keywright.secrets WHERE short_id = ANY($2::text[])'
  return keysOf(await database.query(`SELECT k.line FROM ${KEYS} WHERE k.id IN (${named}) ORDER BY k.place`, [ids, shortIds], PREPARED))
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
    PREPARED,
  )
  return new Map(rows.map(({ short_id, line }) => [short_id, parseKey(line)]))
}
