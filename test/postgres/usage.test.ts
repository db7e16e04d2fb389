// Usage in PostgreSQL on a real server: counted once by many nodes, through lost answers, folds and purges. No mocks.

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Entry } from '../../src/domain/audit.ts'
import type { Key } from '../../src/domain/key.ts'
import { keyLine } from '../../src/domain/key.ts'
import { usageStats } from '../../src/domain/stats.ts'
import { DAY_MS, HOUR_MS, isoFrom, MINUTE_MS } from '../../src/domain/time.ts'
import { WINDOWS } from '../../src/domain/usage.ts'
import { openMemoryStore } from '../../store/memory.ts'
import type { Database, Queryable } from '../../store/postgres/connection.ts'
import { connectDatabase } from '../../store/postgres/connection.ts'
import { usagePulse } from '../../store/postgres/nodes.ts'
import type { PostgresUsage, PostgresUsageOptions } from '../../store/postgres/usage.ts'
import { createPostgresUsage } from '../../store/postgres/usage.ts'
import { callOf } from '../store/contract-usage.ts'
import { ACTOR, expectCode, manualClock, NOON, newKey, put, seededDraw, seededRandom } from '../store/harness.ts'
import type { MigratedServer } from './harness.ts'
import { startMigrated } from './harness.ts'

let server: MigratedServer
beforeAll(async () => {
  server = await startMigrated()
})
afterAll(() => server.remove())

const KEY_COLUMNS = 'id, line, user_id, environment, scopes, tags, created_at, created_by, updated_at, revision, search'

/** A database with keys in it. */
async function withKeys(...keys: readonly Key[]) {
  const { name, url } = await server.fresh()
  const sql = (text: string, values: readonly unknown[] = []) => server.admin(name, text, values)
  for (const key of keys)
    await sql(`INSERT INTO keywright.keys (${KEY_COLUMNS}) VALUES ($1, $2, $3, 'live', '{}', '{}', $4, 'x', $4, 1, '')`, [
      key.id,
      keyLine(key),
      key.userId,
      key.createdAt,
    ])
  const records = async (action: string): Promise<readonly Entry[]> =>
    (await sql('SELECT line FROM keywright.audit WHERE action = $1 ORDER BY seq', [action])).map(({ line }) => JSON.parse(String(line)))
  return { name, url, sql, records }
}

function openNode(url: string, clock = manualClock(), setup: Partial<PostgresUsageOptions> = {}): PostgresUsage & { database: Database } {
  const database = setup.database ?? connectDatabase(url, 'test')
  onTestFinished(() => database.close())
  const warn = ({ message }: { message: string }): void => {
    throw new Error(message)
  }
  const usage = createPostgresUsage({
    ...{ database, actor: ACTOR, self: 'self', pid: 1, clocks: clock.clocks, isReadOnly: false, isClockGiven: true, warn },
    ...setup,
  })
  return { ...usage, database }
}

async function acceptedOf(node: PostgresUsage, selector: Parameters<PostgresUsage['port']['read']>[0], at = NOON): Promise<number> {
  const { usage, alive } = await node.port.read(selector, at)
  return usageStats(usage, alive, undefined, at).usageCount
}

const times = async (count: number, work: (index: number) => Promise<void>): Promise<void> => {
  for (let index = 0; index < count; index++) await work(index)
}

