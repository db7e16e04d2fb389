// The meter: what was counted is handed over once, taken back when it can't be written, and never lost; refusals are bounded.

import { describe, expect, test } from 'vitest'
import type { Delta } from '../../src/domain/delta.ts'
import type { Counted, Meter, TabHolder } from '../../src/domain/meter.ts'
import { createMeter, deltasOf, oneEachMinute } from '../../src/domain/meter.ts'
import type { Use } from '../../src/domain/ports.ts'
import { VERDICT_CODES } from '../../src/domain/verdict.ts'
import { NOON } from '../store/harness.ts'
import { always, fc } from './seed.ts'

const MINUTE = 60_000

const use = (fields: Partial<Use> = {}): Use => ({
  keyId: 'key_000000000000',
  userId: 'user1',
  code: 'VALID',
  at: NOON,
  shortId: null,
  scopes: [],
  ...fields,
})
const refused = (at: number, keyId: string | null = null): Use => use({ code: 'NOT_FOUND', keyId, userId: null, at })
const callsOf = (deltas: readonly Delta[]): number =>
  deltas.flatMap(({ keys }) => [...keys.values()]).reduce((sum, { counts }) => sum + counts.reduce((all, calls) => all + calls, 0), 0)
const sumOf = (refusals: readonly { readonly count: number }[]): number => refusals.reduce((sum, { count }) => sum + count, 0)
const takeAll = (meter: Meter) => meter.take(NOON, true)

describe('counts', () => {
  test('of scopes are no more than will be kept, the newest of them, however many are asked for while nothing can be written', () => {
    const meter = createMeter()
    for (let call = 0; call < 3000; call++)
      meter.count(use({ at: NOON + Math.floor(call / 10) * MINUTE, scopes: [`files:${call}`, `files:${call}:more`] }))
    const held = meter.pending().map(({ keys }) => keys.get('key_000000000000')?.scopes.size ?? 0)
    expect(Math.max(...held)).toBe(200)
    expect(meter.pending().at(-1)?.keys.get('key_000000000000')?.scopes.has('files:2999')).toBe(true)
    expect(callsOf(meter.pending())).toBe(3000)
  })

  test('are neither lost nor doubled, however often they are handed over and taken back', () => {
    const events = fc.array(
      fc.oneof(
        { weight: 8, arbitrary: fc.tuple(fc.nat(3 * MINUTE), fc.constantFrom(...VERDICT_CODES), fc.constantFrom('a', 'b', null)) },
        { weight: 2, arbitrary: fc.boolean() },
      ),
      { maxLength: 400 },
    )
    always(events, (all) => {
      const meter = createMeter()
      let [at, counted, refusals, handedOver, recorded] = [NOON, 0, 0, 0, 0]
      for (const event of all) {
        if (typeof event === 'boolean') {
          const taken = meter.take(at, false)
          if (event) meter.giveBack(taken)
          else {
            handedOver += callsOf(taken.deltas)
            recorded += sumOf(taken.refusals)
          }
          continue
        }
        const [gap, code, keyId] = event
        at += gap
        counted++
        if (code !== 'VALID') refusals++
        meter.count(use({ at, code, keyId }))
      }
      const rest = meter.take(at, true)
      expect(handedOver + callsOf(rest.deltas)).toBe(counted)
      expect(recorded + sumOf(rest.refusals)).toBe(refusals)
      expect(meter.isEmpty()).toBe(true)
    })
  })

  test('on tabs are neither lost nor doubled, whoever looks, takes or gives back in between', () => {
    const call = fc.record({ kind: fc.constant('call'), tab: fc.nat(3), gap: fc.nat(MINUTE / 2), scope: fc.constantFrom('a', 'b', null) })
    const event = fc.oneof(
      { weight: 8, arbitrary: call },
      { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('look', 'take', 'settle', 'giveBack') }) },
    )
    always(fc.array(event, { maxLength: 200 }), (all) => {
      const meter = createMeter()
      const holders = Array.from({ length: 4 }, (): TabHolder => ({ tab: null }))
      let [at, counted, settled] = [NOON, 0, 0]
      let taken: Counted | null = null
      for (const event of all) {
        if ('tab' in event) {
          at += event.gap
          const scopes = event.scope === null ? [] : [event.scope]
          meter.count(use({ at, keyId: `key${event.tab % 2}`, shortId: `secret${event.tab}`, scopes }), holders[event.tab])
          counted++
        } else if (event.kind === 'take' && taken === null) taken = meter.take(at, false)
        else if (event.kind === 'settle' && taken !== null) {
          const once = oneEachMinute(deltasOf(taken))
          expect(new Set(once.map(({ minute }) => minute)).size).toBe(once.length)
          settled += callsOf(once)
          meter.settle()
          taken = null
        } else if (event.kind === 'giveBack' && taken !== null) {
          meter.giveBack(taken)
          taken = null
        } else if (event.kind === 'look') expect(settled + callsOf(meter.pending())).toBe(counted)
      }
      expect(settled + callsOf(meter.pending())).toBe(counted)
    })
  })

  test('are summed minute by minute, and shown while they wait', () => {
    const meter = createMeter()
    for (const at of [NOON, NOON + 59_999, NOON + MINUTE]) meter.count(use({ at, shortId: 'secret000001', scopes: ['read'] }))
    expect(meter.pending().map(({ minute, keys }) => [minute, [...keys.values()].map(({ counts }) => counts[0])])).toEqual([
      [NOON / MINUTE, [2]],
      [NOON / MINUTE + 1, [1]],
    ])
  })

  test('that nobody can write wait in bounded space, all of them', () => {
    const meter = createMeter()
    for (let minute = 0; minute < 1000; minute++) {
      meter.count(use({ at: NOON + minute * MINUTE }))
      meter.giveBack(meter.take(NOON + minute * MINUTE, false))
    }
    expect(meter.pending().length).toBeLessThanOrEqual(180)
    expect(callsOf(meter.pending())).toBe(1000)
  })
})

