// Faults and refusals, told where they were met: beside the field, in the dialog, in a banner that says what to do.

import type { ErrorCode, KeywrightError } from '../../src/domain/refusal.ts'
import { CODES } from '../../src/domain/refusal.ts'
import { withRefusal } from './form.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'
import { ask, slotOf, step, toasted } from './step.ts'

/** Exit code 4: the store or its log can't be used. */
const UNUSABLE = 4

const isFault = (code: ErrorCode): boolean => CODES[code].exit === UNUSABLE

/** Something that was asked or tried has failed. What is shown stays. */
export function faulted(state: State, slot: string, error: KeywrightError): Step {
  const [kind = '', id = ''] = slot.split(':')
  const known = isFault(error.code) ? { ...state, trouble: { error, at: state.now } } : state
  const said = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`
  let isTold = false
  const layers = known.layers.map((layer) => {
    if (!('id' in layer) || layer.kind !== kind || String(layer.id) !== id) return layer
    isTold = true
    if (layer.kind === 'form') return withRefusal(layer, { message: said, ...(error.field === undefined ? {} : { field: error.field }) })
    if (layer.kind === 'dialog') return { ...layer, isBusy: false, problem: said }
    return layer.kind === 'reveal' ? { ...layer, note: said } : layer
  })
  const next = { ...known, layers }
  if (error.code === 'CHANGED_MEANWHILE') return step(next, ...againFor(next, slot))
  return step(isTold || (kind === 'page' && isFault(error.code)) ? next : toasted(next, isFault(error.code) ? 'bad' : 'warn', said))
}

/** A key that moved is read again, so that the next try is about what it is now. */
function againFor({ layers }: State, slot: string) {
  return layers.flatMap((layer) => {
    if (layer.kind === 'form' && slotOf('form', layer.id) === slot && layer.keyId !== null)
      return [ask(slotOf('form', layer.id, 'facts'), { ask: 'facts', query: { ids: [layer.keyId] } })]
    return []
  })
}
