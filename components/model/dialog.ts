// Dangerous dialogs: they freeze what they are about, ask for a reason and, where much is at stake, for a word; only `y` confirms.

import { commandText } from '../../src/commands/as-command.ts'
import type { ChangeCommand } from '../../src/commands/command.ts'
import { inputFromTexts } from '../../src/domain/field.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { HOUR_MS } from '../../src/domain/time.ts'
import type { KeyRow } from '../../src/queries/keys.ts'
import type { Press } from '../keys.ts'
import { whyReadOnly } from './actions.ts'
import { INTERRUPTED } from './form-keys.ts'
import type { DialogFocus, DialogLayer } from './layers.ts'
import type { LineInput } from './line-input.ts'
import { EMPTY_INPUT, edited } from './line-input.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'
import { ask, formatCount, popped, pushed, slotOf, step, toasted, withTopLayer } from './step.ts'

/** How long a dialog that was just drawn takes no key but esc: keys that were meant for the list. */
export const GUARD_MS = 300

export function openedDialog(state: State, command: ChangeCommand, ids: readonly string[], whose: string | null = null): Step {
  const layer: DialogLayer = {
    kind: 'dialog',
    id: state.nextId,
    command,
    title: titleOf(command, ids.length, whose),
    ids,
    offset: 0,
    facts: null,
    revisions: new Map(),
    reason: EMPTY_INPUT,
    typed: EMPTY_INPUT,
    focus: 'reason',
    openedAt: state.now,
    changed: null,
    problem: null,
    isBusy: false,
  }
  return step(pushed({ ...state, nextId: state.nextId + 1 }, layer), ask(slotOf('dialog', layer.id), { ask: 'facts', query: { ids } }))
}

/** `Revoke 12 keys of ann`. */
function titleOf({ words }: ChangeCommand, count: number, whose: string | null): string {
  const verb = `${words.charAt(0).toUpperCase()}${words.slice(1)}`
  return `${verb} ${formatCount(count)} ${count === 1 ? 'key' : 'keys'}${whose === null ? '' : ` of ${whose}`}`
}

/** More than one key, or a live one that was used within the hour: then the action's name must be typed. */
export function needsWord({ ids, facts }: DialogLayer, now: number): boolean {
  const isInUse = ({ environment, lastUsedAt }: KeyRow): boolean =>
    environment === 'live' && lastUsedAt !== null && now - Date.parse(lastUsedAt) < HOUR_MS
  return ids.length > 1 || (facts ?? []).some(isInUse)
}

export function dialogPress(state: State, dialog: DialogLayer, press: Press): Step {
  const command = state.setting.keymap.commandOf(press.name, ['dialog'])
  if (command === 'interrupt') return step(state, { effect: 'exit', code: INTERRUPTED })
  // A change that is on its way is not taken back by closing what asked for it.
  if (dialog.isBusy) return step(state)
  if (command === 'layer.close') return step(popped(state), { effect: 'cancel', slot: slotOf('dialog', dialog.id) })
  if (state.now - dialog.openedAt < GUARD_MS) return step(state)
  if (command === 'form.copy') return copied(state, dialog)
  if (command === 'dialog.enter') return entered(state, dialog)
  if (command === 'suggestion.next' || command === 'suggestion.previous') {
    const offset = dialog.offset + (command === 'suggestion.next' ? 1 : -1)
    return step(withTopLayer(state, { ...dialog, offset: Math.max(0, Math.min(offset, dialog.ids.length - 1)) }))
  }
  if (command === 'form.next') return step(withTopLayer(state, { ...dialog, focus: focusAfter(dialog, state.now, 1) }))
  if (command === 'form.previous') return step(withTopLayer(state, { ...dialog, focus: focusAfter(dialog, state.now, -1) }))
  if (dialog.focus === 'cancel' || dialog.focus === 'confirm') return command === 'dialog.confirm' ? confirmed(state, dialog) : step(state)
  const name = dialog.focus === 'reason' ? 'reason' : 'typed'
  const input = edited(dialog[name], press)
  return step(input === null ? state : withTopLayer(state, withInput(dialog, name, input)))
}

export function withInput(dialog: DialogLayer, name: 'reason' | 'typed', input: LineInput): DialogLayer {
  return { ...dialog, [name]: input, problem: null }
}

function focusAfter(dialog: DialogLayer, now: number, by: number): DialogFocus {
  const order: readonly DialogFocus[] = ['reason', ...(needsWord(dialog, now) ? (['word'] as const) : []), 'cancel', 'confirm']
  return order[(Math.max(0, order.indexOf(dialog.focus)) + by + order.length) % order.length] as DialogFocus
}

