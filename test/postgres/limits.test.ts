// The one statement that admits calls, at moments that the test gives: leases, what is given back, clocks that step.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../store/postgres/connection.ts'
import { connectDatabase } from '../../store/postgres/connection.ts'
import { createSharedLimits } from '../../store/postgres/limits.ts'
import { manualClock } from '../store/harness.ts'
import type { MigratedServer } from './harness.ts'
import { startMigrated } from './harness.ts'

let server: MigratedServer
let database: Database
beforeAll(async () => {
  server = await startMigrated()
  database = connectDatabase((await server.fresh()).url, 'tests')
})
afterAll(async () => {
  await database.close()
  await server.remove()
})

const T = Date.UTC(2026, 10, 27)
const WINDOW_MS = 1_000
let made = 0

/** The statement for a key of its own with one limit of 480 a second. */
function limited() {
  const key = `key ${made++}`
  return async (at: number, want: number, { lease = 0, back = 0, until = 0 } = {}) => {
    const values = [key, ['default'], [480], [WINDOW_MS], want, lease, back, until, at]
    const [row] = await database.query<{ granted: number; used: number[]; wait: number[] }>(
      'SELECT * FROM keywright.take($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      values,
    )
    return row as { granted: number; used: number[]; wait: number[] }
  }
}

test('calls of a lease count as of its end, and leave the window a window later', async () => {
  const take = limited()
  expect(await take(T, 480, { lease: 50 })).toMatchObject({ granted: 480 })
  expect(await take(T + WINDOW_MS, 1)).toMatchObject({ granted: 0, wait: [50] })
  expect(await take(T + WINDOW_MS + 50, 1)).toMatchObject({ granted: 1, used: [1] })
})

test('what a lease did not use is given back once, and only while it counts', async () => {
  const take = limited()
  expect(await take(T, 10, { lease: 50 })).toMatchObject({ granted: 10 })
  expect(await take(T + 100, 480, { back: 9, until: T + 50 })).toMatchObject({ granted: 479 })
  expect(await take(T + 5_000, 480)).toMatchObject({ granted: 480 })
  // Nine calls of a lease that left the window long ago: nothing of the others' calls may be taken for them.
  expect(await take(T + 5_010, 10, { back: 9, until: T + 50 })).toMatchObject({ granted: 0 })
})

test('a clock that was an hour ahead and is put back locks nobody out for longer than a window and a lease', async () => {
  const take = limited()
  expect(await take(T + 3_600_000, 480)).toMatchObject({ granted: 480 })
  const { granted, wait } = await take(T, 1)
  expect([granted, (wait[0] as number) <= WINDOW_MS + 5_000]).toEqual([0, true])
  expect(await take(T + WINDOW_MS + 5_000, 1)).toMatchObject({ granted: 1 })
})

test('a peek takes nothing and leaves no row', async () => {
  const take = limited()
  expect(await take(T, 0)).toMatchObject({ granted: 0, used: [0] })
  expect(await database.query('SELECT 1 FROM keywright.limits WHERE key_id = $1', [`key ${made - 1}`])).toEqual([])
})

test('one slow answer does not shorten a limit for good', async () => {
  const clock = manualClock()
  let delay = 0
  const slow: Database = {
    ...database,
    async query(sql, values) {
      const rows = await database.query(sql, values)
      clock.pass(delay)
      return rows as never
    },
  }
  const limits = createSharedLimits({ database: slow, wall: clock.now, monotonic: clock.clocks.monotonic, now: clock.now })
  const limit = [{ name: 'default', limit: 480, windowSeconds: 1 }]
  delay = 450
  expect(await limits.take('slow', limit, false)).toMatchObject({ isAllowed: true })
  delay = 0
  let admitted = 0
  for (let call = 0; call < 10_000; call++) {
    clock.pass(1)
    if ((await limits.take('slow', limit, false)).isAllowed) admitted++
  }
  expect(admitted).toBeGreaterThanOrEqual(0.8 * 480 * 10)
})
