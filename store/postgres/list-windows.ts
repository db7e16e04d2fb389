// Windows and pages of lists in the database: one statement for each, which never reads more rows than are shown. What was found
// out for one window – how long the list is, where the rows stand – is kept for the next, while it holds.

import type { Cursor, Page, Place, SortValue, Span, Window } from '../../src/domain/selection.ts'
import { formatCursor, MAX_PAGE } from '../../src/domain/selection.ts'
import { holdsAt } from '../../src/domain/windows.ts'
import type { Queryable, Row } from './connection.ts'
import type { Values } from './key-filter.ts'
import { createValues } from './key-filter.ts'
import type { ListOrder, Range, Side } from './list-order.ts'
import { countSql, orderBy, rangesOf, rowsSql, valueSql } from './list-order.ts'

/** Lists whose length and last rows are kept; the one not used for the longest time goes first. */
const MAX_KEPT = 4

/** A filtered and sorted list, and what is read of each of its rows. */
export interface Listing<T> {
  /** Tells lists apart: filter and sort. */
  readonly name: string
  /** Whether a count, or the clock, can make it another. */
  readonly isByUse: boolean
  readonly isByMoment: boolean
  /** Written anew for each statement, as its values are numbered. */
  readonly write: (values: Values) => Written
  readonly itemOf: (row: Row) => T
}

interface Written {
  readonly order: ListOrder
  readonly filter: string | null
  /** Columns of an item, and the joins that bring them to a row `s` with `value` and `id`. */
  readonly columns: string
  readonly joins: string
  /** How long the unfiltered list is, where the head knows. */
  readonly allSql: string | null
}

interface Asked {
  /** The place around which rows are read; null for an end of the list. */
  readonly place: Place | null
  readonly isInclusive: boolean
  readonly on: number
  readonly before: number
  readonly total: number | null
  readonly isPositionAsked: boolean
}

interface Answer<T> {
  readonly revision: number
  readonly uses: number
  readonly total: number
  /** How many rows stand before the place. */
  readonly position: number
  readonly before: readonly Placed<T>[]
  readonly on: readonly Placed<T>[]
}

interface Placed<T> {
  readonly place: Place
  readonly item: T
}

