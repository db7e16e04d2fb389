// Opening the row under the cursor, and going back: one layer a press.

import type { AuditRow } from '../../src/domain/audit.ts'
import { filterWord } from '../../src/domain/filter-language.ts'
import { keyPageLines } from '../screens/key-lines.ts'
import { cursorRow } from './list.ts'
import { filtered, left, newAudit, newKey, newKeys, opened } from './pages.ts'
import { openedPanel } from './panel.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'
import { pageOf, step, toasted, withPage } from './step.ts'

export function openedRow(state: State): Step {
  const page = pageOf(state)
  switch (page.screen) {
    case 'keys': {
      const key = cursorRow(page.list)
      return key === null ? step(state) : opened(state, newKey(key.id, key.name ?? key.id))
    }
    case 'users': {
      const owner = cursorRow(page.list)
      if (owner === null) return step(state)
      return opened(state, newKeys(filterWord('user:', owner.userId)))
    }
    case 'usage': {
      const calls = cursorRow(page.list)
      return calls === null ? step(state) : opened(state, newKey(calls.keyId, calls.name ?? calls.keyId))
    }
    case 'hygiene': {
      const finding = cursorRow(page.list)
      return finding === null ? step(state) : opened(state, newKey(finding.keyId, finding.name ?? finding.keyId))
    }
    case 'audit': {
      const row = cursorRow(page.list)
      return row === null ? step(state) : openedRecord(state, row)
    }
    case 'key': {
      const line = keyPageLines(state, page)[page.line]
      if (line?.record != null) return openedRecord(state, line.record)
      return opened(state, newAudit(`key:${page.keyId}`))
    }
  }
}

function openedRecord(state: State, row: AuditRow): Step {
  return step(openedPanel(state, { what: 'record', row }))
}

/** esc on a page: what is running, the filter, the marks, the page. */
export function backFrom(state: State): Step {
  const running = [...state.busy].filter(([, { isCancellable }]) => isCancellable)
  if (running.length > 0)
    return step(toasted(state, 'accent', 'cancelled'), ...running.map(([slot]) => ({ effect: 'cancel', slot }) as const))
  const page = pageOf(state)
  if ('filter' in page && page.filter !== '') return filtered(state, '')
  if (page.screen === 'keys' && (page.marks.size > 0 || page.rangeFrom !== null)) {
    return step(withPage(state, { ...page, marks: new Set(), rangeFrom: null }))
  }
  return left(state)
}

/** q: from a screen of its own the app is left, from one above it that one. */
export function quitFrom(state: State): Step {
  const page = pageOf(state)
  const isAbove = page.screen === 'key' || (page.screen === 'usage' && page.subject.of !== 'store')
  return isAbove && state.pageAt > 0 ? left(state) : step(state, { effect: 'exit', code: 0 })
}
