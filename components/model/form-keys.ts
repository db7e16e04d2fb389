// Keys in a form: typing, moving between fields, choosing, submitting, copying the command.

import { commandText } from '../../src/commands/as-command.ts'
import type { ChangeCommand } from '../../src/commands/command.ts'
import { validate } from '../../src/commands/validate.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import type { Press } from '../keys.ts'
import { whyReadOnly } from './actions.ts'
import type { Effect } from './effect.ts'
import { sealed } from './effect.ts'
import { completed, draftOf, inputOfForm, suggestionsFor, withRefusal, withText } from './form.ts'
import { OVERLAP, overlapSwitched, SAME_AS, TEMPLATE, textsLike } from './forms.ts'
import type { FormField, FormLayer } from './layers.ts'
import { edited, inputOf } from './line-input.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'
import { ask, popped, slotOf, step, toasted, withTopLayer } from './step.ts'

/** Words in use for the field that is typed into. */
export function knownFor({ known }: State, { name }: FormField): readonly string[] {
  if (name === 'userId') return known.owners
  if (name === 'scopes') return known.scopes
  return name === 'tags' ? known.tags : []
}

export function formPress(state: State, form: FormLayer, press: Press): Step {
  if (form.isBusy) return step(state)
  const command = state.setting.keymap.commandOf(press.name, ['form'])
  const focused = form.fields[form.focus]
  switch (press.text === null ? command : null) {
    case 'interrupt':
      return step(state, { effect: 'exit', code: INTERRUPTED })
    case 'layer.close':
      return closed(state, form)
    case 'form.submit':
      return submitted(state, form)
    case 'form.next':
      return step(withTopLayer(state, focusedOn(form, form.focus + 1)))
    case 'form.previous':
      return step(withTopLayer(state, focusedOn(form, form.focus - 1)))
    case 'form.copy':
      return copied(state, form)
    case 'suggestion.next':
      return focused === undefined ? step(state) : chosen(state, form, focused, 1)
    case 'suggestion.previous':
      return focused === undefined ? step(state) : chosen(state, form, focused, -1)
    case 'suggestion.take':
      if (focused !== undefined && focused.choices.length > 0) return chosen(state, form, focused, 1)
      if (focused === undefined || focused.input.caret < focused.input.text.length) break
      return taken(state, form, focused)
  }
  return focused === undefined ? step(state) : typedInto(state, form, focused, press)
}

export const INTERRUPTED = 130

function typedInto(state: State, form: FormLayer, focused: FormField, press: Press): Step {
  if (focused.choices.length > 0) {
    if (press.name === 'space') return chosen(state, form, focused, 1)
    if (press.name === 'left') return chosen(state, form, focused, -1)
    // The first letter chooses too.
    const choice = press.text === null ? undefined : focused.choices.find((one) => one.startsWith(press.text as string))
    return choice === undefined ? step(state) : picked(state, form, focused, choice)
  }
  const input = edited(focused.input, press)
  if (input === null) return step(state)
  const next = withTopLayer(state, withText(form, form.focus, input))
  return focused.name === 'userId' && input.text !== focused.input.text ? step(next, searchOwners(form, input.text)) : step(next)
}

function searchOwners(form: FormLayer, search: string): Effect {
  return ask(slotOf('form', form.id, 'owners'), { ask: 'owners', query: { search } })
}

function focusedOn(form: FormLayer, index: number): FormLayer {
  const count = form.fields.length
  return count === 0 ? form : { ...form, focus: (index + count) % count, suggestion: 0 }
}

/** The next choice of a closed list; or, of a text, the next suggestion. */
function chosen(state: State, form: FormLayer, focused: FormField, by: number): Step {
  if (focused.choices.length === 0) {
    const count = suggestionsFor(focused, knownFor(state, focused)).length
    return step(count === 0 ? state : withTopLayer(state, { ...form, suggestion: (form.suggestion + by + count) % count }))
  }
  const at = focused.choices.indexOf(focused.input.text)
  return picked(state, form, focused, focused.choices[(at + by + focused.choices.length) % focused.choices.length] as string)
}