describe('refusals for the log', () => {
  test('are one sum for a key, a code and a minute, handed over when the minute has ended', () => {
    const meter = createMeter()
    for (let call = 0; call < 5; call++) meter.count(use({ code: 'RATE_LIMITED', at: NOON + call * 1000 }))
    meter.count(use({ code: 'EXPIRED', at: NOON + 7000 }))
    meter.count(use({ code: 'RATE_LIMITED', at: NOON + MINUTE }))
    expect(meter.take(NOON + 59_999, false).refusals).toEqual([])
    expect(meter.take(NOON + MINUTE, false).refusals).toMatchObject([
      { keyId: 'key_000000000000', userId: 'user1', code: 'RATE_LIMITED', since: NOON, count: 5 },
      { code: 'EXPIRED', since: NOON + 7000, count: 1 },
    ])
    expect(takeAll(meter).refusals).toMatchObject([{ code: 'RATE_LIMITED', since: NOON + MINUTE, count: 1 }])
  })

  test('are at most 100 sums a minute, and one that counts the rest', () => {
    const meter = createMeter()
    for (let key = 0; key < 5000; key++) meter.count(refused(NOON + key, `key${key}`))
    for (let key = 0; key < 5000; key++) meter.count(refused(NOON + 10_000 + key, `key${key}`))
    const { refusals } = takeAll(meter)
    expect(refusals).toHaveLength(101)
    expect(refusals.filter(({ code }) => code === null)).toMatchObject([{ keyId: null, userId: null, count: 2 * 4900 }])
    expect(sumOf(refusals)).toBe(10_000)
  })

  test('of a new minute are told apart again', () => {
    const meter = createMeter()
    for (let key = 0; key < 200; key++) meter.count(refused(NOON, `key${key}`))
    meter.count(refused(NOON + MINUTE, 'key199'))
    expect(takeAll(meter).refusals.filter(({ code }) => code !== null)).toHaveLength(101)
  })
})
