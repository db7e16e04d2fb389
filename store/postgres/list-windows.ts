// Windows and pages of lists in the database, which never read more rows than are shown. What was found out for one window – how
// long the list is, where the rows stand – is kept for the next, while it holds.

import type { Page, Place, Span, Window } from '../../src/domain/selection.ts'
import { formatCursor, MAX_PAGE } from '../../src/domain/selection.ts'
import type { Look } from '../../src/domain/windows.ts'
import { holdsAt, lookOf } from '../../src/domain/windows.ts'
import type { Queryable } from './connection.ts'
import { createValues } from './key-filter.ts'
import type { Count } from './list-looks.ts'
import { completed, glanceAt, isGoodEnough } from './list-looks.ts'
import type { Answer, Listing, ListSource, PageQuery } from './list-read.ts'
import { ask, placeNow } from './list-read.ts'
import type { ShortList } from './short-lists.ts'
import { MAX_SHORT, pageOfShort, readShort, windowOfShort } from './short-lists.ts'

/** Lists whose length and last rows are kept; the one not used for the longest time goes first. */
const MAX_KEPT = 4

/** One page: the rows behind the cursor. */
export async function pageFrom<T>(source: ListSource, listing: Listing<T>, query: PageQuery): Promise<Page<T>> {
  const { sort, cursor, limit, total: known = null } = query
  const { database, maxShort = MAX_SHORT } = source
  const isLong = known !== null && known > maxShort
  const short = isLong ? null : await readShort(source, listing)
  const page = short === null ? null : await pageOfShort(database, listing, query, short)
  if (page !== null) return page
  const asked = { isInclusive: false, on: limit + 1, before: 0, total: isLong ? known : null, isPositionAsked: false }
  // Behind all rows, where each has a value: what is left to tell is how many there are.
  if (cursor?.value === null && listing.order(createValues()).empty === null) {
    return { items: [], nextCursor: null, total: (await ask(database, listing, { ...asked, place: null })).total }
  }
  // One more than is shown tells whether there are more.
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
  readonly total: number | null
  readonly position: number | null
  readonly places: readonly Place[]
  /** The whole list, where it is short. */
  readonly short: ShortList | null
  /** The last count of the whole list: null where it was never made. */
  readonly count: Count | null
  /** Whether the numbers are those of that revision. */
  readonly isExact: boolean
}

interface KeptExactly extends Kept {
  readonly total: number
  readonly position: number
}

const isKeptExactly = (kept: Kept): kept is KeptExactly => kept.isExact && kept.total !== null && kept.position !== null

export interface Windows {
  readonly window: <T>(listing: Listing<T>, span: Span, at: number) => Promise<Window<T>>
  readonly look: <T>(listing: Listing<T>, span: Span, at: number) => Promise<Look<T>>
}

/** Looks at windows of lists, and keeps what it found out about the last few of them. */
export function createWindows(source: ListSource): Windows {
  const { database, uptime } = source
  let kept: readonly Kept[] = []

  const keep = (entry: Kept): void => {
    kept = [entry, ...kept.filter(({ name }) => name !== entry.name)].slice(0, MAX_KEPT)
  }

  const keptOf = ({ name, isByMoment }: Listing<unknown>, at: number): { found: Kept | null; known: Kept | null } => {
    const found = kept.find((one) => one.name === name) ?? null
    return { found, known: found !== null && (!isByMoment || holdsAt(found.at, at)) ? found : null }
  }

  /** The window where the list is short, kept whole. */
  const shortOf = async <T>(listing: Listing<T>, span: Span, at: number, known: Kept | null): Promise<Window<T> | null> => {
    const seen = await shortWindow(source, listing, span, known?.short ?? null)
    if (seen === null) return null
    const { window, list, isKept } = seen
    const { position, total } = window
    const since = isKept && known !== null ? known.at : at
    keep({ name: listing.name, at: since, ...list, total, position, short: list, count: null, isExact: true })
    return window
  }

  const windowOf: Windows['window'] = async (listing, span, at) => {
    const { known } = keptOf(listing, at)
    if (known === null || known.short !== null) {
      const short = await shortOf(listing, span, at, known)
      if (short !== null) return short
    }
    const began = uptime()
    const next = known === null || known.short !== null || !isKeptExactly(known) ? null : await nextWindow(database, listing, span, known)
    const { answer, begin, isNext } = next ?? (await newWindow(database, listing, span))
    const all = [...answer.before, ...answer.on]
    const { position, end } = edgesOf(span, answer.total, begin + answer.before.length)
    const rows = all.slice(Math.max(0, position - begin), Math.max(0, end - begin))
    const { revision, uses, total } = answer
    const places = rows.map(({ place }) => place)
    const now = uptime()
    const [since, count] = known !== null && isNext ? [known.at, known.count] : [at, { at: now, took: now - began }]
    keep({ name: listing.name, at: since, revision, uses, total, position, places, short: null, count, isExact: true })
    return { rows, position, total }
  }

  const lookAt: Windows['look'] = async (listing, span, at) => {
    const { found, known } = keptOf(listing, at)
    // A list that was long a while ago is so still, or soon looked at as one that is not.
    if (found === null || found.short !== null) {
      const short = await shortOf(listing, span, at, known)
      if (short !== null) return lookOf(short)
    }
    const glance = await glanceAt(database, listing, span)
    const { revision, uses } = glance.answer
    const isSame = known?.revision === revision && known.uses === uses
    const count = isSame || isGoodEnough(found?.count ?? null, uptime()) ? (found?.count ?? null) : null
    const look = found !== null && (isSame || count !== null) ? completed(glance.look, found) : glance.look
    const { total, position, rows } = look
    const places = rows.map(({ place }) => place)
    const isExact = (isSame && known.isExact) || (glance.look.total !== null && glance.look.position !== null)
    const since = isSame ? known.at : at
    keep({ name: listing.name, at: since, revision, uses, total, position, places, short: null, count, isExact })
    return look
  }

  return { window: windowOf, look: lookAt }
}

interface SeenShort<T> {
  readonly window: Window<T>
  readonly list: ShortList
  readonly isKept: boolean
}

/** A window of a short list: of the one that was kept, while it is still the same, or of it as it is now. Null where it is none. */
async function shortWindow<T>(source: ListSource, listing: Listing<T>, span: Span, kept: ShortList | null): Promise<SeenShort<T> | null> {
  const again = kept === null ? null : await windowOfShort(source.database, listing, span, kept)
  if (again !== null && kept !== null) return { window: again, list: kept, isKept: true }
  const list = await readShort(source, listing)
  const window = list === null ? null : await windowOfShort(source.database, listing, span, list)
  return window === null || list === null ? null : { window, list, isKept: false }
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
async function nextWindow<T>(database: Queryable, listing: Listing<T>, span: Span, known: KeptExactly): Promise<Read<T> | null> {
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
