// Moving the cursor on any page. What comes into reach is asked for.

import { keyPageLines } from '../screens/key-lines.ts'
import { bodyHeight, listHeight, spokenRows } from './layout.ts'
import type { List } from './list.ts'
import { cursorIndex, isShort, moved } from './list.ts'
import { questionsOf, withoutTimeline } from './pages.ts'
import type { KeyPage, Page, State } from './state.ts'
import type { Step } from './step.ts'
import { pageOf, step, withPage } from './step.ts'

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(value, most))

/** A line cursor moved inside so many lines, and the first drawn line that keeps it in view. */
export function lineMoved(
  at: { line: number; offset: number },
  by: number,
  count: number,
  height: number,
): { line: number; offset: number } {
  const line = clamp(at.line + by, 0, Math.max(0, count - 1))
  const offset = clamp(clamp(at.offset, line - height + 1, line), 0, Math.max(0, count - height))
  return { line, offset }
}

function keyPageMoved(state: State, page: KeyPage, by: number): KeyPage {
  return {
    ...page,
    ...lineMoved(page, by, keyPageLines(state, page).length, spokenRows(bodyHeight(state.size), state.setting.theme.isSpoken)),
  }
}

const isOnFirst = ({ isAtStart, rows, cursor }: List<unknown>): boolean => isAtStart && rows[0]?.id === cursor

function pageMoved(state: State, page: Page, by: number): Page {
  const height = listHeight(state, page)
  switch (page.screen) {
    case 'keys': {
      const list = moved(page.list, by, height)
      return { ...page, list, fresh: isOnFirst(list) ? 0 : page.fresh }
    }
    case 'audit': {
      const list = moved(page.list, by, height)
      return { ...page, list, fresh: isOnFirst(list) ? 0 : page.fresh }
    }
    case 'users':
      return { ...page, list: moved(page.list, by, height) }
    case 'usage':
      return { ...page, list: moved(page.list, by, height) }
    case 'hygiene':
      return { ...page, list: moved(page.list, by, height) }
    case 'key':
      return keyPageMoved(state, page, by)
  }
}

/** Keys that are held down go further than is loaded; more than this is no wish of a finger. */
const MAX_OWED = 1_000_000

/** Rows of a move that lie beyond the loaded part, where the list goes on there. */
function beyond({ rows, isAtStart, isAtEnd, ...list }: List<unknown>, by: number): number {
  const at = Math.max(0, cursorIndex({ rows, isAtStart, isAtEnd, ...list })) + by
  if (at < 0) return isAtStart ? 0 : Math.max(-MAX_OWED, at)
  return at < rows.length || isAtEnd ? 0 : Math.min(MAX_OWED, at - rows.length + 1)
}

/** The cursor moved by so many rows. What is not loaded yet is owed, and gone when it is. */
export function movedBy(state: State, by: number): Step {
  const page = pageOf(state)
  const isWindowed = page.screen === 'keys' || page.screen === 'users' || page.screen === 'audit'
  if (!isWindowed) return step(withPage(state, pageMoved(state, page, by)))
  const way = by + page.owed
  const next = { ...pageMoved(state, page, way), owed: beyond(page.list, way) } as typeof page
  const after = withPage(state, next)
  return isShort<unknown>(next.list, listHeight(state, next)) ? step(after, ...withoutTimeline(questionsOf(after, next))) : step(after)
}

/** Goes on with what is owed, now that more is loaded. */
export function goneOn(state: State): Step {
  const page = pageOf(state)
  return 'owed' in page && page.owed !== 0 ? movedBy(state, 0) : step(state)
}

/** Half a page, or a page less one row, as pagers do. */
export function rowsOf(state: State, part: 'half' | 'page'): number {
  const height = listHeight(state, pageOf(state))
  return Math.max(1, part === 'half' ? Math.floor(height / 2) : height - 1)
}

/** The first or the last row of the whole list, loaded or not. */
export function movedToEnd(state: State, end: 'first' | 'last'): Step {
  const page = pageOf(state)
  const isAll = page.screen === 'hygiene' || page.screen === 'usage' || page.screen === 'key'
  if (isAll || (end === 'first' ? page.list.isAtStart : page.list.isAtEnd)) {
    const far = Number.MAX_SAFE_INTEGER / 2
    return movedBy(state, end === 'first' ? -far : far)
  }
  const waiting = withPage(state, { ...page, wanted: end } as Page)
  const around = page.screen === 'audit' ? (end === 'first' ? 'newest' : 'oldest') : end
  return step(waiting, ...questionsOf(waiting, page, around))
}
