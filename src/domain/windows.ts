// Windows of long lists: where one begins and ends, and for how long what was found out for one holds. Pure.

import type { Key } from './key.ts'
import type { LastUsed, Place, Span, Window } from './selection.ts'
import { comparePlaces, MAX_PAGE } from './selection.ts'
import { SECOND_MS } from './time.ts'

/** What a store knows just now. Other keys are another array; `usage` is another number whenever a last use may be another. */
export interface Known {
  readonly keys: readonly Key[]
  readonly lastUsed: LastUsed
  readonly usage: number
}

/**
 * A window that waits for no count: `position` and `total` are null where they are not known, or not as of just now where
 * counting takes long.
 */
export interface Look<T> {
  readonly rows: Window<T>['rows']
  readonly isAtStart: boolean
  readonly isAtEnd: boolean
  readonly position: number | null
  readonly total: number | null
}

/** A window with its rows' items made into others. */
export function withItems<T, U>({ rows, ...numbers }: Window<T>, itemOf: (item: T) => U): Window<U> {
  return { rows: rows.map(({ place, item }) => ({ place, item: itemOf(item) })), ...numbers }
}

/** A window whose numbers are known. */
export function lookOf<T>(window: Window<T>): Look<T> {
  const { rows, position, total } = window
  return { ...window, isAtStart: position === 0, isAtEnd: position + rows.length >= total }
}

/** How long what depends on the moment is taken to be the same. */
const SAME_MOMENT_MS = SECOND_MS

/** Whether what was found out at one moment is still good enough at another, and was not found out in its future. */
export function holdsAt(then: number, now: number): boolean {
  return now >= then && now - then < SAME_MOMENT_MS
}

/** The index of the first row that is not before a place; the number of rows where there is none. */
export function firstNotBefore(total: number, placeAt: (index: number) => Place, isReversed: boolean, place: Place): number {
  let low = 0
  let high = total
  while (low < high) {
    const middle = (low + high) >>> 1
    if (comparePlaces(isReversed, placeAt(middle), place) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The rows of a span. Near an end of the list there are more of the other side, as many in all where there are so many. */
export function windowAt<R extends Window<unknown>['rows'][number]>(
  { around, before, after }: Span,
  total: number,
  indexOf: (place: Place) => number,
  rowAt: (index: number) => R,
): { readonly rows: readonly R[]; readonly position: number; readonly total: number } {
  const behind = Math.min(after, MAX_PAGE)
  const ahead = Math.min(before, MAX_PAGE - behind)
  const last = Math.max(0, total - 1)
  const row = around === 'first' ? 0 : around === 'last' ? last : Math.min(indexOf(around), last)
  const position = Math.max(0, Math.min(row - ahead, total - ahead - behind))
  const end = Math.min(total, position + ahead + behind)
  return { rows: Array.from({ length: end - position }, (_, index) => rowAt(position + index)), position, total }
}
