// What each command of the keymap does on a page. One entry a command; the compiler checks that none is missing.

import { commandText } from '../../src/commands/as-command.ts'
import type { ChangeCommand } from '../../src/commands/command.ts'
import { revoke } from '../../src/commands/revoke.ts'
import { parseFilter } from '../../src/domain/filter-language.ts'
import type { ListedKey } from '../../src/domain/key.ts'
import { STATUSES } from '../../src/domain/key.ts'
import { shellWord } from '../../src/domain/text.ts'
import { DAY_MS, HOUR_MS } from '../../src/domain/time.ts'
import type { UsageWindow } from '../../src/domain/usage.ts'
import { WINDOWS } from '../../src/domain/usage.ts'
import type { ChartMode } from '../charts/segments.ts'
import type { CommandName } from '../keymap.ts'
import { ACTIONS, idsInHand, isAction, keyInHand, whyNot, whyReadOnly } from './actions.ts'
import { openedDialog } from './dialog.ts'
import { equivalentOf } from './equivalent.ts'
import { openedFilter } from './filter.ts'
import { INTERRUPTED } from './form-keys.ts'
import { editForm, generateForm, overlapForm, rotateForm, scopesForm } from './forms.ts'
import { openedHelp } from './help.ts'
import { columnMoved } from './key-columns.ts'
import { EMPTY_INPUT } from './line-input.ts'
import { cursorRow } from './list.ts'
import { allMarked, marked, rangeMarked, sortedByColumn } from './marks.ts'
import { movedBy, movedToEnd, rowsOf } from './moving.ts'
import { backFrom, openedRow, quitFrom } from './opening.ts'
import { newUsage, opened, orderedCalls, reloaded, switched, wentTo } from './pages.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'
import { andThen, ask, formatCount, pageOf, pushed, step, toasted, withPage } from './step.ts'

type Handler = (state: State) => Step

const FORMS: Readonly<Record<'key.rotate' | 'key.edit' | 'key.scopes' | 'key.overlap', (state: State, key: ListedKey) => Step>> = {
  'key.rotate': rotateForm,
  'key.edit': editForm,
  'key.scopes': scopesForm,
  'key.overlap': (state, key) => overlapForm(state, key, 'extend'),
}

/** A form on the key in hand. */
const formOn =
  (command: keyof typeof FORMS): Handler =>
  (state) => {
    const key = keyInHand(state)
    return key === null ? step(state) : FORMS[command](state, key)
  }

const NOT_REVOKED = STATUSES.filter((status) => status !== 'revoked')

/** The key whose state says whether `D` disables or enables: of marked ones, one that is not disabled, if there is one. */
function keyThatDecides(state: State): ListedKey | null {
  const page = pageOf(state)
  const ids = new Set(idsInHand(state))
  if (page.screen !== 'keys' || ids.size <= 1) return keyInHand(state)
  const marked = page.list.rows.flatMap(({ id, item }) => (ids.has(id) ? [item] : []))
  return marked.find(({ disabledAt }) => disabledAt === null) ?? marked[0] ?? null
}

/** A dialog about the marked keys, or the one in hand; on Users about all keys of the owner. */
const dialogOn =
  (command: 'key.revoke' | 'key.disable'): Handler =>
  (state) => {
    const page = pageOf(state)
    if (page.screen === 'users') {
      const owner = cursorRow(page.list)
      return owner === null
        ? step(state)
        : step(state, ask(`off-board:${owner.userId}`, { ask: 'ids', query: { filter: { userId: owner.userId, status: NOT_REVOKED } } }))
    }
    return openedDialog(state, ACTIONS[command].command(keyThatDecides(state)), idsInHand(state))
  }

/** A dialog under the name of its command: `enable` never means its opposite. */
export function dialogAbout(state: State, command: { readonly words: string }): Step {
  const why = whyReadOnly(state)
  const ids = idsInHand(state)
  if (why !== null || ids.length === 0) return step(toasted(state, 'warn', why ?? 'there is no key here'))
  return openedDialog(state, command as ChangeCommand, ids)
}

