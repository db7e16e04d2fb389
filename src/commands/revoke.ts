// revoke: ends a key for good; one, several, all of an owner, or all that a filter selects.

import { edited, revokedProblem } from '../domain/edit.ts'
import { optional, required, single } from '../domain/field.ts'
import { FILTER_ACCEPTS, formatFilter, parseFilter } from '../domain/filter-language.ts'
import type { Key } from '../domain/key.ts'
import * as kinds from '../domain/kinds.ts'
import { refuse } from '../domain/refusal.ts'
import type { KeyFilter } from '../domain/selection.ts'
import { isoFrom } from '../domain/time.ts'
import { defineChange } from './command.ts'
import { filterFromValue } from './list.ts'

/** A filter that selects something; null where it is none or selects everything. */
function filterFromText(text: string): KeyFilter | null {
  const parsed = parseFilter(text)
  return parsed === null || Object.keys(parsed).length === 0 ? null : parsed
}

const filter = single<KeyFilter>({
  placeholder: 'EXPR',
  accepts: FILTER_ACCEPTS,
  fromText: filterFromText,
  fromValue: (value) => (typeof value === 'string' ? filterFromText(value) : filterFromValue(value)),
  toText: formatFilter,
})

export const revoke = defineChange({
  words: 'revoke',
  summary: 'End keys for good',
  notes: [
    'More than one key needs --yes, or a typed confirmation on a terminal. --dry-run shows what would be revoked.',
    'A token in the arguments can be seen by others on this machine: prefer the id, or --key - and standard input.',
  ],
  action: 'key.revoke',
  danger: 'final',
  on: 'many',
  fields: {
    ids: optional(kinds.keyRefs, 'ID…', 'the keys', { position: true }),
    key: optional(kinds.keyOfToken, 'Token', 'the key of this token; - reads it from standard input', { flag: 'key', isSecret: true }),
    userId: optional(kinds.text('U'), 'Owner', 'all keys of this owner', { flag: 'user' }),
    filter: optional(filter, 'Filter', 'all keys that this selects', { flag: 'filter' }),
    reason: required(kinds.text('R'), 'Reason', 'why, for the log', { flag: 'reason' }),
    dryRun: optional(kinds.flag, 'Dry run', 'show what would happen and change nothing', { flag: 'dry-run' }),
  },
  select({ ids = [], key, userId, filter }) {
    const refs = key === undefined ? ids : [...ids, key]
    const isSelected = userId !== undefined || filter !== undefined
    if (isSelected && refs.length > 0) return refuse('INVALID_INPUT', 'give either ids or an owner or filter, not both', { field: 'ids' })
    if (!isSelected && refs.length === 0)
      return refuse('INVALID_INPUT', 'no key is named; give ids, --key, --user or --filter', { field: 'ids' })
    if (!isSelected) return { refs }
    if (userId !== undefined && filter?.userId !== undefined && filter.userId !== userId) {
      return refuse('INVALID_INPUT', 'the filter names another owner than the owner that is given; give one of them', { field: 'filter' })
    }
    return { filter: { ...filter, ...(userId === undefined ? {} : { userId }) } }
  },
  guard: revokedProblem,
  reason: ({ reason }) => reason,
  decide: (key, { reason }, { at, actor }) => ({
    key: edited(key as Key, { revokedAt: isoFrom(at), revokedBy: actor.name, revokedReason: reason }, at),
  }),
})
