// One limit against an exact sliding log: never more than the limit in any window, never much less than it could be.

import { describe, expect, test } from 'vitest'
import type { LimitState } from '../../src/domain/limit.ts'
import { absorb, admit, carryOver, createLimit, MAX_LIMIT, used, waitMs, wholeAt } from '../../src/domain/limit.ts'
import { exactLog, PATTERNS, quickRandom, worstIn } from './arrivals.ts'
import { always, fc } from './seed.ts'

const WINDOW_SECONDS = 60
const WINDOW_MS = WINDOW_SECONDS * 1000

function take(state: LimitState, now: number): boolean {
  if (waitMs(state, now) > 0) return false
  admit(state, now)
  return true
}

/** What the limit admits of the arrivals, and how many an exact log would. */
function replay(limit: number, arrivals: readonly number[]) {
  const state = createLimit(limit, WINDOW_SECONDS)
  const log = exactLog(limit, WINDOW_MS)
  for (const at of arrivals) log.take(at)
  return { admitted: arrivals.filter((at) => take(state, at)), exact: log.admitted.length }
}

const LIMITS = [...Array.from({ length: 200 }, (_, index) => [index + 1, 10] as const), [1000, 20] as const, [100_000, 4] as const]

describe.each(Object.entries(PATTERNS))('%s', (_, pattern) => {
  test('never more than the limit in any half-open window, and at least 0.95 of an exact log', () => {
    for (const [limit, windows] of LIMITS) {
      const arrivals = pattern(limit, WINDOW_MS, windows, quickRandom(limit))
      const { admitted, exact } = replay(limit, arrivals)
      const worst = worstIn(admitted, WINDOW_MS)
      if (worst > limit || admitted.length < 0.95 * exact)
        expect.fail(`limit ${limit}: ${worst} in a window, ${admitted.length} of ${exact} admitted`)
      if (limit <= 24 && admitted.length !== exact) expect.fail(`limit ${limit} is not exact: ${admitted.length} of ${exact}`)
    }
  })
})

const limits = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 5000 }))

describe('one limit', () => {
  test('an idle limit admits all of its calls at once, and not one more', () => {
    for (const limit of [...Array.from({ length: 200 }, (_, index) => index + 1), 1000, 100_000]) {
      const state = createLimit(limit, WINDOW_SECONDS)
      for (let round = 0; round < 3; round++) {
        const now = round * WINDOW_MS
        const admitted = Array.from({ length: limit + 5 }, () => take(state, now)).filter(Boolean).length
        if (admitted !== limit) expect.fail(`limit ${limit} admitted ${admitted} in round ${round}`)
      }
    }
  })

  test('the window is half open: a call counts up to its end and not at it', () => {
    const state = createLimit(1, WINDOW_SECONDS)
    expect([take(state, 0), take(state, WINDOW_MS - 0.001), take(state, WINDOW_MS), take(state, WINDOW_MS)]).toEqual([
      true,
      false,
      true,
      false,
    ])
  })

  test('refused calls neither count nor push the window', () => {
    const state = createLimit(3, WINDOW_SECONDS)
    for (let call = 0; call < 3; call++) take(state, 0)
    for (let at = 1; at < WINDOW_MS; at += 7) expect(take(state, at)).toBe(false)
    expect(used(state, WINDOW_MS)).toBe(0)
    expect(take(state, WINDOW_MS)).toBe(true)
  })

  test('a call is admitted after just the time that the limit names, and no earlier', () => {
    const calls = fc.array(fc.nat(40_000), { minLength: 1, maxLength: 200 })
    always(fc.tuple(fc.integer({ min: 1, max: 60 }), calls), ([limit, gaps]) => {
      const state = createLimit(limit, WINDOW_SECONDS)
      let now = 0
      for (const gap of gaps) {
        now += Math.floor(gap / limit)
        const wait = waitMs(state, now)
        if (wait === 0) admit(state, now)
        else {
          expect(waitMs(structuredClone(state), now + wait - 1)).toBe(1)
          expect(waitMs(structuredClone(state), now + wait)).toBe(0)
        }
      }
    })
  })

  test('it is whole again one window after the last call, and not before', () => {
    const state = createLimit(100, WINDOW_SECONDS)
    expect(wholeAt(state, 5)).toBe(5)
    for (let call = 0; call < 40; call++) take(state, call * 10)
    expect(wholeAt(state, 400)).toBe(390 + WINDOW_MS)
    expect(used(structuredClone(state), 389 + WINDOW_MS)).toBeGreaterThan(0)
    expect(used(state, 390 + WINDOW_MS)).toBe(0)
  })

  test('its memory is at most 25 times whatever the limit, and at most 512 bytes', () => {
    for (const limit of [1, 2, 31, 32, 33, 34, 63, 64, 65, 1000, 99_999, MAX_LIMIT]) {
      const state = createLimit(limit, WINDOW_SECONDS)
      for (let at = 0; at < 100; at++) absorb(state, MAX_LIMIT, at % 3 === 0 ? at : 100 - at)
      expect(used(state, 0)).toBeGreaterThanOrEqual(limit)
      expect([state.groupCount, state.older.length]).toEqual([25, 48])
      const numbers = Object.values(state).filter((value) => typeof value === 'number').length
      expect((state.older.length + numbers) * 8).toBeLessThanOrEqual(512)
    }
  })
})