/** Rows to both sides of a place, with what the head says at the same moment. */
async function ask<T>(database: Queryable, listing: Listing<T>, asked: Asked): Promise<Answer<T>> {
  const values = createValues()
  const { order, filter, columns, joins, allSql } = listing.write(values)
  const { place, isInclusive, isPositionAsked } = asked
  const read = (side: Side, count: number) => {
    if (count === 0) return { ranges: [], names: [], queries: [], seen: '0', isExhausted: 'false' }
    const ranges = rangesOf(order, side, place, isInclusive && side === 'on', values)
    const limit = `${values.add(count)}::bigint`
    const sql = rowsSql(order, { side, ranges, count: limit }, filter)
    const seen = sql.names.length === 0 ? '0' : `(${sql.names.map((name) => `(SELECT count(*) FROM ${name})`).join(' + ')})`
    return { ...sql, ranges, seen, isExhausted: `${seen} < ${limit}` }
  }
  const [before, on] = [read('before', asked.before), read('on', asked.on)]
  const sides = [...before.names.map((name) => [name, true] as const), ...on.names.map((name) => [name, false] as const)]
  const isWhole = [...(asked.before > 0 ? [before.isExhausted] : []), ...(asked.on > 0 ? [on.isExhausted] : [])].join(' AND ')
  const totalSql =
    asked.total !== null
      ? `${values.add(asked.total)}::bigint`
      : filter === null && allSql !== null
        ? allSql
        : // Where there are no more rows to the sides that were read, those were all.
          `CASE WHEN ${isWhole} THEN ${before.seen} + ${on.seen} ELSE ${countSql(wholeRanges(order), filter)} END`
  const positionSql = isPositionAsked
    ? `CASE WHEN ${before.isExhausted} THEN ${before.seen} WHEN ${on.isExhausted} THEN h.total - ${on.seen}
         ELSE ${countSql(before.ranges, filter)} END`
    : '0'
  const usesSql = listing.isByUse ? '(SELECT coalesce(sum(flushes), 0)::bigint FROM keywright.nodes)' : '0'
  const empty = 'SELECT NULL::text AS value, NULL::text AS id, false AS is_before WHERE false'
  const shown = sides.map(([name, isBefore]) => `SELECT value, id, ${isBefore} AS is_before FROM ${name}`).join(' UNION ALL ') || empty
  const rows = await database.query(
    `WITH ${[...before.queries, ...on.queries, `shown AS (${shown})`].join(', ')},
     told AS MATERIALIZED (SELECT keys_seq AS revision, ${usesSql} AS uses, ${totalSql} AS total FROM keywright.head)
     SELECT h.revision, h.uses, h.total, ${positionSql} AS position, s.value, s.id, s.is_before, ${columns}
     FROM told h LEFT JOIN (shown s ${joins}) ON true ORDER BY ${orderBy(order, { value: 's.value', id: 's.id' }, 'on')}`,
    values.all(),
  )
  const first = rows[0] as Row
  const placed = rows.flatMap((row) =>
    row['id'] === null ? [] : [{ isBefore: row['is_before'] === true, place: placeOf(row), item: listing.itemOf(row) }],
  )
  return {
    revision: first['revision'] as number,
    uses: first['uses'] as number,
    total: Number(first['total']),
    position: Number(first['position']),
    before: placed.filter(({ isBefore }) => isBefore),
    on: placed.filter(({ isBefore }) => !isBefore),
  }
}

const placeOf = (row: Row): Place => ({ value: row['value'] as SortValue, id: row['id'] as string })

const wholeRanges = ({ valued, empty }: ListOrder): readonly Range[] =>
  [valued, ...(empty === null ? [] : [empty])].map((part) => ({ part, condition: null }))

/** One page: the rows behind the cursor. */
export async function pageFrom<T>(
  database: Queryable,
  listing: Listing<T>,
  { sort, cursor, limit }: { readonly sort: string; readonly cursor: Cursor | undefined; readonly limit: number },
): Promise<Page<T>> {
  // One more than is shown tells whether there are more.
  const asked = { isInclusive: false, on: limit + 1, before: 0, total: null, isPositionAsked: false }
  const { on, total } = await ask(database, listing, { ...asked, place: cursor ?? null })
  const shown = on.slice(0, limit)
  const last = on.length > limit ? shown.at(-1) : undefined
  return {
    items: shown.map(({ item }) => item),
    nextCursor: last === undefined ? null : formatCursor({ sort, ...last.place }),
    total,
  }
}

interface Kept {
  readonly name: string
  readonly at: number
  readonly revision: number
  readonly uses: number
  readonly total: number
  readonly position: number
  readonly places: readonly Place[]
}

type LookAt = <T>(listing: Listing<T>, span: Span, at: number) => Promise<Window<T>>

/** Looks at windows of lists, and keeps what it found out about the last few of them. */
export function createWindows(database: Queryable): LookAt {
  let kept: readonly Kept[] = []

  return async (listing, span, at) => {
    const found = kept.find(({ name }) => name === listing.name)
    const known = found !== undefined && (!listing.isByMoment || holdsAt(found.at, at)) ? found : null
    const read = (known !== null && (await nextWindow(database, listing, span, known))) || (await newWindow(database, listing, span))
    const { answer, begin } = read
    const all = [...answer.before, ...answer.on]
    const { position, end } = edgesOf(span, answer.total, begin + answer.before.length)
    const rows = all.slice(Math.max(0, position - begin), Math.max(0, end - begin))
    const { revision, uses, total } = answer
    const isOld = known !== null && read.isNext
    const entry = { name: listing.name, at: isOld ? known.at : at, revision, uses, total, position, places: rows.map(({ place }) => place) }
    kept = [entry, ...kept.filter(({ name }) => name !== listing.name)].slice(0, MAX_KEPT)
    return { rows, position, total }
  }
}

