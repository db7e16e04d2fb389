// rotate: a new secret for the same key; the old ones keep working until their grace ends.

import { edited, mintSecret, pastExpiry, revokedProblem, validityProblem } from '../domain/edit.ts'
import { optional, required } from '../domain/field.ts'
import type { Key, Secret } from '../domain/key.ts'
import { isExpired, MAX_IN_GRACE, MAX_TOMBSTONES, secretsInGrace } from '../domain/key.ts'
import * as kinds from '../domain/kinds.ts'
import { refuse } from '../domain/refusal.ts'
import { DAY_SECONDS, isoFrom, SECOND_MS } from '../domain/time.ts'
import { defineChange } from './command.ts'

export const DEFAULT_GRACE_SECONDS = DAY_SECONDS

export const rotate = defineChange({
  words: 'rotate',
  summary: 'Give a key a new secret; the old one works until its grace ends',
  notes: [
    'Only the new secret goes to stdout. --grace 0s retires the old one at once.',
    'A token in the arguments can be seen by others on this machine: prefer the id, or --key - and standard input.',
  ],
  action: 'key.rotate',
  danger: 'none',
  on: 'one',
  fields: {
    key: required(kinds.keyOfToken, 'ID', 'the key, or with --key its token', { position: true, flag: 'key', isSecret: true }),
    graceSeconds: optional(kinds.seconds, 'Grace', 'how long the old secret still works', { flag: 'grace', fallback: '24h' }),
    expiresAt: optional(kinds.expiry, 'Expires', 'a new expiry for the key', { flag: 'expires', fallback: 'unchanged' }),
  },
  select: ({ key }) => ({ refs: [key] }),
  guard(key, at) {
    const revoked = revokedProblem(key)
    if (revoked !== null) return revoked
    if (key.disabledAt !== null) return refuse('KEY_DISABLED', `key ${key.id} is disabled and can't be rotated`)
    if (isExpired(key, at)) return refuse('KEY_EXPIRED', `key ${key.id} expired at ${key.expiresAt}`)
    if (secretsInGrace(key, at).length < MAX_IN_GRACE) return null
    return refuse(
      'INVALID_INPUT',
      `key ${key.id} has ${MAX_IN_GRACE} older secrets still in their grace; end that first with: keywright grace end ${key.id}`,
    )
  },
  decide(before, { graceSeconds = DEFAULT_GRACE_SECONDS, expiresAt: given }, { at, draw }, minting) {
    const key = before as Key
    const expiresAt =
      given === undefined
        ? key.expiresAt === null
          ? null
          : Date.parse(key.expiresAt)
        : given === null
          ? null
          : kinds.resolveWhen(given, at)
    const notBefore = key.notBefore === null ? null : Date.parse(key.notBefore)
    const problem = (expiresAt === null ? null : pastExpiry(expiresAt, at)) ?? validityProblem(notBefore, expiresAt)
    if (problem !== null) return problem
    const { token, secret } = mintSecret(minting, key.environment, at, draw)
    const graceEnds = Math.min(at + graceSeconds * SECOND_MS, expiresAt ?? Number.POSITIVE_INFINITY)
    const older = key.secrets.map((one) => endBy(one, graceEnds, 'rotated'))
    const next = edited(
      key,
      { expiresAt: expiresAt === null ? null : isoFrom(expiresAt), secrets: keepTombstones([secret, ...older], at) },
      at,
    )
    return { key: next, token }
  },
})

/** The secret, ending no later than that. */
export function endBy(secret: Secret, endsAt: number, retiredReason: string): Secret {
  if (secret.notAfter !== null && Date.parse(secret.notAfter) <= endsAt) return secret
  return { ...secret, notAfter: isoFrom(endsAt), retiredReason: secret.retiredReason ?? retiredReason }
}

/** Every secret that still works, and the newest of those that don't. */
function keepTombstones(secrets: readonly Secret[], at: number): Secret[] {
  let tombstones = 0
  return secrets.filter(({ notAfter }) => notAfter === null || Date.parse(notAfter) > at || ++tombstones <= MAX_TOMBSTONES)
}
