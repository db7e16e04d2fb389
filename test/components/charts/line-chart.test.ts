import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { columnOf } from '../../../components/charts/resample.ts'
import { scaleFor } from '../../../components/charts/scale.ts'
import { plainText } from '../../../components/charts/segments.ts'
import { timeLabels } from '../../../components/charts/time-labels.ts'
import { always, fc } from '../../domain/seed.ts'
import { chartOf, dayOf, dotHeights, framed, MODES, pairs, plotOf } from './frames.ts'

const modes = fc.constantFrom(...MODES)
const ROWS = 7
const STEPS = ROWS * 4 - 1

describe('the frame', () => {
  test('every row is exactly as wide as asked and there are as many as asked, whatever the counts and the size', () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 24 }))
    always(fc.tuple(pairs, sizes, modes, fc.constantFrom('UTC', 'UTC-3:30')), ([{ accepted, limited }, [width, height], mode, zone]) => {
      const rows = chartOf(accepted, limited, { width, height, mode, zone })
      expect(rows).toHaveLength(height)
      for (const row of rows) {
        expect(stringWidth(plainText(row))).toBe(width)
        expect(plainText(row)).not.toMatch(/NaN|undefined|Infinity/)
      }
    })
  })

  test('in ASCII mode every character is ASCII, and the plot has no other marks than its own', () => {
    always(pairs, ({ accepted, limited }) => {
      const rows = chartOf(accepted, limited, { mode: 'ascii' })
      expect(rows.map(plainText).join('')).toMatch(/^[\x20-\x7e]*$/)
      if (accepted.some((value) => value !== null))
        expect(
          plotOf(rows)
            .flat()
            .map(({ glyph }) => glyph)
            .join(''),
        ).toMatch(/^[ *x|-]*$/)
    })
  })

  test('labels never touch, and each stands below its own mark', () => {
    always(
      fc.tuple(fc.integer({ min: 30, max: 200 }), fc.constantFrom('1h', '24h', '7d', '30d'), fc.nat(3000)),
      ([width, window, minutes]) => {
        const buckets = { '1h': 60, '24h': 24, '7d': 168, '30d': 30 }[window]
        const times = timeLabels(window, Date.UTC(2026, 10, 1, 0, minutes), () => 60)
        const rows = chartOf(Array(buckets).fill(1), null, { width, ...times }).map(plainText)
        const [axis = '', labels = ''] = rows.slice(-2)
        const found = [...labels.matchAll(/\S+(?: \S+)?/g)].map(({ index, 0: text }) => ({ index, text })).slice(1)
        const marks = [...axis.matchAll(/┬/g)].map(({ index }) => index)
        expect(found).toHaveLength(marks.length)
        const known = new Set(Array.from({ length: buckets }, (_, index) => times.labels(index)))
        for (const [place, { index, text }] of found.entries()) {
          expect(known).toContain(text)
          expect(marks[place]).toBeGreaterThanOrEqual(index)
          expect(marks[place]).toBeLessThan(index + text.length)
        }
      },
    )
  })
})