export function offBoarded(state: State, userId: string, ids: readonly string[], total: number): Step {
  if (total > ids.length) {
    const text = commandText(revoke, { userId, reason: 'left' }, state.setting.storeFlag)
    return step(toasted(state, 'warn', `${userId} has ${formatCount(total)} keys, more than fit into one dialog; in a shell: ${text}`))
  }
  if (ids.length === 0) return step(toasted(state, 'warn', `${userId} has no key that could be revoked`))
  return openedDialog(state, revoke as unknown as ChangeCommand, ids, userId)
}

const USAGE_WINDOWS = Object.keys(WINDOWS) as UsageWindow[]
const MODES: readonly ChartMode[] = ['braille', 'block', 'ascii']

const after = <T>(all: readonly T[], one: T): T => all[(all.indexOf(one) + 1) % all.length] as T

const nextWindow: Handler = (state) => {
  const page = pageOf(state)
  if (page.screen !== 'usage' && page.screen !== 'key') return step(state)
  return reloaded(withPage(state, { ...page, window: after(USAGE_WINDOWS, page.window) }))
}

const nextMode: Handler = (state) => {
  const page = pageOf(state)
  return step(page.screen === 'usage' || page.screen === 'key' ? withPage(state, { ...page, mode: after(MODES, page.mode) }) : state)
}

const usageOf: Handler = (state) => {
  const page = pageOf(state)
  if (page.screen === 'users') {
    const owner = cursorRow(page.list)
    return owner === null ? step(state) : opened(state, newUsage({ of: 'owner', userId: owner.userId }))
  }
  const key = keyInHand(state)
  return key === null ? step(state) : opened(state, newUsage({ of: 'key', keyId: key.id, label: key.name ?? key.id }))
}

/** The record that is so much older or newer than the one under the cursor. */
const jumped =
  (byMs: number): Handler =>
  (state) => {
    const page = pageOf(state)
    const row = page.screen === 'audit' ? cursorRow(page.list) : null
    if (row === null || page.screen !== 'audit') return step(state)
    const at = Date.parse(row.record.at) + byMs
    return reloaded(withPage(state, { ...page, wanted: { at } }), { at })
  }

const copyId: Handler = (state) => {
  const shortId = keyInHand(state)?.secrets[0]?.shortId
  if (shortId === undefined) return step(state)
  return step(toasted(state, 'accent', `${shortId} sent to the terminal's clipboard`), { effect: 'copy', text: shortId })
}

const copyCommand: Handler = (state) => {
  const { command, input, text: searched } = equivalentOf(state)
  const search = searched === undefined ? '' : ` | grep -iF ${shellWord(searched)}`
  const text = `${commandText(command, input, state.setting.storeFlag)}${search}`
  return step(toasted(state, 'accent', text), { effect: 'copy', text })
}

const generated: Handler = (state) => {
  const page = pageOf(state)
  const owner =
    page.screen === 'users' ? cursorRow(page.list)?.userId : page.screen === 'key' ? page.life?.key.userId : ownerOfFilter(state)
  return generateForm(state, owner ?? null, keyInHand(state))
}

/** The owner that the filter of Keys names, where it names one. */
function ownerOfFilter(state: State): string | null {
  const page = pageOf(state)
  return page.screen === 'keys' ? (parseFilter(page.filter)?.userId ?? null) : null
}

const verify: Handler = (state) =>
  state.busy.has('verify') ? step(state) : step(toasted(state, 'accent', 'verifying'), ask('verify', { ask: 'verify', query: {} }))

const column =
  (by: number): Handler =>
  (state) => {
    const page = pageOf(state)
    return step(page.screen === 'keys' ? withPage(state, { ...page, column: columnMoved(page.column, by, state.size) }) : state)
  }
const NOTHING: Handler = (state) => step(state)

