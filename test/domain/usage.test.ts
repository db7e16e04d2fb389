// Usage: adding counts minute by minute gives what counting from scratch gives, within the bounds of the series.

import { describe, expect, test } from 'vitest'
import type { Delta } from '../../src/domain/delta.ts'
import { count, createDelta } from '../../src/domain/delta.ts'
import { createMeter } from '../../src/domain/meter.ts'
import type { Use } from '../../src/domain/ports.ts'
import type { KeyUsage, Resolution, Series, Tally } from '../../src/domain/usage.ts'
import {
  addAlive,
  addDelta,
  addToSeries,
  EMPTY_KEY_USAGE,
  EMPTY_SERIES,
  MAX_EXERCISED_SCOPES,
  RESOLUTIONS,
  sumUsages,
  trimmed,
} from '../../src/domain/usage.ts'
import { VERDICT_CODES } from '../../src/domain/verdict.ts'
import { NOON } from '../store/harness.ts'
import { always, fc } from './seed.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const KEY = 'key_000000000000'

const codes = fc.oneof({ weight: 3, arbitrary: fc.constant('VALID' as const) }, { weight: 2, arbitrary: fc.constantFrom(...VERDICT_CODES) })
const gaps = fc.oneof(fc.nat(2 * MINUTE), fc.nat(3 * HOUR), fc.nat(5 * DAY), fc.constantFrom(0, MINUTE, HOUR, DAY))
/** Uses of one key in the order of time. A refused one exercises nothing. */
const uses = fc
  .array(
    fc.tuple(
      gaps,
      codes,
      fc.constantFrom('secret000001', 'secret000002'),
      fc.subarray(['read', 'write:users', '__proto__', 'constructor']),
    ),
    { maxLength: 80 },
  )
  .map((all) => {
    let at = NOON
    return all.map(([gap, code, shortId, scopes]): Use => {
      at += gap
      const isValid = code === 'VALID'
      return { keyId: KEY, userId: 'user1', code, at, shortId: isValid ? shortId : null, scopes: isValid ? scopes : [] }
    })
  })

/** What counting from scratch gives, but for buckets that are too old at `now`. */
function fromScratch(all: readonly Use[], now: number): Pick<Tally, 'counts' | 'series'> {
  const total = (some: readonly Use[]) => {
    const counts: number[] = VERDICT_CODES.map((code) => some.filter((use) => use.code === code).length)
    while (counts.at(-1) === 0) counts.pop()
    return counts
  }
  const series = Object.fromEntries(
    Object.entries(RESOLUTIONS).map(([name, { ms, kept }]) => {
      const byBucket = Map.groupBy(all, ({ at }) => Math.floor(at / ms))
      const first = Math.floor(now / ms) - kept + 1
      return [name, [...byBucket].filter(([bucket]) => bucket >= first).map(([bucket, some]) => [bucket, ...total(some)])]
    }),
  )
  return { counts: total(all), series: series as unknown as Series }
}

/** The usage after all uses, flushed after every `each` of them. */
function counted(all: readonly Use[], each: number): KeyUsage {
  const meter = createMeter()
  let usage = EMPTY_KEY_USAGE
  all.forEach((use, index) => {
    meter.count(use)
    if ((index + 1) % each !== 0 && index + 1 < all.length) return
    for (const { minute, keys } of meter.take(use.at, false).deltas) {
      const delta = keys.get(KEY)
      if (delta !== undefined) usage = addDelta(usage, delta, minute, use.at)
    }
  })
  return usage
}

const namesOf = (tallies: object) => Object.keys(tallies).sort()