describe('the marks', () => {
  test('the peak is drawn in its column, at its height on the axis', () => {
    always(fc.tuple(fc.array(fc.nat(5000), { minLength: 1, maxLength: 200 }), modes), ([values, mode]) => {
      const peak = Math.max(...values)
      const rows = chartOf(values, null, { mode })
      const plot = plotOf(rows)
      const highest = plot.findIndex((row) => row.some(({ glyph }) => glyph !== ' '))
      const per = { braille: 4, block: 8, ascii: 1 }[mode]
      const steps = ROWS * per - 1
      const level = peak === 0 ? 0 : Math.max(mode === 'ascii' ? 0 : 1, Math.round((peak / scaleFor(peak, ROWS - 1).top) * steps))
      expect(ROWS - 1 - highest).toBe(Math.floor(level / per))
      const columns = plot[0]?.length ?? 0
      const scale = mode === 'braille' ? 2 : 1
      const column = Math.floor(columnOf(values.indexOf(peak), values.length, columns * scale) / scale)
      expect(plot[highest]?.[column]?.glyph).not.toBe(' ')
      if (mode === 'braille') expect(Math.max(...dotHeights(rows).map((height) => height ?? -1))).toBe(level)
    })
  })

  test('what was not counted is blank above a broken axis; zero is a mark above a whole one', () => {
    const buckets = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 })
    always(fc.tuple(buckets, modes, fc.nat(3)), ([counted, mode, value]) => {
      const rows = chartOf(
        counted.map((one) => (one ? value : null)),
        null,
        { mode },
      )
      const plot = plotOf(rows)
      if (!counted.includes(true)) return
      const columns = plot[0]?.length ?? 0
      const axis = plainText(rows.at(-2) ?? []).slice(-columns)
      for (const [bucket, isCounted] of counted.entries()) {
        const column = columnOf(bucket, counted.length, columns)
        expect(/[·.]/.test(axis[column] ?? '')).toBe(!isCounted)
        expect(plot.some((row) => row[column]?.glyph !== ' ')).toBe(isCounted)
        if (isCounted && value === 0) expect(plot.at(-1)?.[column]?.glyph).toBe({ braille: '⣀', block: '▁', ascii: '-' }[mode])
      }
    })
  })

  test('counts that only rise give heights that only rise, and equal counts equal heights', () => {
    const rising = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 200 }).map((all) => all.sort((a, b) => a - b))
    always(rising, (values) => {
      const heights = dotHeights(chartOf(values, null))
      expect(heights).not.toContain(null)
      expect(heights).toEqual(heights.toSorted((a, b) => (a ?? 0) - (b ?? 0)))
      if (values[0] === values.at(-1)) expect(new Set(heights).size).toBe(1)
    })
  })

  test('rate-limited calls are seen in every bucket that has some, even one among thousands', () => {
    const buckets = fc.array(fc.tuple(fc.nat(5000), fc.constantFrom(0, 0, 1, 50, 9000)), { minLength: 1, maxLength: 50 })
    always(fc.tuple(buckets, modes), ([all, mode]) => {
      const plot = plotOf(
        chartOf(
          all.map(([accepted]) => accepted),
          all.map(([, limited]) => limited),
          { mode },
        ),
      )
      const columns = plot[0]?.length ?? 0
      for (const [bucket, [, limited]] of all.entries()) {
        const column = columnOf(bucket, all.length, columns)
        const isSeen = plot.some((row) => row[column]?.ink === 1 && row[column]?.glyph !== ' ')
        if (limited > 0) expect(isSeen).toBe(true)
        else if (mode !== 'braille') expect(isSeen).toBe(false)
      }
    })
  })

  test('the dots of accepted calls are the same with and without rate-limited ones below them', () => {
    const { accepted, limited } = dayOf(60, 1000, [20, 26])
    expect(dotHeights(chartOf(accepted, limited))).toEqual(dotHeights(chartOf(accepted, null)))
    expect(Math.max(...dotHeights(chartOf(accepted, limited)).map((height) => height ?? 0))).toBeLessThanOrEqual(STEPS)
  })

  test('accepted calls are seen through more rate-limited ones', () => {
    for (const mode of ['block', 'ascii'] as const) {
      const plot = plotOf(chartOf(Array(10).fill(50), Array(10).fill(100), { mode }))
      expect(plot.filter((row) => row.every(({ ink }) => ink === 0))).toHaveLength(1)
      expect(plot.filter((row) => row.every(({ ink }) => ink === 1))).toHaveLength(ROWS - 1)
    }
    const glyphs = plotOf(chartOf(Array(10).fill(50), Array(10).fill(100))).map((row) => row[5]?.glyph)
    expect(glyphs.filter((glyph) => glyph !== '⣿')).toHaveLength(1)
  })
})

describe('the look', () => {
  const hour = (mode: (typeof MODES)[number], width: number, height: number): string => {
    const { accepted, limited } = dayOf(60, 1180, [20, 26])
    return framed(chartOf(accepted, limited, { mode, width, height, ...timeLabels('1h', Date.UTC(2026, 10, 26, 12, 38), () => 60) }))
  }
  for (const mode of MODES) test(`an hour in ${mode}`, () => expect(hour(mode, 76, 12)).toMatchSnapshot())
  test('an hour where there is little room', () => expect(hour('braille', 56, 6)).toMatchSnapshot())

  test('a week, wide', () => {
    const { accepted, limited } = dayOf(168, 3_400_000, [60, 61])
    const times = timeLabels('7d', Date.UTC(2026, 10, 19, 13), () => -210)
    expect(framed(chartOf(accepted, limited, { width: 116, height: 14, ...times, unit: 'calls/h' }))).toMatchSnapshot()
  })

  test('nothing, zero, one and always the same', () => {
    const all: (number | null)[][] = [
      [],
      Array(60).fill(null),
      Array(60).fill(0),
      [5],
      Array(60).fill(42),
      [null, null, 3, null, 0, 0, null, 1],
    ]
    for (const values of all) expect(framed(chartOf(values, null, { height: 8 }))).toMatchSnapshot()
  })

  test('parts are left out one after the other where there is no room, the plot last', () => {
    for (const height of [5, 4, 3, 2, 1]) expect(framed(chartOf([1, 2, null, 6], [0, 1, null, 0], { width: 30, height }))).toMatchSnapshot()
  })
})

test('a chart of 110 by 16 takes less than a millisecond', () => {
  const { accepted, limited } = dayOf(168, 3400, [60, 61])
  const times = timeLabels('7d', Date.UTC(2026, 10, 19, 13), () => 60)
  const once = (): number => {
    const start = performance.now()
    chartOf(accepted, limited, { width: 110, height: 16, ...times })
    return performance.now() - start
  }
  const taken = Array.from({ length: 200 }, once).sort((a, b) => a - b)
  expect(taken[100]).toBeLessThan(1)
})