/** Where a span's rows begin and end in a list, when the row that it is about has that index. As `windowAt` has it. */
function edgesOf({ around, before, after }: Span, total: number, index: number): { readonly position: number; readonly end: number } {
  const behind = Math.min(after, MAX_PAGE)
  const ahead = Math.min(before, MAX_PAGE - behind)
  const last = Math.max(0, total - 1)
  const row = around === 'first' ? 0 : around === 'last' ? last : Math.min(index, last)
  const position = Math.max(0, Math.min(row - ahead, total - ahead - behind))
  return { position, end: Math.min(total, position + ahead + behind) }
}

interface Read<T> {
  readonly answer: Answer<T>
  /** How many rows stand before the first that was read. */
  readonly begin: number
  readonly isNext: boolean
}

/** How many rows a span has; one is read at least. */
const sizeOf = ({ before, after }: Span): number => {
  const behind = Math.min(after, MAX_PAGE)
  return Math.max(1, behind + Math.min(before, MAX_PAGE - behind))
}

/** A window of a list of which nothing is known. */
async function newWindow<T>(database: Queryable, listing: Listing<T>, span: Span): Promise<Read<T>> {
  const size = sizeOf(span)
  if (span.around === 'first' || span.around === 'last') return atEnd(database, listing, span.around, size, null)
  const place = await placeNow(database, listing, span.around)
  const asked = { place, isInclusive: true, on: size, before: size + 1, total: null, isPositionAsked: true }
  const answer = await ask(database, listing, asked)
  return { answer, begin: answer.position - answer.before.length, isNext: false }
}

/** Where a row stands now, if it is in the list; else the place that it had. */
async function placeNow<T>(database: Queryable, listing: Listing<T>, place: Place): Promise<Place> {
  const values = createValues()
  const { order, filter } = listing.write(values)
  const [row] = await database.query(valueSql(order, filter, values.add(place.id.replaceAll('\0', ''))), values.all())
  return row === undefined ? place : { value: row['value'] as SortValue, id: place.id }
}

async function atEnd<T>(
  database: Queryable,
  listing: Listing<T>,
  around: 'first' | 'last',
  size: number,
  known: Kept | null,
): Promise<Read<T>> {
  const isFirst = around === 'first'
  const sides = isFirst ? { on: size, before: 0 } : { on: 0, before: size + 1 }
  const asked = { ...sides, place: null, isInclusive: true, total: known?.total ?? null, isPositionAsked: false }
  const answer = await ask(database, listing, asked)
  return { answer, begin: isFirst ? 0 : answer.total - answer.before.length, isNext: known !== null }
}

/** A window of a list of which the last one is known: nothing is counted. Null where that is no help, or no longer true. */
async function nextWindow<T>(database: Queryable, listing: Listing<T>, span: Span, known: Kept): Promise<Read<T> | null> {
  const { around } = span
  const isSame = ({ revision, uses }: Answer<T>): boolean => revision === known.revision && uses === known.uses
  if (around === 'first' || around === 'last') {
    const read = await atEnd(database, listing, around, sizeOf(span), known)
    return isSame(read.answer) ? read : null
  }
  const offset = known.places.findIndex(({ id }) => id === around.id)
  if (offset < 0) return null
  const index = known.position + offset
  const { position, end } = edgesOf(span, known.total, index)
  if (end <= position) return null
  const asked = { isInclusive: true, on: Math.max(0, end - index), before: index - position, total: known.total, isPositionAsked: false }
  const answer = await ask(database, listing, { ...asked, place: known.places[offset] as Place })
  return isSame(answer) ? { answer, begin: position, isNext: true } : null
}
