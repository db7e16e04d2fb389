// generate: a new key. The only moment at which its token exists.

import { drawUnused, mintSecret, pastExpiry, validityProblem } from '../domain/edit.ts'
import type { InputOf } from '../domain/field.ts'
import { optional, required } from '../domain/field.ts'
import type { Key } from '../domain/key.ts'
import * as kinds from '../domain/kinds.ts'
import type { Refusal } from '../domain/refusal.ts'
import { refuse } from '../domain/refusal.ts'
import { isoFrom } from '../domain/time.ts'
import { ENVIRONMENTS } from '../domain/token.ts'
import type { Moment } from './command.ts'
import { defineChange } from './command.ts'

const fields = {
  userId: required(kinds.text('U'), 'Owner', 'whose key it is, as the application names them', { flag: 'user' }),
  name: optional(kinds.text('N'), 'Name', 'what the key is for', { flag: 'name' }),
  environment: optional(kinds.choice(ENVIRONMENTS), 'Environment', 'which environment the key is for', { flag: 'env', fallback: 'live' }),
  expiresAt: optional(kinds.expiry, 'Expires', 'when the key ends', { flag: 'expires', fallback: 'never' }),
  expiresInDays: optional(kinds.days, 'Expires in days', 'when the key ends, as a number of days from now'),
  scopes: optional(kinds.scopes, 'Scopes', 'what the key may do', { flag: 'scopes' }),
  rateLimits: optional(kinds.rateLimits, 'Rate limits', 'how many calls in which window', { flag: 'rate-limit', fallback: 'unlimited' }),
  allowedIps: optional(kinds.allowedIps, 'Allowed addresses', 'from where the key may be used', { flag: 'allow-ip', fallback: 'any' }),
  notBefore: optional(kinds.instant, 'Not before', 'from when on the key is valid', { flag: 'not-before' }),
  tags: optional(kinds.tags, 'Tags', 'words to find the key by', { flag: 'tag' }),
  metadata: optional(kinds.metadata, 'Metadata', 'pairs that the application keeps with the key', { flag: 'meta' }),
  like: optional(kinds.keyRef, 'Like', 'take what is not given from this key', { flag: 'like' }),
}

type Input = InputOf<typeof fields>

export const generate = defineChange({
  words: 'generate',
  summary: 'Issue a new key; its secret goes to stdout, once',
  notes: ['Only the secret goes to stdout, so that KEY=$(keywright generate …) works; everything else goes to stderr.'],
  action: 'key.generate',
  danger: 'none',
  on: 'new',
  fields,
  select: ({ like }) => ({ refs: like === undefined ? [] : [like] }),
  guard: () => null,
  decide(_, input, moment, { model, ...minting }) {
    const span = validity(input, model, moment.at)
    if ('refused' in span) return span
    const environment = input.environment ?? model?.environment ?? 'live'
    const id = drawUnused(moment.draw, minting.isTaken, 'key_')
    const { token, secret } = mintSecret(minting, environment, moment.at, moment.draw)
    const now = isoFrom(moment.at)
    const key: Key = {
      id,
      userId: input.userId,
      name: input.name ?? model?.name ?? null,
      environment,
      scopes: input.scopes ?? model?.scopes ?? [],
      rateLimits: input.rateLimits ?? model?.rateLimits ?? [],
      allowedIps: input.allowedIps ?? model?.allowedIps ?? [],
      notBefore: span.notBefore,
      expiresAt: span.expiresAt,
      disabledAt: null,
      revokedAt: null,
      revokedBy: null,
      revokedReason: null,
      createdAt: now,
      createdBy: moment.actor.name,
      updatedAt: now,
      revision: 1,
      tags: input.tags ?? model?.tags ?? [],
      metadata: input.metadata ?? model?.metadata ?? {},
      secrets: [secret],
    }
    return { key, token }
  },
})

interface Validity {
  readonly notBefore: string | null
  readonly expiresAt: string | null
}

/** From when until when the key is valid. What a model gives is kept where it still lies ahead. */
function validity(input: Input, model: Key | null, at: Moment['at']): Validity | Refusal {
  if (input.expiresAt !== undefined && input.expiresInDays !== undefined) {
    return refuse('INVALID_INPUT', 'expiresAt and expiresInDays say the same thing; give one of them', { field: 'expiresInDays' })
  }
  const given = input.expiresAt === undefined ? input.expiresInDays : input.expiresAt
  const expiresAt = given === undefined ? modelExpiry(model, at) : given === null ? null : kinds.resolveWhen(given, at)
  const modelNotBefore = model?.notBefore == null ? null : Date.parse(model.notBefore)
  const inherited = modelNotBefore !== null && modelNotBefore > at ? modelNotBefore : null
  const notBefore = input.notBefore === undefined ? inherited : kinds.resolveWhen(input.notBefore, at)
  const problem = (expiresAt === null ? null : pastExpiry(expiresAt, at)) ?? validityProblem(notBefore, expiresAt)
  return problem ?? { notBefore: notBefore === null ? null : isoFrom(notBefore), expiresAt: expiresAt === null ? null : isoFrom(expiresAt) }
}

/** The model's expiry; where it has passed, as long a life as the model had. */
function modelExpiry(model: Key | null, at: number): number | null {
  if (model === null || model.expiresAt === null) return null
  const expiry = Date.parse(model.expiresAt)
  return expiry > at ? expiry : at + Math.max(1, expiry - Date.parse(model.createdAt))
}
