// Owners: their keys counted by status, as pages and as windows of a list. Pure; what is known of owners is kept while it holds.

import type { Key, Status } from './key.ts'
import { STATUSES, statusOf } from './key.ts'
import type { Refusal } from './refusal.ts'
import type { LastUsed, Page, UserQuery, UserSummary, UserWindowQuery, Window } from './selection.ts'
import { pageOf } from './selection.ts'
import { isoFrom } from './time.ts'
import type { Known } from './windows.ts'
import { firstNotBefore, holdsAt, windowAt } from './windows.ts'

type Owned = ReadonlyMap<string, readonly Key[]>

const ownedBy = (keys: readonly Key[]): Owned => Map.groupBy(keys, ({ userId }) => userId)

function summaryOf(userId: string, keys: readonly Key[], at: number, lastUsed: LastUsed): UserSummary {
  const byStatus = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>
  let last: number | null = null
  for (const key of keys) {
    byStatus[statusOf(key, at)]++
    const used = lastUsed(key.id)
    if (used !== null && (last === null || used > last)) last = used
  }
  return { userId, total: keys.length, ...byStatus, lastUsedAt: last === null ? null : isoFrom(last) }
}

export function selectUsers(keys: readonly Key[], query: UserQuery, lastUsed: LastUsed): Page<UserSummary> | Refusal {
  const search = query.search?.toLowerCase()
  const found = search === undefined ? keys : keys.filter(({ userId }) => userId.toLowerCase().includes(search))
  const rows = [...ownedBy(found)].map(([userId, owned]) => ({
    item: summaryOf(userId, owned, query.at, lastUsed),
    value: userId,
    id: userId,
  }))
  return pageOf(rows, 'userId', false, query.cursor, query.limit)
}

/** Summaries that were made; they hold while neither keys nor uses change, and for a moment only. */
interface Summaries {
  readonly usage: number
  readonly at: number
  readonly byUser: Map<string, UserSummary>
}

/** What is kept between one window and the next. */
interface Kept {
  readonly keys: readonly Key[]
  readonly owned: Owned
  readonly names: readonly string[]
  found: { readonly search: string; readonly names: readonly string[] }
  summaries: Summaries
}

/** Windows of the list of owners. Only owners that are in a window are counted. */
export function createUserWindows(): (known: Known, query: UserWindowQuery) => Window<UserSummary> {
  let kept: Kept | null = null

  const look = ({ keys, usage }: Known, at: number): Kept => {
    if (kept?.keys !== keys) {
      const owned = ownedBy(keys)
      const names = [...owned.keys()].sort()
      kept = { keys, owned, names, found: { search: '', names }, summaries: { usage, at, byUser: new Map() } }
    }
    if (kept.summaries.usage !== usage || !holdsAt(kept.summaries.at, at)) kept.summaries = { usage, at, byUser: new Map() }
    return kept
  }

  const find = (list: Kept, search: string): readonly string[] => {
    if (list.found.search !== search) {
      const among = search.includes(list.found.search) ? list.found.names : list.names
      list.found = { search, names: among.filter((name) => name.toLowerCase().includes(search)) }
    }
    return list.found.names
  }

  return (known, { search = '', span, at }) => {
    const list = look(known, at)
    const names = find(list, search.toLowerCase())
    const { byUser } = list.summaries
    const rowAt = (index: number) => {
      const userId = names[index] as string
      const item = byUser.get(userId) ?? summaryOf(userId, list.owned.get(userId) ?? [], at, known.lastUsed)
      byUser.set(userId, item)
      return { place: { value: userId, id: userId }, item }
    }
    const placeAt = (index: number) => ({ value: names[index] as string, id: names[index] as string })
    return windowAt(span, names.length, ({ id }) => firstNotBefore(names.length, placeAt, false, { value: id, id }), rowAt)
  }
}
