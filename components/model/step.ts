// Steps of the model: the next state and what is to be done for it. The few words that all parts of the model share.

import { formatDistance } from '../../src/domain/time.ts'
import type { Effect, Question } from './effect.ts'
import type { Layer } from './layers.ts'
import type { Page, State, Toast } from './state.ts'

export interface Step {
  readonly state: State
  readonly effects: readonly Effect[]
}

export function step(state: State, ...effects: readonly Effect[]): Step {
  return { state, effects }
}

/** One step after another; the effects of both. */
export function andThen({ state, effects }: Step, next: (state: State) => Step): Step {
  const after = next(state)
  return { state: after.state, effects: [...effects, ...after.effects] }
}

export function pageOf({ pages, pageAt }: State): Page {
  return pages[pageAt] as Page
}

export function withPage(state: State, page: Page): State {
  return { ...state, pages: state.pages.map((one) => (one.id === page.id ? page : one)) }
}

export function topLayer({ layers }: State): Layer | null {
  return layers.at(-1) ?? null
}

export function withTopLayer(state: State, layer: Layer): State {
  return { ...state, layers: [...state.layers.slice(0, -1), layer] }
}

export function pushed(state: State, layer: Layer): State {
  return { ...state, layers: [...state.layers, layer] }
}

export function popped(state: State): State {
  return { ...state, layers: state.layers.slice(0, -1) }
}

export function toasted(state: State, role: Toast['role'], text: string): State {
  return { ...state, toast: { role, text, at: state.now } }
}

export function ask(slot: string, question: Question): Effect {
  return { effect: 'ask', slot, question }
}

/** The slot of what a page, a form or a dialog asks. */
export function slotOf(kind: 'page' | 'form' | 'dialog' | 'reveal', id: number, what = ''): string {
  return `${kind}:${id}${what === '' ? '' : `:${what}`}`
}

/** How far the live rate looks back: servers write their counts once a second, or in seconds. */
export const RATE_MS = 10_000

/** Numbers with thousands separators, as the header and the charts write them. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** How far away a moment is, `absent` where there is none. Whole seconds, so that it moves at most once a second. */
export function formatWhen(instant: string | null, now: number, absent: string): string {
  return instant === null ? absent : formatDistance(Date.parse(instant), Math.floor(now / 1000) * 1000)
}
