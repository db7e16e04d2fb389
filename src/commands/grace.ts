// grace end, grace extend: shorten or lengthen the overlap in which an older secret still works.

import { edited, revokedProblem } from '../domain/edit.ts'
import { required } from '../domain/field.ts'
import type { Key } from '../domain/key.ts'
import { secretsInGrace } from '../domain/key.ts'
import * as kinds from '../domain/kinds.ts'
import { refuse } from '../domain/refusal.ts'
import { isoFrom } from '../domain/time.ts'
import { defineChange } from './command.ts'
import { endBy } from './rotate.ts'

export const graceEnd = defineChange({
  words: 'grace end',
  summary: 'Retire all older secrets of a key now',
  action: 'key.grace.end',
  danger: 'none',
  on: 'one',
  fields: { key: required(kinds.keyRef, 'ID', 'the key', { position: true }) },
  select: ({ key }) => ({ refs: [key] }),
  guard: revokedProblem,
  decide(before, _, { at }) {
    const key = before as Key
    const working = new Set(secretsInGrace(key, at))
    return {
      key: edited(
        key,
        {
          secrets: key.secrets.map((secret) =>
            working.has(secret) ? { ...endBy(secret, at, 'grace-ended'), retiredReason: 'grace-ended' } : secret,
          ),
        },
        at,
      ),
    }
  },
})

export const graceExtend = defineChange({
  words: 'grace extend',
  summary: 'Let the newest older secret of a key work longer',
  action: 'key.grace.extend',
  danger: 'none',
  on: 'one',
  fields: {
    key: required(kinds.keyRef, 'ID', 'the key', { position: true }),
    until: required(kinds.instant, 'Until', 'when the older secret ends; not past the expiry of the key', { flag: 'until' }),
  },
  select: ({ key }) => ({ refs: [key] }),
  guard: revokedProblem,
  decide(before, { until: given }, { at }) {
    const key = before as Key
    const until = kinds.resolveWhen(given, at)
    const [newest] = secretsInGrace(key, at)
    const invalid = (message: string) => refuse('INVALID_INPUT', message, { field: 'until' })
    if (newest === undefined) return invalid(`key ${key.id} has no older secret in its grace; rotate it to begin one`)
    if (key.expiresAt !== null && until > Date.parse(key.expiresAt)) {
      return invalid(`${isoFrom(until)} is past the expiry of key ${key.id}, ${key.expiresAt}; give an earlier time`)
    }
    if (until < Date.parse(newest.notAfter as string))
      return invalid(
        `${isoFrom(until)} is not later than the present end, ${newest.notAfter}; to shorten it: keywright grace end ${key.id}`,
      )
    return {
      key: edited(
        key,
        { secrets: key.secrets.map((secret) => (secret === newest ? { ...secret, notAfter: isoFrom(until) } : secret)) },
        at,
      ),
    }
  },
})
