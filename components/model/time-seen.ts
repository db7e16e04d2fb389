// Whether time that went by is seen: where no age on the screen has become another, nothing is drawn again. Pure.

import { statusOf } from '../../src/domain/key.ts'
import type { KeyRow } from '../../src/queries/keys.ts'
import { listHeight } from './layout.ts'
import { cursorRow, visible } from './list.ts'
import type { Page, State } from './state.ts'
import { formatWhen, pageOf, RATE_MS } from './step.ts'

/** The moments whose distance a page shows; null where there are too many to tell. */
function momentsOn(state: State, page: Page): readonly (string | null)[] | null {
  const height = listHeight(state, page)
  switch (page.screen) {
    case 'keys': {
      const key = cursorRow(page.list)
      const seen = visible(page.list, height).flatMap(({ item }) => [item.expiresAt, item.lastUsedAt])
      return key === null ? seen : [...seen, key.createdAt, key.revokedAt]
    }
    case 'users':
      return visible(page.list, height).map(({ item }) => item.lastUsedAt)
    case 'audit':
      return visible(page.list, height).map(({ item }) => item.record.at)
    case 'usage':
      return [page.glance?.lastUsedAt ?? null]
    case 'hygiene':
      return []
    case 'key':
      return null
  }
}

/** What lies above a page, work that goes on and words that will vanish count every second. */
export function isTimeSeen(state: State, now: number): boolean {
  const isRated = state.counted.length > 1 && state.now - (state.counted.at(-1)?.at ?? 0) <= RATE_MS
  if (state.layers.length > 0 || state.busy.size > 0 || state.toast !== null || state.trouble !== null || isRated) return true
  const page = pageOf(state)
  const isOther = ({ item }: { readonly item: KeyRow }): boolean => statusOf(item, state.now) !== statusOf(item, now)
  if (page.screen === 'keys' && visible(page.list, listHeight(state, page)).some(isOther)) return true
  const moments = momentsOn(state, page)
  return moments === null || moments.some((moment) => formatWhen(moment, state.now, '') !== formatWhen(moment, now, ''))
}
