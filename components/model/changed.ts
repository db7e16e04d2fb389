// A change has been made, or refused: what its form, its dialog and the page below make of that.

import { KeywrightError } from '../../src/domain/refusal.ts'
import type { ChangedItem } from './effect.ts'
import type { DialogLayer, FormLayer } from './layers.ts'
import { questionsOf } from './pages.ts'
import { openedPanel } from './panel.ts'
import { revealed } from './reveal.ts'
import type { Message, Page, State } from './state.ts'
import type { Step } from './step.ts'
import { ask, pageOf, slotOf, step, toasted, withPage } from './step.ts'
import { faulted } from './trouble.ts'

type ChangedMessage = Extract<Message, { readonly on: 'changed' }>

const nameOf = ({ id, name }: ChangedItem): string => name ?? id

export function changed(state: State, { slot, items, command }: ChangedMessage): Step {
  const [kind, id] = slot.split(':')
  const layer = state.layers.find((one): one is FormLayer | DialogLayer => one.kind === kind && 'id' in one && String(one.id) === id)
  if (layer === undefined) return step(toasted(state, 'accent', `${command}: done`), ...questionsOf(state, pageOf(state)))
  const [only] = items
  if (items.length === 1 && only !== undefined && only.refusal !== null) return refused(state, layer, only)
  const below = cleared({ ...state, layers: state.layers.filter((one) => one !== layer), trouble: null }, layer)
  if (items.length === 1 && only !== undefined) return doneOne(below, command, only)
  const done = items.filter(({ refusal }) => refusal === null).length
  const title = `${command}: ${done} of ${items.length} done`
  const said = toasted(below, done === items.length ? 'good' : 'warn', title)
  return step(openedPanel(said, { what: 'results', title, items }), ...questionsOf(said, pageOf(said)))
}

/** After the change the marks it was about are gone, and so is the form's draft. */
function cleared(state: State, layer: FormLayer | DialogLayer): State {
  const page = pageOf(state)
  const drafts = new Map(state.drafts)
  if (layer.kind === 'form') drafts.delete(layer.draftKey)
  const next = { ...state, drafts }
  return layer.kind === 'dialog' && page.screen === 'keys' ? withPage(next, { ...page, marks: new Set(), rangeFrom: null }) : next
}

function doneOne(state: State, command: string, item: ChangedItem): Step {
  const page = pageOf(state)
  // A filter may leave the new key out: then the cursor stays where it is.
  const isNew = command === 'generate' && !('filter' in page && page.filter !== '')
  const shown = isNew && page.screen === 'keys' ? withPage(state, { ...page, wanted: { id: item.id } } as Page) : state
  const questions = questionsOf(shown, pageOf(shown), isNew && page.screen === 'keys' ? { value: null, id: item.id } : undefined)
  const said = toasted(
    shown,
    'good',
    command === 'generate' ? `${nameOf(item)} is issued` : `${nameOf(item)}: ${command} done, now ${item.status ?? 'gone'}`,
  )
  return step(item.token === null ? said : revealed(said, item, item.token), ...questions)
}

function refused(state: State, layer: FormLayer | DialogLayer, { refusal }: ChangedItem): Step {
  if (refusal === null) return step(state)
  const { state: told, effects } = faulted(state, slotOf(layer.kind, layer.id), KeywrightError.from(refusal))
  return step(
    told,
    ...effects,
    ...(layer.kind === 'dialog' ? [ask(slotOf('dialog', layer.id), { ask: 'facts', query: { ids: layer.ids } } as const)] : []),
  )
}
