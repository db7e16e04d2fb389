// Limits that several processes share: what one admits is handed over, kept in bounded space, and learned by the others.

import { describe, expect, test } from 'vitest'
import type { Admission } from '../../src/domain/admissions.ts'
import { keepAdmissions } from '../../src/domain/admissions.ts'
import type { Limiter } from '../../src/domain/limiter.ts'
import { createLimiter } from '../../src/domain/limiter.ts'
import { manualClock, NOON } from '../store/harness.ts'
import { quickRandom, worstIn } from './arrivals.ts'
import { always, fc } from './seed.ts'

const KEY = 'key_000000000000'
const WINDOW_MS = 60_000
/** After so long without a look a process does not know any more what it has seen. */
const FORGOTTEN_MS = 5000

interface Admitted {
  readonly at: number
  readonly by: number
}

/** Processes with one clock and one shared list of admissions, as the usage file is. */
function processes(count: number, limit: number) {
  const clock = manualClock()
  let kept: Admission[] = []
  let seq = 0
  const admitted: Admitted[] = []
  const limiters = Array.from({ length: count }, (_, index) => createLimiter(clock.clocks, `process${index}`, () => kept))
  const seen = limiters.map(() => 0)
  const lookedAt = limiters.map(() => 0)
  return {
    clock,
    admitted,
    limiters,
    kept: () => kept,
    take(index: number): boolean {
      const { isAllowed } = (limiters[index] as Limiter).take(KEY, [{ name: 'default', limit, windowSeconds: WINDOW_MS / 1000 }], false)
      if (isAllowed) admitted.push({ at: clock.clocks.monotonic(), by: index })
      return isAllowed
    },
    /** The process learns what is shared, then shares what it admitted. */
    flush(index: number): void {
      const limiter = limiters[index] as Limiter
      const now = clock.clocks.monotonic()
      limiter.learn(() => kept, now - (lookedAt[index] as number) < FORGOTTEN_MS ? (seen[index] as number) : null)
      lookedAt[index] = now
      const calls = limiter.unshared().map(({ at, count: calls }) => ({ seq: seq + 1, at, count: calls, by: `process${index}` }))
      if (calls.length > 0) seq++
      kept = keepAdmissions(kept, calls, WINDOW_MS, clock.now())
      seen[index] = seq
    },
  }
}

const timesOf = (admitted: readonly Admitted[]) => admitted.map(({ at }) => at)

describe('processes that share a store', () => {
  test.each([3, 10, 32, 50, 100, 1000])('at a limit of %i admit together no more when each tells the others at once', (limit) => {
    const random = quickRandom(limit)
    const { clock, take, flush, admitted } = processes(3, limit)
    for (let call = 0; call < 6 * limit; call++) {
      clock.pass(Math.floor((random() * 2 * WINDOW_MS) / limit))
      const caller = Math.floor(random() * 3)
      flush(caller)
      take(caller)
      flush(caller)
    }
    expect(worstIn(timesOf(admitted), WINDOW_MS)).toBeLessThanOrEqual(limit)
    expect(admitted.length).toBeGreaterThan(0.8 * limit)
  })

  test.each([10, 100, 1000])('at a limit of %i exceed it at most by what the others admit while they are not heard', (limit) => {
    const delay = 1250
    const random = quickRandom(limit + 1)
    const { clock, take, flush, admitted } = processes(4, limit)
    for (let second = 0; second < 300; second++) {
      for (let call = 0; call < limit / 10; call++) take(Math.floor(random() * 4))
      for (let index = 0; index < 4; index++) flush(index)
      clock.pass(1000)
    }
    for (const [index, { at, by }] of admitted.entries()) {
      const known = admitted.slice(0, index + 1).filter((one) => one.at > at - WINDOW_MS && (one.by === by || one.at <= at - delay))
      if (known.length > limit) expect.fail(`${known.length} known calls in the window at ${at}`)
    }
    expect(admitted.length).toBeGreaterThan(4 * limit)
  })

  test('one that begins later knows what the others have admitted', () => {
    const { take, flush } = processes(2, 5)
    for (let call = 0; call < 5; call++) expect(take(0)).toBe(true)
    flush(0)
    expect(take(1)).toBe(false)
  })

  test('that are many and busy lose nothing of each other when admissions are joined to save space', () => {
    const { clock, limiters, take, flush, admitted } = processes(200, 200)
    const [last] = limiters.slice(-1) as [Limiter]
    take(199)
    for (let index = 0; index < 199; index++) {
      clock.pass(10)
      take(index)
      flush(index)
    }
    expect(admitted).toHaveLength(200)
    flush(199)
    expect(last.take(KEY, [{ name: 'default', limit: 200, windowSeconds: 60 }], true).isAllowed).toBe(false)
  })

  test('nobody counts its own calls twice', () => {
    const { clock, take, flush } = processes(1, 10)
    for (let call = 0; call < 10; call++) {
      expect(take(0)).toBe(true)
      flush(0)
      clock.pass(3000)
    }
  })

  test('what could not be shared is shared the next time', () => {
    const { clock, limiters, take, flush, kept } = processes(2, 5)
    take(0)
    clock.pass(1000)
    take(0)
    const lost = (limiters[0] as Limiter).unshared()
    expect(lost).toMatchObject([{ keyId: KEY, name: 'default', windowMs: WINDOW_MS, at: NOON + 1000, count: 2 }])
    take(0)
    ;(limiters[0] as Limiter).giveBack(lost)
    flush(0)
    expect(kept()).toMatchObject([{ at: NOON + 1000, count: 3, by: 'process0' }])
    for (let call = 0; call < 2; call++) expect(take(1)).toBe(true)
    expect(take(1)).toBe(false)
  })
})

