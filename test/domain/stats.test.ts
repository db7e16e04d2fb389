// Statistics: windows, gaps and zeros, and the shape that is promised.

import { describe, expect, test } from 'vitest'
import { count, createDelta } from '../../src/domain/delta.ts'
import { usageStats } from '../../src/domain/stats.ts'
import type { KeyUsage, Series, UsageWindow } from '../../src/domain/usage.ts'
import { addAlive, addDelta, EMPTY_KEY_USAGE, EMPTY_SERIES } from '../../src/domain/usage.ts'
import type { VerdictCode } from '../../src/domain/verdict.ts'
import { NOON } from '../store/harness.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Usage with one call of that code at each time; a valid one with a secret and a scope. */
function usageOf(...calls: readonly (readonly [at: number, code: VerdictCode])[]): KeyUsage {
  return calls.reduce((usage, [at, code]) => {
    const minute = Math.floor(at / MINUTE)
    const delta = createDelta(minute)
    count(delta, 'key', code, at, 'secret000001', ['read'])
    return addDelta(usage, delta.keys.get('key') as NonNullable<ReturnType<typeof delta.keys.get>>, minute, NOON)
  }, EMPTY_KEY_USAGE)
}

const ALIVE = addAlive(EMPTY_SERIES, NOON - 2 * MINUTE, NOON)
const statsOf = (usage: KeyUsage, window?: UsageWindow, alive: Series = ALIVE) => usageStats(usage, alive, window, NOON)

describe('statistics', () => {
  const usage = usageOf(
    [NOON - 40 * DAY, 'VALID'],
    [NOON - 2 * HOUR, 'VALID'],
    [NOON - 1000, 'VALID'],
    [NOON - 5, 'RATE_LIMITED'],
    [NOON, 'EXPIRED'],
    [NOON, 'VALID'],
  )

  test('have the promised shape: counts of all time and the series of the last hour unless a window is given', () => {
    const { series, ...all } = statsOf(usage)
    expect(all).toEqual({
      usageCount: 4,
      rateLimitedCount: 1,
      refused: { RATE_LIMITED: 1, NOT_FOUND: 0, REVOKED: 0, DISABLED: 0, EXPIRED: 1, FORBIDDEN: 0, INSUFFICIENT_SCOPE: 0 },
      lastUsedAt: '2026-11-23T12:00:00.000Z',
      bySecret: { secret000001: 4 },
      byScope: { read: { count: 4, lastAt: '2026-11-23T12:00:00.000Z' } },
    })
    expect(series).toMatchObject({ bucket: 'minute', start: '2026-11-23T11:01:00.000Z' })
    expect([series.accepted.length, series.rateLimited.length]).toEqual([60, 60])
    expect([series.accepted.slice(-3), series.rateLimited.slice(-3)]).toEqual([
      [0, 1, 1],
      [0, 1, 0],
    ])
  })

  test.each([
    ['1h', 2, 'minute', 60, '2026-11-23T11:01:00.000Z'],
    ['24h', 3, 'hour', 24, '2026-11-22T13:00:00.000Z'],
    ['7d', 3, 'hour', 168, '2026-11-16T13:00:00.000Z'],
    ['30d', 3, 'day', 30, '2026-10-25T00:00:00.000Z'],
  ] as const)('of %s count the calls in its buckets, the last of which is the current one', (window, calls, bucket, length, start) => {
    const { usageCount, bySecret, byScope, series, lastUsedAt } = statsOf(usage, window)
    expect([usageCount, bySecret['secret000001'], byScope['read']?.count]).toEqual([calls, calls, calls])
    expect([series.bucket, series.start, series.accepted.length, series.rateLimited.length]).toEqual([bucket, start, length, length])
    expect(series.accepted.reduce((sum: number, count) => sum + (count ?? 0), 0)).toBe(calls)
    expect(lastUsedAt).toBe('2026-11-23T12:00:00.000Z')
  })

  test.each(['1h', '24h', '7d', '30d'] as const)(
    'of %s count a call in the first millisecond of its first bucket, and none before',
    (window) => {
      const first = Date.parse(statsOf(EMPTY_KEY_USAGE, window).series.start)
      const stats = statsOf(usageOf([first - 1, 'VALID'], [first, 'VALID']), window)
      expect([stats.usageCount, stats.bySecret['secret000001'], stats.series.accepted[0]]).toEqual([1, 1, 1])
    },
  )

  test('tell a time without calls, 0, from a time in which nobody counted, null', () => {
    const { accepted, rateLimited } = statsOf(usageOf([NOON - 10 * MINUTE, 'VALID'], [NOON - 20 * MINUTE, 'NOT_FOUND'])).series
    expect(accepted.map((calls, index) => [index - 59, calls] as const).filter(([, calls]) => calls !== null)).toEqual([
      [-20, 0],
      [-10, 1],
      [-2, 0],
      [-1, 0],
      [0, 0],
    ])
    expect(rateLimited.filter((calls) => calls !== null)).toEqual([0, 0, 0, 0, 0])
  })

  test('of what was never used are zeros, null and empty', () => {
    expect(statsOf(EMPTY_KEY_USAGE, '24h', EMPTY_SERIES)).toMatchObject({ usageCount: 0, lastUsedAt: null, bySecret: {}, byScope: {} })
    expect(new Set(statsOf(EMPTY_KEY_USAGE, '24h', EMPTY_SERIES).series.accepted)).toEqual(new Set([null]))
  })

  test('leave out of a window the secrets and scopes that were not used in it', () => {
    const stats = statsOf(usageOf([NOON - 2 * HOUR, 'VALID']), '1h')
    expect([stats.usageCount, stats.bySecret, stats.byScope]).toEqual([0, {}, {}])
  })
})
