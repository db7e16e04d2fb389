// Answers of the store, put where they belong: the page, form or dialog that asked. One that nobody waits for is dropped.

import { show } from '../../src/commands/list.ts'
import type { AuditRow } from '../../src/domain/audit.ts'
import type { Look } from '../../src/domain/windows.ts'
import { lookOf } from '../../src/domain/windows.ts'
import { explanationRows, reportRows } from '../screens/panel-blocks.ts'
import { countAsked, keysCounted } from './counting.ts'
import { withFacts } from './dialog.ts'
import type { Answer, Questions } from './effect.ts'
import { offBoarded } from './handlers.ts'
import type { DialogLayer, FormLayer, Layer } from './layers.ts'
import { listHeight } from './layout.ts'
import type { ListRow } from './list.ts'
import { loaded, movedTo } from './list.ts'
import { newKey, opened, orderedCalls, refiltered } from './pages.ts'
import { runNamed } from './palette.ts'
import { openedPanel } from './panel.ts'
import type { AuditPageState, KeysPage, Message, Page, State, Wanted } from './state.ts'
import type { Step } from './step.ts'
import { formatCount, pageOf, popped, step, toasted, withPage } from './step.ts'

type AnswerMessage = Extract<Message, { readonly on: 'answer' }>

const withLayer = (state: State, layer: Layer & { readonly id: number }): State => ({
  ...state,
  layers: state.layers.map((one) => ('id' in one && one.id === layer.id ? layer : one)),
})

function listPart<T extends { readonly id: string } | { readonly userId: string }>({ rows: seen, isAtStart, isAtEnd }: Look<T>) {
  const rows: ListRow<T>[] = seen.map(({ place, item }) => ({ id: place.id, item }))
  return { rows, isAtStart, isAtEnd }
}

/** For lists whose rows have no time: an end or a row. */
const wantedRow = (wanted: Wanted) => (wanted !== null && typeof wanted === 'object' && 'at' in wanted ? null : wanted)

function keysAnswered(state: State, page: KeysPage, look: Questions['keys']['answer']): State {
  const list = loaded(page.list, listPart(look), listHeight(state, page), wantedRow(page.wanted))
  const isOnFirst = list.isAtStart && list.rows[0]?.id === list.cursor
  const isSameList = page.list.isLoaded && page.wanted === null
  // Until it is counted anew, the list is as long as it was.
  const total = look.total ?? (isSameList ? page.total : null)
  const grown = isSameList && total !== null && page.total !== null ? Math.max(0, total - page.total) : 0
  const places = new Map(look.rows.map(({ place }) => [place.id, place]))
  const fresh = isOnFirst || !isSameList ? 0 : page.fresh + grown
  const isUncounted = look.total === null || look.position === null
  return withPage(state, { ...page, list, places, position: look.position, total, isUncounted, fresh, wanted: null })
}

const auditRowsOf = (rows: readonly AuditRow[]): ListRow<AuditRow>[] => rows.map((item) => ({ id: String(item.record.seq), item }))

function auditAnswered(state: State, page: AuditPageState, { rows, hasNewer, hasOlder, lastSeq }: Questions['audit']['answer']): State {
  const part = { rows: auditRowsOf(rows), isAtStart: !hasNewer, isAtEnd: !hasOlder }
  // On the newest record the cursor follows the log.
  const isFollowing = page.list.isLoaded && page.list.isAtStart && page.list.rows[0]?.id === page.list.cursor
  const wanted = page.wanted ?? (isFollowing ? 'first' : null)
  const isTime = wanted !== null && typeof wanted === 'object' && 'at' in wanted
  const row = isTime ? part.rows.findLast(({ item }) => Date.parse(item.record.at) >= wanted.at) : undefined
  const list = loaded(page.list, part, listHeight(state, page), isTime ? { id: row?.id ?? part.rows[0]?.id ?? '' } : wanted)
  const isOnFirst = list.isAtStart && list.rows[0]?.id === list.cursor
  const grown = page.list.isLoaded && page.wanted === null ? Math.max(0, lastSeq - page.lastSeq) : 0
  return withPage(state, { ...page, list, lastSeq, fresh: isOnFirst ? 0 : page.fresh + grown, wanted: null })
}

