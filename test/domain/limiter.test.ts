// The limits of many keys: all or none, peeks, sharing between processes, and steps of the wall clock.

import { describe, expect, test } from 'vitest'
import type { AccountHolder } from '../../src/domain/account.ts'
import type { Admission } from '../../src/domain/admissions.ts'
import type { RateLimit } from '../../src/domain/limit.ts'
import type { Limiter } from '../../src/domain/limiter.ts'
import { createLimiter } from '../../src/domain/limiter.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { manualClock, NOON } from '../store/harness.ts'
import { exactLog } from './arrivals.ts'
import { always, fc } from './seed.ts'

const HOUR = 3_600_000
const YEAR = 365 * 24 * HOUR
const KEY = 'key_000000000000'
const nobody = (): readonly Admission[] => []
const perMinute = (limit: number, name = 'default'): RateLimit => ({ name, limit, windowSeconds: 60 })

function alone() {
  const clock = manualClock()
  return { clock, limiter: createLimiter(clock.clocks, 'me', nobody) }
}

const take = (limiter: Limiter, ...limits: readonly RateLimit[]) => limiter.take(KEY, limits, false)
const takeAll = (limiter: Limiter, limit: RateLimit): number => {
  let admitted = 0
  while (take(limiter, limit).isAllowed) admitted++
  return admitted
}

describe('several limits of one key', () => {
  test('a call consumes one of every limit or of none', () => {
    const { limiter } = alone()
    const limits = [perMinute(5, 'a'), perMinute(3, 'b')]
    expect([1, 2, 3, 4, 5].map(() => take(limiter, ...limits).isAllowed)).toEqual([true, true, true, false, false])
    expect(take(limiter, ...limits)).toMatchObject({
      refusedBy: 'b',
      limits: [
        { name: 'a', remaining: 2 },
        { name: 'b', remaining: 0 },
      ],
    })
    expect(takeAll(limiter, perMinute(5, 'a'))).toBe(2)
  })

  test('a call is admitted just when an exact log of each limit would admit it', () => {
    const limits = fc.array(fc.record({ limit: fc.integer({ min: 1, max: 20 }), windowSeconds: fc.integer({ min: 1, max: 60 }) }), {
      maxLength: 8,
    })
    always(fc.tuple(limits, fc.array(fc.nat(5000), { maxLength: 100 })), ([given, gaps]) => {
      const { clock, limiter } = alone()
      const all = given.map((limit, index) => ({ ...limit, name: `limit${index}` }))
      const logs = all.map(({ limit, windowSeconds }) => exactLog(limit, windowSeconds * 1000))
      let now = 0
      for (const gap of gaps) {
        now += gap
        clock.pass(gap)
        const refused = logs.findIndex((log, index) => log.used(now) >= (all[index] as RateLimit).limit)
        const decision = take(limiter, ...all)
        expect(decision.refusedBy).toBe(refused < 0 ? null : `limit${refused}`)
        expect(decision.isAllowed).toBe(refused < 0)
        if (refused < 0) for (const log of logs) log.take(now)
        expect(decision.limits.map(({ remaining }) => remaining)).toEqual(
          logs.map((log, index) => (all[index] as RateLimit).limit - log.used(now)),
        )
      }
    })
  })

  test('limits of two keys, or of two names, share nothing', () => {
    const { limiter } = alone()
    expect(takeAll(limiter, perMinute(2))).toBe(2)
    expect(takeAll(limiter, perMinute(2, 'other'))).toBe(2)
    expect(limiter.take('key_111111111111', [perMinute(2)], false).isAllowed).toBe(true)
  })

  test('an edit of the limit consumes nothing and resets nothing', () => {
    const { limiter } = alone()
    for (let call = 0; call < 3; call++) take(limiter, perMinute(5))
    expect(takeAll(limiter, perMinute(10))).toBe(7)
    expect(take(limiter, perMinute(2))).toMatchObject({ isAllowed: false, limits: [{ remaining: 0 }] })
  })
})

