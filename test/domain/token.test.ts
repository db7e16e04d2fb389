// Tokens: the published vectors, the shape, the checksum, and that parsing takes anything.

import { describe, expect, test } from 'vitest'
import {
  composeToken,
  digestOf,
  drawShortId,
  hashToken,
  isBrand,
  MAX_PREFIX_LENGTH,
  mintToken,
  parseToken,
  STORED_HASH,
  tokenMatches,
} from '../../src/domain/token.ts'
import { seededDraw } from '../store/harness.ts'
import { brands, bytes32, prefixes, shortIds } from './arbitraries.ts'
import { always, fc } from './seed.ts'

const VECTORS = [
  {
    prefix: 'kw_live',
    shortId: '0123456789AB',
    secret: Uint8Array.from({ length: 32 }, (_, index) => index),
    token: 'kw_live_0123456789AB_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2JTlvT',
    hash: 'sha256:CKQ4hPtt9egjKAIp1PaddFlw3-yIuez3hSWklbfftsw',
  },
  {
    prefix: 'acme_corp_test',
    shortId: 'ZZZZZZZZZZZZ',
    secret: new Uint8Array(32).fill(255),
    token: 'acme_corp_test_ZZZZZZZZZZZZ_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp10QWPrn',
    hash: 'sha256:-WnT_RJCBi_-92PJh2bOlJ4hnTGlHpObJUa4hK7SJZs',
  },
] as const

const [{ token: TOKEN }] = VECTORS

describe('the published vectors', () => {
  test.each(VECTORS)('$token is composed, parsed and hashed as published', ({ prefix, shortId, secret, token, hash }) => {
    expect(composeToken(prefix, shortId, secret)).toBe(token)
    expect(parseToken(token)).toEqual({ shortId })
    expect(hashToken(token)).toBe(hash)
  })
})

describe('a token that was composed', () => {
  const tokens = fc.tuple(prefixes, shortIds, bytes32)

  test('is parsed back to its shortId, whatever its prefix', () => {
    always(tokens, ([prefix, shortId, secret]) => expect(parseToken(composeToken(prefix, shortId, secret))).toEqual({ shortId }))
  })

  test('ends with 43 characters of secret and 6 of checksum', () => {
    always(tokens, ([prefix, shortId, secret]) =>
      expect(composeToken(prefix, shortId, secret).slice(`${prefix}_${shortId}_`.length)).toMatch(/^[0-9A-Za-z]{49}$/),
    )
  })

  test('matches its own stored hash, no other one and no unknown shortId', () => {
    always(fc.tuple(tokens, bytes32), ([[prefix, shortId, secret], otherSecret]) => {
      const token = composeToken(prefix, shortId, secret)
      const other = composeToken(prefix, shortId, otherSecret)
      expect(hashToken(token)).toMatch(STORED_HASH)
      expect(tokenMatches(token, digestOf(hashToken(token)))).toBe(true)
      expect(tokenMatches(token, digestOf(hashToken(other)))).toBe(other === token)
      expect(tokenMatches(token, null)).toBe(false)
    })
  })

  test('is minted from 32 bytes of the source, its shortId from as many base62 characters as it has', () => {
    const drawn: number[] = []
    const draw = seededDraw('mint')
    const token = mintToken('acme', 'test', '0123456789AB', (bytes) => {
      drawn.push(bytes)
      return draw(bytes)
    })
    expect(drawn).toEqual([32])
    expect(token).toMatch(/^acme_test_0123456789AB_[0-9A-Za-z]{49}$/)
    for (let round = 0; round < 100; round++) expect(drawShortId(draw)).toMatch(/^[0-9A-Za-z]{12}$/)
  })
})

