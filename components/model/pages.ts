// Pages: how each begins, what it asks for, and how one comes after another.

import type { AuditPageFilter } from '../../src/domain/audit.ts'
import { parseAuditFilter } from '../../src/domain/audit-filter.ts'
import { parseFilter } from '../../src/domain/filter-language.ts'
import type { Span } from '../../src/domain/selection.ts'
import { DEFAULT_SORT } from '../../src/domain/selection.ts'
import type { NamedCalls } from '../../src/queries/usage.ts'
import type { Effect } from './effect.ts'
import { listHeight } from './layout.ts'
import type { ListRow } from './list.ts'
import { EMPTY_LIST } from './list.ts'
import type { AuditPageState, HygienePage, KeyPage, KeysPage, Page, Screen, State, Subject, UsagePage, UsersPage } from './state.ts'
import type { Step } from './step.ts'
import { andThen, ask, pageOf, slotOf, step, withPage } from './step.ts'

/** Pages that are kept to go back to. */
const MAX_PAGES = 50
const RECORDS_OF_KEY = 12
const TIMELINE_SPANS = 160

type New<P extends Page> = P extends Page ? Omit<P, 'id'> : never

export const newKeys = (filter = ''): New<KeysPage> => ({
  screen: 'keys',
  filter,
  sort: DEFAULT_SORT,
  column: 0,
  list: EMPTY_LIST,
  places: new Map(),
  position: 0,
  total: 0,
  isUncounted: false,
  isCounting: false,
  marks: new Set(),
  rangeFrom: null,
  fresh: 0,
  wanted: 'first',
  owed: 0,
})

const newUsers = (): New<UsersPage> => ({ screen: 'users', filter: '', list: EMPTY_LIST, position: 0, total: 0, wanted: 'first', owed: 0 })

export const newUsage = (subject: Subject = { of: 'store' }): New<UsagePage> => ({
  screen: 'usage',
  subject,
  window: '1h',
  mode: 'braille',
  isHeatmapShown: false,
  isByLimited: false,
  glance: null,
  list: EMPTY_LIST,
})

export const newAudit = (filter = ''): New<AuditPageState> => ({
  screen: 'audit',
  filter,
  list: EMPTY_LIST,
  lastSeq: 0,
  fresh: 0,
  timeline: null,
  wanted: 'first',
  owed: 0,
})

const newHygiene = (): New<HygienePage> => ({ screen: 'hygiene', filter: '', all: [], list: EMPTY_LIST })

export const newKey = (keyId: string, label: string): New<KeyPage> => ({
  screen: 'key',
  keyId,
  label,
  window: '1h',
  mode: 'braille',
  life: null,
  isGone: false,
  records: [],
  line: 0,
  offset: 0,
})

/** Rows before and after the cursor that are kept loaded: a view each way and the one that is seen. */
function spanAround(around: Span['around'], height: number): Span {
  return { around, before: around === 'first' ? 0 : height, after: around === 'last' ? 1 : 2 * height }
}

export type AuditAround = 'newest' | 'oldest' | { readonly seq: number } | { readonly at: number }

export function auditFilterOf(page: AuditPageState, now: number): AuditPageFilter | null {
  return parseAuditFilter(page.filter, now)
}

/** What a page asks for. `around`: where in its list; without it, around its cursor. */
export function questionsOf(state: State, page: Page, around?: Span['around'] | AuditAround): readonly Effect[] {
  const height = listHeight(state, page)
  const slot = slotOf('page', page.id)
  switch (page.screen) {
    case 'keys': {
      const filter = parseFilter(page.filter)
      const place = page.list.cursor === null ? undefined : page.places.get(page.list.cursor)
      const span = spanAround((around as Span['around'] | undefined) ?? place ?? 'first', height)
      return filter === null ? [] : [ask(slot, { ask: 'keys', query: { filter, sort: page.sort, span } })]
    }
    case 'users': {
      const { cursor } = page.list
      const span = spanAround((around as Span['around'] | undefined) ?? (cursor === null ? 'first' : { value: cursor, id: cursor }), height)
      return [ask(slot, { ask: 'users', query: { ...(page.filter === '' ? {} : { search: page.filter }), span } })]
    }
    case 'usage': {
      const { subject, window } = page
      const selector = subject.of === 'store' ? 'store' : subject.of === 'owner' ? { userId: subject.userId } : { keyId: subject.keyId }
      return [ask(slot, { ask: 'glance', query: { selector, window } })]
    }
    case 'audit': {
      const filter = auditFilterOf(page, state.now)
      const place = (around as AuditAround | undefined) ?? (page.list.cursor === null ? 'newest' : { seq: Number(page.list.cursor) })
      if (filter === null) return []
      return [
        ask(slot, { ask: 'audit', query: { filter, around: place, newer: place === 'newest' ? 0 : height, older: 2 * height } }),
        ask(slotOf('page', page.id, 'timeline'), {
          ask: 'timeline',
          query: { from: filter.since ?? null, to: filter.until ?? null, spans: TIMELINE_SPANS },
        }),
      ]
    }
    case 'hygiene':
      return [ask(slot, { ask: 'hygiene', query: {} })]
    case 'key':
      return [
        ask(slot, { ask: 'life', query: { id: page.keyId, window: page.window } }),
        ask(slotOf('page', page.id, 'records'), {
          ask: 'audit',
          query: { filter: { keyId: page.keyId }, around: 'newest', newer: 0, older: RECORDS_OF_KEY },
        }),
      ]
  }
}

