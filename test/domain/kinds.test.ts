// Kinds of input: what each takes from a typed text and from the library, and that what it writes can be typed again.

import { describe, expect, test } from 'vitest'
import type { Kind } from '../../src/domain/field.ts'
import * as keyKinds from '../../src/domain/key-kinds.ts'
import * as kinds from '../../src/domain/kinds.ts'
import { always, fc } from './seed.ts'

const isTaken = (parsed: object): boolean => 'value' in parsed
const typed = <T>(kind: Kind<T>, ...texts: readonly string[]): T | undefined => {
  const parsed = kind.fromTexts(texts)
  return 'value' in parsed ? parsed.value : undefined
}
const NOW = Date.UTC(2026, 10, 23)
const DAY_MS = 86_400_000

describe('an expiry', () => {
  test.each([
    ['90', { inSeconds: 90 * 86_400 }],
    ['12h', { inSeconds: 43_200 }],
    ['2027-01-31', { at: Date.UTC(2027, 0, 31) }],
    ['never', null],
  ])('%s is %j', (given, value) => {
    expect(typed(kinds.expiry, given)).toEqual(value)
  })

  test.each([[''], ['0'], ['0d'], ['-1'], ['1.5'], ['Never'], ['soon'], ['36526'], ['9999999'], ['2026-02-30'], ['90', '91']])(
    '%j is refused',
    (...given) => {
      expect(typed(kinds.expiry, ...given)).toBeUndefined()
    },
  )

  test('the library gives an ISO text, a Date or null, and no number of days', () => {
    expect(kinds.expiry.fromValue(null)).toEqual({ value: null })
    expect(kinds.expiry.fromValue('2027-01-31')).toEqual(kinds.expiry.fromValue(new Date('2027-01-31')))
    for (const value of [90, '90', '12h', 'never', new Date(Number.NaN), {}]) expect(isTaken(kinds.expiry.fromValue(value))).toBe(false)
  })

  test('a number of days from now is above 0 and at most a hundred years, fractions welcome', () => {
    const days = fc.oneof(fc.constantFrom(1, 0.5, 30, 365.25, 36_525, 1e-6), fc.double({ min: 0, max: 40_000, noNaN: true }))
    always(days, (given) => {
      const parsed = kinds.days.fromValue(given)
      const at = 'value' in parsed ? kinds.resolveWhen(parsed.value, NOW) : null
      // What is less than a millisecond is no time.
      if (at === null) expect(given * DAY_MS < 1 || given > 36_525).toBe(true)
      else expect(Math.abs(at - NOW - given * DAY_MS)).toBeLessThanOrEqual(1)
    })
    for (const given of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '30', null]) expect(isTaken(kinds.days.fromValue(given))).toBe(false)
  })
})

test('a moment is typed as ISO 8601 or as a duration ago', () => {
  expect(kinds.resolveWhen(typed(kinds.instant, '2h') as kinds.When, NOW)).toBe(NOW - 7_200_000)
  expect(kinds.resolveWhen(typed(kinds.instant, '2027-01-31T00:00:00+01:00') as kinds.When, NOW)).toBe(Date.UTC(2027, 0, 30, 23))
  expect(isTaken(kinds.instant.fromValue('2h'))).toBe(false)
})

describe('a rate limit', () => {
  test.each([
    ['100/m', { name: 'default', limit: 100, windowSeconds: 60 }],
    ['burst=10/s', { name: 'burst', limit: 10, windowSeconds: 1 }],
    ['5/90s', { name: 'default', limit: 5, windowSeconds: 90 }],
    ['a.b_c-1=1000000000/31d', { name: 'a.b_c-1', limit: 1_000_000_000, windowSeconds: 31 * 86_400 }],
    ['1/d', { name: 'default', limit: 1, windowSeconds: 86_400 }],
  ])('%s is %j', (given, limit) => {
    expect(typed(keyKinds.rateLimits, given)).toEqual([limit])
  })

  test.each([
    '',
    '100',
    '/m',
    '100/',
    '100/w',
    '100/0s',
    '0/m',
    '-1/m',
    '1.5/m',
    '1000000001/m',
    '1/32d',
    '1/2678401s',
    '=1/m',
    'a b=1/m',
    'a=b=1/m',
    'é=1/m',
    ' 1/m',
    '1/m\n',
  ])('%j is refused', (given) => {
    expect(typed(keyKinds.rateLimits, given)).toBeUndefined()
  })

  test('of one name there is one, and of all at most 8', () => {
    expect(typed(keyKinds.rateLimits, '1/s', '2/m')).toBeUndefined()
    expect(typed(keyKinds.rateLimits, '1/s', 'default=2/m')).toBeUndefined()
    const many = Array.from({ length: 9 }, (_, index) => `limit${index}=1/s`)
    expect(typed(keyKinds.rateLimits, ...many.slice(1))).toHaveLength(8)
    expect(typed(keyKinds.rateLimits, ...many)).toBeUndefined()
  })

  test('from the library it has a limit, a window and perhaps a name, and nothing else', () => {
    const from = (value: unknown) => keyKinds.rateLimits.fromValue([value])
    expect(from({ limit: 5, windowSeconds: 60 })).toEqual({ value: [{ name: 'default', limit: 5, windowSeconds: 60 }] })
    const wrong = [
      { limit: 5 },
      { windowSeconds: 60 },
      { limit: '5', windowSeconds: 60 },
      { limit: 5.5, windowSeconds: 60 },
      { limit: 5, windowSeconds: 0 },
    ]
    for (const value of [...wrong, { limit: 5, windowSeconds: 60, burst: 1 }, { name: 5, limit: 5, windowSeconds: 60 }, null, '5/m', []])
      expect(isTaken(from(value))).toBe(false)
    expect(isTaken(keyKinds.rateLimits.fromValue({ limit: 5, windowSeconds: 60 }))).toBe(false)
  })
})