describe('what is no token', () => {
  test.each(VECTORS)('every single-character change of $token is refused', ({ token }) => {
    const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-. \0éİ中\ud800'
    for (let at = 0; at < token.length; at++) {
      for (const other of alphabet.split('')) {
        if (other === token[at]) continue
        expect(parseToken(token.slice(0, at) + other + token.slice(at + 1))).toBeTypeOf('string')
      }
    }
  })

  test('a lost, doubled or swapped character is refused', () => {
    for (let at = 0; at < TOKEN.length; at++) {
      expect(parseToken(TOKEN.slice(0, at) + TOKEN.slice(at + 1))).toBeTypeOf('string')
      expect(parseToken(TOKEN.slice(0, at) + TOKEN[at] + TOKEN.slice(at))).toBeTypeOf('string')
      const swapped =
        TOKEN.slice(0, at) +
        TOKEN.slice(at, at + 2)
          .split('')
          .reverse()
          .join('') +
        TOKEN.slice(at + 2)
      if (swapped !== TOKEN) expect(parseToken(swapped)).toBeTypeOf('string')
    }
  })

  test('a wrong shape is MALFORMED, a right one with a wrong checksum BAD_CHECKSUM', () => {
    expect(parseToken(`${TOKEN.slice(0, -1)}U`)).toBe('BAD_CHECKSUM')
    expect(parseToken(TOKEN.replace('live', 'test'))).toBe('BAD_CHECKSUM')
    for (const text of [` ${TOKEN}`, `${TOKEN}\n`, `${TOKEN} `, TOKEN.slice(0, -1), TOKEN.toUpperCase(), `Bearer ${TOKEN}`, '', 'kw_live'])
      expect(parseToken(text)).toBe('MALFORMED')
  })

  test('a value of any type is answered and never thrown at', () => {
    const throwing = {
      toString() {
        throw new Error('no text')
      },
      valueOf() {
        throw new Error('no value')
      },
      get length(): number {
        throw new Error('no length')
      },
    }
    const trap = new Proxy({}, { get: () => { throw new Error('no member') } }) // biome-ignore format: one thing on one line
    const odd = [
      undefined,
      null,
      0,
      Number.NaN,
      1n,
      true,
      Symbol('token'),
      () => TOKEN,
      [TOKEN],
      { TOKEN },
      Object(TOKEN),
      Buffer.from(TOKEN),
      throwing,
      trap,
    ]
    for (const value of odd) expect(parseToken(value)).toBe('MALFORMED')
    always(fc.anything(), (value) => expect(parseToken(value)).toBe('MALFORMED'), 1000)
  })

  test('texts of a megabyte and names of prototypes are answered', () => {
    const long = [`${TOKEN}${'A'.repeat(1e6)}`, `${'a_'.repeat(5e5)}${TOKEN}`, '_'.repeat(1e6), '\0'.repeat(1e6), '😀'.repeat(5e5)]
    for (const text of [...long, '__proto__', 'constructor', 'toString', 'hasOwnProperty']) expect(parseToken(text)).toBe('MALFORMED')
  })

  test('a text made of the characters of tokens is answered', () => {
    const pieces = fc.constantFrom('kw', '_', 'live', 'test', '0123456789AB', TOKEN.slice(-49), TOKEN, '\n', 'é')
    always(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('')
      const parsed = parseToken(text)
      if (typeof parsed !== 'string') expect(text).toMatch(/^[a-z0-9_]+_(live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
    })
  })
})

describe('prefix and brand', () => {
  const secret = new Uint8Array(32)
  const isAccepted = (prefix: string) => typeof parseToken(composeToken(prefix, '0123456789AB', secret)) === 'object'

  test.each(['x_live', 'a1_test', 'acme_corp_live', 'live_live', '0_test', `${'a'.repeat(MAX_PREFIX_LENGTH - 5)}_live`])(
    'the prefix %s is accepted',
    (prefix) => {
      expect(isAccepted(prefix)).toBe(true)
    },
  )

  test.each([
    'live',
    '_live',
    'kw',
    'kw_prod',
    'kw__live',
    '_kw_live',
    'kw_live_',
    'KW_live',
    'kw-x_live',
    'é_live',
    `${'a'.repeat(MAX_PREFIX_LENGTH - 4)}_live`,
  ])('the prefix %s is refused', (prefix) => {
    expect(isAccepted(prefix)).toBe(false)
  })

  test('a brand is accepted exactly when its prefixes are', () => {
    const anyBrand = fc.oneof(brands, fc.string({ unit: fc.constantFrom('a', '0', '_', 'A', '-', ' '), maxLength: 30 }))
    always(anyBrand, (brand) => expect(isBrand(brand)).toBe(isAccepted(`${brand}_live`) && isAccepted(`${brand}_test`)))
    expect([isBrand('a'.repeat(27)), isBrand('a'.repeat(28)), isBrand('')]).toEqual([true, false, false])
  })
})
