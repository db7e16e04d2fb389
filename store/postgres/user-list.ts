// The list of owners in the database, as pages and as windows. Only owners that are shown have their keys counted by status.

import type { Status } from '../../src/domain/key.ts'
import { STATUSES } from '../../src/domain/key.ts'
import { accepted } from '../../src/domain/refusal.ts'
import type { Page, UserQuery, UserSummary, UserWindowQuery, Window } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { selectUsers } from '../../src/domain/users.ts'
import type { Row } from './connection.ts'
import type { Values } from './key-filter.ts'
import { holdsText, KEYS_WITH_USE, statusSql } from './key-filter.ts'
import type { Lists } from './key-list.ts'
import type { ListOrder } from './list-order.ts'
import type { Listing } from './list-read.ts'
import { createWindows, pageFrom } from './list-windows.ts'

const ORDER: ListOrder = {
  isReversed: false,
  valueType: 'text',
  isIndexed: true,
  valued: { from: 'keywright.owners o', where: null, value: 'o.user_id', id: 'o.user_id' },
  empty: null,
}

const COUNTS = STATUSES.map((status) => `count(*) FILTER (WHERE status = '${status}') AS ${status}`).join(', ')

/** The counts of the owner that a row is. */
function countsOf(at: number, values: Values): string {
  const owned = `SELECT ${statusSql(at, values)} AS status, u.at AS last_used FROM ${KEYS_WITH_USE} WHERE k.user_id = s.id`
  return `CROSS JOIN LATERAL (SELECT ${COUNTS}, count(*) AS keys, max(last_used) AS last_used FROM (${owned}) owned) c`
}

function listingOf({ search, at }: Pick<UserQuery, 'search' | 'at'>): Listing<UserSummary> {
  return {
    name: (search ?? '').toLowerCase(),
    // Which owners there are depends on neither.
    isByUse: false,
    isByMoment: false,
    isReversed: false,
    order: () => ORDER,
    filter: (values) => holdsText('o.search', search, values),
    items: (values) => ({ columns: 'c.*', joins: countsOf(at, values) }),
    allSql: null,
    itemOf: summaryOf,
  }
}

function summaryOf(row: Row): UserSummary {
  const byStatus = Object.fromEntries(STATUSES.map((status) => [status, row[status]])) as Record<Status, number>
  const last = row['last_used'] as number | null
  return {
    userId: row['id'] as string,
    total: row['keys'] as number,
    ...byStatus,
    lastUsedAt: last === null ? null : isoFrom(last),
  }
}

export async function queryUsers(lists: Lists, query: UserQuery): Promise<Page<UserSummary>> {
  accepted(selectUsers([], query, () => null))
  await lists.settleUse()
  return pageFrom(lists, listingOf(query), { sort: 'userId', cursor: query.cursor, limit: query.limit, total: undefined })
}

export function createUserWindows(lists: Lists): (query: UserWindowQuery) => Promise<Window<UserSummary>> {
  const { window } = createWindows(lists)
  return async (query) => {
    await lists.settleUse()
    return window(listingOf(query), query.span, query.at)
  }
}
