// Usage at a glance: the same counts and series as the statistics, bucket for bucket; and who calls most.

import { describe, expect, test } from 'vitest'
import { count, createDelta, NO_KEY } from '../../src/domain/delta.ts'
import { overviewOf } from '../../src/domain/overview.ts'
import { OVERVIEW_KEYS, usageStats } from '../../src/domain/stats.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts'
import type { KeyUsage, UsageWindow } from '../../src/domain/usage.ts'
import { addAlive, addDelta, EMPTY_KEY_USAGE, EMPTY_SERIES, sumUsages, WINDOWS } from '../../src/domain/usage.ts'
import { VERDICT_CODES } from '../../src/domain/verdict.ts'
import { NOON } from '../store/harness.ts'
import { always, fc } from './seed.ts'

const WINDOW_NAMES = Object.keys(WINDOWS) as UsageWindow[]

const callsOf = fc.array(
  fc.tuple(
    fc.oneof(
      fc.integer({ min: -3, max: 130 }).map((minutes) => NOON - minutes * MINUTE_MS),
      fc.integer({ min: 0, max: 180 }).map((hours) => NOON - hours * HOUR_MS),
      fc.integer({ min: 0, max: 95 }).map((days) => NOON - days * DAY_MS),
    ),
    fc.constantFrom(...VERDICT_CODES),
  ),
  { maxLength: 40 },
)

function usageOf(calls: readonly (readonly [at: number, code: (typeof VERDICT_CODES)[number]])[]): KeyUsage {
  return calls.reduce((usage, [at, code]) => {
    const minute = Math.floor(at / MINUTE_MS)
    const delta = createDelta(minute)
    count(delta, 'key', code, at, null, [])
    return [...delta.keys.values()].reduce((sum, one) => addDelta(sum, one, minute, NOON), usage)
  }, EMPTY_KEY_USAGE)
}

describe('an overview', () => {
  test('counts as the statistics do, gaps included, in every window', () => {
    always(fc.tuple(fc.array(callsOf, { maxLength: 5 }), fc.nat(100)), ([all, minutesAlive]) => {
      const usages = all.map(usageOf)
      const alive = addAlive(addAlive(EMPTY_SERIES, NOON - minutesAlive * MINUTE_MS, NOON - minutesAlive * MINUTE_MS), NOON, NOON)
      for (const window of WINDOW_NAMES) {
        const { bySecret: _, byScope: __, ...stats } = usageStats(sumUsages([EMPTY_KEY_USAGE, ...usages]), alive, window, NOON)
        const totals = usages.map(({ total }, index) => [`k${index}`, total] as const)
        const { busiest, limited, hours, ...overview } = overviewOf(totals, alive, window, NOON)
        expect(overview).toEqual(stats)
        const each = usages.map((usage) => usageStats(usage, alive, window, NOON))
        for (const { keyId, accepted, rateLimited } of [...busiest, ...limited]) {
          const { usageCount, rateLimitedCount } = each[Number(keyId.slice(1))] ?? {}
          expect([accepted, rateLimited]).toEqual([usageCount, rateLimitedCount])
        }
        expect(busiest).toHaveLength(each.filter(({ usageCount }) => usageCount > 0).length)
        expect(limited).toHaveLength(each.filter(({ rateLimitedCount }) => rateLimitedCount > 0).length)
        const kept = all.flat().filter(([at]) => at < NOON + HOUR_MS && Math.floor(at / HOUR_MS) > Math.floor(NOON / HOUR_MS) - 168)
        expect(hours.reduce((sum, [, calls]) => sum + calls, 0)).toBe(kept.length)
        expect(hours.map(([hour]) => hour)).toEqual([...new Set(kept.map(([at]) => Math.floor(at / HOUR_MS)))].sort((a, b) => a - b))
      }
    })
  })

  test('names the keys with the most calls, of as many the one with the lesser id, and none for calls without a key', () => {
    const calls = (times: number) => usageOf(Array.from({ length: times }, () => [NOON, 'VALID'] as const)).total
    const totals = Array.from({ length: 30 }, (_, index) => [`k${String(index).padStart(2, '0')}`, calls(index % 7)] as const)
    const { busiest, limited } = overviewOf([...totals.toReversed(), [NO_KEY, calls(9)]], EMPTY_SERIES, '1h', NOON)
    expect(busiest.map(({ keyId, accepted }) => `${keyId} ${accepted}`)).toEqual(
      ['k06 6', 'k13 6', 'k20 6', 'k27 6', 'k05 5', 'k12 5', 'k19 5', 'k26 5', 'k04 4', 'k11 4'].slice(0, OVERVIEW_KEYS),
    )
    expect(limited).toEqual([])
  })
})
