// Edits: a key with some fields replaced, and the rules that every edited or new key must keep. Pure.

import { isUnchanged } from './change.ts'
import type { Key, SeenKey } from './key.ts'
import type { Refusal } from './refusal.ts'
import { refuse } from './refusal.ts'
import { isoFrom } from './time.ts'
import type { Draw, Environment } from './token.ts'
import { drawShortId, mintToken } from './token.ts'

/** The key with the patch, one revision on; the very same key when the patch changes nothing. */
export function edited(key: Key, patch: Partial<Key>, at: number): Key {
  const next: Key = { ...key, ...patch }
  return isUnchanged(key, next) ? key : { ...next, updatedAt: isoFrom(at), revision: key.revision + 1 }
}

/** Why a key may not be valid from `notBefore` until `expiresAt`; null when it may. Milliseconds, null is unbounded. */
export function validityProblem(notBefore: number | null, expiresAt: number | null): Refusal | null {
  if (notBefore === null || expiresAt === null || notBefore < expiresAt) return null
  return refuse(
    'INVALID_INPUT',
    `the key would expire at ${isoFrom(expiresAt)}, not after its not-before, ${isoFrom(notBefore)}; give a later expiry or an earlier not-before`,
    { field: 'expiresAt' },
  )
}

export function pastExpiry(expiresAt: number, at: number): Refusal | null {
  if (expiresAt > at) return null
  return refuse('INVALID_INPUT', `the expiry ${isoFrom(expiresAt)} is not in the future; give a later one, or revoke the key`, {
    field: 'expiresAt',
  })
}

export function revokedProblem(key: SeenKey): Refusal | null {
  return key.revokedAt === null ? null : refuse('KEY_REVOKED', `key ${key.id} was revoked at ${key.revokedAt}`)
}

const MAX_DRAWS = 16

/** An id that is not taken yet; 62^12 make a second draw a curiosity and a sixteenth a broken random source. */
export function drawUnused(draw: Draw, isTaken: (id: string) => boolean, prefix = ''): string {
  for (let draws = 0; draws < MAX_DRAWS; draws++) {
    const id = prefix + drawShortId(draw)
    if (!isTaken(id)) return id
  }
  throw new Error('the random source repeats itself: no unused id in 16 draws')
}

/** What a new token depends on beside its key. */
export interface Minting {
  readonly brand: string
  readonly isTaken: (id: string) => boolean
  /** What is kept of a token. */
  readonly hash: (token: string) => string
}

/** A new token for a key and the secret that is kept of it. */
export function mintSecret({ brand, isTaken, hash }: Minting, environment: Environment, at: number, draw: Draw) {
  const shortId = drawUnused(draw, isTaken)
  const token = mintToken(brand, environment, shortId, draw)
  return { token, secret: { shortId, hash: hash(token), createdAt: isoFrom(at), notAfter: null, retiredReason: null } }
}