describe('calls that others admitted', () => {
  const events = fc.array(fc.tuple(fc.nat(20_000), fc.option(fc.record({ count: fc.integer({ min: 1, max: 40 }), age: fc.nat(90_000) }))), {
    maxLength: 150,
  })

  test('count against the limit in every window that ends with a call admitted here', () => {
    always(fc.tuple(fc.integer({ min: 1, max: 150 }), events), ([limit, all]) => {
      const state = createLimit(limit, WINDOW_SECONDS)
      const known: number[] = []
      let now = 100_000
      for (const [gap, remote] of all) {
        now += gap
        if (remote !== null) {
          const at = now - remote.age
          if (remote.age < WINDOW_MS) absorb(state, remote.count, at)
          for (let call = 0; call < remote.count; call++) known.push(at)
        } else if (take(state, now)) {
          known.push(now)
          expect(known.filter((at) => at > now - WINDOW_MS).length).toBeLessThanOrEqual(limit)
        }
      }
    })
  })

  test('lock nobody out for longer than a window', () => {
    always(fc.tuple(limits, fc.array(fc.tuple(fc.nat(3000), fc.nat(10_000)), { maxLength: 20 })), ([limit, absorbed]) => {
      const state = createLimit(limit, WINDOW_SECONDS)
      let now = 0
      for (const [gap, count] of absorbed) {
        now += gap
        absorb(state, count, now)
      }
      expect(used(state, now + WINDOW_MS)).toBe(0)
    })
  })
})

describe('a limit that is edited', () => {
  const spans = fc.integer({ min: 1, max: 120 })
  const gaps = fc.array(fc.nat(3000), { maxLength: 300 })
  /** A limit with some calls admitted, and the exact log of them. */
  const usedLimits = fc.tuple(limits, spans, gaps).map(([limit, seconds, all]) => {
    const state = createLimit(limit, seconds)
    const times: number[] = []
    let now = 0
    for (const gap of all) {
      now += gap
      if (take(state, now)) times.push(now)
    }
    return { state, times, now, seconds }
  })

  test('keeps every call that is still inside both windows, and invents none', () => {
    always(fc.tuple(usedLimits, limits, spans), ([{ state, times, now, seconds }, limit, nextSeconds]) => {
      const before = used(state, now)
      const inside = times.filter((at) => at > now - Math.min(seconds, nextSeconds) * 1000).length
      const after = used(carryOver(state, limit, nextSeconds), now)
      expect(after).toBeGreaterThanOrEqual(Math.min(inside, limit))
      expect(after).toBeLessThanOrEqual(before)
      expect(used(state, now)).toBe(before)
    })
  })

  test('counts just as much as before when it is raised', () => {
    always(fc.tuple(usedLimits, fc.nat(5000)), ([{ state, now, seconds }, more]) => {
      expect(used(carryOver(state, state.limit + more, seconds), now)).toBe(used(state, now))
    })
  })

  test('is whole again no later than before', () => {
    always(fc.tuple(usedLimits, limits), ([{ state, now, seconds }, limit]) => {
      expect(wholeAt(carryOver(state, limit, seconds), now)).toBe(wholeAt(state, now))
    })
  })

  test('frees nothing when it is lowered and raised again within a window', () => {
    const state = createLimit(1000, WINDOW_SECONDS)
    for (let call = 0; call < 900; call++) admit(state, call)
    const raised = carryOver(carryOver(state, 10, WINDOW_SECONDS), 1000, WINDOW_SECONDS)
    expect(used(raised, 1000)).toBe(900)
  })
})
