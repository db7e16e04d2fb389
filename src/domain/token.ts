// Tokens: <prefix>_<shortId>_<secret><checksum>. Mints, parses and hashes them; never keeps one.

import { hash, timingSafeEqual } from 'node:crypto'

export const SHORT_ID_LENGTH = 12
const SECRET_BYTES = 32
const SECRET_LENGTH = 43
const CHECKSUM_LENGTH = 6
export const MAX_PREFIX_LENGTH = 32
const TAIL_LENGTH = 1 + SHORT_ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH
const MIN_TOKEN_LENGTH = 'x_live'.length + TAIL_LENGTH
const MAX_TOKEN_LENGTH = MAX_PREFIX_LENGTH + TAIL_LENGTH

export const ENVIRONMENTS = ['live', 'test'] as const
export type Environment = (typeof ENVIRONMENTS)[number]

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const PREFIX = /^[a-z0-9]+(?:_[a-z0-9]+)*_(?:live|test)$/
const BRAND = /^[a-z0-9]+(?:_[a-z0-9]+)*$/
const HASH_SCHEME = 'sha256:'
/** Followed by the name of the pepper; domain/hashing.ts knows the peppers. */
export const HMAC_SCHEME = 'hmac-sha256:'
export const STORED_HASH = /^(?:sha256|hmac-sha256:[A-Za-z0-9][A-Za-z0-9._-]{0,31}):[A-Za-z0-9_-]{43}$/

const UNDERSCORE = 95
/** Most octets of one character in UTF-8, counted by its UTF-16 units. */
const MAX_OCTETS = 3
/** A bit that no digit has. */
const NO_DIGIT = 128
/** The digit of each ASCII code in base62. */
const DIGITS = new Uint8Array(256).fill(NO_DIGIT)
for (let digit = 0; digit < ALPHABET.length; digit++) DIGITS[ALPHABET.charCodeAt(digit)] = digit

/**
 * CRC-32 (IEEE 802.3, reflected, polynomial 0xEDB88320), four bytes at a time: the n-th table says what a byte does that n
 * others follow (Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation", 2008).
 */
const CRC_TABLES = [0, 1, 2, 3].map(() => new Int32Array(256)) as [Int32Array, Int32Array, Int32Array, Int32Array]
for (let byte = 0; byte < 256; byte++) {
  let value = byte
  for (const table of CRC_TABLES) {
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
    table[byte] = value
  }
}

function crc32(bytes: Uint8Array, length: number): number {
  const [last, third, second, first] = CRC_TABLES
  const at = (index: number): number => bytes[index] as number
  let crc = -1
  let index = 0
  for (; index + 4 <= length; index += 4) {
    crc ^= at(index) | (at(index + 1) << 8) | (at(index + 2) << 16) | (at(index + 3) << 24)
    crc =
      (first[crc & 255] as number) ^
      (second[(crc >>> 8) & 255] as number) ^
      (third[(crc >>> 16) & 255] as number) ^
      (last[crc >>> 24] as number)
  }
  for (; index < length; index++) crc = (last[(crc ^ at(index)) & 255] as number) ^ (crc >>> 8)
  return (crc ^ -1) >>> 0
}

function toBase62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; rest > 0n; rest /= 62n) text = (ALPHABET[Number(rest % 62n)] as string) + text
  return text.padStart(length, '0')
}

