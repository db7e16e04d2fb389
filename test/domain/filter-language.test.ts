// The filter languages of lists and of the log: what is typed means what it says, and what is not finished yet means nothing.

import { describe, expect, test } from 'vitest'
import { parseAuditFilter } from '../../src/domain/audit-filter.ts'
import { filterWord, formatFilter, parseFilter } from '../../src/domain/filter-language.ts'
import type { KeyFilter } from '../../src/domain/selection.ts'
import { grantable, harmlessTexts, hostileTexts } from './arbitraries.ts'
import { always, fc } from './seed.ts'

const NOW = Date.UTC(2026, 10, 23, 12)

describe('of lists', () => {
  const cases: readonly (readonly [text: string, filter: KeyFilter | null])[] = [
    ['', {}],
    ['api', { search: 'api' }],
    ['two words', { search: 'two words' }],
    ['user:ann', { userId: 'ann' }],
    ['user:"Ann Lee" api', { userId: 'Ann Lee', search: 'api' }],
    ['status:active status:revoked', { status: ['active', 'revoked'] }],
    ['scope:write:* tag:ci', { scope: 'write:*', tag: 'ci' }],
    ['expires<7d idle>90d', { expiringWithinSeconds: 604_800, idleForSeconds: 7_776_000 }],
    ['  user:ann   api  ', { userId: 'ann', search: 'api' }],
    ['user:', null],
    ['status:act', null],
    ['expires<', null],
    ['expires<soon', null],
    ['idle>9', null],
    ['user:\u001b[31m', null],
    ['x'.repeat(2001), null],
  ]
  for (const [text, filter] of cases) test(`"${text.slice(0, 40)}"`, () => expect(parseFilter(text)).toEqual(filter))

  test('what a filter says is read out of its text again', () => {
    // A text of the language has no quotes inside and no bare words that look like words of it.
    const value = harmlessTexts.filter((text) => text.length < 40 && text.trim() === text && !text.includes('"'))
    const filters: fc.Arbitrary<KeyFilter> = fc.record(
      {
        userId: value,
        tag: value,
        scope: grantable,
        status: fc.uniqueArray(fc.constantFrom('active', 'revoked', 'pending'), { minLength: 1 }),
        expiringWithinSeconds: fc.integer({ min: 1, max: 1e6 }),
        idleForSeconds: fc.integer({ min: 1, max: 1e6 }),
        search: fc.array(fc.constantFrom('api', 'x-y', '中'), { minLength: 1, maxLength: 3 }).map((words) => words.join(' ')),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<KeyFilter>
    always(filters, (filter) => expect(parseFilter(formatFilter(filter))).toEqual(filter))
  })

  test('an owner of any name is found by the word that names them', () => {
    always(harmlessTexts, (name) => {
      fc.pre(!name.includes('"') && name.length < 300)
      expect(parseFilter(filterWord('user:', name))?.userId).toBe(name)
    })
  })

  test('no text makes it throw', () => {
    always(fc.oneof(hostileTexts, fc.string({ unit: 'binary', maxLength: 60 })), (text) => {
      parseFilter(text)
      parseAuditFilter(text, NOW)
    })
  })
})

describe('of the log', () => {
  const cases: readonly (readonly [text: string, filter: object | null])[] = [
    ['', {}],
    ['left the company', { text: 'left the company' }],
    ['action:key.revoke actor:bob user:ann', { action: 'key.revoke', actor: 'bob', userId: 'ann' }],
    ['key:key_abcdefghijkl', { keyId: 'key_abcdefghijkl' }],
    ['key:abcdefghijkl', { text: 'abcdefghijkl' }],
    ['since:2h', { since: NOW - 7_200_000 }],
    ['since:2026-11-01 until:2026-11-02', { since: Date.UTC(2026, 10, 1), until: Date.UTC(2026, 10, 2) }],
    ['since:', null],
    ['since:yesterday', null],
    ['actor:', null],
  ]
  for (const [text, filter] of cases) test(`"${text}"`, () => expect(parseAuditFilter(text, NOW)).toEqual(filter))
})