describe('who keeps a limit between calls', () => {
  const holder = (): AccountHolder => ({ account: null, onlyHeld: null })
  const takeWith = (limiter: Limiter, limits: readonly RateLimit[], kept: AccountHolder) => limiter.take(KEY, limits, false, kept).isAllowed

  test('shares it with the others of its key, forgets it with them, and keeps to what it asked for itself', () => {
    const { clock, limiter } = alone()
    const [old, edited] = [[perMinute(100)], [perMinute(3)]]
    const [first, second] = [holder(), holder()]
    expect(takeWith(limiter, old, holder())).toBe(true)
    expect([takeWith(limiter, edited, first), takeWith(limiter, edited, second)]).toEqual([true, true])
    // Somebody who has not heard of the edit asks for the limit as it was.
    expect(limiter.take(KEY, old, true)).toMatchObject({ isAllowed: true, limits: [{ limit: 100, remaining: 97 }] })
    expect([takeWith(limiter, edited, first), takeWith(limiter, edited, second)]).toEqual([false, false])
    clock.pass(60_000)
    limiter.unshared()
    limiter.settle()
    limiter.sweep()
    expect([1, 2, 3, 4].map((call) => takeWith(limiter, edited, call % 2 === 0 ? first : second))).toEqual([true, true, true, false])
    expect(take(limiter, ...edited).isAllowed).toBe(false)
  })

  test('loses one that others have made room of, and none but that', () => {
    const { limiter } = alone()
    const [own, adHoc] = [holder(), holder()]
    const limit = [perMinute(2)]
    const made = [perMinute(1, 'call:first')]
    expect([takeWith(limiter, limit, own), takeWith(limiter, made, adHoc)]).toEqual([true, true])
    for (let index = 0; index < 40; index++) take(limiter, perMinute(1, `call:${index}`))
    expect([takeWith(limiter, limit, own), takeWith(limiter, limit, own)]).toEqual([true, false])
    expect([takeWith(limiter, made, adHoc), takeWith(limiter, made, adHoc)]).toEqual([true, false])
  })
})

describe('what a decision tells', () => {
  test('a peek decides and consumes nothing', () => {
    const { limiter } = alone()
    for (let peek = 0; peek < 50; peek++) {
      expect(limiter.take(KEY, [perMinute(2)], true)).toMatchObject({ isAllowed: true, limits: [{ remaining: 2, retryAfterMs: 0 }] })
    }
    expect(limiter.unshared()).toEqual([])
    expect(takeAll(limiter, perMinute(2))).toBe(2)
    expect(limiter.take(KEY, [perMinute(2)], true)).toMatchObject({ isAllowed: false, refusedBy: 'default' })
  })

  test('resetAt is when the limit is whole if nothing more is asked; retryAfterMs when one call passes', () => {
    const { clock, limiter } = alone()
    const limit = perMinute(2)
    take(limiter, limit)
    clock.pass(10_000)
    expect(take(limiter, limit).limits).toEqual([{ ...limit, remaining: 0, resetAt: isoFrom(NOON + 70_000), retryAfterMs: 0 }])
    clock.pass(20_000)
    expect(take(limiter, limit).limits).toEqual([{ ...limit, remaining: 0, resetAt: isoFrom(NOON + 70_000), retryAfterMs: 30_000 }])
    clock.pass(30_000)
    expect(limiter.take(KEY, [limit], true).isAllowed).toBe(true)
    clock.pass(10_000)
    expect(limiter.take(KEY, [limit], true).limits).toEqual([{ ...limit, remaining: 2, resetAt: isoFrom(NOON + 70_000), retryAfterMs: 0 }])
  })

  test('a refused call passes after retryAfterMs, also where others admitted more than the limit', () => {
    const learned = fc.array(fc.tuple(fc.nat(20_000), fc.integer({ min: 1, max: 80 })), { maxLength: 12 })
    always(fc.tuple(fc.integer({ min: 1, max: 150 }), learned), ([limit, all]) => {
      const { clock, limiter } = alone()
      limiter.take(KEY, [perMinute(limit)], true)
      all.forEach(([gap, count], index) => {
        clock.pass(gap)
        limiter.learn(() => [{ seq: index + 1, at: clock.now(), count, by: 'other' }], index)
      })
      const { isAllowed, limits } = take(limiter, perMinute(limit))
      if (isAllowed) return
      clock.pass(limits[0]?.retryAfterMs ?? 0)
      expect(take(limiter, perMinute(limit)).isAllowed).toBe(true)
    })
  })
})

