// Looks at long lists in the database: the rows of a window as quick as an index finds them. What would have to be counted is taken
// from what was found out before, while that is good enough, and else left open.

import type { Place, Span } from '../../src/domain/selection.ts'
import { MAX_PAGE } from '../../src/domain/selection.ts'
import type { Look } from '../../src/domain/windows.ts'
import type { Queryable } from './connection.ts'
import type { Listing, Uncounted } from './list-read.ts'
import { askUncounted, placeNow } from './list-read.ts'

/** A count is good enough for so many times as long as it took: a screen that stands open counts a twentieth of the time at most. */
const GOOD_FOR = 20

/** When a list was counted, in real time that passes, and how long that took. */
export interface Count {
  readonly at: number
  readonly took: number
}

export const isGoodEnough = (count: Count | null, uptime: number): boolean => count !== null && uptime - count.at <= GOOD_FOR * count.took

/** What was found out about a list: numbers, and the places of the rows that were looked at. */
export interface Numbers {
  readonly total: number | null
  readonly position: number | null
  readonly places: readonly Place[]
}

export interface Glance<T> {
  readonly answer: Uncounted<T>
  readonly look: Look<T>
}

/** The rows around a place or at an end, with the numbers that they tell by themselves. */
export async function glanceAt<T>(database: Queryable, listing: Listing<T>, { around, ...span }: Span): Promise<Glance<T>> {
  const behind = Math.min(span.after, MAX_PAGE)
  const ahead = Math.min(span.before, MAX_PAGE - behind)
  const size = ahead + behind
  const isPlace = around !== 'first' && around !== 'last'
  const place = isPlace ? await placeNow(database, listing, around) : null
  // One more than can be shown tells whether there are more.
  const answer = await askUncounted(database, listing, {
    place,
    isInclusive: true,
    on: around === 'last' ? 0 : size + 1,
    before: around === 'first' ? 0 : size + 1,
    isPositionAsked: isPlace,
  })
  const { before, on, total } = answer
  const all = [...before, ...on]
  const isBegun = before.length <= size
  const isEnded = on.length <= size
  const row = around === 'first' ? 0 : Math.min(around === 'last' ? all.length : before.length, all.length - 1)
  const wanted = row - ahead
  const begin = Math.max(0, isEnded ? Math.min(wanted, all.length - size) : wanted)
  const end = Math.min(all.length, begin + size)
  const counted = around === 'first' ? 0 : around === 'last' ? total : answer.position
  const position = counted === null ? null : counted - before.length + begin
  const isAtEnd = isEnded && end === all.length
  return {
    answer,
    look: {
      rows: all.slice(begin, end),
      isAtStart: isBegun && begin === 0,
      isAtEnd,
      position,
      total: total ?? (isAtEnd && position !== null ? position + end - begin : null),
    },
  }
}

/** A look with what it does not tell itself, from what is known of the list. */
export function completed<T>(look: Look<T>, { total: knownTotal, position: knownPosition, places }: Numbers): Look<T> {
  const total = look.total ?? knownTotal
  return { ...look, total, position: look.position ?? positionOf(look, total, knownPosition, places) }
}

function positionOf(
  { rows, isAtEnd }: Look<unknown>,
  total: number | null,
  knownPosition: number | null,
  places: readonly Place[],
): number | null {
  if (isAtEnd && total !== null) return total - rows.length
  if (knownPosition === null) return null
  const indexes = new Map(places.map(({ id }, index) => [id, index]))
  const seen = rows.findIndex(({ place }) => indexes.has(place.id))
  const index = indexes.get(rows[seen]?.place.id ?? '')
  return index === undefined ? null : Math.max(0, knownPosition + index - seen)
}
