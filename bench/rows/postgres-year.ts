// A year of a busy store in PostgreSQL, 100,000 keys and 1,000,000 records by months: what a key press in the terminal app waits for.
// The generator takes any size; ten times as much loads for twenty minutes.

import type { AuditPageFilter } from '../../src/domain/audit.ts'
import type { KeyFilter, SortField } from '../../src/domain/selection.ts'
import { DAY_MS, DAY_SECONDS } from '../../src/domain/time.ts'
import { openManager } from '../../src/open-manager.ts'
import { keyRows, userRows } from '../../src/queries/keys.ts'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import type { Contender, Finding } from '../measure.ts'
import { alone, race } from '../measure.ts'
import { withServer } from '../postgres.ts'
import { fillYear } from '../year.ts'

const KEYS = 100_000
const RECORDS = 1_000_000
const KEYS_PER_OWNER = 50
const DAYS = 395
const AROUND = { around: 'first', before: 0, after: 60 } as const

async function year(bench: Bench): Promise<readonly Finding[]> {
  return withServer(bench, async ({ server }) => {
    const keys = bench.size(KEYS, 800)
    const records = bench.size(RECORDS, 3_000)
    const until = Date.now()
    const { url } = await server.fresh()
    await fillYear(url, { keys, records, owners: Math.ceil(keys / KEYS_PER_OWNER), from: until - DAYS * DAY_MS, until })
    const manager = await openManager({ store: url }, 'library')
    const look =
      (filter: KeyFilter, field: SortField, isReversed = false) =>
      (): Promise<void> =>
        manager.ask(async (reader) => {
          const { rows } = await keyRows(reader, { filter, sort: { field, isReversed }, span: AROUND })
          assert(rows.length > 0, 'there are no rows')
        })
    const page = (filter: AuditPageFilter) => (): Promise<void> =>
      manager.ask(async ({ store: { audit } }) => {
        const { rows } = await audit.page({ filter, around: 'newest', newer: 0, older: 60 })
        assert(rows.length > 0, 'there are no records')
      })
    const owners = (): Promise<void> =>
      manager.ask(async (reader) => assert((await userRows(reader, { span: AROUND })).rows.length > 0, 'there are no owners'))
    const verify = (): Promise<void> =>
      manager.ask(async ({ store: { audit } }) => {
        const { report } = await audit.verify({})
        assert(report.ok && report.records === records, `the log does not prove itself: ${JSON.stringify(report.problems.slice(0, 3))}`)
      })
    const one = (run: () => Promise<void>): Contender => ({ count: 1, run })
    const times = await race(
      {
        newest: one(look({}, 'createdAt', true)),
        active: one(look({ status: ['active'] }, 'createdAt', true)),
        idle: one(look({ idleForSeconds: 90 * DAY_SECONDS }, 'createdAt', true)),
        text: one(look({ search: 'service' }, 'name')),
        status: one(look({}, 'status')),
        owners: one(owners),
        page: one(page({})),
        action: one(page({ action: 'key.revoke' })),
        verify: { count: records, run: verify },
      },
      { ...bench, rounds: Math.min(bench.rounds, 5), warmups: Math.min(bench.warmups, 1) },
    )
    await manager.close()
    return [
      alone(`a look at ${keys} keys`, 'ms', times.newest, null),
      alone('a look at the active ones', 'ms', times.active, null),
      alone('a look at those idle for 90 days', 'ms', times.idle, null),
      alone('a look at a text that all have', 'ms', times.text, null),
      alone('a look by status', 'ms', times.status, null),
      alone('a window of owners', 'ms', times.owners, null),
      alone(`a page of ${records} records`, 'ms', times.page, null),
      alone('a page of one action', 'ms', times.action, null),
      alone('verifyAudit, a record', 'µs', times.verify, null),
    ]
  })
}

export const postgresYearRows: readonly Row[] = [
  { name: 'postgres-year', about: 'PostgreSQL: a year of a busy store, 100,000 keys and 1,000,000 records', run: year },
]