test('statistics and overviews are those of the store in memory, folded or not, for random calls over days', async () => {
  const clock = manualClock()
  const random = seededRandom('usage')
  const keys = Array.from({ length: 14 }, (_, index) => newKey({ userId: `user${index % 3}` }).key)
  const memory = openMemoryStore({ actor: ACTOR, clocks: clock.clocks, draw: seededDraw('memory') })
  await put(memory, ...keys)
  const { url } = await withKeys(...keys)
  const node = openNode(url, clock)
  const codes = ['VALID', 'VALID', 'VALID', 'RATE_LIMITED', 'REVOKED', 'INSUFFICIENT_SCOPE'] as const
  const selectors = ['store', { keyId: keys[0]?.id ?? '' }, { userId: 'user1' }, { userId: 'nobody' }] as const
  await times(24, async (step) => {
    for (let call = 0; call < 30; call++) {
      const key = random() < 0.1 ? null : (keys[Math.floor(random() ** 2 * keys.length)] as Key)
      const code = key === null ? 'NOT_FOUND' : (codes[Math.floor(random() * codes.length)] ?? 'VALID')
      const use = callOf(key, code, clock.now() - Math.floor(random() * 1000), random() < 0.5 ? ['read:users'] : ['read:users', 'write:x'])
      memory.usage.count(use)
      node.port.count(use)
    }
    if (step % 2 === 0) await Promise.all([memory.usage.flush(), node.port.flush()])
    if (step % 5 === 0) await Promise.all([memory.usage.heartbeat(), node.port.heartbeat()])
    if (step % 3 === 0) {
      for (const selector of selectors) {
        for (const window of [undefined, ...(Object.keys(WINDOWS) as (keyof typeof WINDOWS)[])]) {
          const [expected, found] = await Promise.all(
            [memory, { usage: node.port }].map((store) => store.usage.read(selector, clock.now())),
          )
          const statsOf = ({ usage, alive }: NonNullable<typeof found>) => usageStats(usage, alive, window, clock.now())
          expect(statsOf(found as NonNullable<typeof found>)).toEqual(statsOf(expected as NonNullable<typeof found>))
          if (window === undefined) continue
          const [known, own] = await Promise.all(
            [memory, { usage: node.port }].map((store) => store.usage.overview(selector, window, clock.now())),
          )
          expect(own).toEqual(known)
        }
      }
    }
    clock.pass(random() < 0.7 ? 40_000 : random() * 9 * HOUR_MS)
  })
})

test('many nodes count at once: every call once, one first use, one summary', async () => {
  const clock = manualClock()
  const keys = Array.from({ length: 20 }, () => newKey().key)
  const { url, records } = await withKeys(...keys)
  const nodes = Array.from({ length: 4 }, () => openNode(url, clock))
  const round = (): Promise<unknown> =>
    Promise.all(
      nodes.map(async (node) => {
        for (const key of keys) node.port.count(callOf(key, 'VALID', clock.now(), ['read:users']))
        await node.port.flush()
      }),
    )
  await times(5, async () => void (await round()))
  clock.pass(HOUR_MS + MINUTE_MS)
  await Promise.all(nodes.map((node) => node.port.heartbeat()))
  await round()
  expect(await acceptedOf(nodes[0] as PostgresUsage, 'store')).toBe(4 * 6 * 20)
  expect(await acceptedOf(nodes[1] as PostgresUsage, { keyId: keys[0]?.id ?? '' })).toBe(4 * 6)
  expect(new Set((await records('validate.first-use')).map(({ keyId }) => keyId)).size).toBe(20)
  expect(await records('validate.first-use')).toHaveLength(20)
  const summaries = await records('validate.summary')
  expect(summaries).toHaveLength(20)
  expect(summaries[0]).toMatchObject({ after: { count: 20, since: isoFrom(NOON) }, userId: 'user1' })
})

/** A database whose next commit is carried out or not, and whose answer is lost in any case. */
function losingAnswers(database: Database): { readonly database: Database; readonly lose: (isCommitted: boolean) => void } {
  let next: boolean | null = null
  return {
    lose: (isCommitted) => {
      next = isCommitted
    },
    database: {
      ...database,
      async transaction(work, options) {
        const isLost = next
        if (options?.isSnapshot === true || isLost === null) return database.transaction(work, options)
        next = null
        await database.transaction(async (tx: Queryable) => {
          await work(tx)
          if (!isLost) throw new Error('the server went away before')
        })
        throw new Error('the server went away after')
      },
    },
  }
}

