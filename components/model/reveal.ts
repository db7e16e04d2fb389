// The reveal: the only place where a token can be seen. Masked, copied, written, hidden again; leaving asks once.

import type { Press } from '../keys.ts'
import type { ChangedItem, Sealed } from './effect.ts'
import { INTERRUPTED } from './form-keys.ts'
import type { RevealLayer } from './layers.ts'
import { edited, inputOf } from './line-input.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'
import { popped, pushed, slotOf, step, withTopLayer } from './step.ts'

/** After so long a token that is drawn is hidden again. */
export const HIDE_AFTER_MS = 30_000

export function revealed(state: State, item: ChangedItem, token: Sealed): State {
  const text = token.open()
  const shortId = item.shortId ?? ''
  const layer: RevealLayer = {
    kind: 'reveal',
    id: state.nextId,
    token,
    shortId,
    prefix: text.slice(0, text.indexOf(`_${shortId}_`)),
    owner: `${item.name ?? item.id} of ${item.userId ?? ''}`,
    isShown: false,
    shownAt: 0,
    isCopied: false,
    isWritten: false,
    isAsked: false,
    path: null,
    note: null,
  }
  return pushed({ ...state, nextId: state.nextId + 1 }, layer)
}

export function revealPress(state: State, reveal: RevealLayer, press: Press): Step {
  if (reveal.path !== null) return pathPress(state, reveal, reveal.path, press)
  switch (state.setting.keymap.commandOf(press.name, ['reveal'])) {
    case 'reveal.show':
      return step(withTopLayer(state, { ...reveal, isShown: !reveal.isShown, shownAt: state.now, note: null }))
    case 'reveal.copy':
      return step(withTopLayer(state, { ...reveal, isCopied: true, note: "sent to the terminal's clipboard" }), {
        effect: 'copy',
        text: reveal.token,
      })
    case 'reveal.write': {
      const { storeFolder } = state.setting
      const path = inputOf(`${storeFolder}/${reveal.prefix}_${reveal.shortId}.token`)
      return step(withTopLayer(state, { ...reveal, path, note: null }))
    }
    case 'reveal.leave':
      return left(state, reveal, press.name === 'ctrl-c')
    default:
      return step(state)
  }
}

function left(state: State, reveal: RevealLayer, isQuit: boolean): Step {
  if (!reveal.isCopied && !reveal.isWritten && !reveal.isAsked) {
    return step(
      withTopLayer(state, { ...reveal, isAsked: true, note: 'neither copied nor written: it can not be shown again. Once more leaves it' }),
    )
  }
  return isQuit ? step(popped(state), { effect: 'exit', code: INTERRUPTED }) : step(popped(state))
}

function pathPress(state: State, reveal: RevealLayer, path: NonNullable<RevealLayer['path']>, press: Press): Step {
  if (press.name === 'esc' || press.name === 'ctrl-c') return step(withTopLayer(state, { ...reveal, path: null }))
  if (press.name === 'enter') {
    if (path.text.trim() === '') return step(withTopLayer(state, { ...reveal, note: 'give the path of a file' }))
    const { token } = reveal
    return step(withTopLayer(state, { ...reveal, note: null }), {
      effect: 'write',
      slot: slotOf('reveal', reveal.id),
      path: path.text.trim(),
      token,
    })
  }
  const input = edited(path, press)
  return step(input === null ? state : withTopLayer(state, { ...reveal, path: input }))
}

/** A token that was drawn long enough is hidden. */
export function hiddenInTime(state: State): State {
  const layers = state.layers.map((layer) =>
    layer.kind === 'reveal' && layer.isShown && state.now - layer.shownAt >= HIDE_AFTER_MS
      ? { ...layer, isShown: false, note: 'hidden again after 30 s' }
      : layer,
  )
  return { ...state, layers }
}
