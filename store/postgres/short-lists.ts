// Lists that are short once they are filtered: known whole, place for place, so that no search is repeated for a move.

import type { Page, Place, SortValue, Span, Window } from '../../src/domain/selection.ts'
import { comparePlaces, formatCursor } from '../../src/domain/selection.ts'
import { firstNotBefore, windowAt } from '../../src/domain/windows.ts'
import type { Queryable, Row } from './connection.ts'
import { createValues } from './key-filter.ts'
import { allSql, listOrderBy } from './list-order.ts'
import type { Listing, ListSource, PageQuery } from './list-read.ts'
import { usesSql } from './list-read.ts'

/** Up to so many rows a list is short. A longer one has a match every few rows, wherever one begins to read it. */
export const MAX_SHORT = 5_000

/** What a list was when it was read. */
export interface Version {
  readonly revision: number
  /** Another number whenever a last use may be another; 0 where that changes nothing. */
  readonly uses: number
}

export interface ShortList extends Version {
  readonly places: readonly Place[]
}

/** The places of a filtered list in their order; null where it is too long, or not filtered. */
export async function readShort<T>({ database, maxShort = MAX_SHORT }: ListSource, listing: Listing<T>): Promise<ShortList | null> {
  const values = createValues()
  const filter = listing.filter(values)
  if (filter === null) return null
  const order = listing.order(values)
  const most = `${values.add(maxShort)}::bigint`
  const rows = await database.query(
    `WITH few AS MATERIALIZED (SELECT * FROM (${allSql(order, filter)}) found LIMIT ${most} + 1),
     told AS MATERIALIZED (SELECT keys_seq AS revision, ${usesSql(listing)} AS uses, (SELECT count(*) FROM few) AS total FROM keywright.head)
     SELECT h.revision, h.uses, h.total, s.value, s.id FROM told h LEFT JOIN few s ON h.total <= ${most} ORDER BY ${listOrderBy(order, 's')}`,
    values.all(),
  )
  const { revision, uses, total } = rows[0] as Row
  if ((total as number) > maxShort) return null
  const places = rows.flatMap(({ value, id }) => (id === null ? [] : [{ value: value as SortValue, id: id as string }]))
  return { revision: revision as number, uses: uses as number, places }
}

/** The rows of some places of a list; null where the list has changed since it was read. */
async function rowsAt<T>(
  database: Queryable,
  listing: Listing<T>,
  { revision, uses }: Version,
  places: readonly Place[],
): Promise<Window<T>['rows'] | null> {
  const values = createValues()
  const ids = `unnest(${values.add(places.map(({ id }) => id))}::text[]) AS s (id)`
  const { columns, joins } = listing.items(values)
  const rows = await database.query(
    `SELECT h.keys_seq AS revision, ${usesSql(listing)} AS uses, s.id, ${columns} FROM keywright.head h LEFT JOIN (${ids} ${joins}) ON true`,
    values.all(),
  )
  if (rows[0]?.['revision'] !== revision || rows[0]['uses'] !== uses) return null
  const items = new Map(rows.flatMap((row) => (row['id'] === null ? [] : [[row['id'], listing.itemOf(row)] as const])))
  return places.map((place) => ({ place, item: items.get(place.id) as T }))
}

/** A window of a list that is known whole; null where it has changed since. */
export async function windowOfShort<T>(database: Queryable, listing: Listing<T>, span: Span, list: ShortList): Promise<Window<T> | null> {
  const { places } = list
  const placeAt = (index: number): Place => places[index] as Place
  const indexOf = (place: Place): number => {
    const index = places.findIndex(({ id }) => id === place.id)
    return index < 0 ? firstNotBefore(places.length, placeAt, listing.isReversed, place) : index
  }
  const { rows: wanted, ...shown } = windowAt(span, places.length, indexOf, (index) => ({ place: placeAt(index), item: null }))
  const rows = await rowsAt(
    database,
    listing,
    list,
    wanted.map(({ place }) => place),
  )
  return rows === null ? null : { ...shown, rows }
}

/** A page of a list that is known whole; null where it has changed since. */
export async function pageOfShort<T>(
  database: Queryable,
  listing: Listing<T>,
  { sort, cursor, limit }: PageQuery,
  list: ShortList,
): Promise<Page<T> | null> {
  const { places } = list
  const isBehind = (place: Place): boolean => cursor === undefined || comparePlaces(listing.isReversed, place, cursor) > 0
  const begin = places.findIndex(isBehind)
  const shown = begin < 0 ? [] : places.slice(begin, begin + limit)
  const last = begin + limit < places.length ? shown.at(-1) : undefined
  const rows = await rowsAt(database, listing, list, shown)
  if (rows === null) return null
  const nextCursor = last === undefined ? null : formatCursor({ sort, ...last })
  return { items: rows.map(({ item }) => item), nextCursor, total: places.length }
}
