// A list of which only a part is loaded: its cursor is a key, never a row number. Pure; what is missing is asked for by others.

export interface ListRow<T> {
  readonly id: string
  readonly item: T
}

export interface List<T> {
  /** The loaded part, in order. */
  readonly rows: readonly ListRow<T>[]
  /** Whether the list begins, and ends, with the loaded part. */
  readonly isAtStart: boolean
  readonly isAtEnd: boolean
  /** The id of the row that the cursor is on; null while there is none. */
  readonly cursor: string | null
  /** The first row that is drawn, as an index of the loaded part. */
  readonly offset: number
  readonly isLoaded: boolean
}

export const EMPTY_LIST: List<never> = { rows: [], isAtStart: true, isAtEnd: true, cursor: null, offset: 0, isLoaded: false }

export function cursorIndex<T>({ rows, cursor }: List<T>): number {
  return rows.findIndex(({ id }) => id === cursor)
}

export function cursorRow<T>(list: List<T>): T | null {
  return list.rows[cursorIndex(list)]?.item ?? null
}

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(value, most))

/** The list with the cursor's row, and as much as fits around it, inside a view of that height. */
function scrolled<T>(list: List<T>, height: number): List<T> {
  const at = Math.max(0, cursorIndex(list))
  const lowest = Math.max(0, list.rows.length - height)
  const offset = clamp(clamp(list.offset, at - height + 1, at), 0, lowest)
  return offset === list.offset ? list : { ...list, offset }
}

/** The cursor moved by so many rows, as far as rows are loaded. */
export function moved<T>(list: List<T>, by: number, height: number): List<T> {
  if (list.rows.length === 0) return list
  const index = clamp(Math.max(0, cursorIndex(list)) + by, 0, list.rows.length - 1)
  return scrolled({ ...list, cursor: list.rows[index]?.id ?? null }, height)
}

/** The cursor on a loaded row. */
export function movedTo<T>(list: List<T>, id: string, height: number): List<T> {
  return list.rows.some((row) => row.id === id) ? scrolled({ ...list, cursor: id }, height) : list
}

/** Whether rows are missing within a view of the cursor. */
export function isShort<T>(list: List<T>, height: number): boolean {
  const at = Math.max(0, cursorIndex(list))
  return (!list.isAtStart && at < height) || (!list.isAtEnd && list.rows.length - at <= height)
}

/** Where the cursor goes when its row is gone: to the row that followed it, else to the one before. */
function survivor<T>(old: List<T>, ids: ReadonlySet<string>): string | null {
  const at = cursorIndex(old)
  if (at < 0) return null
  const next = old.rows.slice(at).find(({ id }) => ids.has(id))
  return (next ?? old.rows.slice(0, at).findLast(({ id }) => ids.has(id)))?.id ?? null
}

export interface Loaded<T> {
  readonly rows: readonly ListRow<T>[]
  readonly isAtStart: boolean
  readonly isAtEnd: boolean
}

/**
 * The list with another part of it loaded. The cursor stays with its key, and its key on its line of the screen. `wanted`:
 * an end of the list, or a row, to go to.
 */
export function loaded<T>(
  old: List<T>,
  part: Loaded<T>,
  height: number,
  wanted: 'first' | 'last' | { readonly id: string } | null = null,
): List<T> {
  const ids = new Set(part.rows.map(({ id }) => id))
  const end = (wanted === 'last' ? part.rows.at(-1) : part.rows[0])?.id ?? null
  const isThere = typeof wanted === 'object' && wanted !== null && ids.has(wanted.id)
  const cursor = isThere ? wanted.id : typeof wanted === 'string' ? end : (survivor(old, ids) ?? end)
  const line = wanted === null ? Math.max(0, cursorIndex(old) - old.offset) : typeof wanted === 'string' ? 0 : Math.floor(height / 2)
  const list: List<T> = { ...part, cursor, offset: 0, isLoaded: true }
  const offset = Math.max(0, cursorIndex(list) - line)
  return scrolled({ ...list, offset }, height)
}

export function visible<T>({ rows, offset }: List<T>, height: number): readonly ListRow<T>[] {
  return rows.slice(offset, offset + height)
}

/** The loaded rows from one to another, both included, in either order. */
export function between<T>({ rows }: List<T>, a: string, b: string): readonly string[] {
  const [from, to] = [a, b].map((id) => rows.findIndex((row) => row.id === id)).sort((x, y) => x - y) as [number, number]
  return from < 0 ? [] : rows.slice(from, to + 1).map(({ id }) => id)
}
