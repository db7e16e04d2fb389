// disable, enable: stop keys and let them go on; reversible.

import { edited, revokedProblem } from '../domain/edit.ts'
import { required } from '../domain/field.ts'
import type { Key } from '../domain/key.ts'
import * as kinds from '../domain/kinds.ts'
import { isoFrom } from '../domain/time.ts'
import { defineChange } from './command.ts'

const fields = {
  ids: required(kinds.keyRefs, 'ID…', 'the keys', { position: true }),
  reason: required(kinds.text('R'), 'Reason', 'why, for the log', { flag: 'reason' }),
}

export const disable = defineChange({
  words: 'disable',
  summary: 'Stop keys until they are enabled again',
  action: 'key.disable',
  danger: 'reversible',
  on: 'many',
  fields,
  select: ({ ids }) => ({ refs: ids }),
  guard: revokedProblem,
  reason: ({ reason }) => reason,
  decide(before, _, { at }) {
    const key = before as Key
    return { key: edited(key, { disabledAt: key.disabledAt ?? isoFrom(at) }, at) }
  },
})

export const enable = defineChange({
  words: 'enable',
  summary: 'Let disabled keys work again',
  action: 'key.enable',
  danger: 'reversible',
  on: 'many',
  fields,
  select: ({ ids }) => ({ refs: ids }),
  guard: revokedProblem,
  reason: ({ reason }) => reason,
  decide: (key, _, { at }) => ({ key: edited(key as Key, { disabledAt: null }, at) }),
})