test.each([true, false])('an answer that was lost (committed: %s) neither doubles nor loses a call', async (isCommitted) => {
  const { key } = newKey()
  const { url, records } = await withKeys(key)
  const connected = connectDatabase(url, 'test')
  const { database, lose } = losingAnswers(connected)
  const node = openNode(url, manualClock(), { database })
  await times(6, async (index) => {
    node.port.count(callOf(key, 'VALID', NOON))
    node.port.count(callOf(key, 'REVOKED', NOON))
    if (index % 2 === 1) return node.port.flush()
    lose(isCommitted)
    await expectCode(node.port.flush(), 'STORE_UNAVAILABLE')
    expect(await acceptedOf(node, { keyId: key.id })).toBe(index + 1)
    node.port.count(callOf(key, 'EXPIRED', NOON))
    expect(await acceptedOf(node, 'store')).toBe(index + 1)
  })
  expect(node.isPending()).toBe(false)
  await node.end()
  expect(await usagePulse(node.database, 'self', NOON)).toMatchObject({ calls: 15, others: 0 })
  expect(await records('validate.first-use')).toHaveLength(1)
  expect((await records('validate.refused')).reduce((sum, { after }) => sum + Number(after?.['count']), 0)).toBe(9)
})

test.each([false, true])(
  'a broken log takes no record of a flush, and all of them once it is whole (an answer is lost: %s)',
  async (isLost) => {
    const [first, second] = [newKey().key, newKey().key]
    const { url, sql, records } = await withKeys(first, second)
    const warnings: string[] = []
    const { database, lose } = losingAnswers(connectDatabase(url, 'test'))
    const node = openNode(url, manualClock(), { database, warn: ({ code }) => void warnings.push(code) })
    node.port.count(callOf(first, 'VALID', NOON))
    await node.port.flush()
    const [cut] = await sql('DELETE FROM keywright.audit RETURNING at, line')
    for (let flush = 0; flush < 3; flush++) {
      node.port.count(callOf(second, 'VALID', NOON))
      node.port.count(callOf(second, 'REVOKED', NOON - MINUTE_MS))
      if (isLost && flush === 0) {
        lose(true)
        await expectCode(node.port.flush(), 'STORE_UNAVAILABLE')
      }
      await node.port.flush()
    }
    expect(await sql('SELECT seq FROM keywright.audit')).toEqual([])
    expect(await sql('SELECT seq FROM keywright.head')).toEqual([{ seq: '1' }])
    expect(await acceptedOf(node, 'store')).toBe(4)
    expect(warnings).toEqual(['AUDIT_BROKEN'])
    await sql('INSERT INTO keywright.audit (seq, at, line) VALUES (1, $1, $2)', [cut?.['at'], cut?.['line']])
    await node.port.flush()
    expect((await records('validate.first-use')).map(({ keyId }) => keyId)).toEqual([first.id, second.id])
    await node.end()
    expect((await records('validate.refused')).reduce((sum, { after }) => sum + Number(after?.['count']), 0)).toBe(3)
    expect(warnings).toEqual(['AUDIT_BROKEN'])
  },
)

