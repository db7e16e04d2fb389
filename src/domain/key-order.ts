// The list of keys as windows see it: the order of the last few filters and sorts is kept while it holds. Pure; moving in a
// list of 100,000 keys sorts nothing. The order is exactly that of `selectKeys`.

import type { Key } from './key.ts'
import type { KeyFilter, KeyWindowQuery, Place, SortValue, Window } from './selection.ts'
import { formatSort, keyMatcher, sortValueOf } from './selection.ts'
import { sortByValues } from './value-order.ts'
import type { Known } from './windows.ts'
import { firstNotBefore, holdsAt, windowAt } from './windows.ts'

/** Orders that are kept; the one not used for the longest time goes first. */
const MAX_ORDERS = 4

/** What holds for all orders of the same keys. Positions are those in `keys`. */
interface Base {
  readonly keys: readonly Key[]
  /** All positions in the order of their ids. */
  readonly byId: Uint32Array
  /** What a search looks into, by position; made when it is first asked for. */
  readonly texts: (string | undefined)[]
}

interface Order {
  readonly keys: readonly Key[]
  readonly usage: number
  readonly at: number
  /** Whether a count, or the clock, can make it another. */
  readonly isByUse: boolean
  readonly isByMoment: boolean
  /** Filter and sort, the search aside. */
  readonly name: string
  readonly search: string
  /** The positions of the rows, in their order. */
  readonly positions: Uint32Array
  /** What a row is sorted by, by its position. */
  readonly values: readonly SortValue[]
}

/** Windows of the list of keys; the caller makes views of their few keys. */
export function createKeyWindows(): (known: Known, query: KeyWindowQuery) => Window<Key> {
  let base: Base = { keys: [], byId: new Uint32Array(0), texts: [] }
  let orders: readonly Order[] = []

  const orderFor = (known: Known, query: KeyWindowQuery): Order => {
    if (base.keys !== known.keys) base = nextBase(base, known.keys)
    const { search: text = '', ...filter } = query.filter
    const search = text.toLowerCase()
    const sort = formatSort(query.sort)
    const name = `${sort} ${JSON.stringify(filter)}`
    orders = orders.filter((order) => isCurrent(order, known, query.at))
    const same = orders.find((order) => order.name === name && order.search === search)
    const wider = orders.find((order) => order.name === name && search.includes(order.search))
    const whole = orders.find((order) => order.name === `${sort} {}` && order.search === '')
    const wanted = { known, query, filter, name, search }
    const order =
      same ??
      (wider !== undefined ? narrowed(base, wider, search) : whole !== undefined ? selected(base, whole, wanted) : newOrder(base, wanted))
    // The whole list in this order stays, however many filters are typed: the next filter selects from it and sorts nothing.
    const kept = whole === undefined || whole === order ? [order] : [order, whole]
    orders = [...kept, ...orders.filter((one) => !kept.includes(one))].slice(0, MAX_ORDERS)
    return order
  }

  return (known, query) => {
    const { positions, values } = orderFor(known, query)
    const { keys } = base
    const keyAt = (index: number): Key => keys[positions[index] as number] as Key
    const placeAt = (index: number): Place => ({ value: values[positions[index] as number] as SortValue, id: keyAt(index).id })
    const indexOf = (place: Place): number => {
      const position = positionOf(base, place.id)
      const index = position === null ? -1 : positions.indexOf(position)
      return index < 0 ? firstNotBefore(positions.length, placeAt, query.sort.isReversed, place) : index
    }
    return windowAt(query.span, positions.length, indexOf, (index) => ({ place: placeAt(index), item: keyAt(index) }))
  }
}

function isCurrent(order: Order, { keys, usage }: Known, at: number): boolean {
  return order.keys === keys && (!order.isByUse || order.usage === usage) && (!order.isByMoment || holdsAt(order.at, at))
}

interface Wanted {
  readonly known: Known
  readonly query: KeyWindowQuery
  readonly filter: KeyFilter
  readonly name: string
  readonly search: string
}

function newOrder(base: Base, { known, query, filter, name, search }: Wanted): Order {
  const { sort, at } = query
  const { keys, byId } = base
  const matches = keyMatcher(filter, at, known.lastUsed)
  const sortValue = sortValueOf(sort.field, at, known.lastUsed)
  const values: SortValue[] = new Array(keys.length).fill(null)
  const isFound = new Uint8Array(keys.length)
  let total = 0
  // In the order in which they lie in memory.
  keys.forEach((key, position) => {
    if (!matches(key) || !holdsSearch(base, position, search)) return
    isFound[position] = 1
    total++
    values[position] = sortValue(key)
  })
  const positions = new Uint32Array(total)
  let next = 0
  for (const position of byId) if (isFound[position] === 1) positions[next++] = position
  sortByValues(positions, values, sort.isReversed)
  return { keys, usage: known.usage, at, ...changesOf(query), name, search, positions, values }
}

