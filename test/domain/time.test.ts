// Moments and durations as text: what is taken, what is refused, and that what is written can be read.

import { describe, expect, test } from 'vitest'
import {
  DAY_SECONDS,
  formatDistance,
  formatDuration,
  isoFrom,
  MAX_DURATION_SECONDS,
  parseDuration,
  parseInstant,
} from '../../src/domain/time.ts'
import { always, fc } from './seed.ts'

const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

describe('a moment', () => {
  test.each([
    ['2027-01-31', '2027-01-31T00:00:00.000Z'],
    ['2027-01-31T12:00', '2027-01-31T12:00:00.000Z'],
    ['2027-01-31 12:00:05', '2027-01-31T12:00:05.000Z'],
    ['2027-01-31T12:00:00.5', '2027-01-31T12:00:00.500Z'],
    ['2027-01-31T12:00:00.123456789Z', '2027-01-31T12:00:00.123Z'],
    ['2027-01-31T12:00:00Z', '2027-01-31T12:00:00.000Z'],
    ['2027-01-31T12:00:00+02:00', '2027-01-31T10:00:00.000Z'],
    ['2027-01-31T12:00:00-0530', '2027-01-31T17:30:00.000Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
    ['1970-01-01', '1970-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is %s: UTC unless a zone is given', (given, iso) => {
    expect(isoFrom(parseInstant(given) as number)).toBe(iso)
  })

  test.each([
    ...[
      '2026-02-30',
      '2027-02-29',
      '2026-13-01',
      '2026-00-01',
      '2026-01-00',
      '2026-04-31',
      '2026-01-01T24:00',
      '2026-01-01T12:60',
      '2026-01-01T12:00:60Z',
    ],
    ...[
      '2026-1-1',
      '26-01-01',
      '20260101',
      '2026-01',
      '2026',
      '2026-W01',
      '2026-001',
      '+12026-01-01',
      '1969-12-31',
      '1970-01-01T00:30+01:00',
      '9999-12-31T23:59-01:00',
    ],
    ...[
      '',
      'now',
      'tomorrow',
      '2026-01-01Z',
      '2026-01-01T',
      '2026-01-01T12',
      '2026-01-01T12:00 Z',
      ' 2026-01-01',
      '2026-01-01\n',
      '1700000000000',
      '2026-01-01T00:00:00.1234567890Z',
    ],
  ])('%s is refused', (given) => {
    expect(parseInstant(given)).toBeNull()
  })

  test('a text of a megabyte is refused', () => {
    for (const text of ['2'.repeat(1e6), `${'9'.repeat(1e6)}s`, `2026-01-01T00:00:00.${'0'.repeat(1e6)}Z`])
      expect([parseInstant(text), parseDuration(text)]).toEqual([null, null])
  })

  test('a Date is taken, an invalid or far one and any other value is refused', () => {
    expect(parseInstant(new Date(5))).toBe(5)
    for (const value of [new Date(Number.NaN), new Date(-1), new Date(LAST + 1), 5, null, undefined, {}, [], ['2026-01-01'], Symbol('now')])
      expect(parseInstant(value)).toBeNull()
    always(fc.anything(), (value) => {
      const at = parseInstant(value)
      if (at !== null) expect(Number.isInteger(at) && at >= 0 && at <= LAST).toBe(true)
    })
  })

  test('what is written is read as the same moment, from 1970 to 9999', () => {
    const moments = fc.oneof(fc.integer({ min: 0, max: LAST }), fc.integer({ min: 0, max: 10_000 }))
    always(moments, (at) => expect(parseInstant(isoFrom(at))).toBe(at), 5000)
  })
})

describe('a duration', () => {
  test.each([
    ['90s', 90],
    ['15m', 900],
    ['24h', 86_400],
    ['30d', 2_592_000],
    ['0s', 0],
    ['36525d', MAX_DURATION_SECONDS],
  ])('%s is %i seconds', (given, seconds) => {
    expect(parseDuration(given)).toBe(seconds)
  })

  test.each(['', 's', '1', '1 s', '-1s', '1.5h', '1S', '1w', '1h30m', '36526d', '99999999999s', '1s\n', '１s'])(
    '%s is refused',
    (given) => {
      expect(parseDuration(given)).toBeNull()
    },
  )

  test('is written in its largest whole unit and read as the same', () => {
    always(fc.integer({ min: 0, max: MAX_DURATION_SECONDS }), (seconds) => expect(parseDuration(formatDuration(seconds))).toBe(seconds))
    expect([0, 59, 60, 90, 3600, 5400, DAY_SECONDS, 36 * 3600].map(formatDuration)).toEqual([
      '0s',
      '59s',
      '1m',
      '90s',
      '1h',
      '90m',
      '1d',
      '36h',
    ])
  })
})

test('a distance is told in its largest unit, rounded down', () => {
  const now = 1e12
  const told = [0, 999, 1000, -59_999, 60_000, -3_600_000, 86_400_000 * 6.9, -86_400_000].map((ms) => formatDistance(now + ms, now))
  expect(told).toEqual(['now', 'now', 'in 1 s', '59 s ago', 'in 1 min', '1 h ago', 'in 6 d', '1 d ago'])
})
