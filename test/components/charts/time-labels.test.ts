import { expect, test } from 'vitest'
import { timeLabels, zoneText } from '../../../components/charts/time-labels.ts'
import type { UsageWindow } from '../../../src/domain/usage.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const at = (iso: string): number => Date.parse(iso)

/** The labels of each set of ticks. */
function shown(window: UsageWindow, start: string, offset: number | ((ms: number) => number)): string[] {
  const { labels, ticks } = timeLabels(window, at(start), typeof offset === 'number' ? () => offset : offset)
  return ticks.map((indices) => indices.map(labels).join(' '))
}

test('a zone is written as its distance from UTC', () => {
  expect([0, 60, -300, 330, -210, 840].map(zoneText)).toEqual(['UTC', 'UTC+1', 'UTC-5', 'UTC+5:30', 'UTC-3:30', 'UTC+14'])
})

test('an hour is labelled at round minutes of the viewer', () => {
  const [fives, tens, quarters, halves] = shown('1h', '2026-11-26T12:38:00Z', 60)
  expect(fives).toBe('13:40 13:45 13:50 13:55 14:00 14:05 14:10 14:15 14:20 14:25 14:30 14:35')
  expect(tens).toBe('13:40 13:50 14:00 14:10 14:20 14:30')
  expect(quarters).toBe('13:45 14:00 14:15 14:30')
  expect(halves).toBe('14:00 14:30')
  expect(shown('1h', '2026-11-26T12:38:00Z', 345)[3]).toBe('18:30 19:00')
})

test('a day is labelled at round hours, and its midnight by the date', () => {
  expect(shown('24h', '2026-11-25T13:00:00Z', 60)[3]).toBe('18:00 Nov 26 06:00 12:00')
  expect(shown('24h', '2026-11-25T13:00:00Z', -300)[3]).toBe('12:00 18:00 Nov 26 06:00')
})

test('in a zone of half hours the labels are those of the buckets', () => {
  expect(shown('24h', '2026-11-25T13:00:00Z', 330)[3]).toBe('18:30 00:30 06:30 12:30')
})

test('a week is labelled by its days, midnights of the viewer', () => {
  const [, , days] = shown('7d', '2026-11-19T13:00:00Z', 60)
  expect(days).toBe('Fri 20 Sat 21 Sun 22 Mon 23 Tue 24 Wed 25 Thu 26')
  expect(timeLabels('7d', at('2026-11-19T13:00:00Z'), () => 60).ticks[2]?.[0]).toBe(10)
  expect(shown('7d', '2026-11-19T13:00:00Z', 60)[4]).toBe('Mon 23')
})

test('days are counted by UTC and are labelled so, wherever the viewer is', () => {
  for (const offset of [0, 600, -600]) {
    const { labels, zone, ticks } = timeLabels('30d', at('2026-10-28T00:00:00Z'), () => offset)
    expect(zone).toBe('UTC')
    expect([labels(0), labels(4), labels(29)]).toEqual(['Oct 28', 'Nov 1', 'Nov 26'])
    expect(ticks[2]?.map(labels)).toEqual(['Nov 2', 'Nov 9', 'Nov 16', 'Nov 23'])
  }
})

test('where the clocks change within the window both zones are named, and each label is in its own', () => {
  const change = at('2026-10-25T01:00:00Z')
  const offset = (ms: number): number => (ms < change ? 120 : 60)
  const start = at('2026-10-24T12:00:00Z')
  const { labels, zone } = timeLabels('24h', start, offset)
  expect(zone).toBe('UTC+2/UTC+1')
  const index = (change - start) / HOUR
  expect([labels(index - 1), labels(index), labels(index + 1)]).toEqual(['02:00', '02:00', '03:00'])
})

test('outside of the window there is no label', () => {
  const { labels } = timeLabels('1h', at('2026-11-26T12:38:00Z'), () => 0)
  expect([labels(-1), labels(60)]).toEqual(['', ''])
})
