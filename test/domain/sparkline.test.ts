import { expect, test } from 'vitest'
import { ASCII_MARKS, BLOCK_MARKS, sparkline } from '../../src/domain/sparkline.ts'
import { always, fc } from './seed.ts'

const counts = fc.array(fc.option(fc.oneof(fc.nat(20), fc.nat(Number.MAX_SAFE_INTEGER))), { maxLength: 80 })

test('zero is the lowest mark, the most the highest, a gap a space', () => {
  expect(sparkline([0, 1, 4, null, 7, 0])).toBe('▁▂▅ █▁')
  expect(sparkline([0, 1, 4, null, 7, 0], ASCII_MARKS)).toBe('_.= #_')
  expect(sparkline([0, 0, null])).toBe('▁▁ ')
  expect(sparkline([])).toBe('')
})

test('a call among millions still stands above zero, and by powers of ten well above it', () => {
  expect(sparkline([0, 1, 1_000_000])).toBe('▁▂█')
  expect(sparkline([0, 1, 100, 10_000, 1_000_000], BLOCK_MARKS, true)).toBe('▁▂▄▆█')
})

test('a greater count is never a lower mark', () => {
  always(fc.tuple(counts, fc.constantFrom(BLOCK_MARKS, ASCII_MARKS), fc.boolean()), ([values, marks, isLog]) => {
    const drawn = [...sparkline(values, marks, isLog)]
    expect(drawn).toHaveLength(values.length)
    const sorted = values
      .map((value, index) => ({ value, mark: marks.indexOf(drawn[index] ?? '') }))
      .filter(({ value, mark }) => (value === null ? mark !== -1 : true))
      .sort((a, b) => (a.value ?? -1) - (b.value ?? -1))
    expect(sorted.every(({ value }) => value !== null)).toBe(true)
    for (const [index, { value, mark }] of sorted.entries()) {
      expect(mark).toBeGreaterThanOrEqual(sorted[index - 1]?.mark ?? 0)
      expect(mark === 0).toBe(value === 0)
    }
  })
})