/** Enter accepts what changed meanwhile, goes on from a field, and on Cancel cancels. It never does what the dialog is about. */
function entered(state: State, dialog: DialogLayer): Step {
  if (dialog.changed !== null) {
    const revisions = new Map(dialog.facts?.map(({ id, revision }) => [id, revision]))
    return step(withTopLayer(state, { ...dialog, changed: null, problem: null, revisions }))
  }
  if (dialog.focus === 'cancel')
    return step(toasted(popped(state), 'accent', 'cancelled; nothing was changed'), { effect: 'cancel', slot: slotOf('dialog', dialog.id) })
  if (dialog.focus === 'confirm')
    return step(
      withTopLayer(state, { ...dialog, problem: `press ${state.setting.keymap.keyOf('dialog.confirm')} to ${dialog.command.words}` }),
    )
  return step(withTopLayer(state, { ...dialog, focus: focusAfter(dialog, state.now, 1) }))
}

/** The first thing that stands in the way of doing it, and where. */
function obstacle(state: State, dialog: DialogLayer): { problem: string; focus?: DialogFocus } | null {
  const { changed, facts, reason, typed, command } = dialog
  if (changed !== null) return { problem: 'look at what changed, then press Enter to accept it' }
  const why = whyReadOnly(state)
  if (why !== null) return { problem: why }
  if (facts === null) return { problem: 'still looking at what this would stop; wait a moment' }
  if (reason.text.trim() === '') return { problem: 'a reason is required: it goes on the log', focus: 'reason' }
  if (needsWord(dialog, state.now) && typed.text.trim() !== command.words) return { problem: `type ${command.words} first`, focus: 'word' }
  return null
}

const inputOfDialog = ({ command, ids, reason }: DialogLayer) =>
  inputFromTexts(
    command.fields,
    new Map<string, readonly string[]>([
      ['ids', ids],
      ['reason', [reason.text.trim()]],
    ]),
  )

function confirmed(state: State, dialog: DialogLayer): Step {
  const stopped = obstacle(state, dialog)
  if (stopped !== null) return step(withTopLayer(state, { ...dialog, ...stopped }))
  const input = inputOfDialog(dialog)
  if (isRefusal(input)) return step(withTopLayer(state, { ...dialog, problem: input.message, focus: 'reason' }))
  const slot = slotOf('dialog', dialog.id, 'change')
  return step(withTopLayer(state, { ...dialog, isBusy: true, problem: null }), {
    effect: 'change',
    slot,
    command: dialog.command,
    input,
    expected: dialog.revisions,
  })
}

function copied(state: State, dialog: DialogLayer): Step {
  const input = inputOfDialog(dialog)
  if (isRefusal(input))
    return step(withTopLayer(state, { ...dialog, problem: 'type the reason first: the command line needs it too', focus: 'reason' }))
  const text = commandText(dialog.command, input, state.setting.storeFlag)
  return step(toasted(state, 'accent', text), { effect: 'copy', text })
}

/** The dialog with facts that were just read: the first are frozen, later ones are compared with those. */
export function withFacts(dialog: DialogLayer, facts: readonly KeyRow[]): DialogLayer {
  if (dialog.facts === null) return { ...dialog, facts, revisions: new Map(facts.map(({ id, revision }) => [id, revision])) }
  const before = new Map(dialog.facts.map((key) => [key.id, key]))
  const now = new Map(facts.map((key) => [key.id, key]))
  const changes = dialog.ids.flatMap((id) => {
    const [was, is] = [before.get(id), now.get(id)]
    if (was === undefined) return []
    if (is === undefined) return [`${was.name ?? id} is gone`]
    return dialog.revisions.get(id) === is.revision ? [] : [difference(was, is)]
  })
  const [first] = changes
  const more = changes.length > 1 ? ` and ${changes.length - 1} more` : ''
  return { ...dialog, facts, changed: first === undefined ? dialog.changed : `${first}${more}` }
}

function difference(was: KeyRow, is: KeyRow): string {
  const name = is.name ?? is.id
  if (was.status !== is.status) return `${name} was ${was.status} and is ${is.status}`
  if (was.scopes.join(' ') !== is.scopes.join(' ')) return `${name} has scopes ${is.scopes.join(' ') || 'none'}`
  if (was.userId !== is.userId || was.name !== is.name) return `${was.name ?? is.id} is now called ${name}`
  return `${name} is at revision ${is.revision}`
}
