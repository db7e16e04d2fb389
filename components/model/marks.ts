// Marks and sorting on Keys: marks are key ids and stay with their keys.

import { parseFilter } from '../../src/domain/filter-language.ts'
import type { Sort } from '../../src/domain/selection.ts'
import { rangeOf } from './actions.ts'
import { KEY_COLUMNS } from './key-columns.ts'
import { listHeight } from './layout.ts'
import { moved } from './list.ts'
import { reloaded } from './pages.ts'
import type { KeysPage, State } from './state.ts'
import type { Step } from './step.ts'
import { ask, pageOf, slotOf, step, toasted, withPage } from './step.ts'

const SORTABLE: ReadonlySet<string> = new Set(['status', 'name', 'userId', 'id', 'expiresAt', 'lastUsedAt'])

const onKeys = (state: State, work: (page: KeysPage) => Step): Step => {
  const page = pageOf(state)
  return page.screen === 'keys' ? work(page) : step(state)
}

/** Marks the row under the cursor, or takes its mark away, and goes on to the next. */
export const marked = (state: State): Step =>
  onKeys(state, (page) => {
    const { cursor } = page.list
    if (cursor === null) return step(state)
    const marks = new Set(page.marks)
    if (!marks.delete(cursor)) marks.add(cursor)
    return step(withPage(state, { ...page, marks, list: moved(page.list, 1, listHeight(state, page)) }))
  })

export const rangeMarked = (state: State): Step =>
  onKeys(state, (page) => {
    if (page.rangeFrom === null)
      return step(toasted(withPage(state, { ...page, rangeFrom: page.list.cursor }), 'accent', 'a range begins here; V again ends it'))
    const range = rangeOf(page)
    const next = withPage(state, { ...page, rangeFrom: null, marks: new Set([...page.marks, ...range]) })
    const filter = parseFilter(page.filter)
    if (range.length > 0 || filter === null) return step(next)
    // Its beginning is out of reach: the list is asked for its ids.
    return step(state, ask(slotOf('page', page.id, 'range'), { ask: 'ids', query: { filter, sort: page.sort } }))
  })

/** Marks all that the filter shows, seen or not; again: none. */
export const allMarked = (state: State): Step =>
  onKeys(state, (page) => {
    if (page.marks.size > 0 && page.total !== null && page.marks.size >= page.total)
      return step(withPage(state, { ...page, marks: new Set(), rangeFrom: null }))
    const filter = parseFilter(page.filter)
    if (filter === null) return step(state)
    return step(state, ask(slotOf('page', page.id, 'marks'), { ask: 'ids', query: { filter, sort: page.sort } }))
  })

/** Sorts by the column in focus; by the same column again, the other way round. */
export const sortedByColumn = (state: State): Step =>
  onKeys(state, (page) => {
    const field = KEY_COLUMNS[page.column] as string
    if (!SORTABLE.has(field)) return step(toasted(state, 'warn', 'this column can not be sorted by; h and l choose another'))
    const sort: Sort = { field: field as Sort['field'], isReversed: page.sort.field === field ? !page.sort.isReversed : false }
    return reloaded(withPage(state, { ...page, sort, wanted: 'first' }), 'first')
  })
