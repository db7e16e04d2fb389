import { expect, test } from 'vitest'
import { levelOf, scaleFor, shortCount } from '../../../components/charts/scale.ts'
import { always, fc } from '../../domain/seed.ts'

const peaks = fc.oneof(fc.nat(30), fc.nat(20_000), fc.nat(Number.MAX_SAFE_INTEGER))

test('ticks are round', () => {
  const ticks = (peak: number, most = 4): string => scaleFor(peak, most).ticks.map(shortCount).join(' ')
  expect(ticks(0)).toBe('0 1 2')
  expect(ticks(1)).toBe('0 1 2')
  expect(ticks(3)).toBe('0 1 2 3')
  expect(ticks(7)).toBe('0 2 4 6 8')
  expect(ticks(42)).toBe('0 15 30 45')
  expect(ticks(1000)).toBe('0 250 500 750 1k')
  expect(ticks(1180)).toBe('0 300 600 900 1.2k')
  expect(ticks(1180, 2)).toBe('0 1k 2k')
  expect(ticks(4_400_000)).toBe('0 1.5M 3M 4.5M')
  expect(ticks(Number.MAX_SAFE_INTEGER)).toBe('0 2.5P 5P 7.5P 10P')
})

test('three to five whole, evenly spaced ticks hold the peak, and at least half of the height is used', () => {
  always(fc.tuple(peaks, fc.integer({ min: -1, max: 9 })), ([peak, most]) => {
    const { top, ticks } = scaleFor(peak, most)
    expect(ticks.length).toBeGreaterThanOrEqual(3)
    expect(ticks.length).toBeLessThanOrEqual(Math.min(5, Math.max(3, most + 1)))
    expect(ticks[0]).toBe(0)
    expect(ticks.at(-1)).toBe(top)
    expect(ticks.every((tick, index) => Number.isInteger(tick) && tick === index * (ticks[1] ?? 0))).toBe(true)
    expect(top).toBeGreaterThanOrEqual(peak)
    if (peak > 1) expect(top).toBeLessThanOrEqual(2 * peak)
    for (const tick of ticks) expect(shortCount(tick)).toMatch(/^\d{1,3}(?:\.\d\d?)?[kMGTPE]?$/)
  })
})

test('a tick is written exactly', () => {
  expect([0, 7, 250, 999, 1000, 1500, 2_000_000, 1.5e9].map(shortCount)).toEqual(['0', '7', '250', '999', '1k', '1.5k', '2M', '1.5G'])
})

test('only zero stands on the floor, the top value at the top, and more is never lower', () => {
  always(fc.tuple(peaks, peaks, fc.integer({ min: 1, max: 90 })), ([a, b, steps]) => {
    const { top } = scaleFor(Math.max(a, b), 4)
    const [low, high] = [Math.min(a, b), Math.max(a, b)].map((value) => levelOf(value, top, steps, 1)) as [number, number]
    expect(low).toBeLessThanOrEqual(high)
    expect(high).toBeLessThanOrEqual(steps)
    expect(low === 0).toBe(Math.min(a, b) === 0)
    expect(levelOf(top, top, steps, 1)).toBe(steps)
  })
})
