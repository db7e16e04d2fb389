// What one input event means: keys, or a text that was pasted without its terminal saying so. Pure.

import type { Press } from '../keys.ts'
import type { State } from './state.ts'
import { topLayer } from './step.ts'

/** More characters than fingers type at once, even with a key held down on a slow machine. */
const MAX_BURST = 64
/** A long paste comes in pieces; what follows so soon after one is its next. */
const BURST_GAP_MS = 150

/** Text goes on behind an Enter: a line end inside of a paste, which must not submit what stands before it. */
function goesOnBehindEnter(presses: readonly Press[]): boolean {
  const enter = presses.findIndex(({ name }) => name === 'enter')
  return enter >= 0 && presses.slice(enter).some(({ text }) => text !== null)
}

/** `burstAt`: when the last burst came; a form or a dialog must be left by a deliberate key, never by pasted text. */
export function isPaste(state: State, text: string, presses: readonly Press[], burstAt: number, now: number): boolean {
  if (presses.length <= 1) return false
  if (text.length > MAX_BURST || now - burstAt <= BURST_GAP_MS) return true
  const layer = topLayer(state)
  // On the buttons of a dialog nothing is typed but one key at a time: several letters at once are no deliberate y.
  const isOnButtons = layer?.kind === 'dialog' && (layer.focus === 'cancel' || layer.focus === 'confirm')
  if (isOnButtons && presses.filter(({ text: letter }) => letter !== null).length > 1) return true
  return (layer?.kind === 'form' || layer?.kind === 'dialog') && goesOnBehindEnter(presses)
}

/** Whether an event was long enough to be a piece of a paste. */
export function isBurst(text: string): boolean {
  return text.length > MAX_BURST
}
