// Where a list begins to be read: ranges of rows from a place on, or before it, each of which an index holds in the list's order.

import type { Place, SortValue } from '../../src/domain/selection.ts'
import type { Values } from './key-filter.ts'
import { isText } from './key-filter.ts'

/** Rows that have a value to be sorted by, or those that have none: they come last, whichever way the rest goes. */
export interface Part {
  readonly from: string
  /** What makes a row one of this part, beside the list's filter; null where all are. */
  readonly where: string | null
  readonly value: string
  readonly id: string
}

/** How a list is sorted, as SQL. Rows of the same value are sorted by id, always upwards. */
export interface ListOrder {
  readonly isReversed: boolean
  readonly valueType: 'text' | 'double precision'
  /** Whether an index holds values and ids as pairs. */
  readonly isIndexed: boolean
  readonly valued: Part
  /** Null where every row has a value. */
  readonly empty: Part | null
  /** Where there are few values: the rows of each, in the order of the values upwards. Rows in order need an index on the ids alone. */
  readonly groups?: readonly Group[]
}

export interface Group extends Part {
  readonly of: string
}

/** All rows. */
const partsOf = ({ valued, empty }: ListOrder): readonly Part[] => [valued, ...(empty === null ? [] : [empty])]

/** A part, or what of it lies to one side of a place. */
export interface Range {
  readonly part: Part
  readonly condition: string | null
}

export type Side = 'on' | 'before'

/** The order of a side within a part, nearest first: what lies before a place is read backwards. */
function orderBy({ isReversed, empty }: ListOrder, part: Part, side: Side): string {
  const idWay = side === 'on' ? 'ASC' : 'DESC'
  // Where no row has a value any way is right: that of the ids is the one that an index on both has.
  const valueWay = part === empty ? idWay : isReversed === (side === 'on') ? 'DESC' : 'ASC'
  return `${part.value} ${valueWay}, ${part.id} ${idWay}`
}

/** The order of the whole list, by the columns `value` and `id` of its rows. */
export function listOrderBy({ isReversed }: ListOrder, rows: string): string {
  return `${rows}.value ${isReversed ? 'DESC' : 'ASC'} NULLS LAST, ${rows}.id`
}

/** A value that a place names as one of the order's type: a place may come from a list in another order. */
function comparable(order: ListOrder, value: SortValue): SortValue {
  if (value === null) return null
  if (order.valueType === 'text') return clean(String(value))
  const number = Number(value)
  return Number.isFinite(number) ? number : null
}

/** A text that no row can have, with its place in the order kept: right behind the text before the character, which comes first of all. */
const clean = (text: string): string => (isText(text) ? text : `${text.slice(0, text.indexOf('\0'))}\u0001`)

/** The rows of a side of a place, nearest first; null for the whole list: from its beginning on, or before its end. */
export function rangesOf(order: ListOrder, side: Side, place: Place | null, isInclusive: boolean, values: Values): readonly Range[] {
  const { valued, empty, groups } = order
  if (groups !== undefined) return rangesOfGroups(groups, order.isReversed, side, place, isInclusive, values)
  const all = (part: Part | null): Range[] => (part === null ? [] : [{ part, condition: null }])
  if (place === null) return side === 'on' ? [...all(valued), ...all(empty)] : [...all(empty), ...all(valued)]
  const value = comparable(order, place.value)
  const id = clean(place.id)
  const idSign = side === 'on' ? (isInclusive ? '>=' : '>') : '<'
  if (value === null) {
    const ids: Range[] = empty === null ? [] : [{ part: empty, condition: `${empty.id} ${idSign} ${values.add(id)}` }]
    return side === 'on' ? ids : [...ids, ...all(valued)]
  }
  const wanted = `${values.add(value)}::${order.valueType}`
  const isUp = order.isReversed !== (side === 'on')
  const beyond: Range[] = conditionsBeyond(order, isUp, idSign, wanted, () => values.add(id), { value, id }).map((condition) => ({
    part: valued,
    condition,
  }))
  return side === 'on' ? [...beyond, ...all(empty)] : beyond
}

