// The model's one way: a message and the state in, the next state and effects out. Pure; the clock is in the message.

import { DEFAULT_SORT } from '../../src/domain/selection.ts'
import type { Press } from '../keys.ts'
import { answered } from './answers.ts'
import { changed } from './changed.ts'
import { countCancelled } from './counting.ts'
import { dialogPress, withInput } from './dialog.ts'
import { filterPress, typed } from './filter.ts'
import { withText } from './form.ts'
import { formPress } from './form-keys.ts'
import { ran } from './handlers.ts'
import { helpPress } from './help.ts'
import { bannerHeight, listHeight } from './layout.ts'
import type { LineInput } from './line-input.ts'
import { inserted, MAX_INPUT_LENGTH } from './line-input.ts'
import { movedTo, visible } from './list.ts'
import { goneOn, movedBy } from './moving.ts'
import { openedRow } from './opening.ts'
import { newKeys, questionsOf, reloaded } from './pages.ts'
import { palettePress, pendingRan } from './palette.ts'
import { panelPress } from './panel.ts'
import { hiddenInTime, revealPress } from './reveal.ts'
import type { Message, Page, Setting, Size, State } from './state.ts'
import { MIN_SIZE } from './state.ts'
import type { Step } from './step.ts'
import { andThen, ask, pageOf, slotOf, step, toasted, topLayer, withPage, withTopLayer } from './step.ts'
import { isTimeSeen } from './time-seen.ts'
import { faulted } from './trouble.ts'

/** Flushes that the live rate looks back on. */
const MAX_SAMPLES = 64
/** How long a fault that a change met is told, where nothing else says that it is over. */
const TROUBLE_MS = 10_000
/** How often a page is asked for anew while nothing changes: keys expire, and windows of usage move on. */
const REFRESH_MS = 10_000
const DEPEND_ON_TIME: ReadonlySet<Page['screen']> = new Set(['keys', 'users', 'usage', 'key'])
/** How long a toast stays. */
const TOAST_MS = 6_000
const WHEEL_ROWS = 3
/** The rows above a list: header, breadcrumb, and what the page has over its rows. */
const ROWS_ABOVE = { keys: 3, users: 3, audit: 4, hygiene: 2 } as const

export function begun(setting: Setting, size: Size, now: number): Step {
  const state: State = {
    setting,
    size,
    now,
    pulse: null,
    counted: [],
    askedAt: now,
    isWarm: false,
    chain: { state: 'unverified' },
    trouble: null,
    pages: [{ ...newKeys(), id: 0 } as Page],
    pageAt: 0,
    layers: [],
    toast: null,
    isPaused: false,
    isMouseOn: false,
    busy: new Map(),
    known: { owners: [], scopes: [], tags: [] },
    drafts: new Map(),
    pending: null,
    nextId: 1,
  }
  return reloaded(state, 'first')
}

export function isTooSmall({ columns, rows }: Size): boolean {
  return columns < MIN_SIZE.columns || rows < MIN_SIZE.rows
}

export function update(before: State, message: Message): Step {
  const state = { ...before, now: message.at }
  switch (message.on) {
    case 'press':
      return pressed({ ...state, toast: null }, message.press)
    case 'paste':
      return pasted(state, message.text)
    case 'click':
      return clicked(state, message.row)
    case 'wheel':
      return state.layers.length > 0 ? step(state) : movedBy(state, message.by * WHEEL_ROWS)
    case 'resize':
      return reloaded({ ...state, size: message.size })
    case 'tick':
      return ticked(before, state)
    case 'pulse':
      return pulsed(state, message.pulse)
    case 'answer':
      return andThen(andThen(answered(settled(state, message.slot), message), pendingRan), goneOn)
    case 'changed':
      return changed(settled(state, message.slot), message)
    case 'written':
      return step(written(state, message.slot, message.path))
    case 'failed':
      return faulted(settled(state, message.slot), message.slot, message.error)
    case 'cancelled':
      return step(countCancelled(settled(state, message.slot), message.slot))
    case 'progress': {
      const { slot, label, progress, isCancellable } = message
      return step({ ...state, busy: new Map(state.busy).set(slot, { label, progress, isCancellable }) })
    }
    case 'warning':
      return step(toasted(state, 'warn', message.text))
  }
}

function settled(state: State, slot: string): State {
  if (!state.busy.has(slot)) return state
  const busy = new Map(state.busy)
  busy.delete(slot)
  return { ...state, busy }
}

function withoutOldToast(state: State): State {
  return state.toast !== null && state.now - state.toast.at >= TOAST_MS ? { ...state, toast: null } : state
}

/** A search that finds nothing, in the first idle second: what searches look into is made before one is typed. */
const WARM_UP = ask('warm', {
  ask: 'keys',
  query: { filter: { search: '\u0000' }, sort: DEFAULT_SORT, span: { around: 'first', before: 0, after: 1 } },
})

/** Time goes by: words vanish, and what depends on the moment is asked for anew now and then, though nobody changed anything. */
function ticked(before: State, state: State): Step {
  if (!state.isWarm) return step({ ...state, isWarm: true }, WARM_UP)
  const isStale = !state.isPaused && state.now - state.askedAt >= REFRESH_MS && DEPEND_ON_TIME.has(pageOf(state).screen)
  if (isStale) {
    const next = hiddenInTime(withoutOldTrouble(withoutOldToast({ ...state, askedAt: state.now })))
    return step(next, ...questionsOf(next, pageOf(next)))
  }
  return isTimeSeen(before, state.now) ? step(hiddenInTime(withoutOldTrouble(withoutOldToast(state)))) : step(before)
}

