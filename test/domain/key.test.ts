// A key: its status as the first claim that applies, exact to the millisecond; what others see of it; how it is named.

import { describe, expect, test } from 'vitest'
import { PLAIN_HASHING } from '../../src/domain/hashing.ts'
import type { Key, Secret } from '../../src/domain/key.ts'
import {
  isExpired,
  isMeant,
  KEY_FIELDS,
  keyLine,
  keyView,
  parseKeyRef,
  STATUSES,
  secretState,
  secretsInGrace,
  statusOf,
} from '../../src/domain/key.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { composeToken } from '../../src/domain/token.ts'
import { NOON, newKey } from '../store/harness.ts'
import { always, fc } from './seed.ts'

const DAY = 86_400_000
const EVER = isoFrom(NOON - 5 * DAY)

function older(notAfter: string): Secret {
  const [secret] = newKey().key.secrets
  return { ...(secret as Secret), notAfter, retiredReason: 'rotated' }
}

const withOlder = (key: Key, notAfter: string): Key => ({ ...key, secrets: [...key.secrets, older(notAfter)] })

/** What makes a key be in a status, whatever else is true of it. */
const CLAIMS: Readonly<Record<Exclude<Key['environment'] | (typeof STATUSES)[number], 'live' | 'test' | 'active'>, (key: Key) => Key>> = {
  revoked: (key) => ({ ...key, revokedAt: EVER }),
  disabled: (key) => ({ ...key, disabledAt: EVER }),
  expired: (key) => ({ ...key, expiresAt: isoFrom(NOON) }),
  pending: (key) => ({ ...key, notBefore: isoFrom(NOON + 1) }),
  rotating: (key) => withOlder(key, isoFrom(NOON + 1)),
  expiring: (key) => (key.expiresAt === null ? { ...key, expiresAt: isoFrom(NOON + 7 * DAY) } : key),
}

describe('status', () => {
  test('is the first that applies, for every set of claims', () => {
    const names = Object.keys(CLAIMS) as (keyof typeof CLAIMS)[]
    for (let set = 0; set < 2 ** names.length; set++) {
      const claimed = names.filter((_, index) => (set & (1 << index)) !== 0)
      const key = claimed.reduce((made, name) => CLAIMS[name](made), newKey().key)
      const expected = STATUSES.find((status) => status === 'active' || claimed.includes(status))
      expect(`${claimed.join('+')}: ${statusOf(key, NOON)}`).toBe(`${claimed.join('+')}: ${expected}`)
    }
  })

  const at = (instant: number) => isoFrom(instant)
  test.each([
    ['valid strictly before its expiry', { expiresAt: at(NOON) }, NOON - 1, 'expiring'],
    ['expired at it', { expiresAt: at(NOON) }, NOON, 'expired'],
    ['pending strictly before its not-before', { notBefore: at(NOON) }, NOON - 1, 'pending'],
    ['active at it', { notBefore: at(NOON) }, NOON, 'active'],
    ['active more than 7 days before its expiry', { expiresAt: at(NOON + 7 * DAY) }, NOON - 1, 'active'],
    ['expiring 7 days before it', { expiresAt: at(NOON + 7 * DAY) }, NOON, 'expiring'],
  ] as const)('a key is %s', (_, fields, now, status) => {
    expect(statusOf(newKey(fields).key, now)).toBe(status)
  })

  test('an older secret works strictly before the end of its grace', () => {
    const key = withOlder(newKey().key, at(NOON))
    expect([statusOf(key, NOON - 1), statusOf(key, NOON)]).toEqual(['rotating', 'active'])
    expect([secretsInGrace(key, NOON - 1).length, secretsInGrace(key, NOON).length]).toEqual([1, 0])
    expect([NOON - 1, NOON].map((now) => key.secrets.map((secret) => secretState(secret, now)))).toEqual([
      ['current', 'grace'],
      ['current', 'retired'],
    ])
  })

  test('a key without an expiry never expires', () => {
    const { key } = newKey()
    expect([isExpired(key, NOON), isExpired(key, Date.UTC(9999, 11, 31)), statusOf(key, Date.UTC(9999, 11, 31))]).toEqual([
      false,
      false,
      'active',
    ])
  })
})

describe('what is seen of a key', () => {
  test('is everything but the hashes, with its status', () => {
    const key = withOlder(newKey({ name: 'a name' }).key, isoFrom(NOON + 1))
    const view = keyView(key, NOON)
    expect(JSON.stringify(view)).not.toMatch(/hash|sha256/)
    expect(view).toMatchObject({
      id: key.id,
      name: 'a name',
      status: 'rotating',
      secrets: key.secrets.map(({ shortId, notAfter }) => ({ shortId, notAfter })),
    })
  })

  test('its line holds its members in the stored order, and gives the same key back', () => {
    const text = fc.string({ unit: 'binary', maxLength: 8 })
    always(
      fc.record({
        name: fc.option(text),
        metadata: fc.dictionary(fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }), text),
        tags: fc.array(text),
      }),
      (fields) => {
        const { key } = newKey(fields)
        const shuffled = Object.fromEntries(Object.entries(key).toReversed()) as unknown as Key
        const line = keyLine(shuffled)
        expect(Object.keys(JSON.parse(line))).toEqual(KEY_FIELDS)
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(key)))
        expect(line).not.toContain('\n')
        expect(keyLine(key)).toBe(line)
      },
    )
  })
})

test('the line of a key keeps a metadata pair whose name was emptied by hand', () => {
  const { key } = newKey({ metadata: { '': 'x' } })
  expect(JSON.parse(keyLine(key))).toEqual(key)
})

describe('how a key is named', () => {
  const { key, token } = newKey()
  const [{ shortId } = { shortId: '' }] = key.secrets

  test('by its id, by a shortId of any of its secrets, or by a whole token', () => {
    for (const text of [key.id, shortId, token]) expect(isMeant(key, parseKeyRef(text), PLAIN_HASHING)).toBe(true)
    for (const text of [key.id, shortId, token]) expect(isMeant(newKey().key, parseKeyRef(text), PLAIN_HASHING)).toBe(false)
    expect(isMeant(withOlder(key, EVER), parseKeyRef(withOlder(key, EVER).secrets[1]?.shortId ?? ''), PLAIN_HASHING)).toBe(false)
    const rotated = withOlder(key, EVER)
    expect(isMeant(rotated, parseKeyRef(rotated.secrets[1]?.shortId ?? ''), PLAIN_HASHING)).toBe(true)
  })

  test('by no token with the right shortId and a wrong secret', () => {
    const forged = composeToken('kw_live', shortId, new Uint8Array(32))
    expect(isMeant(key, parseKeyRef(forged), PLAIN_HASHING)).toBe(false)
    expect(isMeant(key, parseKeyRef(`${token.slice(0, -1)}!`), PLAIN_HASHING)).toBe(false)
  })

  test('the name of a reference is never a token', () => {
    expect([key.id, shortId, token, `${token}x`, 'anything'].map((text) => parseKeyRef(text).name)).toEqual([
      key.id,
      shortId,
      shortId,
      'that text',
      'that text',
    ])
    always(fc.string({ unit: 'binary', maxLength: 100 }), (text) => expect(parseKeyRef(text)).toMatchObject({ by: 'nothing' }))
  })
})
