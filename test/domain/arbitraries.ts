// What properties draw from: parts of tokens, scopes, harmless and hostile texts.

import { fc } from './seed.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

export const shortIds = fc.string({ unit: fc.constantFrom(...BASE62), minLength: 12, maxLength: 12 })
export const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
export const words = fc.string({ unit: fc.constantFrom(...'abz09'), minLength: 1, maxLength: 6 })
export const brands = fc.array(words, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('_'))
export const prefixes = fc.tuple(brands, fc.constantFrom('live', 'test')).map((parts) => parts.join('_'))

const segments = fc.constantFrom('read', 'write', 'users', 'email', 'a.b', '0', '_', '-')
export const requirable = fc.array(segments, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(':'))
export const grantable = fc.array(fc.oneof(segments, fc.constant('*')), { minLength: 1, maxLength: 4 }).map((parts) => parts.join(':'))

/** One of everything that may not stand in a text. */
export const HOSTILE = [
  ...[0x00, 0x07, 0x09, 0x0a, 0x0d, 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9b, 0x9f],
  ...[0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069],
  ...[0xd800, 0xdbff, 0xdc00, 0xdfff],
].map((code) => String.fromCharCode(code))

/** Harmless characters of one and of two code units. Never enough letters in a row to look like a secret. */
const harmless = fc.constantFrom('a', 'Z', '5', ' ', '-', '.', 'é', '中', '😀', '𝒳', '\u00a0', '\u200d', '\ufeff')
export const harmlessTexts = fc
  .array(harmless, { minLength: 1, maxLength: 200 })
  .map((parts) => parts.join(''))
  .filter((text) => !/[0-9A-Za-z]{43}/.test(text))

export const hostileTexts = fc
  .tuple(fc.array(harmless, { maxLength: 60 }), fc.constantFrom(...HOSTILE), fc.array(harmless, { maxLength: 60 }))
  .map(([before, hostile, after]) => `${before.join('')}${hostile}${after.join('')}`)
