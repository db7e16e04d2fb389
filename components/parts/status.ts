// A key's status as a mark and a word: the word says it, the colour helps.

import type { Status } from '../../src/domain/key.ts'
import type { Role, Theme } from '../theme.ts'
import type { Span } from './row.ts'
import { pad } from './text.ts'

const ROLES: Readonly<Record<Status, Role>> = {
  active: 'good',
  expiring: 'warn',
  rotating: 'accent',
  pending: 'dim',
  expired: 'dim',
  disabled: 'warn',
  revoked: 'bad',
}

export const STATUS_WIDTH = 10

export function statusSpan(status: Status, { glyphs }: Theme, width = STATUS_WIDTH): Span {
  return [ROLES[status], pad(`${glyphs.status[status]} ${status}`, width)]
}