/** What can make an order another: by its filter, and by what it is sorted by. */
function changesOf({ filter, sort }: KeyWindowQuery): Pick<Order, 'isByUse' | 'isByMoment'> {
  const { status, expiringWithinSeconds, idleForSeconds, endedForSeconds } = filter
  return {
    isByUse: idleForSeconds !== undefined || sort.field === 'lastUsedAt',
    isByMoment:
      sort.field === 'status' || [status, expiringWithinSeconds, idleForSeconds, endedForSeconds].some((one) => one !== undefined),
  }
}

/** The rows that a filter selects, in the order that all rows have already. */
function selected(base: Base, whole: Order, { known, query, filter, name, search }: Wanted): Order {
  const matches = keyMatcher(filter, query.at, known.lastUsed)
  const positions = rowsThat(base, whole.positions, (position, key) => matches(key) && holdsSearch(base, position, search))
  const at = whole.isByMoment ? whole.at : query.at
  return { ...whole, usage: known.usage, at, ...changesOf(query), name, search, positions }
}

/** The order with fewer rows: what a longer search finds is among what the shorter one found. */
function narrowed(base: Base, order: Order, search: string): Order {
  return { ...order, search, positions: rowsThat(base, order.positions, (position) => holdsSearch(base, position, search)) }
}

/** Those of the rows for which something holds, asked in the order in which they lie in memory. */
function rowsThat({ keys }: Base, positions: Uint32Array, holds: (position: number, key: Key) => boolean): Uint32Array {
  const isKept = new Uint8Array(keys.length)
  for (const position of positions) isKept[position] = 1
  let total = positions.length
  keys.forEach((key, position) => {
    if (isKept[position] !== 1 || holds(position, key)) return
    isKept[position] = 0
    total--
  })
  // Filled by hand: a typed array's own filter takes half of the time of all this.
  const kept = new Uint32Array(total)
  let next = 0
  for (const position of positions) if (isKept[position] === 1) kept[next++] = position
  return kept
}

/** Stands between the texts of a key; a search that holds it is looked for in each of them alone. */
const BETWEEN = '\n'

function holdsSearch({ keys, texts }: Base, position: number, search: string): boolean {
  if (search === '') return true
  const text = texts[position] ?? textOf(keys[position] as Key)
  texts[position] = text
  return (
    text.includes(search) && (!search.includes(BETWEEN) || textsOf(keys[position] as Key).some((one) => one.toLowerCase().includes(search)))
  )
}

const textsOf = ({ name, userId, id, secrets, tags }: Key): string[] => [
  name ?? '',
  userId,
  id,
  ...secrets.map(({ shortId }) => shortId),
  ...tags,
]

const textOf = (key: Key): string => textsOf(key).join(BETWEEN).toLowerCase()

/** The position of the key with that id. */
function positionOf({ keys, byId }: Base, id: string): number | null {
  const placeAt = (index: number): Place => ({ value: null, id: (keys[byId[index] as number] as Key).id })
  const position = byId[firstNotBefore(byId.length, placeAt, false, { value: null, id })]
  return position !== undefined && keys[position]?.id === id ? position : null
}

/** The base of other keys. Where none was removed only those that are new have to find their places. */
function nextBase(before: Base, keys: readonly Key[]): Base {
  const isGrown = before.keys.length > 0 && before.keys.every(({ id }, position) => keys[position]?.id === id)
  return {
    keys,
    byId: isGrown ? grown(before, keys) : orderOfIds(keys, 0),
    texts: isGrown
      ? keys.map((key, position) => (key === before.keys[position] ? before.texts[position] : undefined))
      : new Array(keys.length),
  }
}

/** The positions from one on, in the order of their ids. */
function orderOfIds(keys: readonly Key[], from: number): Uint32Array {
  const positions = new Uint32Array(keys.length - from).map((_, index) => from + index)
  sortByValues(
    positions,
    keys.map(({ id }) => id),
    false,
  )
  return positions
}

function grown({ keys: before, byId }: Base, keys: readonly Key[]): Uint32Array {
  if (keys.length === before.length) return byId
  const fresh = orderOfIds(keys, before.length)
  const all = new Uint32Array(keys.length)
  const idOf = (position: number | undefined): string => (keys[position as number] as Key).id
  for (let old = 0, added = 0; old + added < all.length; ) {
    const isOldNext = added === fresh.length || (old < byId.length && idOf(byId[old]) < idOf(fresh[added]))
    all[old + added] = (isOldNext ? byId[old++] : fresh[added++]) as number
  }
  return all
}