test('an end waits for what is being tidied, which stops behind its step: nobody is warned of anything', async () => {
  const { key } = newKey()
  const { url } = await withKeys(key)
  const connected = connectDatabase(url, 'test')
  const [reached, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let begun = 0
  const database: Database = {
    ...connected,
    async transaction(work, options) {
      // The first one is the flush itself.
      if (++begun === 2) {
        reached.resolve()
        await release.promise
      }
      return connected.transaction(work, options)
    },
  }
  const warnings: string[] = []
  const node = openNode(url, manualClock(), { database, warn: ({ message }) => void warnings.push(message) })
  node.port.count(callOf(key, 'VALID', NOON))
  const beating = node.port.heartbeat()
  await reached.promise
  const ending = node.end().then(connected.close)
  // Time enough for an end that waits for nothing.
  await Promise.race([ending, new Promise((resolve) => setTimeout(resolve, 500))])
  release.resolve()
  await Promise.all([beating, ending])
  expect(warnings).toEqual([])
})

test('an hour is summed up slice by slice, and a node goes on where another stopped', async () => {
  const clock = manualClock()
  const { url, sql, records } = await withKeys()
  const [one, two] = [openNode(url, clock), openNode(url, clock)]
  await one.port.heartbeat()
  const hour = NOON / HOUR_MS
  const put = (table: string, columns: string, from: number, to: number): Promise<unknown> =>
    sql(
      `INSERT INTO keywright.${table} SELECT 'key_' || lpad(g::text, 12, '0'), 'total', '', ${columns} FROM generate_series(${from}, ${to}) g`,
    )
  // Folded, not folded, and some of both.
  await put('usage', `'hour', ${hour}, 0, 2`, 1, 1500)
  await put('usage', `'hour', ${hour + 2}, 0, 2`, 1, 700)
  await put('fresh', `${hour * 60 + 59}, 0, 1, NULL`, 1401, 2600)
  clock.pass(3 * HOUR_MS + MINUTE_MS)
  const slices: number[] = []
  const stepOf = async (node: PostgresUsage): Promise<void> => {
    const before = (await records('validate.summary')).length
    await node.port.flush()
    slices.push((await records('validate.summary')).length - before)
  }
  await stepOf(one)
  await stepOf(two)
  await Promise.all([one.port.heartbeat(), two.port.heartbeat()])
  await stepOf(one)
  expect(slices).toEqual([1000, 1000, 0])
  const summaries = await records('validate.summary')
  expect(new Set(summaries.map(({ keyId, after }) => `${keyId} ${after?.['since']}`)).size).toBe(summaries.length)
  const callsIn = (since: number): number =>
    summaries.filter(({ after }) => after?.['since'] === isoFrom(since)).reduce((sum, { after }) => sum + Number(after?.['count']), 0)
  expect([summaries.length, callsIn(NOON), callsIn(NOON + 2 * HOUR_MS)]).toEqual([3300, 4200, 1400])
  expect(await sql('SELECT summarised_until, summarised_key FROM keywright.head')).toEqual([
    { summarised_until: NOON + 3 * HOUR_MS, summarised_key: '' },
  ])
})

test('a node whose clock is far ahead forgets no series and sums up nothing that has not been', async () => {
  const { url, sql } = await withKeys()
  const clock = manualClock()
  const now = Date.now()
  clock.pass(Date.UTC(2099, 0) - clock.now())
  await sql(`INSERT INTO keywright.usage VALUES ('*', 'total', '', 'day', ${Math.floor(now / DAY_MS)}, 0, 5)`)
  const node = openNode(url, clock, { isClockGiven: false })
  await node.port.heartbeat()
  await node.port.heartbeat()
  expect(await sql('SELECT calls FROM keywright.usage')).toEqual([{ calls: '5' }])
  const [head] = await sql('SELECT summarised_until FROM keywright.head')
  expect(head?.['summarised_until']).toBeLessThanOrEqual(Date.now())
  expect(head?.['summarised_until']).toBeGreaterThan(now - HOUR_MS - MINUTE_MS)
})

test('reading while others flush and fold misses no call and doubles none', async () => {
  const clock = manualClock()
  const { key } = newKey()
  const { url } = await withKeys(key)
  const node = openNode(url, clock)
  let counted = 0
  let isOver = false
  const writing = times(60, async (index) => {
    node.port.count(callOf(key, 'VALID', clock.now()))
    counted++
    await (index % 6 === 5 ? node.port.heartbeat() : node.port.flush())
    clock.pass(MINUTE_MS / 3)
  }).finally(() => {
    isOver = true
  })
  const wrong: (readonly number[])[] = []
  while (!isOver) {
    const before = counted
    const [read, overview] = await Promise.all([
      acceptedOf(node, { keyId: key.id }, clock.now()),
      node.port.overview('store', '24h', clock.now()),
    ])
    for (const calls of [read, overview.usageCount]) if (calls < before || calls > counted) wrong.push([before, calls, counted])
  }
  await writing
  expect(wrong).toEqual([])
})

test('counts wait in memory while the server is away, and are written once it is back', async () => {
  const { key } = newKey()
  const { url } = await withKeys(key)
  const own = await startMigrated()
  onTestFinished(() => own.remove())
  const there = await own.fresh()
  const node = openNode(there.url)
  node.port.count(callOf(key, 'VALID', NOON))
  await node.port.flush()
  await own.stop('immediate')
  node.port.count(callOf(key, 'VALID', NOON))
  await expectCode(node.port.flush(), 'STORE_UNAVAILABLE')
  await expectCode(node.port.heartbeat(), 'STORE_UNAVAILABLE')
  await expectCode(Promise.resolve(node.port.read('store', NOON)), 'STORE_UNAVAILABLE')
  expect([node.isPending(), node.pendingLastUsed(key.id)]).toEqual([true, NOON])
  await own.start()
  await node.port.flush()
  expect(await acceptedOf(node, 'store')).toBe(2)
  expect(url).not.toBe(there.url)
})

test('housekeeping folds counts, forgets old ones, and keeps the calls of a purged key with the store', async () => {
  const clock = manualClock()
  const [key, purged] = [newKey().key, newKey().key]
  const { url, sql } = await withKeys(key, purged)
  const node = openNode(url, clock)
  for (const one of [key, purged]) node.port.count(callOf(one, 'VALID', NOON, ['read:users']))
  await node.port.heartbeat()
  const countsOf = async (table: string): Promise<number> =>
    Number((await sql(`SELECT count(*) AS count FROM keywright.${table}`))[0]?.['count'])
  expect([await countsOf('fresh'), await countsOf('usage')]).toEqual([7, 0])
  clock.pass(MINUTE_MS)
  await node.port.heartbeat()
  expect([await countsOf('fresh'), await countsOf('usage'), await countsOf('last_use')]).toEqual([0, 28, 6])
  await sql('DELETE FROM keywright.keys WHERE id = $1', [purged.id])
  clock.pass(MINUTE_MS)
  await node.port.heartbeat()
  expect(await acceptedOf(node, { keyId: purged.id })).toBe(0)
  expect(await acceptedOf(node, { keyId: '' })).toBe(1)
  expect(await acceptedOf(node, 'store')).toBe(2)
  await sql(`INSERT INTO keywright.limits VALUES ('a', 'b', '{}', '{}', $1), ('a', 'c', '{}', '{}', $2)`, [NOON, NOON + 200 * DAY_MS])
  clock.pass(100 * DAY_MS)
  await node.port.heartbeat()
  expect(await sql(`SELECT DISTINCT span FROM keywright.usage`)).toEqual([{ span: 'ever' }])
  expect(await sql('SELECT name FROM keywright.limits')).toEqual([{ name: 'c' }])
  // Now: the minute, the hour and the day.
  expect([await countsOf('alive'), await countsOf('nodes')]).toEqual([3, 1])
})

test('of a key’s scopes the least recent ones beyond 200 are forgotten', async () => {
  const clock = manualClock()
  const { key } = newKey()
  const { url, sql } = await withKeys(key)
  const node = openNode(url, clock)
  for (let scope = 0; scope < 230; scope++) {
    node.port.count(callOf(key, 'VALID', clock.now(), [`s:${scope}`]))
    if (scope % 50 === 0) await node.port.flush()
    clock.pass(1_000)
  }
  clock.pass(MINUTE_MS)
  await node.port.heartbeat()
  const names = (await sql(`SELECT DISTINCT name FROM keywright.usage WHERE kind = 'scope'`)).map(({ name }) => String(name))
  expect(names).toHaveLength(200)
  expect(names).toContain('s:229')
  expect(names).not.toContain('s:29')
})

test('a reader counts nothing and writes nothing', async () => {
  const { key } = newKey()
  const { url, sql } = await withKeys(key)
  const node = openNode(url, manualClock(), { isReadOnly: true })
  node.port.count(callOf(key, 'VALID', NOON))
  await node.port.flush()
  await node.port.heartbeat()
  await node.end()
  expect(await acceptedOf(node, 'store')).toBe(0)
  expect(await sql('SELECT 1 FROM keywright.nodes UNION ALL SELECT 1 FROM keywright.alive')).toEqual([])
})

test('nodes that wrote within two minutes are seen, others not', async () => {
  const clock = manualClock()
  const { url } = await withKeys()
  const [one, two] = [openNode(url, clock, { self: 'one' }), openNode(url, clock, { self: 'two' })]
  await one.port.heartbeat()
  await two.port.heartbeat()
  expect(await usagePulse(one.database, 'one', clock.now())).toMatchObject({ others: 1 })
  clock.pass(2 * MINUTE_MS)
  await one.port.heartbeat()
  expect(await usagePulse(one.database, 'one', clock.now())).toMatchObject({ others: 0 })
})
