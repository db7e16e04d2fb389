// scope add, remove, set: what a key may do.

import type { ChangeAction } from '../domain/change.ts'
import { edited, revokedProblem } from '../domain/edit.ts'
import { required } from '../domain/field.ts'
import type { Key } from '../domain/key.ts'
import * as kinds from '../domain/kinds.ts'
import { refuse } from '../domain/refusal.ts'
import { MAX_SCOPES, sortedUnique } from '../domain/scope.ts'
import { defineChange } from './command.ts'

type NextScopes = (held: readonly string[], given: readonly string[]) => readonly string[]

function scopeCommand(words: string, summary: string, action: ChangeAction, next: NextScopes) {
  return defineChange({
    words,
    summary,
    action,
    danger: 'none',
    on: 'one',
    fields: {
      key: required(kinds.keyRef, 'ID', 'the key', { position: true }),
      scopes: required(kinds.scopes, 'S…', 'the scopes', { position: true }),
    },
    select: ({ key }) => ({ refs: [key] }),
    guard: revokedProblem,
    decide(before, { scopes: given }, { at }) {
      const key = before as Key
      const scopes = sortedUnique(next(key.scopes, given))
      if (scopes.length > MAX_SCOPES)
        return refuse('INVALID_INPUT', `key ${key.id} would have ${scopes.length} scopes, more than ${MAX_SCOPES}; remove some first`, {
          field: 'scopes',
        })
      return { key: edited(key, { scopes }, at) }
    },
  })
}

export const scopeAdd = scopeCommand('scope add', 'Grant a key more scopes', 'key.scope.add', (held, given) => [...held, ...given])
export const scopeRemove = scopeCommand('scope remove', 'Take scopes from a key', 'key.scope.remove', (held, given) =>
  held.filter((scope) => !given.includes(scope)),
)
export const scopeSet = scopeCommand('scope set', 'Give a key exactly these scopes', 'key.scope.set', (_, given) => given)
