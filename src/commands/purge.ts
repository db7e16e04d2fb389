// purge: removes keys that ended long ago from the store; the audit log keeps their story.

import { optional } from '../domain/field.ts'
import * as kinds from '../domain/kinds.ts'
import { DAY_SECONDS } from '../domain/time.ts'
import { defineChange } from './command.ts'

const DEFAULT_OLDER_SECONDS = 90 * DAY_SECONDS

export const purge = defineChange({
  words: 'purge',
  summary: 'Remove keys that were revoked or expired long ago',
  notes: ['The audit log is never touched. More than one key needs --yes, or a typed confirmation on a terminal.'],
  action: 'key.purge',
  danger: 'final',
  on: 'many',
  fields: {
    olderThanSeconds: optional(kinds.seconds, 'Older than', 'how long ago they ended', { flag: 'older-than', fallback: '90d' }),
    dryRun: optional(kinds.flag, 'Dry run', 'show what would happen and change nothing', { flag: 'dry-run' }),
  },
  select: ({ olderThanSeconds = DEFAULT_OLDER_SECONDS }) => ({ filter: { endedForSeconds: olderThanSeconds } }),
  guard: () => null,
  decide: () => ({ key: null }),
})