function withoutOldTrouble(state: State): State {
  return state.trouble !== null && state.now - state.trouble.at >= TROUBLE_MS ? { ...state, trouble: null } : state
}

function written(state: State, slot: string, path: string): State {
  const layers = state.layers.map((layer) =>
    layer.kind === 'reveal' && slotOf('reveal', layer.id) === slot
      ? { ...layer, isWritten: true, path: null, note: `written to ${path}, readable by you alone` }
      : layer,
  )
  return { ...state, layers }
}

/** Keys go to the topmost layer only. On a terminal that is too small nothing is seen, so nothing but leaving works. */
function pressed(state: State, press: Press): Step {
  const layer = topLayer(state)
  // Also where nothing is seen the terminal is given back and drawn anew.
  const anywhere = press.text === null ? state.setting.keymap.commandOf(press.name, ['global']) : null
  if (anywhere === 'suspend' || anywhere === 'redraw') return ran(state, anywhere)
  if (isTooSmall(state.size)) {
    const isLeaving = anywhere === 'interrupt' || state.setting.keymap.commandOf(press.name, ['global']) === 'quit'
    return isLeaving && !state.layers.some(({ kind }) => kind === 'reveal')
      ? ran(state, anywhere === 'interrupt' ? 'interrupt' : 'quit')
      : step(state)
  }
  switch (layer?.kind) {
    case 'filter':
      return filterPress(state, layer, press)
    case 'palette':
      return palettePress(state, layer, press)
    case 'help':
      return helpPress(state, layer, press)
    case 'form':
      return formPress(state, layer, press)
    case 'dialog':
      return dialogPress(state, layer, press)
    case 'reveal':
      return revealPress(state, layer, press)
    case 'panel':
      return panelPress(state, layer, press)
  }
  const { screen } = pageOf(state)
  const command = state.setting.keymap.commandOf(press.name, [screen, 'list', 'global'])
  return command === null ? step(state) : ran(state, command)
}

/** A paste goes into the field that is typed into; elsewhere it is no series of commands. */
function pasted(state: State, text: string): Step {
  const layer = topLayer(state)
  const isCut = text.length > MAX_INPUT_LENGTH
  const said = (next: State): State => (isCut ? toasted(next, 'warn', `the paste was cut to ${MAX_INPUT_LENGTH} characters`) : next)
  const put = (input: LineInput): LineInput => inserted(input, text)
  if (layer?.kind === 'filter') return typed(said(state), { ...layer, input: put(layer.input) })
  if (layer?.kind === 'palette') return step(withTopLayer(said(state), { ...layer, input: put(layer.input), choice: 0 }))
  if (layer?.kind === 'form') {
    const focused = layer.fields[layer.focus]
    if (focused !== undefined && focused.choices.length === 0)
      return step(withTopLayer(said(state), withText(layer, layer.focus, put(focused.input))))
  }
  if (layer?.kind === 'dialog' && (layer.focus === 'reason' || layer.focus === 'word')) {
    const name = layer.focus === 'reason' ? 'reason' : 'typed'
    return step(withTopLayer(said(state), withInput(layer, name, put(layer[name]))))
  }
  if (layer?.kind === 'reveal' && layer.path !== null) return step(withTopLayer(state, { ...layer, path: put(layer.path) }))
  return step(toasted(state, 'warn', 'a paste is taken only where text is typed'))
}

/** A click puts the cursor on the row; on the cursor's row it opens. */
function clicked(state: State, row: number): Step {
  const page = pageOf(state)
  if (state.layers.length > 0 || page.screen === 'key' || page.screen === 'usage') return step(state)
  const height = listHeight(state, page)
  const above = ROWS_ABOVE[page.screen] + bannerHeight(state)
  const id = visible<unknown>(page.list, height)[row - above]?.id
  if (id === undefined) return step(state)
  if (id === page.list.cursor) return openedRow(state)
  return step(withPage(state, { ...page, list: movedTo<never>(page.list as never, id, height) } as Page))
}

/** News of the store: what is shown is asked for anew, unless it is paused. */
function pulsed(state: State, pulse: NonNullable<State['pulse']>): Step {
  const { pulse: before } = state
  const isCounted = before !== null && pulse.usage !== before.usage
  const counted =
    before === null || isCounted ? [...state.counted, { calls: pulse.calls, at: state.now }].slice(-MAX_SAMPLES) : state.counted
  const isMended = pulse.trouble === null && before?.trouble != null
  const next: State = { ...state, pulse, counted, askedAt: state.now, trouble: isMended ? null : state.trouble }
  const isMoved = before === null || pulse.revision !== before.revision || isMended
  const isLogged = before === null || pulse.lastSeq !== before.lastSeq
  const effects = isMoved ? layerQuestions(next) : []
  if (state.isPaused) return step(next, ...effects)
  const page = pageOf(next)
  const isNews = page.screen === 'audit' ? isMoved || isLogged : isMoved || isCounted
  // A page that was not answered yet is on its way.
  const isWaiting = before === null
  return step(next, ...effects, ...(isNews && !isWaiting ? questionsOf(next, page) : []))
}

/** What a dialog or a form on a key must learn when the store has changed. */
function layerQuestions(state: State) {
  return state.layers.flatMap((layer) => {
    if (layer.kind === 'dialog' && !layer.isBusy) return [ask(slotOf('dialog', layer.id), { ask: 'facts', query: { ids: layer.ids } })]
    if (layer.kind === 'form' && layer.keyId !== null && !layer.isBusy)
      return [ask(slotOf('form', layer.id, 'facts'), { ask: 'facts', query: { ids: [layer.keyId] } })]
    return []
  })
}
