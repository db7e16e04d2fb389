// How many keys a list has and where its rows stand, where the store shows the rows before it has counted: asked for behind them, once at a time.

import { parseFilter } from '../../src/domain/filter-language.ts'
import { formatSort } from '../../src/domain/selection.ts'
import type { Questions } from './effect.ts'
import type { KeysPage, State } from './state.ts'
import type { Step } from './step.ts'
import { ask, slotOf, step, withPage } from './step.ts'

/** Asks for what the page's last look left open. */
export function countAsked(state: State, id: number): Step {
  const page = state.pages.find((one) => one.id === id)
  if (page?.screen !== 'keys' || page.isCounting || !page.isUncounted) return step(state)
  const filter = parseFilter(page.filter)
  const place = page.places.get(page.list.cursor ?? '')
  if (filter === null || place === undefined) return step(state)
  const next = withPage(state, { ...page, isCounting: true })
  // Rows before one are another count, as long as the first.
  const query = { filter, sort: page.sort, place: page.position === null ? place : null }
  return step(next, ask(slotOf('page', id, 'count'), { ask: 'count', query }))
}

/** The numbers, where they are still about what is shown. */
export function keysCounted(state: State, page: KeysPage, count: Questions['count']['answer']): State {
  const next = { ...page, isCounting: false }
  if (count === null) return withPage(state, { ...next, isUncounted: false })
  const isSameFilter = JSON.stringify(count.filter) === JSON.stringify(parseFilter(page.filter))
  if (!isSameFilter) return withPage(state, next)
  const { row, total } = count
  const index = row === null || formatSort(count.sort) !== formatSort(page.sort) ? -1 : page.list.rows.findIndex(({ id }) => id === row.id)
  const position = row === null || index < 0 ? page.position : Math.max(0, row.position - index)
  return withPage(state, { ...next, isUncounted: false, total, position })
}

/** Who cancels a count wants none before the next look. */
export function countCancelled(state: State, slot: string): State {
  const page = state.pages.find(({ id }) => slotOf('page', id, 'count') === slot)
  return page?.screen === 'keys' ? withPage(state, { ...page, isCounting: false, isUncounted: false }) : state
}
