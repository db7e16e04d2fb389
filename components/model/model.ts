// The model as something to subscribe to: messages go in, states come out, effects are handed to whoever runs them.

import type { Press } from '../keys.ts'
import type { Effect } from './effect.ts'
import { isBurst, isPaste } from './input-event.ts'
import type { Message, Setting, Size, State } from './state.ts'
import { begun, update } from './update.ts'

/** A message without its moment, which the model adds. */
type Unstamped = Message extends infer M ? (M extends Message ? Omit<M, 'at'> : never) : never

export interface Model {
  readonly get: () => State
  readonly subscribe: (listener: () => void) => () => void
  readonly send: (message: Unstamped) => void
  /** Presses of one input event, and its text: handled one after the other, drawn once; or taken as one paste. */
  readonly press: (presses: readonly Press[], text?: string) => void
}

export interface ModelOptions {
  readonly setting: Setting
  readonly size: Size
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly run: (effect: Effect) => void
}

export function createModel({ setting, size, now, run }: ModelOptions): Model {
  const listeners = new Set<() => void>()
  const first = begun(setting, size, now())
  let state = first.state
  let burstAt = Number.NEGATIVE_INFINITY

  const told = (before: State): void => {
    if (state !== before) for (const listener of listeners) listener()
  }

  const handle = (message: Message): void => {
    const { state: next, effects } = update(state, message)
    state = next
    for (const effect of effects) run(effect)
  }

  queueMicrotask(() => {
    for (const effect of first.effects) run(effect)
  })
  return {
    get: () => state,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    send(message) {
      const before = state
      handle({ ...message, at: now() } as Message)
      told(before)
    },
    press(presses, text = '') {
      const before = state
      const at = now()
      if (isPaste(state, text, presses, burstAt, at)) handle({ on: 'paste', text, at })
      else for (const press of presses) handle({ on: 'press', press, at })
      if (isBurst(text)) burstAt = at
      told(before)
    },
  }
}
