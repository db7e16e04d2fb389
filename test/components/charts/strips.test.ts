import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import { heatmap } from '../../../components/charts/heatmap.ts'
import { histogram } from '../../../components/charts/histogram.ts'
import { columnOf } from '../../../components/charts/resample.ts'
import { plainText } from '../../../components/charts/segments.ts'
import { sparkline } from '../../../components/charts/sparkline.ts'
import { always, fc } from '../../domain/seed.ts'
import { framed, MODES } from './frames.ts'

const HOUR = 3_600_000
const modes = fc.constantFrom(...MODES)
const counts = fc.array(fc.nat(100_000), { maxLength: 200 })
const widths = fc.integer({ min: 1, max: 200 })
/** Central European winter time. */
const zone = (ms: number) => {
  const local = ms / HOUR + 1
  return { weekday: (Math.floor(local / 24) + 3) % 7, hour: local % 24 }
}
const hourOf = (iso: string): number => Date.parse(iso) / HOUR

test('a sparkline keeps its width, its peaks and its gaps, and is never stretched', () => {
  expect(sparkline([1, 2, 3, null, 0, 7, 100, 50], 12, 'block')).toBe('    ▂▂▂ ▁▂█▅')
  expect(sparkline([0, 0, 0, 9, null, null, 0, 0], 4, 'braille')).toBe('▁█ ▁')
  expect(sparkline([0, 0, 0, 9, null, null, 0, 0], 4, 'ascii')).toBe('_# _')
  always(fc.tuple(counts, widths, modes), ([values, width, mode]) => {
    const drawn = sparkline(values, width, mode)
    expect(stringWidth(drawn)).toBe(width)
    if (values.some((value) => value > 0)) expect(drawn).toMatch(/[█#]/)
  })
})

test('a histogram shows the cursor in the column of its count, and all the rest as it is without', () => {
  always(fc.tuple(counts, widths, modes, fc.nat(250), fc.boolean()), ([all, width, mode, cursor, isLog]) => {
    const plain = plainText(histogram({ counts: all, width, mode, isLog }))
    const marked = plainText(histogram({ counts: all, width, mode, isLog, cursor }))
    expect([stringWidth(plain), stringWidth(marked)]).toEqual([width, width])
    const column = cursor < all.length ? columnOf(cursor, all.length, width) : null
    const expected = column === null ? plain : plain.slice(0, column) + (mode === 'ascii' ? '|' : '┃') + plain.slice(column + 1)
    expect(marked).toBe(expected)
  })
})

test('with a scale of powers of ten a few are seen beside many', () => {
  const all = [0, 3, 40, 500, 60_000, 2]
  expect(plainText(histogram({ counts: all, width: 12, mode: 'block' }))).toBe('▁▁▂▂▂▂▂▂██▂▂')
  expect(plainText(histogram({ counts: all, width: 12, mode: 'block', isLog: true }))).toBe('▁▁▂▂▄▄▅▅██▂▂')
  expect(histogram({ counts: all, width: 6, mode: 'ascii', isLog: true, cursor: 2 })).toEqual([
    { text: '_.', ink: 0 },
    { text: '|', ink: 1 },
    { text: '=#.', ink: 0 },
  ])
})

test('a heatmap has a call in the row of its weekday and the column of its hour, in the zone of the viewer', () => {
  const rows = heatmap({ hours: [[hourOf('2026-11-22T23:00:00Z'), 8]], zone, width: 60, mode: 'block' }).map(plainText)
  expect(rows[1]).toBe(`Mon ${'██'.padEnd(48)}        `)
  expect(rows.at(-1)).toBe('busiest Mon 00:00-01:00, 8 calls                    1 ░▒▓█ 8')
})

test('a week looks so', () => {
  const hours = Array.from({ length: 168 }, (_, index) => {
    const hour = hourOf('2026-11-16T00:00:00Z') + index
    const { weekday, hour: local } = zone(hour * HOUR)
    const wave = Math.max(0, Math.sin(((local - 7) / 12) * Math.PI)) * (weekday > 4 ? 300 : 1200)
    return [hour, Math.round(wave) + weekday] as const
  })
  expect(framed(heatmap({ hours, zone, width: 56, mode: 'block' }))).toMatchSnapshot()
  expect(framed(heatmap({ hours, zone, width: 80, mode: 'ascii' }))).toMatchSnapshot()
  expect(framed(heatmap({ hours: [], zone, width: 36, mode: 'block' }))).toMatchSnapshot()
})

test('a heatmap is nine rows of the width, only hours without a call are blank, and the busiest is the darkest', () => {
  const some = fc.array(fc.tuple(fc.integer({ min: 490_000, max: 490_400 }), fc.integer({ min: 1, max: 1_000_000 })), { maxLength: 60 })
  always(fc.tuple(some, widths, fc.constantFrom('block', 'ascii')), ([hours, width, mode]) => {
    const rows = heatmap({ hours, zone, width, mode }).map(plainText)
    expect(rows.map((row) => stringWidth(row))).toEqual(Array(9).fill(width))
    const columns = Math.min(4, Math.floor((width - 4) / 24))
    if (columns < 1) return
    const busy = new Set(hours.map(([hour]) => JSON.stringify(zone(hour * HOUR))))
    for (let weekday = 0; weekday < 7; weekday++)
      for (let hour = 0; hour < 24; hour++)
        expect(rows[weekday + 1]?.[4 + hour * columns] !== ' ').toBe(busy.has(JSON.stringify({ weekday, hour })))
    if (hours.length > 0) expect(rows.slice(1, 8).join('')).toMatch(mode === 'ascii' ? /#/ : /█/)
  })
})
