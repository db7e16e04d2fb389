// Panels: something to read, scrolled line by line.

import type { Press } from '../keys.ts'
import { blocksHeight, panelBlocks } from '../screens/panel-blocks.ts'
import { INTERRUPTED } from './form-keys.ts'
import type { PanelLayer, PanelSubject } from './layers.ts'
import { bodyHeight, spokenRows } from './layout.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'
import { popped, pushed, step, withTopLayer } from './step.ts'

export function openedPanel(state: State, subject: PanelSubject): State {
  return pushed({ ...state, nextId: state.nextId + 1 }, { kind: 'panel', id: state.nextId, subject, offset: 0 })
}

const FAR = 1_000_000

export function panelPress(state: State, panel: PanelLayer, press: Press): Step {
  const height = spokenRows(Math.max(1, bodyHeight(state.size) - 1), state.setting.theme.isSpoken)
  const command = state.setting.keymap.commandOf(press.name, ['panel'])
  const moves: Readonly<Record<string, number>> = {
    'cursor.down': 1,
    'cursor.up': -1,
    'cursor.half-down': Math.floor(height / 2),
    'cursor.half-up': -Math.floor(height / 2),
    'cursor.page-down': height - 1,
    'cursor.page-up': 1 - height,
    'cursor.first': -FAR,
    'cursor.last': FAR,
  }
  if (command === 'back' || command === 'quit' || press.name === 'enter') return step(popped(state))
  if (command === 'interrupt') return step(state, { effect: 'exit', code: INTERRUPTED })
  const by = command !== null && Object.hasOwn(moves, command) ? moves[command] : undefined
  if (by === undefined) return step(state)
  const most = Math.max(0, blocksHeight(panelBlocks(state, panel.subject)) - height)
  return step(withTopLayer(state, { ...panel, offset: Math.max(0, Math.min(panel.offset + by, most)) }))
}