function pageAnswered(state: State, page: Page, what: string, answer: Answer): State {
  if (answer.ask === 'keys' && page.screen === 'keys') return keysAnswered(state, page, answer.result)
  if (answer.ask === 'count' && page.screen === 'keys') return keysCounted(state, page, answer.result)
  if (answer.ask === 'users' && page.screen === 'users') {
    const { position, total } = answer.result
    const list = loaded(page.list, listPart(lookOf(answer.result)), listHeight(state, page), wantedRow(page.wanted))
    return withPage(state, { ...page, list, position, total, wanted: null })
  }
  if (answer.ask === 'audit' && page.screen === 'audit') return auditAnswered(state, page, answer.result)
  if (answer.ask === 'timeline' && page.screen === 'audit') return withPage(state, { ...page, timeline: answer.result })
  if (answer.ask === 'audit' && page.screen === 'key') return withPage(state, { ...page, records: answer.result.rows })
  if (answer.ask === 'life' && page.screen === 'key') {
    const { result: life } = answer
    return withPage(
      state,
      life === null ? { ...page, isGone: true } : { ...page, life, isGone: false, label: life.key.name ?? life.key.id },
    )
  }
  if (answer.ask === 'glance' && page.screen === 'usage') {
    const next = { ...page, glance: answer.result }
    const part = { rows: orderedCalls(next), isAtStart: true, isAtEnd: true }
    return withPage(state, { ...next, list: loaded(page.list, part, listHeight(state, page)) })
  }
  if (answer.ask === 'hygiene' && page.screen === 'hygiene') return withPage(state, refiltered({ ...page, all: answer.result }))
  if (answer.ask === 'ids' && page.screen === 'keys' && what === 'range') return rangeAnswered(state, page, answer.result.ids)
  if (answer.ask === 'ids' && page.screen === 'keys' && what === 'marks') {
    const { ids, total } = answer.result
    const said =
      ids.length < total ? `marked the first ${formatCount(ids.length)} of ${formatCount(total)}` : `marked ${formatCount(ids.length)}`
    return toasted(withPage(state, { ...page, marks: new Set(ids), rangeFrom: null }), 'accent', said)
  }
  return state
}

/** A range whose beginning was out of reach, from the ids of the whole list. */
function rangeAnswered(state: State, page: KeysPage, ids: readonly string[]): State {
  const ends = [page.rangeFrom, page.list.cursor].map((id) => (id === null ? -1 : ids.indexOf(id))).sort((a, b) => a - b)
  const [from = -1, to = -1] = ends
  const next = withPage(state, { ...page, rangeFrom: null, marks: new Set([...page.marks, ...(from < 0 ? [] : ids.slice(from, to + 1))]) })
  return from < 0 ? toasted(next, 'warn', 'the range is too long; narrow the list with / and mark all with *') : next
}

function formAnswered(state: State, form: FormLayer, answer: Answer): Step {
  if (answer.ask === 'owners')
    return step({ ...state, known: { ...state.known, owners: [...new Set([...answer.result, ...state.known.owners])] } })
  if (answer.ask === 'facts') {
    const [key] = answer.result
    if (key === undefined) return step(withLayer(state, { ...form, changed: 'changed meanwhile: the key is gone' }))
    if (form.revision === null || key.revision === form.revision) return step(state)
    const changed = `changed meanwhile: ${key.name ?? key.id} is ${key.status}, at revision ${key.revision}; Enter submits all the same`
    return step(withLayer(state, { ...form, changed, revision: key.revision }))
  }
  if (answer.ask === 'explain')
    return step(openedPanel(popped(state), { what: 'rows', title: 'Verdict', rows: explanationRows(answer.result) }))
  if (answer.ask === 'acceptLoss')
    return step(toasted({ ...popped(state), chain: { state: 'unverified' } }, 'good', `accepted at seq ${answer.result.seq}`))
  return step(state)
}

function verified(state: State, { report, seq }: Questions['verify']['answer']): State {
  if (report.ok) return toasted({ ...state, chain: { state: 'verified', seq } }, 'good', `verified to ${seq}`)
  const at = report.firstBad === null ? 'keys.json' : String(report.firstBad)
  const broken = toasted({ ...state, chain: { state: 'broken', at } }, 'bad', `BROKEN at ${at}: ${report.problems[0]?.problem ?? ''}`)
  return openedPanel(broken, { what: 'rows', title: 'What audit verify found', rows: reportRows(report) })
}

export function answered(state: State, message: AnswerMessage): Step {
  const { slot } = message
  const [kind = '', name = '', what = ''] = slot.split(':')
  if (kind === 'page') {
    const page = state.pages.find(({ id }) => String(id) === name)
    return page === undefined ? step(state) : countAsked(pageAnswered(state, page, what, message), page.id)
  }
  if (kind === 'form') {
    const form = state.layers.find((layer): layer is FormLayer => layer.kind === 'form' && String(layer.id) === name)
    return form === undefined ? step(state) : formAnswered(state, form, message)
  }
  if (kind === 'dialog') {
    const dialog = state.layers.find((layer): layer is DialogLayer => layer.kind === 'dialog' && String(layer.id) === name)
    return step(dialog !== undefined && message.ask === 'facts' ? withLayer(state, withFacts(dialog, message.result)) : state)
  }
  if (message.ask === 'known') return step({ ...state, known: message.result })
  if (message.ask === 'verify') return step(verified(state, message.result))
  if (message.ask === 'ids' && kind === 'off-board')
    return offBoarded(state, slot.slice('off-board:'.length), message.result.ids, message.result.total)
  if (message.ask === 'named' && kind === 'palette') return namedAnswered(state, name, message.result)
  return step(state)
}

/** A key that was named in the palette: its page, and on it the command once the key is known. */
function namedAnswered(state: State, words: string, id: string): Step {
  const page = pageOf(state)
  if (words === show.words) return opened(state, newKey(id, id))
  if (page.screen === 'keys' && page.list.rows.some((row) => row.id === id)) {
    return runNamed(withPage(state, { ...page, marks: new Set(), list: movedTo(page.list, id, listHeight(state, page)) }), words)
  }
  return opened({ ...state, pending: { keyId: id, words } }, newKey(id, id))
}
