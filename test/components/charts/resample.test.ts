import { expect, test } from 'vitest'
import { columnOf, hasGap, sloped, stepped } from '../../../components/charts/resample.ts'
import { always, fc } from '../../domain/seed.ts'

const values = fc.array(fc.option(fc.nat(1000), { freq: 4 }), { minLength: 1, maxLength: 300 })
const columns = fc.integer({ min: 1, max: 400 })

test('few buckets become steps or a line, many their greatest', () => {
  expect(stepped([1, null, 3], 6)).toEqual([1, 1, null, null, 3, 3])
  expect(sloped([0, 3, null, 2], 12)).toEqual([0, 0, 1, 2, 3, 3, null, null, null, 2, 2, 2])
  expect(stepped([1, 9, 2, null, null, null], 3)).toEqual([9, 2, null])
  expect(sloped([1, 9, 2, null, null, null], 3)).toEqual([9, 2, null])
  expect(stepped([], 3)).toEqual([null, null, null])
})

test('every value is in the column of its bucket, or a greater one of the same column: no peak is lost and none is made up', () => {
  always(fc.tuple(values, columns, fc.constantFrom(stepped, sloped)), ([all, width, resampled]) => {
    const drawn = resampled(all, width)
    expect(drawn).toHaveLength(width)
    for (const [bucket, value] of all.entries()) {
      const there = drawn[columnOf(bucket, all.length, width)] ?? null
      if (value !== null) expect(there).toBeGreaterThanOrEqual(value)
      if (all.length <= width) expect(there).toBe(value)
    }
    expect(Math.max(...drawn.map((value) => value ?? -1))).toBe(Math.max(...all.map((value) => value ?? -1)))
    expect(drawn.some(Number.isNaN)).toBe(false)
  })
})

test('a gap is never bridged where it has columns of its own, and always marked', () => {
  always(fc.tuple(values, columns), ([all, width]) => {
    const gaps = hasGap(all, width)
    for (const [bucket, value] of all.entries()) if (value === null) expect(gaps[columnOf(bucket, all.length, width)]).toBe(true)
    for (const resampled of [stepped, sloped]) {
      const drawn = resampled(all, width)
      for (const [column, value] of drawn.entries()) if (value === null) expect(gaps[column]).toBe(true)
      if (all.length <= width) expect(drawn.map((value) => value === null)).toEqual(gaps)
    }
    if (!all.includes(null)) expect(gaps).not.toContain(true)
  })
})

test('what only rises is drawn only rising', () => {
  const rising = fc.array(fc.nat(1000), { minLength: 1, maxLength: 200 }).map((all) => all.sort((a, b) => a - b))
  always(fc.tuple(rising, columns, fc.constantFrom(stepped, sloped)), ([all, width, resampled]) => {
    const drawn = resampled(all, width).filter((value) => value !== null)
    expect(drawn).toEqual(drawn.toSorted((a, b) => a - b))
  })
})