function picked(state: State, form: FormLayer, focused: FormField, choice: string): Step {
  const next = withText(form, form.focus, inputOf(choice))
  if (focused.name === OVERLAP) return step(withTopLayer(state, overlapSwitched(next, choice)))
  return step(withTopLayer(state, focused.name === TEMPLATE ? filledIn(state, next, choice) : next))
}

/** The form with a template's texts in the fields that the template names. */
function filledIn(state: State, form: FormLayer, choice: string): FormLayer {
  const like = choice.startsWith(SAME_AS) ? likeOf(state, choice.slice(SAME_AS.length)) : null
  const texts = like ?? state.setting.templates.find(({ name }) => name === choice)?.texts ?? {}
  return form.fields.reduce((filled, { name, initial }, index) => {
    const text = Object.hasOwn(texts, name)
      ? texts[name]
      : choice === 'none' && name !== 'userId' && name !== 'name' && name !== TEMPLATE
        ? initial
        : undefined
    return text === undefined ? filled : withText(filled, index, inputOf(text))
  }, form)
}

function likeOf(state: State, id: string): Readonly<Record<string, string>> | null {
  for (const page of state.pages) {
    const key =
      page.screen === 'key' ? page.life?.key : page.screen === 'keys' ? page.list.rows.find((row) => row.id === id)?.item : undefined
    if (key?.id === id) return textsLike(key)
  }
  return null
}

function taken(state: State, form: FormLayer, focused: FormField): Step {
  const suggestion = suggestionsFor(focused, knownFor(state, focused))[form.suggestion]
  return step(suggestion === undefined ? state : withTopLayer(state, withText(form, form.focus, completed(focused, suggestion))))
}

/** Leaves the form; what was typed is kept for the next time. */
function closed(state: State, form: FormLayer): Step {
  const typed = form.fields.some(({ field }) => field.isSecret) ? null : draftOf(form)
  const drafts = new Map(state.drafts)
  if (typed === null) drafts.delete(form.draftKey)
  else drafts.set(form.draftKey, typed)
  const next = { ...popped(state), drafts }
  return step(typed === null ? next : toasted(next, 'accent', 'what you typed is kept for the next time'))
}

function submitted(state: State, form: FormLayer): Step {
  const input = inputOfForm(form)
  if (isRefusal(input)) return step(withTopLayer(state, withRefusal(form, input)))
  const slot = slotOf('form', form.id)
  const busy = withTopLayer(state, { ...form, isBusy: true, problem: null })
  if (form.command.words === validate.words) return step(busy, explained(slot, input))
  const why = whyReadOnly(state)
  // A lost log is accepted while the store is in trouble: that is what it is for.
  if (form.command.kind === 'read')
    return step(busy, ask(slot, { ask: 'acceptLoss', query: { reason: (input as { reason: string }).reason } }))
  if (why !== null) return step(withTopLayer(state, { ...form, problem: why }))
  const expected = new Map(form.keyId === null || form.revision === null ? [] : [[form.keyId, form.revision]])
  return step(busy, { effect: 'change', slot, command: form.command as ChangeCommand, input, expected })
}

interface Explained {
  readonly token: string
  readonly requiredScopes?: readonly string[]
  readonly ip?: string
  readonly environment?: 'live' | 'test'
}

function explained(slot: string, input: object): Effect {
  const { token, requiredScopes = [], ip = null, environment = null } = input as Explained
  return ask(slot, { ask: 'explain', query: { token: sealed(token), requiredScopes, ip, environment } })
}

function copied(state: State, form: FormLayer): Step {
  const input = inputOfForm(form)
  if (isRefusal(input)) return step(withTopLayer(state, withRefusal(form, input)))
  const text = commandText(form.command, input, state.setting.storeFlag)
  return step(toasted(state, 'accent', text), { effect: 'copy', text })
}
