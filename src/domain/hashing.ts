// How this process hashes tokens: plainly, or with peppers that are kept away from the store. Shows no pepper to anyone.

import type { KeyObject } from 'node:crypto'
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import type { Secret } from './key.ts'
import { KeywrightError } from './refusal.ts'
import type { Digest } from './token.ts'
import { digestOf, HMAC_SCHEME, hashToken, octetsToCompare, pepperOf, tokenMatches } from './token.ts'

/** A secret that a token can be compared with. */
export interface Hashed extends Digest {
  readonly secret: Pick<Secret, 'shortId'>
  /** The name of the pepper that its digest was made with, or null. */
  readonly pepper: string | null
}

export interface Hashing {
  /** What is kept of a new token. */
  readonly hash: (token: string) => string
  /**
   * Whether the token is the one that was hashed, in constant time; an unknown shortId (null) costs the same work. Throws
   * STORE_UNAVAILABLE where that can't be known: the hash was made with a pepper that this process does not have.
   */
  readonly matches: (token: string, hashed: Hashed | null) => boolean
  /** The name of the pepper of new hashes; null: they are plain. */
  readonly pepper: string | null
}

export function hashedOf(secret: Pick<Secret, 'shortId' | 'hash'>): Hashed {
  return { secret, ...digestOf(secret.hash), pepper: pepperOf(secret.hash) }
}

function missingPepper(shortId: string, name: string): KeywrightError {
  return new KeywrightError('STORE_UNAVAILABLE', `secret ${shortId} is hashed with pepper ${name}, which this process does not have`, {
    hint: 'start it with the KEYWRIGHT_PEPPER_FILE that the others use, and keep that pepper in it as long as secrets are hashed with it',
  })
}

export const PLAIN_HASHING: Hashing = {
  hash: hashToken,
  matches(token, hashed) {
    const isEqual = tokenMatches(token, hashed)
    // Told only after the same work as for any other token.
    if (hashed !== null && hashed.pepper !== null) throw missingPepper(hashed.secret.shortId, hashed.pepper)
    return isEqual
  },
  pepper: null,
}

export interface Pepper {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface PepperOptions {
  /** The first is for new hashes; with the others, older ones are compared. */
  readonly peppers: readonly [Pepper, ...Pepper[]]
  /** Whether secrets that were hashed without a pepper are refused as if there were none. */
  readonly isRequired: boolean
}

export function pepperedHashing({ peppers, isRequired }: PepperOptions): Hashing {
  // A key object shows its bytes to no inspection.
  const known = new Map(peppers.map(({ name, bytes }) => [name, createSecretKey(bytes)] as const))
  const [{ name: first }] = peppers
  const newest = known.get(first) as KeyObject
  const hmacOf = (pepper: KeyObject, token: string): Buffer => createHmac('sha256', pepper).update(token).digest()
  return {
    hash: (token) => `${HMAC_SCHEME}${first}:${hmacOf(newest, token).toString('base64url')}`,
    matches(token, hashed) {
      // Where plain hashes are accepted both are always computed, so that the time does not tell how a secret is hashed, or that there is one.
      const isPlainEqual = !isRequired && tokenMatches(token, hashed)
      const pepper = hashed === null || hashed.pepper === null ? newest : known.get(hashed.pepper)
      const isEqual = timingSafeEqual(hmacOf(pepper ?? newest, token), octetsToCompare(hashed))
      if (hashed === null) return false
      if (hashed.pepper === null) return isPlainEqual
      if (pepper === undefined) throw missingPepper(hashed.secret.shortId, hashed.pepper)
      return isEqual
    },
    pepper: first,
  }
}

const MAX_PEPPERS = 16
const MIN_PEPPER_BYTES = 32
const MAX_PEPPER_BYTES = 1024
const PEPPER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** A pepper out of one line, or what is wrong with it; the line itself is never repeated. */
function parsePepper(line: string): Pepper | string {
  const end = line.indexOf(':')
  const [name, text] = [line.slice(0, end), line.slice(end + 1)]
  if (end < 0 || !PEPPER_NAME.test(name)) return 'it does not begin with NAME: of 1 to 32 characters of A-Z, a-z, 0-9, . _ and -'
  const bytes = Buffer.from(text, 'base64')
  if (!BASE64.test(text) || bytes.length < MIN_PEPPER_BYTES || bytes.length > MAX_PEPPER_BYTES)
    return `what follows NAME: is not base64 of ${MIN_PEPPER_BYTES} to ${MAX_PEPPER_BYTES} bytes`
  return { name, bytes }
}

/** The peppers of a file, a line each; empty lines and lines that begin with # are none. */
export function parsePeppers(text: string): PepperOptions['peppers'] | { readonly line: number; readonly problem: string } {
  const peppers: Pepper[] = []
  for (const [index, given] of text.split('\n').entries()) {
    const line = given.trim()
    if (line === '' || line.startsWith('#')) continue
    const pepper = peppers.length < MAX_PEPPERS ? parsePepper(line) : `there are more than ${MAX_PEPPERS} peppers`
    if (typeof pepper === 'string') return { line: index + 1, problem: pepper }
    if (peppers.some(({ name }) => name === pepper.name)) return { line: index + 1, problem: `the name ${pepper.name} stands twice` }
    peppers.push(pepper)
  }
  const [first, ...rest] = peppers
  return first === undefined ? { line: 1, problem: 'there is no pepper in it' } : [first, ...rest]
}
