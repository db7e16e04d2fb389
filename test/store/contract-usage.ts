// What every store promises of usage and limits.

import { expect, test } from 'vitest'
import type { Key } from '../../src/domain/key.ts'
import type { RateLimit } from '../../src/domain/limit.ts'
import type { Store, Use } from '../../src/domain/ports.ts'
import { callSeries, countsWithin, isRefusing, usageStats } from '../../src/domain/stats.ts'
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts'
import type { UsageGlance } from '../../src/domain/usage.ts'
import { ACCEPTED, EMPTY_KEY_USAGE, WINDOWS } from '../../src/domain/usage.ts'
import type { VerdictCode } from '../../src/domain/verdict.ts'
import type { OpenEmpty } from './contract.ts'
import { ACTOR, collect, manualClock, NOON, newKey, outcomeOf, put, refTo, seededRandom } from './harness.ts'

export const callOf = (key: Key | null, code: VerdictCode, at: number, scopes: readonly string[] = []): Use => ({
  keyId: key?.id ?? null,
  userId: key?.userId ?? null,
  code,
  at,
  shortId: code === 'VALID' ? (key?.secrets[0]?.shortId ?? null) : null,
  scopes,
})

async function statsOf(store: Store, selector: Parameters<Store['usage']['read']>[0], at: number) {
  const { usage, alive } = await store.usage.read(selector, at)
  return usageStats(usage, alive, undefined, at)
}

const lastUses = (tallies: UsageGlance['scopes']) => new Map(Object.entries(tallies).map(([name, { lastAt }]) => [name, lastAt]))

const actionsOf = async (store: Store, action: string) => collect(store.audit.records({ action }, {}))