const HANDLERS: Readonly<Partial<Record<CommandName, Handler>>> = {
  'screen.keys': (state) => switched(state, 'keys'),
  'screen.users': (state) => switched(state, 'users'),
  'screen.usage': (state) => switched(state, 'usage'),
  'screen.audit': (state) => switched(state, 'audit'),
  'screen.hygiene': (state) => switched(state, 'hygiene'),
  open: openedRow,
  'key.generate': generated,
  'key.rotate': formOn('key.rotate'),
  'key.edit': formOn('key.edit'),
  'key.scopes': formOn('key.scopes'),
  'key.overlap': formOn('key.overlap'),
  'key.revoke': dialogOn('key.revoke'),
  'key.disable': dialogOn('key.disable'),
  'key.usage': usageOf,
  'key.copy': copyId,
  'command.copy': copyCommand,
  'audit.verify': verify,
  'audit.hour-older': jumped(-HOUR_MS),
  'audit.hour-newer': jumped(HOUR_MS),
  'audit.day-older': jumped(-DAY_MS),
  'audit.day-newer': jumped(DAY_MS),
  'match.next': (state) => movedBy(state, 1),
  'match.previous': (state) => movedBy(state, -1),
  'usage.window': nextWindow,
  'usage.mode': nextMode,
  'usage.heatmap': (state) => {
    const page = pageOf(state)
    return step(page.screen === 'usage' ? withPage(state, { ...page, isHeatmapShown: !page.isHeatmapShown }) : state)
  },
  'usage.order': (state) => {
    const page = pageOf(state)
    if (page.screen !== 'usage') return step(state)
    const next = { ...page, isByLimited: !page.isByLimited }
    return step(withPage(state, { ...next, list: { ...page.list, rows: orderedCalls(next), offset: 0 } }))
  },
  'usage.store': (state) => switched(state, 'usage'),
  filter: openedFilter,
  find: (state) => andThen(switched(state, 'keys'), openedFilter),
  sort: sortedByColumn,
  'column.left': column(-1),
  'column.right': column(1),
  mark: marked,
  'mark.range': rangeMarked,
  'mark.all': allMarked,
  'cursor.down': (state) => movedBy(state, 1),
  'cursor.up': (state) => movedBy(state, -1),
  'cursor.first': (state) => movedToEnd(state, 'first'),
  'cursor.last': (state) => movedToEnd(state, 'last'),
  'cursor.half-down': (state) => movedBy(state, rowsOf(state, 'half')),
  'cursor.half-up': (state) => movedBy(state, -rowsOf(state, 'half')),
  'cursor.page-down': (state) => movedBy(state, rowsOf(state, 'page')),
  'cursor.page-up': (state) => movedBy(state, -rowsOf(state, 'page')),
  pause: (state) => (state.isPaused ? reloaded({ ...state, isPaused: false }) : step({ ...state, isPaused: true })),
  palette: (state) => step(pushed(state, { kind: 'palette', input: EMPTY_INPUT, choice: 0 }), ask('known', { ask: 'known', query: {} })),
  help: openedHelp,
  'history.back': (state) => wentTo(state, state.pageAt - 1),
  'history.forward': (state) => wentTo(state, state.pageAt + 1),
  back: backFrom,
  demo: (state) =>
    state.pulse?.keys === 0 && !state.setting.isDemo ? step(state, { effect: 'exit', code: 0, next: 'demo' }) : step(state),
  redraw: (state) => step(state, { effect: 'redraw' }),
  suspend: (state) => step(state, { effect: 'suspend' }),
  mouse: (state) => {
    const isMouseOn = !state.isMouseOn
    const said = isMouseOn
      ? 'clicks and the wheel are taken; :mouse gives them back to the terminal'
      : 'clicks and the wheel are left to the terminal'
    return step(toasted({ ...state, isMouseOn }, 'accent', said), { effect: 'mouse', isOn: isMouseOn })
  },
  quit: quitFrom,
  interrupt: (state) => step(state, { effect: 'exit', code: INTERRUPTED }),
}

/** Runs a command on the page; where it can't be, says why. */
export function ran(state: State, command: CommandName): Step {
  const why = whyNot(state, command)
  if (why !== null) return step(toasted(state, 'warn', why))
  if (isAction(command) && pageOf(state).screen === 'users' && command !== 'key.revoke') return step(state)
  return (HANDLERS[command] ?? NOTHING)(state)
}