describe('metadata', () => {
  const NAMES = [
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'toJSON',
    'hasOwnProperty',
    'problem',
    'value',
    'refused',
    'then',
    '0',
    'length',
  ]

  test('takes the names of prototypes and of our own members as names like any other', () => {
    const given = JSON.parse(`{${NAMES.map((name) => `${JSON.stringify(name)}:"of ${name}"`).join(',')}}`) as object
    for (const parsed of [keyKinds.metadata.fromValue(given), keyKinds.metadata.fromTexts(NAMES.map((name) => `${name}=of ${name}`))]) {
      const value = 'value' in parsed ? parsed.value : {}
      expect(Object.keys(value).sort()).toEqual([...NAMES].sort())
      for (const name of NAMES) expect(Object.getOwnPropertyDescriptor(value, name)?.value).toBe(`of ${name}`)
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    }
  })

  test('is typed as NAME=VALUE, split at the first =, and refuses what is not a pair', () => {
    expect(typed(keyKinds.metadata, 'b=1=2', 'a=x')).toEqual({ a: 'x', b: '1=2' })
    for (const text of ['', 'a', '=b', 'a=', '=']) expect(typed(keyKinds.metadata, text)).toBeUndefined()
    expect(typed(keyKinds.metadata, 'a=1', 'a=2')).toBeUndefined()
  })

  test('is a flat object of strings with at most 50 names', () => {
    for (const value of [null, [], 'a=b', 5, { a: 1 }, { a: null }, { a: { b: 'c' } }, { a: '' }, { '': 'a' }, { a: 'x\n' }])
      expect(isTaken(keyKinds.metadata.fromValue(value))).toBe(false)
    const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`name${index}`, 'x']))
    expect([isTaken(keyKinds.metadata.fromValue(names(50))), isTaken(keyKinds.metadata.fromValue(names(51)))]).toEqual([true, false])
  })
})

describe('lists and numbers', () => {
  test('scopes, tags and addresses are kept sorted or in order, each once, up to their bounds', () => {
    expect(typed(keyKinds.scopes, 'b', 'a', 'b')).toEqual(['a', 'b'])
    expect(typed(keyKinds.tags, 'b', 'a', 'b')).toEqual(['a', 'b'])
    expect(typed(keyKinds.allowedIps, '10.1.1.1/8', '10.2.2.2/8', '::1')).toEqual(['10.0.0.0/8', '::1/128'])
    const many = (count: number, text: (index: number) => string) => Array.from({ length: count }, (_, index) => text(index))
    expect([200, 201].map((count) => typed(keyKinds.scopes, ...many(count, (index) => `s${index}`))?.length)).toEqual([200, undefined])
    expect([20, 21].map((count) => typed(keyKinds.tags, ...many(count, (index) => `t${index}`))?.length)).toEqual([20, undefined])
    expect([100, 101].map((count) => typed(keyKinds.allowedIps, ...many(count, (index) => `10.0.0.${index}`))?.length)).toEqual([
      100,
      undefined,
    ])
  })

  test('a whole number is one, within its bounds, and never a text from the library', () => {
    const kind = kinds.integer(1, 1000)
    expect(['1', '1000', '007'].map((text) => typed(kind, text))).toEqual([1, 1000, 7])
    for (const text of ['', '0', '1001', '-1', '1.0', '1e3', '0x10', ' 1', '1'.repeat(20)]) expect(typed(kind, text)).toBeUndefined()
    for (const value of ['5', 1.5, Number.NaN, null, 5n, [5]]) expect(isTaken(kind.fromValue(value))).toBe(false)
  })

  test('given by the library are written so that typing them means the same', () => {
    const given: readonly (readonly [Kind<unknown>, unknown])[] = [
      [keyKinds.metadata, { a: 'b', team: 'x=y', b: '=' }],
      [
        keyKinds.rateLimits,
        [
          { limit: 5, windowSeconds: 90 },
          { name: 'burst', limit: 1, windowSeconds: 86_400 },
        ],
      ],
      [keyKinds.tags, ['a tag', '=', '--flag', '-']],
      [keyKinds.allowedIps, ['10.1.2.3/8', '::ffff:1.2.3.4']],
      [kinds.expiry, new Date(NOW)],
      [kinds.seconds, 5400],
    ]
    for (const [kind, value] of given) {
      const parsed = kind.fromValue(value)
      expect(isTaken(parsed)).toBe(true)
      if ('value' in parsed) expect(kind.fromTexts(kind.toTexts(parsed.value))).toEqual(parsed)
    }
  })

  test('two refs to one key are both kept where they mean different things', () => {
    const token = 'kw_live_0123456789AB_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2JTlvT'
    const refs = typed(keyKinds.keyRefs, '0123456789AB', token, token) ?? []
    expect(refs.map((ref) => ref.by === 'secret' && ref.proves !== null)).toEqual([false, true])
  })
})