describe('a step of the wall clock', () => {
  test.each([
    ['back an hour', -HOUR],
    ['forward a year', YEAR],
  ])('%s opens nothing early and locks nobody out', (_, step) => {
    const { clock, limiter } = alone()
    expect(takeAll(limiter, perMinute(3))).toBe(3)
    clock.step(step)
    expect(take(limiter, perMinute(3))).toMatchObject({ isAllowed: false, limits: [{ retryAfterMs: 60_000 }] })
    clock.pass(59_999)
    expect(take(limiter, perMinute(3)).isAllowed).toBe(false)
    clock.pass(1)
    expect(takeAll(limiter, perMinute(3))).toBe(3)
  })

  test.each([
    ['back an hour', -HOUR],
    ['forward a year', YEAR],
  ])('%s after sharing frees nothing that was learned, and keeps it no longer than a window', (_, step) => {
    const { clock, limiter } = alone()
    limiter.take(KEY, [perMinute(3)], true)
    limiter.learn(() => [{ seq: 1, at: clock.now(), count: 3, by: 'other' }], 0)
    clock.step(step)
    expect(take(limiter, perMinute(3)).isAllowed).toBe(false)
    clock.pass(60_000)
    expect(takeAll(limiter, perMinute(3))).toBe(3)
  })

  test('back an hour hides nothing that others admitted before it, and that locks out for a window at most', () => {
    const { clock, limiter } = alone()
    limiter.take(KEY, [perMinute(3)], true)
    clock.step(-HOUR)
    limiter.learn(() => [{ seq: 1, at: NOON, count: 3, by: 'other' }], 0)
    expect(take(limiter, perMinute(3)).isAllowed).toBe(false)
    clock.pass(60_000)
    expect(takeAll(limiter, perMinute(3))).toBe(3)
  })

  test.each([
    ['back an hour', -HOUR],
    ['forward a year', YEAR],
  ])('%s opens nothing early when all admissions are learned anew', (_, step) => {
    const { clock, limiter } = alone()
    expect(takeAll(limiter, perMinute(3))).toBe(3)
    const shared = limiter.unshared().map(({ at, count }) => ({ seq: 1, at, count, by: 'me' }))
    clock.pass(10_000)
    clock.step(step)
    limiter.learn(() => shared, null)
    expect(take(limiter, perMinute(3)).isAllowed).toBe(false)
    clock.pass(60_000)
    expect(takeAll(limiter, perMinute(3))).toBe(3)
  })

  test('forward an hour opens no limit of any key early', () => {
    const { clock, limiter } = alone()
    const keys = ['key_a', 'key_b', 'key_c']
    const takeOf = (key: string): boolean => limiter.take(key, [perMinute(1)], false).isAllowed
    expect(keys.map(takeOf)).toEqual([true, true, true])
    const shared = limiter.unshared().map(({ keyId, at, count }) => ({ keyId, seq: 1, at, count, by: 'me' }))
    limiter.settle()
    clock.pass(10_000)
    clock.step(HOUR)
    limiter.learn((key) => shared.filter(({ keyId }) => keyId === key), null)
    expect(keys.map(takeOf)).toEqual([false, false, false])
  })
})

test('what is on its way to the others counts here, also when all admissions are learned anew meanwhile', () => {
  const { clock, limiter } = alone()
  expect(takeAll(limiter, perMinute(3))).toBe(3)
  const admitted = limiter.unshared()
  clock.pass(6_000)
  limiter.learn(nobody, null)
  expect(take(limiter, perMinute(3)).isAllowed).toBe(false)
  limiter.giveBack(admitted)
  limiter.learn(nobody, null)
  expect(take(limiter, perMinute(3)).isAllowed).toBe(false)
  const again = limiter.unshared().map(({ at, count }) => ({ seq: 1, at, count, by: 'me' }))
  limiter.settle()
  limiter.learn(() => again, null)
  clock.pass(54_000)
  expect(takeAll(limiter, perMinute(3))).toBe(3)
})

describe('memory', () => {
  test('sweeping forgets limits that are whole and shared, and no others', () => {
    const { clock, limiter } = alone()
    take(limiter, perMinute(3))
    limiter.sweep()
    limiter.unshared()
    clock.pass(59_999)
    limiter.sweep()
    expect([...limiter.keyIds()]).toEqual([KEY])
    expect(take(limiter, perMinute(3)).limits).toMatchObject([{ remaining: 1 }])
    limiter.unshared()
    clock.pass(60_000)
    limiter.sweep()
    expect([...limiter.keyIds()]).toEqual([])
  })

  test('limits made up by call reset no limit of the key itself, however many they are', () => {
    const { limiter } = alone()
    expect(takeAll(limiter, perMinute(3))).toBe(3)
    for (let limit = 1; limit <= 100; limit++) take(limiter, perMinute(limit, `call:${limit}/60`))
    expect(take(limiter, perMinute(3)).isAllowed).toBe(false)
  })
})
