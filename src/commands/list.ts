// list, users, show: what is in the store.

import type { AuditRecord } from '../domain/audit.ts'
import { inputFromValues, optional, required, single } from '../domain/field.ts'
import type { KeyView, ListedKey } from '../domain/key.ts'
import { keyView, STATUSES } from '../domain/key.ts'
import * as kinds from '../domain/kinds.ts'
import { isRefusal, KeywrightError, noSuchKey } from '../domain/refusal.ts'
import type { Cursor, KeyFilter, Sort, UserSummary } from '../domain/selection.ts'
import {
  DEFAULT_PAGE,
  DEFAULT_SORT,
  formatCursor,
  formatSort,
  MAX_PAGE,
  parseCursor,
  parseSort,
  SORT_ACCEPTS,
} from '../domain/selection.ts'
import type { UsageStats } from '../domain/stats.ts'
import { usageStats } from '../domain/stats.ts'
import { defineRead } from './command.ts'

const filterFields = {
  userId: optional(kinds.text('U'), 'Owner', 'keys of this owner', { flag: 'user' }),
  status: optional(kinds.choices(STATUSES, 'S…'), 'Status', `keys that are ${STATUSES.join(', ')}`, { flag: 'status' }),
  scope: optional(kinds.grantedScope, 'Scope', 'keys that were granted this very scope', { flag: 'scope' }),
  tag: optional(kinds.text('T'), 'Tag', 'keys with this tag', { flag: 'tag' }),
  search: optional(kinds.text('TEXT'), 'Search', 'keys with this text in name, owner, ids or tags', { flag: 'search' }),
  expiringWithinSeconds: optional(kinds.seconds, 'Expiring', 'keys that expire within this time', { flag: 'expiring' }),
  idleForSeconds: optional(kinds.seconds, 'Idle', 'keys that were not used for this time', { flag: 'idle' }),
}

const sort = single<Sort>({ placeholder: '[-]F', accepts: SORT_ACCEPTS, fromText: parseSort, toText: formatSort })
const cursor = single<Cursor>({
  placeholder: 'C',
  accepts: 'the nextCursor of the page before',
  fromText: parseCursor,
  toText: formatCursor,
})

const pageFields = {
  limit: optional(kinds.integer(1, MAX_PAGE), 'Limit', 'how many at most', { flag: 'limit', fallback: String(DEFAULT_PAGE) }),
  cursor: optional(cursor, 'Cursor', 'go on behind this page', { flag: 'cursor' }),
}

/** A filter out of a library caller's object; null when it is none or selects everything. */
export function filterFromValue(value: unknown): KeyFilter | null {
  const input = inputFromValues(filterFields, value)
  return isRefusal(input) || Object.keys(input).length === 0 ? null : input
}

export interface KeyList {
  readonly keys: readonly ListedKey[]
  readonly nextCursor: string | null
  readonly total: number
}

export const list = defineRead({
  words: 'list',
  summary: 'List keys, newest first',
  notes: ['On a terminal a table; piped, tab-separated with a header line.'],
  fields: {
    ...filterFields,
    sort: optional(sort, 'Sort', 'by which field', { flag: 'sort', fallback: formatSort(DEFAULT_SORT) }),
    ...pageFields,
  },
  async answer({ sort = DEFAULT_SORT, limit = DEFAULT_PAGE, cursor, ...filter }, { store, at }): Promise<KeyList> {
    const { items, nextCursor, total } = await store.queryKeys({ filter, sort, limit, at, ...(cursor === undefined ? {} : { cursor }) })
    return { keys: items, nextCursor, total }
  },
})

export interface UserList {
  readonly users: readonly UserSummary[]
  readonly nextCursor: string | null
  readonly total: number
}

export const users = defineRead({
  words: 'users',
  summary: 'List owners with their keys by status',
  fields: { search: optional(kinds.text('TEXT'), 'Search', 'owners with this text in their name', { flag: 'search' }), ...pageFields },
  async answer({ search, limit = DEFAULT_PAGE, cursor }, { store, at }): Promise<UserList> {
    const { items, nextCursor, total } = await store.queryUsers({
      limit,
      at,
      ...(search === undefined ? {} : { search }),
      ...(cursor === undefined ? {} : { cursor }),
    })
    return { users: items, nextCursor, total }
  },
})

export interface KeyLife {
  readonly key: KeyView
  readonly usage: UsageStats
  readonly audit: readonly AuditRecord[]
}

const SHOWN_RECORDS = 20

export const show = defineRead({
  words: 'show',
  summary: 'Show one key with its secrets, its usage and its last audit records',
  fields: { key: required(kinds.keyRef, 'ID', 'the key', { position: true }) },
  async answer({ key: ref }, { store, at }): Promise<KeyLife> {
    const key = await store.findKey(ref)
    if (key === null) throw KeywrightError.from(noSuchKey(ref.name))
    const { usage, alive } = await store.usage.read({ keyId: key.id }, at)
    const audit: AuditRecord[] = []
    for await (const record of store.audit.records({ keyId: key.id }, { reverse: true })) if (audit.push(record) === SHOWN_RECORDS) break
    return { key: keyView(key, at), usage: usageStats(usage, alive, undefined, at), audit }
  },
})
