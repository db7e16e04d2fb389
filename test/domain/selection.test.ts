// Which keys: filters, and the language in which they are typed.

import { describe, expect, test } from 'vitest'
import { parseFilter } from '../../src/domain/filter-language.ts'
import type { Key } from '../../src/domain/key.ts'
import type { KeyFilter } from '../../src/domain/selection.ts'
import { keyMatcher } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { NOON, newKey } from '../store/harness.ts'
import { always, fc } from './seed.ts'

const DAY = 86_400_000
const iso = (days: number) => isoFrom(NOON + days * DAY)

describe('a filter', () => {
  const key = newKey({
    userId: 'Ann',
    name: 'Billing Job',
    scopes: ['read:*', 'write'],
    tags: ['Nightly'],
    createdAt: iso(-100),
    expiresAt: iso(5),
  }).key
  const [{ shortId } = { shortId: '' }] = key.secrets
  const matches = (filter: KeyFilter, lastUsed: number | null = null, one: Key = key) => keyMatcher(filter, NOON, () => lastUsed)(one)

  test.each<[KeyFilter, boolean]>([
    [{}, true],
    [{ userId: 'Ann' }, true],
    [{ userId: 'ann' }, false],
    [{ scope: 'read:*' }, true],
    [{ scope: 'read:users' }, false],
    [{ tag: 'Nightly' }, true],
    [{ tag: 'night' }, false],
    [{ status: ['expiring'] }, true],
    [{ status: ['active', 'expiring'] }, true],
    [{ status: ['active'] }, false],
    [{ status: [] }, false],
    [{ search: 'BILLING' }, true],
    [{ search: 'ann' }, true],
    [{ search: 'nightly' }, true],
    [{ search: key.id.slice(2, 9).toUpperCase() }, true],
    [{ search: shortId.toLowerCase() }, true],
    [{ search: 'read' }, false],
    [{ ids: [key.id] }, true],
    [{ ids: ['key_000000000000'] }, false],
    [{ expiringWithinSeconds: 5 * 86_400 }, true],
    [{ expiringWithinSeconds: 5 * 86_400 - 1 }, false],
    [{ userId: 'Ann', scope: 'write', status: ['revoked'] }, false],
  ])('%j matches: %s', (filter, isMatch) => {
    expect(matches(filter)).toBe(isMatch)
  })

  test('of expiring keys leaves out those without an expiry and those that are over', () => {
    for (const expiresAt of [null, iso(0), iso(-1)])
      expect(matches({ expiringWithinSeconds: 1e9 }, null, { ...key, expiresAt })).toBe(false)
  })

  test('of idle keys counts from the last use or the birth, whichever was later', () => {
    const idle = { idleForSeconds: 90 * 86_400 }
    expect([matches(idle), matches(idle, NOON - 90 * DAY), matches(idle, NOON - 90 * DAY + 1)]).toEqual([true, true, false])
    expect(matches(idle, null, { ...key, createdAt: iso(-89) })).toBe(false)
    expect(matches(idle, NOON - 90 * DAY, { ...key, createdAt: iso(-89) })).toBe(false)
  })

  test('of ended keys counts from the revocation or the expiry, whichever came first', () => {
    const ended = { endedForSeconds: 30 * 86_400 }
    const one = (revokedAt: string | null, expiresAt: string | null) => matches(ended, null, { ...key, revokedAt, expiresAt })
    expect([
      one(iso(-30), null),
      one(iso(-29), null),
      one(null, iso(-30)),
      one(iso(-1), iso(-40)),
      one(iso(-40), iso(5)),
      one(null, null),
    ]).toEqual([true, false, true, true, true, false])
  })
})

describe('the filter language', () => {
  test.each<[string, KeyFilter]>([
    ['', {}],
    ['user:ann status:expiring', { userId: 'ann', status: ['expiring'] }],
    ['status:active status:revoked', { status: ['active', 'revoked'] }],
    ['scope:read:users tag:a=b', { scope: 'read:users', tag: 'a=b' }],
    ['  expires<7d   idle>90d ', { expiringWithinSeconds: 604_800, idleForSeconds: 7_776_000 }],
    ['billing user:ann job', { search: 'billing job', userId: 'ann' }],
    ['users: nothing:x', { search: 'users: nothing:x' }],
  ])('%j means %j', (text, filter) => {
    expect(parseFilter(text)).toEqual(filter)
  })

  test.each([
    'user:',
    'status:',
    'status:dead',
    'status:Active',
    'expires<',
    'expires<soon',
    'idle>-1d',
    'user:\u001b[31m',
    'tag:\u202e',
    'x'.repeat(2001),
  ])('%j is refused', (text) => {
    expect(parseFilter(text)).toBeNull()
  })

  test('takes any text without throwing', () => {
    always(fc.string({ unit: 'binary', maxLength: 80 }), (text) => expect(parseFilter(text)).toBeTypeOf('object'))
  })
})