describe('counts that are merged', () => {
  test('are what counting from scratch gives: by code, by bucket, by secret and by scope', () => {
    always(fc.tuple(uses, fc.integer({ min: 1, max: 10 })), ([all, each]) => {
      const now = all.at(-1)?.at ?? NOON
      const usage = trimmed(counted(all, each), now)
      expect(usage.total).toMatchObject(fromScratch(all, now))
      const valid = all.filter(({ code }) => code === 'VALID')
      expect(usage.total.lastAt).toBe(valid.at(-1)?.at ?? null)
      expect(namesOf(usage.secrets)).toEqual(namesOf(Object.fromEntries(valid.map(({ shortId }) => [shortId, 1]))))
      for (const [shortId, tally] of Object.entries(usage.secrets))
        expect(tally).toMatchObject(
          fromScratch(
            valid.filter((use) => use.shortId === shortId),
            now,
          ),
        )
      expect(namesOf(usage.scopes)).toEqual([...new Set(valid.flatMap(({ scopes }) => scopes))].sort())
      for (const [scope, tally] of Object.entries(usage.scopes))
        expect(tally).toMatchObject(
          fromScratch(
            valid.filter(({ scopes }) => scopes.includes(scope)),
            now,
          ),
        )
    })
  })

  test('tell of each secret and scope when it was last used, and not when another was', () => {
    always(uses, (all) => {
      const usage = counted(all, 5)
      const valid = all.filter(({ code }) => code === 'VALID')
      for (const [shortId, { lastAt }] of Object.entries(usage.secrets))
        expect(lastAt).toBe(valid.findLast((use) => use.shortId === shortId)?.at)
      for (const [scope, { lastAt }] of Object.entries(usage.scopes))
        expect(lastAt).toBe(valid.findLast(({ scopes }) => scopes.includes(scope))?.at)
    })
  })

  test('of several keys are summed as if they were one', () => {
    always(fc.tuple(uses, uses), ([a, b]) => {
      const now = Math.max(a.at(-1)?.at ?? NOON, b.at(-1)?.at ?? NOON)
      const sum = trimmed(sumUsages([counted(a, 3), counted(b, 3), EMPTY_KEY_USAGE]), now)
      const both = [...a, ...b].sort((one, other) => one.at - other.at)
      expect(sum.total).toMatchObject(fromScratch(both, now))
      expect(sum.total.lastAt).toBe(both.findLast(({ code }) => code === 'VALID')?.at ?? null)
    })
  })

  test.each([
    ['minute', MINUTE, 120],
    ['hour', HOUR, 168],
    ['day', DAY, 90],
  ] as const)('keep of each %s just the last, and a call in each of them', (name, ms, kept) => {
    let series = EMPTY_SERIES
    for (let bucket = 0; bucket < 3 * kept; bucket++)
      series = addToSeries(series, Math.floor((NOON + bucket * ms) / MINUTE), [1], NOON + bucket * ms)
    const last = Math.floor((NOON + (3 * kept - 1) * ms) / ms)
    expect(series[name]).toEqual(Array.from({ length: kept }, (_, index) => [last - kept + 1 + index, 1]))
    for (const [resolution, { kept: most }] of Object.entries(RESOLUTIONS))
      expect(series[resolution as Resolution].length).toBeLessThanOrEqual(most)
  })

  test('keep the 200 scopes that were exercised last', () => {
    let usage = EMPTY_KEY_USAGE
    const minute = Math.floor(NOON / MINUTE)
    for (let index = 0; index < MAX_EXERCISED_SCOPES + 50; index++) {
      const delta = createDelta(minute + index)
      count(delta, KEY, 'VALID', NOON + index * MINUTE, null, [`scope${index}`, 'always'])
      usage = addDelta(usage, deltaOf(delta), minute + index, NOON + index * MINUTE)
    }
    expect(namesOf(usage.scopes)).toHaveLength(MAX_EXERCISED_SCOPES)
    expect(usage.scopes['always']?.counts).toEqual([MAX_EXERCISED_SCOPES + 50])
    expect(Object.hasOwn(usage.scopes, 'scope0')).toBe(false)
  })
})

const deltaOf = ({ keys }: Delta) => keys.get(KEY) as NonNullable<ReturnType<typeof keys.get>>

describe('the time in which someone was alive to count', () => {
  const bucketsOf = (series: Series, name: Resolution) => series[name].map(([bucket]) => bucket)

  test('covers every minute from a sign of life to the next', () => {
    const from = Math.floor(NOON / MINUTE)
    const alive = addAlive(addAlive(EMPTY_SERIES, NOON, NOON + 2 * MINUTE), NOON + 2 * MINUTE, NOON + 3 * MINUTE)
    expect(bucketsOf(alive, 'minute')).toEqual([from, from + 1, from + 2, from + 3])
    expect(bucketsOf(alive, 'day')).toEqual([Math.floor(NOON / DAY)])
  })

  test('does not cover the time of a process that slept or was stopped', () => {
    expect(bucketsOf(addAlive(EMPTY_SERIES, NOON, NOON + HOUR), 'minute')).toEqual([Math.floor(NOON / MINUTE) + 60])
  })

  test('is kept as long as counts are', () => {
    let alive = EMPTY_SERIES
    for (let minute = 0; minute < 300; minute++) alive = addAlive(alive, NOON + minute * MINUTE, NOON + (minute + 1) * MINUTE)
    expect(bucketsOf(alive, 'minute')).toHaveLength(120)
    expect(bucketsOf(alive, 'minute').every((bucket, index, all) => index === 0 || bucket === (all[index - 1] as number) + 1)).toBe(true)
  })
})