export function usageContract(open: OpenEmpty): void {
  test('uses are counted at once, by key, owner, secret and scope, and stay counted when they are flushed', async () => {
    const clock = manualClock()
    const { store } = await open(clock)
    const [a, b] = [newKey({ userId: 'ann' }).key, newKey({ userId: 'bob' }).key]
    await put(store, a, b)
    for (const use of [
      callOf(a, 'VALID', NOON, ['read:users']),
      callOf(a, 'VALID', NOON + 5),
      callOf(a, 'RATE_LIMITED', NOON + 6),
      callOf(b, 'REVOKED', NOON + 7),
      callOf(null, 'NOT_FOUND', NOON + 8),
    ])
      store.usage.count(use)
    const check = async (): Promise<void> => {
      expect(await statsOf(store, { keyId: a.id }, NOON)).toMatchObject({
        usageCount: 2,
        rateLimitedCount: 1,
        lastUsedAt: new Date(NOON + 5).toISOString(),
        bySecret: { [a.secrets[0]?.shortId ?? '']: 2 },
        byScope: { 'read:users': { count: 1 } },
      })
      expect(await statsOf(store, { userId: 'bob' }, NOON)).toMatchObject({ usageCount: 0, refused: { REVOKED: 1 }, lastUsedAt: null })
      expect(await statsOf(store, { userId: 'nobody' }, NOON)).toMatchObject({ usageCount: 0 })
      expect(await statsOf(store, 'store', NOON)).toMatchObject({ usageCount: 2, refused: { REVOKED: 1, NOT_FOUND: 1, RATE_LIMITED: 1 } })
    }
    await check()
    await store.usage.flush()
    await check()
    await store.usage.flush()
    await check()
  })

  test('usage of many keys at once is that of each by itself: flushed, unflushed, both or none, of keys that are there or not', async () => {
    const clock = manualClock()
    const { store } = await open(clock)
    const [both, flushed, fresh, unused, purged] = Array.from({ length: 5 }, () => newKey().key) as [Key, Key, Key, Key, Key]
    const keys = [both, flushed, fresh, unused, purged]
    await put(store, ...keys)
    const ids = [...keys.map(({ id }) => id), 'key_zzzzzzzzzzzz']
    const check = async (): Promise<void> => {
      for (const window of Object.keys(WINDOWS) as (keyof typeof WINDOWS)[]) {
        const each = await store.usage.readEach(ids, window, clock.now())
        expect([...each.usages.keys()]).toEqual(ids)
        const refusing = await store.usage.refusing('REVOKED', window, clock.now())
        const refused = ids.filter((keyId) => isRefusing((each.usages.get(keyId) as UsageGlance).total, 'REVOKED', window, clock.now()))
        expect([...refusing].sort()).toEqual(refused.sort())
        expect((await store.usage.refusing('EXPIRED', window, clock.now())).size).toBe(0)
        for (const [keyId, { total, secrets, scopes }] of each.usages) {
          const { usage, alive } = await store.usage.read({ keyId }, clock.now())
          expect(countsWithin(total, window, clock.now())).toEqual(countsWithin(usage.total, window, clock.now()))
          expect(total.lastAt).toBe(usage.total.lastAt)
          expect([lastUses(secrets), lastUses(scopes)]).toEqual([lastUses(usage.secrets), lastUses(usage.scopes)])
          expect(callSeries(total, each.alive, window, clock.now())).toEqual(callSeries(usage.total, alive, window, clock.now()))
        }
      }
    }
    const count = (...used: readonly Key[]): void => {
      for (const key of used) {
        store.usage.count(callOf(key, 'VALID', clock.now(), ['read:users', `by:${key.id}`]))
        store.usage.count(callOf(key, 'REVOKED', clock.now()))
      }
    }
    await check()
    count(both, flushed, purged)
    await check()
    await store.usage.flush()
    await check()
    clock.pass(2 * HOUR_MS)
    await store.usage.heartbeat()
    count(both, fresh)
    store.usage.count(callOf(null, 'REVOKED', clock.now()))
    await check()
    expect((await store.usage.refusing('REVOKED', '1h', clock.now())).size).toBe(2)
    expect((await store.usage.refusing('REVOKED', '24h', clock.now())).size).toBe(4)
    const { usages } = await store.usage.readEach(ids, '7d', clock.now())
    const calls = ids.map((id) => countsWithin((usages.get(id) ?? EMPTY_KEY_USAGE).total, '7d', clock.now())[ACCEPTED] ?? 0)
    expect(calls).toEqual([2, 1, 1, 0, 1, 0])
    await store.transact({ actor: ACTOR, targets: { refs: [refTo(purged)] }, decide: () => outcomeOf('key.purge', purged, null) })
    await check()
    await store.usage.flush()
    await check()
    const none = await store.usage.readEach(['no\0id'], '1h', clock.now())
    expect(none.usages.get('no\0id')?.total.lastAt).toBeNull()
    expect((await store.usage.readEach([], '1h', clock.now())).usages.size).toBe(0)
  })

  test('while counts are being flushed none of them is missing', async () => {
    const { store } = await open(manualClock())
    const { key } = newKey()
    await put(store, key)
    store.usage.count(callOf(key, 'VALID', NOON))
    let isFlushed = false
    const flushing = store.usage.flush().then(() => {
      isFlushed = true
    })
    const seen = new Set<number>()
    while (!isFlushed) {
      seen.add((await statsOf(store, { keyId: key.id }, NOON)).usageCount)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await flushing
    expect([...seen]).toEqual([1])
  })

  test('a key’s first use is recorded once, with the flush', async () => {
    const { store } = await open(manualClock())
    const { key } = newKey()
    await put(store, key)
    for (const _ of [1, 2]) {
      store.usage.count(callOf(key, 'VALID', NOON))
      store.usage.count(callOf(key, 'VALID', NOON))
      await store.usage.flush()
    }
    expect(await actionsOf(store, 'validate.first-use')).toMatchObject([{ keyId: key.id, userId: key.userId, outcome: 'done', base: null }])
  })

  test('refusals are one record a key, code and minute, written when the minute has ended; at the end all', async () => {
    const clock = manualClock()
    const { store, reopen } = await open(clock)
    const { key } = newKey()
    await put(store, key)
    for (let call = 0; call < 3; call++) store.usage.count(callOf(key, 'REVOKED', NOON + call))
    store.usage.count(callOf(null, 'NOT_FOUND', NOON))
    await store.usage.flush()
    expect(await actionsOf(store, 'validate.refused')).toEqual([])
    clock.pass(MINUTE_MS)
    await store.usage.flush()
    const refused = { outcome: 'refused', reason: 'REVOKED', keyId: key.id, after: { count: 3, since: new Date(NOON).toISOString() } }
    expect(await actionsOf(store, 'validate.refused')).toMatchObject([refused, { reason: 'NOT_FOUND', keyId: null, after: { count: 1 } }])
    store.usage.count(callOf(key, 'EXPIRED', NOON + MINUTE_MS))
    await store.close()
    expect(await actionsOf((await reopen?.()) ?? store, 'validate.refused')).toHaveLength(3)
  })

  test('accepted calls are summed up once a key and hour', async () => {
    const clock = manualClock()
    const { store } = await open(clock)
    const { key } = newKey()
    await put(store, key)
    const callAndFlush = async (calls: number): Promise<void> => {
      for (let call = 0; call < calls; call++) store.usage.count(callOf(key, 'VALID', clock.now()))
      await store.usage.flush()
    }
    await callAndFlush(2)
    clock.pass(10 * MINUTE_MS)
    await callAndFlush(3)
    expect(await actionsOf(store, 'validate.summary')).toEqual([])
    clock.pass(HOUR_MS)
    await callAndFlush(1)
    await callAndFlush(1)
    expect(await actionsOf(store, 'validate.summary')).toMatchObject([
      { keyId: key.id, after: { count: 5, since: new Date(NOON).toISOString() } },
    ])
  })

  test('minutes in which the store was open count as zero, others are gaps', async () => {
    const clock = manualClock()
    const { store } = await open(clock)
    const { key } = newKey()
    await put(store, key)
    clock.pass(MINUTE_MS)
    await store.usage.heartbeat()
    clock.pass(MINUTE_MS)
    const { series } = await statsOf(store, { keyId: key.id }, clock.now())
    expect(series.accepted.slice(-4)).toEqual([null, 0, 0, 0])
  })

  test('a limit is consumed once a call, all of them or none, and not at all by a peek', async () => {
    const { store } = await open(manualClock())
    const { key } = newKey()
    await put(store, key)
    const limits: RateLimit[] = [
      { name: 'burst', limit: 2, windowSeconds: 1 },
      { name: 'wide', limit: 10, windowSeconds: 60 },
    ]
    const take = async (isPeek = false) => store.usage.take(key.id, limits, isPeek)
    expect(await take(true)).toMatchObject({ isAllowed: true, limits: [{ remaining: 2 }, { remaining: 10 }] })
    expect(await take()).toMatchObject({ isAllowed: true, refusedBy: null, limits: [{ remaining: 1 }, { remaining: 9 }] })
    await take()
    expect(await take()).toMatchObject({ isAllowed: false, refusedBy: 'burst', limits: [{ remaining: 0 }, { remaining: 8 }] })
    expect(await store.usage.take('key_000000000000', limits, false)).toMatchObject({ isAllowed: true, limits: [{ remaining: 1 }, {}] })
  })

  test.each([
    { limit: 5, windowSeconds: 1, load: 0.9 },
    { limit: 5, windowSeconds: 1, load: 1.5 },
    { limit: 100, windowSeconds: 60, load: 1.5 },
    { limit: 1000, windowSeconds: 60, load: 1.5 },
  ])(
    'no window of a limit $limit/$windowSeconds s at $load × its load admits more than the limit, nor much less than it may',
    async ({ load, ...limit }) => {
      const clock = manualClock()
      const { store } = await open(clock)
      const { key } = newKey()
      await put(store, key)
      const random = seededRandom(`arrivals ${limit.limit} ${load}`)
      const windowMs = limit.windowSeconds * 1000
      const admitted: number[] = []
      const exact: number[] = []
      const idle = clock.clocks.monotonic()
      for (let call = 0; call < 12 * limit.limit; call++) {
        // A burst at first, then arrivals at random.
        if (call >= limit.limit) clock.pass((-Math.log(1 - random()) * windowMs) / limit.limit / load)
        const now = clock.clocks.monotonic()
        if ((await store.usage.take(key.id, [{ name: 'default', ...limit }], false)).isAllowed) admitted.push(now)
        if (exact.length < limit.limit || (exact.at(-limit.limit) as number) <= now - windowMs) exact.push(now)
      }
      expect(admitted.filter((at) => at === idle)).toHaveLength(limit.limit)
      for (let index = limit.limit; index < admitted.length; index++)
        expect((admitted[index] as number) - (admitted[index - limit.limit] as number)).toBeGreaterThanOrEqual(windowMs)
      expect(admitted.length / exact.length).toBeGreaterThanOrEqual(0.95)
    },
  )
}
