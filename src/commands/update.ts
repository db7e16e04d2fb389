// update: edits a key; each given field is replaced whole.

import { edited, pastExpiry, revokedProblem, validityProblem } from '../domain/edit.ts'
import type { InputOf } from '../domain/field.ts'
import { clearable, optional, required } from '../domain/field.ts'
import type { Key, Secret } from '../domain/key.ts'
import { isExpired, secretsInGrace } from '../domain/key.ts'
import * as kinds from '../domain/kinds.ts'
import type { Refusal } from '../domain/refusal.ts'
import { refuse } from '../domain/refusal.ts'
import { isoFrom } from '../domain/time.ts'
import { defineChange } from './command.ts'

const fields = {
  key: required(kinds.keyRef, 'ID', 'the key', { position: true }),
  name: clearable(optional(kinds.text('N'), 'Name', 'what the key is for', { flag: 'name' })),
  expiresAt: clearable(optional(kinds.expiry, 'Expires', 'when the key ends', { flag: 'expires' })),
  notBefore: clearable(optional(kinds.instant, 'Not before', 'from when on the key is valid', { flag: 'not-before' })),
  rateLimits: clearable(optional(kinds.rateLimits, 'Rate limits', 'how many calls in which window', { flag: 'rate-limit' })),
  allowedIps: clearable(optional(kinds.allowedIps, 'Allowed addresses', 'from where the key may be used', { flag: 'allow-ip' })),
  tags: clearable(optional(kinds.tags, 'Tags', 'words to find the key by', { flag: 'tag' })),
  metadata: clearable(optional(kinds.metadata, 'Metadata', 'pairs that the application keeps with the key', { flag: 'meta' })),
}

type Input = InputOf<typeof fields>

export const update = defineChange({
  words: 'update',
  summary: 'Edit a key; each given flag replaces that field',
  action: 'key.update',
  danger: 'none',
  on: 'one',
  fields,
  select: ({ key }) => ({ refs: [key] }),
  guard: revokedProblem,
  decide(before, input, { at }) {
    const key = before as Key
    const span = validity(key, input, at)
    if ('refused' in span) return span
    const { name, rateLimits, allowedIps, tags, metadata } = input
    const patch: Partial<Key> = {
      ...span,
      ...(name === undefined ? {} : { name }),
      ...(rateLimits === undefined ? {} : { rateLimits: rateLimits ?? [] }),
      ...(allowedIps === undefined ? {} : { allowedIps: allowedIps ?? [] }),
      ...(tags === undefined ? {} : { tags: tags ?? [] }),
      ...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
    }
    return { key: edited(key, patch, at) }
  },
})

const msOf = (instant: string | null): number | null => (instant === null ? null : Date.parse(instant))
const isoOf = (ms: number | null): string | null => (ms === null ? null : isoFrom(ms))

/** The edited span of validity. An expired key is not revived; no grace outlasts the key. */
function validity(key: Key, input: Input, at: number): Pick<Key, 'notBefore' | 'expiresAt' | 'secrets'> | Refusal {
  const expiresAt =
    input.expiresAt === undefined ? msOf(key.expiresAt) : input.expiresAt === null ? null : kinds.resolveWhen(input.expiresAt, at)
  const notBefore =
    input.notBefore === undefined ? msOf(key.notBefore) : input.notBefore === null ? null : kinds.resolveWhen(input.notBefore, at)
  if (input.expiresAt !== undefined) {
    const past = expiresAt === null ? null : pastExpiry(expiresAt, at)
    if (past !== null && expiresAt !== msOf(key.expiresAt)) return past
    if (isExpired(key, at)) return refuse('KEY_EXPIRED', `key ${key.id} expired at ${key.expiresAt}`)
  }
  const problem = validityProblem(notBefore, expiresAt)
  if (problem !== null) return problem
  const working = new Set(secretsInGrace(key, at))
  const clamp = (secret: Secret): Secret =>
    working.has(secret) && expiresAt !== null && Date.parse(secret.notAfter as string) > expiresAt
      ? { ...secret, notAfter: isoFrom(expiresAt) }
      : secret
  return { notBefore: isoOf(notBefore), expiresAt: isoOf(expiresAt), secrets: key.secrets.map(clamp) }
}
