// The command line that shows what a page shows: what `y` copies.

import { auditList } from '../../src/commands/audit.ts'
import { hygiene } from '../../src/commands/hygiene.ts'
import { list, show, users } from '../../src/commands/list.ts'
import { stats } from '../../src/commands/validate.ts'
import { parseAuditFilter } from '../../src/domain/audit-filter.ts'
import type { Fields } from '../../src/domain/field.ts'
import { parseFilter } from '../../src/domain/filter-language.ts'
import { parseKeyRef } from '../../src/domain/key.ts'
import { DEFAULT_SORT, formatSort } from '../../src/domain/selection.ts'
import type { State } from './state.ts'
import { pageOf } from './step.ts'

interface Equivalent {
  readonly command: { readonly words: string; readonly fields: Fields }
  readonly input: object
  /** What the lines must hold beside: the command line leaves that to grep. */
  readonly text?: string
}

export function equivalentOf(state: State): Equivalent {
  const page = pageOf(state)
  switch (page.screen) {
    case 'keys': {
      const sort = formatSort(page.sort) === formatSort(DEFAULT_SORT) ? {} : { sort: page.sort }
      return { command: list, input: { ...parseFilter(page.filter), ...sort } }
    }
    case 'users':
      return { command: users, input: page.filter === '' ? {} : { search: page.filter } }
    case 'usage': {
      const { subject, window } = page
      const of = subject.of === 'store' ? {} : subject.of === 'owner' ? { userId: subject.userId } : { id: parseKeyRef(subject.keyId) }
      return { command: stats, input: { ...of, window } }
    }
    case 'audit': {
      const { keyId, userId, actor, action, since, until, text } = parseAuditFilter(page.filter, state.now) ?? {}
      const at = (ms: number | undefined) => (ms === undefined ? undefined : { at: ms })
      return {
        command: auditList,
        input: { keyId: keyId === undefined ? undefined : parseKeyRef(keyId), userId, actor, action, since: at(since), until: at(until) },
        ...(text === undefined ? {} : { text }),
      }
    }
    case 'hygiene':
      return { command: hygiene, input: {} }
    case 'key':
      return { command: show, input: { key: parseKeyRef(page.keyId) } }
  }
}
