// How tokens are hashed: plainly or with peppers, and what each of these accepts. The HMAC is judged by Node's own, called here.

import { createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Hashing } from '../../src/domain/hashing.ts'
import { hashedOf, PLAIN_HASHING, parsePeppers, pepperedHashing } from '../../src/domain/hashing.ts'
import { composeToken, hashToken, STORED_HASH } from '../../src/domain/token.ts'
import { errorOf } from '../store/harness.ts'

const shortId = '0123456789AB'
const token = composeToken('kw_live', shortId, new Uint8Array(32).fill(1))
const other = composeToken('kw_live', shortId, new Uint8Array(32).fill(2))
const [old, next] = [
  { name: 'old', bytes: Buffer.alloc(32, 7) },
  { name: '2026-a.b_C', bytes: Buffer.alloc(40, 8) },
]
const under = (first: typeof old, ...rest: (typeof old)[]): Hashing => pepperedHashing({ peppers: [first, ...rest], isRequired: false })
const matches = (hashing: Hashing, hash: string, given = token): boolean => hashing.matches(given, hashedOf({ shortId, hash }))

describe('a hash with a pepper', () => {
  test('is the HMAC-SHA-256 of the token, with the name of the pepper', () => {
    const digest = createHmac('sha256', next.bytes).update(token).digest('base64url')
    expect(under(next, old).hash(token)).toBe(`hmac-sha256:2026-a.b_C:${digest}`)
    expect(under(next).hash(token)).toMatch(STORED_HASH)
  })

  test('matches its very token and no other, with the pepper it was made with, first or not', () => {
    const hash = under(old).hash(token)
    for (const hashing of [under(old), under(next, old), under(old, next)]) {
      expect(matches(hashing, hash)).toBe(true)
      expect(matches(hashing, hash, other)).toBe(false)
    }
    const another = under({ name: 'old', bytes: next.bytes })
    expect(matches(another, hash)).toBe(false)
  })

  test('without its pepper is a fault that names it and holds no token, be the token right or wrong', async () => {
    for (const hashing of [PLAIN_HASHING, under(next)]) {
      for (const given of [token, other]) {
        const error = await errorOf(() => matches(hashing, under(old).hash(token), given))
        expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('pepper old') })
        expect(inspect(error)).not.toContain(given.slice(-49))
      }
    }
  })
})

describe('a hash without a pepper', () => {
  test('matches its very token with and without peppers', () => {
    for (const hashing of [PLAIN_HASHING, under(next, old)]) {
      expect(matches(hashing, hashToken(token))).toBe(true)
      expect(matches(hashing, hashToken(token), other)).toBe(false)
    }
  })

  test('matches nothing where a pepper is required', () => {
    const strict = pepperedHashing({ peppers: [next, old], isRequired: true })
    expect(matches(strict, hashToken(token))).toBe(false)
    for (const { hash } of [under(old), under(next)]) expect(matches(strict, hash(token))).toBe(true)
  })
})

test('what is unknown matches nothing, also the empty digest', () => {
  for (const hashing of [PLAIN_HASHING, under(next)]) expect(hashing.matches(token, null)).toBe(false)
})

test('no inspection of a hashing shows its peppers', () => {
  const bytes = Buffer.from('a pepper that nobody ought to see')
  const seen = inspect(under({ name: 'shy', bytes }), { depth: 9, showHidden: true })
  for (const encoding of ['utf8', 'base64', 'hex'] as const) expect(seen).not.toContain(bytes.toString(encoding))
})

describe('a file of peppers', () => {
  const base64 = Buffer.alloc(32, 9).toString('base64')

  test('holds one a line; empty lines, comments and line ends of Windows don’t matter', () => {
    const peppers = parsePeppers(`# made in 2026\r\nnew:${base64}\r\n\r\n  old:${Buffer.alloc(33, 1).toString('base64')}\n`)
    expect(peppers).toEqual([
      { name: 'new', bytes: Buffer.alloc(32, 9) },
      { name: 'old', bytes: Buffer.alloc(33, 1) },
    ])
  })

  test.each([
    ['nothing', '\n# only this\n', 1],
    ['no name', `${base64}\n`, 1],
    ['a name of other characters', `ok:${base64}\nä:${base64}`, 2],
    ['a long name', `${'a'.repeat(33)}:${base64}`, 1],
    ['too few bytes', `a:${Buffer.alloc(31, 9).toString('base64')}`, 1],
    ['too many bytes', `a:${Buffer.alloc(1025, 9).toString('base64')}`, 1],
    ['no base64', `a:${base64.replace('C', '!')}`, 1],
    ['a name twice', `a:${base64}\nb:${base64}\na:${base64}`, 3],
    ['more than 16', Array.from({ length: 17 }, (_, index) => `p${index}:${base64}`).join('\n'), 17],
  ])('with %s is refused with its line, which is not repeated', (_, text, line) => {
    const problem = parsePeppers(text)
    expect(problem).toMatchObject({ line })
    expect(JSON.stringify(problem)).not.toContain(base64.slice(0, 20))
  })
})