/** What is asked for where only other rows are wanted: how many records there were when is known. */
export function withoutTimeline(questions: readonly Effect[]): readonly Effect[] {
  return questions.filter((one) => one.effect !== 'ask' || one.question.ask !== 'timeline')
}

/** Loads the page that is shown, anew or for the first time. */
export function reloaded(state: State, around?: Span['around'] | AuditAround): Step {
  return step(state, ...questionsOf(state, pageOf(state), around))
}

/** The keys of a glance in the order of the page. */
export function orderedCalls({ glance, isByLimited }: UsagePage): ListRow<NamedCalls>[] {
  const calls = (one: NamedCalls): number => (isByLimited ? one.rateLimited : one.accepted)
  return (glance?.named ?? []).toSorted((a, b) => calls(b) - calls(a)).map((item) => ({ id: item.keyId, item }))
}

/** A new page on top of the one that is shown; what lay ahead in the history is forgotten. */
export function opened(state: State, page: New<Page>): Step {
  const withId = { ...page, id: state.nextId } as Page
  const pages = [...state.pages.slice(0, state.pageAt + 1), withId].slice(-MAX_PAGES)
  return andThen(dropped(state), (next) => reloaded({ ...next, nextId: state.nextId + 1, pages, pageAt: pages.length - 1 }))
}

const BEGINNINGS: Readonly<Record<Exclude<Screen, 'key'>, () => New<Page>>> = {
  keys: newKeys,
  users: newUsers,
  usage: newUsage,
  audit: newAudit,
  hygiene: newHygiene,
}

/** A screen by its name: as it was when it was last seen, or new. */
export function switched(state: State, screen: Exclude<Screen, 'key'>): Step {
  const shown = pageOf(state)
  if (shown.screen === screen && (shown.screen !== 'usage' || shown.subject.of === 'store')) return step(state)
  const before = state.pages
    .slice(0, state.pageAt + 1)
    .findLast((page) => page.screen === screen && (page.screen !== 'usage' || page.subject.of === 'store'))
  return opened(state, before ?? BEGINNINGS[screen]())
}

/** Whether the page waits for the rows of another list, or of another part of it. */
export function awaitsRows(state: State): boolean {
  const page = pageOf(state)
  return 'wanted' in page && page.wanted !== null
}

/** What the page that is left has asked for is not waited for. */
const dropped = (state: State): Step => step(state, { effect: 'cancel', slot: slotOf('page', pageOf(state).id) })

/** One page back or forward in the history. */
export function wentTo(state: State, pageAt: number): Step {
  if (pageAt < 0 || pageAt >= state.pages.length) return step(state)
  return andThen(dropped(state), (next) => reloaded({ ...next, pageAt }))
}

/** The page is left for the one before, and forgotten. */
export function left(state: State): Step {
  if (state.pageAt === 0) return step(state)
  const pages = state.pages.filter((_, index) => index !== state.pageAt)
  return andThen(dropped(state), (next) => reloaded({ ...next, pages, pageAt: state.pageAt - 1 }))
}

/** The range of time that a filter of the log names. */
function timesOf(filter: string, now: number): string {
  const { since, until } = parseAuditFilter(filter, now) ?? {}
  return `${since} ${until}`
}

/** The page with another filter, from the beginning of its list. */
export function filtered(state: State, filter: string): Step {
  const page = pageOf(state)
  if (page.screen === 'usage' || page.screen === 'key') return step(state)
  if (page.screen === 'hygiene') return step(withPage(state, refiltered({ ...page, filter })))
  const next = withPage(state, { ...page, filter, wanted: 'first' })
  // A text that is no filter yet asks for nothing: what it narrowed before stays.
  if (questionsOf(next, pageOf(next)).length === 0) return step(withPage(state, { ...page, filter }))
  const { state: after, effects } = reloaded(next, page.screen === 'audit' ? 'newest' : 'first')
  const hasSameTimes = page.screen === 'audit' && page.timeline !== null && timesOf(page.filter, state.now) === timesOf(filter, state.now)
  return step(after, ...(hasSameTimes ? withoutTimeline(effects) : effects))
}

/** Findings that hold the filter's text, in any of their members. */
export function refiltered(page: HygienePage): HygienePage {
  const words = page.filter.toLowerCase().split(/\s+/)
  const rows = page.all.filter((finding) => {
    const text = [finding.rule, finding.severity, finding.userId, finding.keyId, finding.name ?? '', finding.shortId, finding.detail]
      .join(' ')
      .toLowerCase()
    return words.every((word) => text.includes(word))
  })
  const ids = rows.map((item) => ({ id: `${item.rule} ${item.keyId}`, item }))
  const cursor = ids.some(({ id }) => id === page.list.cursor) ? page.list.cursor : (ids[0]?.id ?? null)
  return { ...page, list: { ...page.list, rows: ids, cursor, offset: 0, isAtStart: true, isAtEnd: true, isLoaded: true } }
}