/** The groups from a place on, or before it: of its own group the ids to that side. */
function rangesOfGroups(
  groups: readonly Group[],
  isReversed: boolean,
  side: Side,
  place: Place | null,
  isInclusive: boolean,
  values: Values,
): readonly Range[] {
  const isUp = isReversed !== (side === 'on')
  const nearest = isUp ? groups : groups.toReversed()
  if (place === null) return nearest.map((part) => ({ part, condition: null }))
  const { value } = place
  // Without a value it stands behind all rows.
  if (value === null) return side === 'on' ? [] : nearest.map((part) => ({ part, condition: null }))
  const wanted = String(value)
  const sign = side === 'on' ? (isInclusive ? '>=' : '>') : '<'
  return nearest.flatMap((part): Range[] => {
    if (part.of === wanted) return [{ part, condition: `${part.id} ${sign} ${values.add(clean(place.id))}` }]
    return part.of > wanted === isUp ? [{ part, condition: null }] : []
  })
}

/** Each of them is one stretch of an index, the nearest first. */
function conditionsBeyond(
  { valued: part, isIndexed }: ListOrder,
  isUp: boolean,
  idSign: '>' | '>=' | '<',
  wanted: string,
  wantedId: () => string,
  place: Place,
): string[] {
  const sign = isUp ? '>' : '<'
  if (part.value === part.id) return [`${part.id} ${isSameBeyond(place, idSign) ? `${sign}=` : sign} ${wanted}`]
  // One comparison of pairs where value and id go the same way in an index; else those of the same value first.
  if (isIndexed && isUp === (idSign !== '<')) return [`(${part.value}, ${part.id}) ${idSign} (${wanted}, ${wantedId()})`]
  return [`${part.value} = ${wanted} AND ${part.id} ${idSign} ${wantedId()}`, `${part.value} ${sign} ${wanted}`]
}

/** Where the id is the value: whether the row of that very value lies on the side. */
function isSameBeyond({ value, id }: Place, idSign: '>' | '>=' | '<'): boolean {
  const order = Buffer.compare(Buffer.from(String(value)), Buffer.from(id))
  return idSign === '<' ? order < 0 : order > 0 || (order === 0 && idSign === '>=')
}

const conditionOf = (conditions: readonly (string | null)[]): string => {
  const given = conditions.filter((condition) => condition !== null)
  return given.length === 0 ? '' : ` WHERE ${given.join(' AND ')}`
}

/** All rows of a list. */
export const wholeRanges = (order: ListOrder): readonly Range[] => partsOf(order).map((part) => ({ part, condition: null }))

/** How many rows some ranges have. */
export function countSql(ranges: readonly Range[], filter: string | null): string {
  if (ranges.length === 0) return '0'
  return ranges
    .map(({ part, condition }) => `(SELECT count(*) FROM ${part.from}${conditionOf([part.where, filter, condition])})`)
    .join(' + ')
}

/** What a row with an id is sorted by, where the list has it. */
export function valueSql(order: ListOrder, filter: string | null, wantedId: string): string {
  return partsOf(order)
    .map((part) => `SELECT ${part.value} AS value FROM ${part.from}${conditionOf([part.where, filter, `${part.id} = ${wantedId}`])}`)
    .join(' UNION ALL ')
}

/** All rows of a list, in no order. */
export function allSql(order: ListOrder, filter: string | null): string {
  return partsOf(order)
    .map((part) => `SELECT ${part.value} AS value, ${part.id} AS id FROM ${part.from}${conditionOf([part.where, filter])}`)
    .join(' UNION ALL ')
}

/**
 * Named queries for up to `count` (a value's name) rows of ranges, nearest first, and the names. A range is read only where those before it did
 * not have enough: its own limit is what the database plans by, the other is what is still wanted.
 */
export function rowsSql(
  order: ListOrder,
  { side, ranges, count }: { readonly side: Side; readonly ranges: readonly Range[]; readonly count: string },
  filter: string | null,
): { readonly names: readonly string[]; readonly queries: readonly string[] } {
  const names = ranges.map((_, index) => `${side}_${index}`)
  const queries = ranges.map(({ part, condition }, index) => {
    const where = conditionOf([part.where, filter, condition])
    const rows = `SELECT ${part.value} AS value, ${part.id} AS id FROM ${part.from}${where} ORDER BY ${orderBy(order, part, side)} LIMIT ${count}`
    const before = names.slice(0, index).map((name) => ` - (SELECT count(*) FROM ${name})`)
    return `${names[index]} AS MATERIALIZED (SELECT * FROM (${rows}) rows${index === 0 ? '' : ` LIMIT ${count}${before.join('')}`})`
  })
  return { names, queries }
}