function toInteger(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

/** What draws randomness: `bytes` octets from the system's CSPRNG, or a test's own. */
export type Draw = (bytes: number) => Uint8Array

/** 12 base62 characters out of 128 random bits; the bias of the remainder is below 2^-56. */
export function drawShortId(draw: Draw): string {
  return toBase62(toInteger(draw(16)) % 62n ** BigInt(SHORT_ID_LENGTH), SHORT_ID_LENGTH)
}

export function isBrand(text: string): boolean {
  return text.length <= MAX_PREFIX_LENGTH - '_live'.length && BRAND.test(text)
}

/** Puts a token together from its parts; `secretBytes` are 32. */
export function composeToken(prefix: string, shortId: string, secretBytes: Uint8Array): string {
  const body = `${prefix}_${shortId}_${toBase62(toInteger(secretBytes), SECRET_LENGTH)}`
  return body + toBase62(BigInt(crc32(Buffer.from(body, 'latin1'), body.length)), CHECKSUM_LENGTH)
}

export function mintToken(brand: string, environment: Environment, shortId: string, draw: Draw): string {
  return composeToken(`${brand}_${environment}`, shortId, draw(SECRET_BYTES))
}

/** What is kept of a token: the scheme's name and base64url(SHA-256(token)). */
export function hashToken(token: string): string {
  return HASH_SCHEME + hash('sha256', token, 'base64url')
}

export type TokenProblem = 'MALFORMED' | 'BAD_CHECKSUM'

/**
 * The shortId of a well-formed token, or why it is none. Takes anything: never throws, reads at most 95 characters.
 * The length comes first, then the fixed parts from the right, because the prefix may hold underscores.
 */
export function parseToken(token: unknown): { shortId: string } | TokenProblem {
  if (typeof token !== 'string' || token.length < MIN_TOKEN_LENGTH || token.length > MAX_TOKEN_LENGTH) return 'MALFORMED'
  const { length } = token
  // As many octets as characters: then all are ASCII. Octets are read at half the cost of characters.
  if (octets.write(token, 'utf8') !== length) return 'MALFORMED'
  const shortIdAt = length - TAIL_LENGTH + 1
  const secretAt = shortIdAt + SHORT_ID_LENGTH + 1
  if (octets[shortIdAt - 1] !== UNDERSCORE || octets[secretAt - 1] !== UNDERSCORE) return 'MALFORMED'
  let isOther = 0
  for (let index = shortIdAt; index < secretAt - 1; index++) isOther |= DIGITS[octets[index] as number] as number
  for (let index = secretAt; index < length; index++) isOther |= DIGITS[octets[index] as number] as number
  if (isOther >= NO_DIGIT || !isKnownPrefix(token, shortIdAt - 1)) return 'MALFORMED'
  const checksumAt = length - CHECKSUM_LENGTH
  let checksum = 0
  for (let index = checksumAt; index < length; index++) checksum = checksum * 62 + (DIGITS[octets[index] as number] as number)
  return checksum === crc32(octets, checksumAt) ? { shortId: token.slice(shortIdAt, shortIdAt + SHORT_ID_LENGTH) } : 'BAD_CHECKSUM'
}

const octets = Buffer.alloc(MAX_TOKEN_LENGTH * MAX_OCTETS)
/** The prefix that was found to be one the last time: most tokens have the same. */
let knownPrefix = ''

function isKnownPrefix(token: string, length: number): boolean {
  if (length === knownPrefix.length && token.startsWith(knownPrefix)) return true
  const prefix = token.slice(0, length)
  if (!PREFIX.test(prefix)) return false
  // A string of its own: a slice would keep the token.
  knownPrefix = Buffer.from(prefix).toString('latin1')
  return true
}

/** The name of the pepper that a stored hash was made with; null where it was made with none. */
export function pepperOf(storedHash: string): string | null {
  return storedHash.startsWith(HMAC_SCHEME) ? storedHash.slice(HMAC_SCHEME.length, storedHash.lastIndexOf(':')) : null
}

/**
 * The octets of a SHA-256 digest, four to a number: members of the object that holds them, and no object of their own, which
 * would be one more that is met in no order.
 */
export interface Digest {
  readonly w0: number
  readonly w1: number
  readonly w2: number
  readonly w3: number
  readonly w4: number
  readonly w5: number
  readonly w6: number
  readonly w7: number
}

const WORDS = 8
const candidate = Buffer.alloc(WORDS * Int32Array.BYTES_PER_ELEMENT)
const words = new Int32Array(WORDS)
const expected = Buffer.from(words.buffer)

/** The digest that a stored hash holds. */
export function digestOf(storedHash: string): Digest {
  expected.fill(0).write(storedHash.slice(storedHash.lastIndexOf(':') + 1), 'base64url')
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0, w4 = 0, w5 = 0, w6 = 0, w7 = 0] = words
  return { w0, w1, w2, w3, w4, w5, w6, w7 }
}

const NOBODY: Digest = { w0: 0, w1: 0, w2: 0, w3: 0, w4: 0, w5: 0, w6: 0, w7: 0 }
/**
 * With 16,384, which no core keeps in a cache of its own, an unknown shortId and a wrong secret are 0.05 µs apart, and either takes
 * 1.17 times the floor; with 512 they are 0.4 µs apart, and the unknown one takes 1.05 times. Both as measured over 100,000 keys.
 */
const STAND_INS = 512
/**
 * Digests that were compared lately. One after the other they stand in for one that is not there, so that memory takes about as
 * long to bring it. They are credentials, and keep so many of those alive.
 */
const standIns: Digest[] = new Array<Digest>(STAND_INS).fill(NOBODY)
let nextStandIn = 0

/** Its octets, until the next are asked for. */
function octetsOf({ w0, w1, w2, w3, w4, w5, w6, w7 }: Digest): Buffer {
  words[0] = w0
  words[1] = w1
  words[2] = w2
  words[3] = w3
  words[4] = w4
  words[5] = w5
  words[6] = w6
  words[7] = w7
  return expected
}

/** The octets to compare with, until the next are asked for; for null those of some other digest. */
export function octetsToCompare(digest: Digest | null): Buffer {
  nextStandIn = (nextStandIn + 1) % STAND_INS
  if (digest !== null) standIns[nextStandIn] = digest
  return octetsOf(digest ?? (standIns[nextStandIn] as Digest))
}

/** Whether the token is the one that was hashed, in constant time; an unknown shortId (null) costs the same work. */
export function tokenMatches(token: string, digest: Digest | null): boolean {
  // As a text of one character for each octet: Node makes that three times as fast as a buffer, and twice as fast as base64url.
  candidate.write(hash('sha256', token, 'binary'), 'latin1')
  const isEqual = timingSafeEqual(candidate, octetsToCompare(digest))
  return isEqual && digest !== null
}

const TAIL = /(?=_(?:live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49})/g

/** Whether a text holds a whole token, shape and checksum, whatever stands around it. */
export function holdsToken(text: string): boolean {
  for (const { index } of text.matchAll(TAIL)) {
    const end = index + '_live'.length + TAIL_LENGTH
    for (let start = index - 1; start >= Math.max(0, index - MAX_PREFIX_LENGTH); start--) {
      if (typeof parseToken(text.slice(start, end)) !== 'string') return true
    }
  }
  return false
}
