// How a list in the database is read: rows to both sides of a place, in one statement with what the head says at that moment.

import type { Cursor, Place, SortValue } from '../../src/domain/selection.ts'
import type { Queryable, Row } from './connection.ts'
import type { Values } from './key-filter.ts'
import { createValues } from './key-filter.ts'
import type { ListOrder, Side } from './list-order.ts'
import { countSql, listOrderBy, rangesOf, rowsSql, valueSql, wholeRanges } from './list-order.ts'

/** A filtered and sorted list, and what is read of each of its rows. */
export interface Listing<T> {
  /** Tells lists apart: filter and sort. */
  readonly name: string
  /** Whether a count, or the clock, can make it another. */
  readonly isByUse: boolean
  readonly isByMoment: boolean
  readonly isReversed: boolean
  /** These are written anew for each statement, which numbers their values. `filter`: null where all rows are in the list. */
  readonly order: (values: Values) => ListOrder
  readonly filter: (values: Values) => string | null
  /** Columns of an item, and the joins that bring them to a row `s` with an `id`. */
  readonly items: (values: Values) => { readonly columns: string; readonly joins: string }
  /** How long the unfiltered list is, as a column of the head; null where that does not know. */
  readonly allSql: string | null
  readonly itemOf: (row: Row) => T
}

export interface ListSource {
  readonly database: Queryable
  /** Up to how many rows a filtered list is read whole; for tests, which have few. */
  readonly maxShort?: number
  /** Real time that passes. */
  readonly uptime: () => number
}

export interface PageQuery {
  readonly sort: string
  readonly cursor: Cursor | undefined
  readonly limit: number
  /** How long the list is, where that is known. */
  readonly total: number | undefined
}

export interface Asked {
  /** The place around which rows are read; null for an end of the list. */
  readonly place: Place | null
  readonly isInclusive: boolean
  readonly on: number
  readonly before: number
  readonly total: number | null
  readonly isPositionAsked: boolean
}

/** Rows, and what is known of the list without counting: null is not. */
export interface Uncounted<T> {
  readonly revision: number
  readonly uses: number
  readonly total: number | null
  /** How many rows stand before the place. */
  readonly position: number | null
  readonly before: readonly Placed<T>[]
  readonly on: readonly Placed<T>[]
}

export interface Answer<T> extends Uncounted<T> {
  readonly total: number
  readonly position: number
}

export interface Placed<T> {
  readonly place: Place
  readonly item: T
}

/** What tells whether a last use may be another than before; 0 for a list that does not go by it. */
export const usesSql = ({ isByUse }: Pick<Listing<unknown>, 'isByUse'>): string =>
  isByUse ? '(SELECT coalesce(sum(flushes), 0)::bigint FROM keywright.nodes)' : '0::bigint'

/** Rows to both sides of a place, counted, with what the head says at the same moment. */
export async function ask<T>(database: Queryable, listing: Listing<T>, asked: Asked): Promise<Answer<T>> {
  const { total, position, ...answer } = await read(database, listing, asked, true)
  return { ...answer, total: total ?? 0, position: position ?? 0 }
}

/** The same where nothing is counted: as quick as an index finds the rows. */
export function askUncounted<T>(database: Queryable, listing: Listing<T>, asked: Omit<Asked, 'total'>): Promise<Uncounted<T>> {
  return read(database, listing, { ...asked, total: null }, false)
}

async function read<T>(database: Queryable, listing: Listing<T>, asked: Asked, isCounted: boolean): Promise<Uncounted<T>> {
  const counted = (sql: string): string => (isCounted ? sql : 'NULL::bigint')
  const values = createValues()
  const [order, filter] = [listing.order(values), listing.filter(values)]
  const { columns, joins } = listing.items(values)
  const { allSql } = listing
  const { place, isInclusive, isPositionAsked } = asked
  const rowsOn = (side: Side, count: number) => {
    if (count === 0) return { ranges: [], names: [], queries: [], seen: '0', isExhausted: 'false' }
    const ranges = rangesOf(order, side, place, isInclusive && side === 'on', values)
    const limit = `${values.add(count)}::bigint`
    const sql = rowsSql(order, { side, ranges, count: limit }, filter)
    const seen = sql.names.length === 0 ? '0' : `(${sql.names.map((name) => `(SELECT count(*) FROM ${name})`).join(' + ')})`
    return { ...sql, ranges, seen, isExhausted: `${seen} < ${limit}` }
  }
  const [before, on] = [rowsOn('before', asked.before), rowsOn('on', asked.on)]
  const sides = [...before.names.map((name) => [name, true] as const), ...on.names.map((name) => [name, false] as const)]
  const isWhole = place !== null ? `${before.isExhausted} AND ${on.isExhausted}` : asked.on > 0 ? on.isExhausted : before.isExhausted
  const totalSql =
    asked.total !== null
      ? `${values.add(asked.total)}::bigint`
      : filter === null && allSql !== null
        ? allSql
        : // Where neither side has more rows than were read, those were all.
          `CASE WHEN ${isWhole} THEN ${before.seen} + ${on.seen} ELSE ${counted(countSql(wholeRanges(order), filter))} END`
  const positionSql = isPositionAsked
    ? `CASE WHEN ${before.isExhausted} THEN ${before.seen} WHEN ${on.isExhausted} THEN h.total - ${on.seen}
         ELSE ${counted(countSql(before.ranges, filter))} END`
    : '0'
  const empty = 'SELECT NULL::text AS value, NULL::text AS id, false AS is_before WHERE false'
  const shown = sides.map(([name, isBefore]) => `SELECT value, id, ${isBefore} AS is_before FROM ${name}`).join(' UNION ALL ') || empty
  const rows = await database.query(
    `WITH ${[...before.queries, ...on.queries, `shown AS (${shown})`].join(', ')},
     told AS MATERIALIZED (SELECT keys_seq AS revision, ${usesSql(listing)} AS uses, ${totalSql} AS total FROM keywright.head)
     SELECT h.revision, h.uses, h.total, ${positionSql} AS position, s.value, s.id, s.is_before, ${columns}
     FROM told h LEFT JOIN (shown s ${joins}) ON true ORDER BY ${listOrderBy(order, 's')}`,
    values.all(),
  )
  const first = rows[0] as Row
  const placed = (isBefore: boolean): Placed<T>[] =>
    rows.flatMap((row) => (row['is_before'] === isBefore ? [{ place: placeOf(row), item: listing.itemOf(row) }] : []))
  return {
    revision: first['revision'] as number,
    uses: first['uses'] as number,
    total: numberOf(first['total']),
    position: numberOf(first['position']),
    before: placed(true),
    on: placed(false),
  }
}

const numberOf = (value: unknown): number | null => (value === null ? null : Number(value))
const placeOf = (row: Row): Place => ({ value: row['value'] as SortValue, id: row['id'] as string })

/** Where a row stands now, if it is in the list; else the place that it had. */
export async function placeNow<T>(database: Queryable, listing: Listing<T>, place: Place): Promise<Place> {
  const values = createValues()
  const [row] = await database.query(
    valueSql(listing.order(values), listing.filter(values), values.add(place.id.replaceAll('\0', ''))),
    values.all(),
  )
  return row === undefined ? place : { value: row['value'] as SortValue, id: place.id }
}