describe('admissions that are kept', () => {
  const calls = (all: readonly Admission[], from = Number.NEGATIVE_INFINITY) =>
    all.reduce((sum, { at, count }) => sum + (at > from ? count : 0), 0)
  const admissions = fc
    .array(
      fc.record({
        seq: fc.integer({ min: 1, max: 50 }),
        age: fc.nat(2 * WINDOW_MS),
        count: fc.integer({ min: 1, max: 9 }),
        by: fc.constantFrom('a', 'b'),
      }),
      {
        maxLength: 400,
      },
    )
    .map((all) => all.map(({ age, ...one }) => ({ ...one, at: NOON - age })))

  test('never leave the window early, and late by a part of it at most', () => {
    always(fc.tuple(admissions, fc.nat(WINDOW_MS)), ([all, later]) => {
      const kept = keepAdmissions([], all, WINDOW_MS, NOON)
      const edge = NOON + later - WINDOW_MS
      expect(calls(kept, edge)).toBeGreaterThanOrEqual(calls(all, edge))
      if (all.length <= 128) expect(calls(kept, edge)).toBeLessThanOrEqual(calls(all, edge - WINDOW_MS / 32))
    })
  })

  test('are at most 128, however many are added', () => {
    always(
      admissions,
      (all) => {
        let kept: Admission[] = []
        for (const one of all) kept = keepAdmissions(kept, [one], WINDOW_MS, NOON)
        expect(kept.length).toBeLessThanOrEqual(128)
        expect(calls(kept)).toBe(calls(all.filter(({ at }) => at > NOON - WINDOW_MS)))
      },
      50,
    )
  })

  test('stay apart until every process has had the time to learn them', () => {
    const fresh = [1, 2, 3, 4].map((seq) => ({ seq, at: NOON - seq, count: 1, by: 'a' }))
    expect(keepAdmissions([], fresh, WINDOW_MS, NOON)).toEqual(fresh.toReversed())
    expect(keepAdmissions([], fresh, WINDOW_MS, NOON + 20_000)).toEqual([{ seq: 4, at: NOON - 1, count: 4, by: '' }])
  })

  test('are forgotten a window after a clock was set back, and not when it has caught up', () => {
    const hourAhead = [{ seq: 1, at: NOON + 3_600_000, count: 5, by: 'a' }]
    const kept = keepAdmissions(hourAhead, [], WINDOW_MS, NOON)
    expect(keepAdmissions(kept, [], WINDOW_MS, NOON + WINDOW_MS)).toEqual([])
  })
})
