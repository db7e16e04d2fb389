// The model as something to subscribe to: messages go in, states come out, effects are handed to whoever runs them.

import type { Press } from '../keys.ts'
import type { Effect } from './effect.ts'
import { isBurst, isPaste } from './input-event.ts'
import { awaitsRows } from './pages.ts'
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

/** The longest turn of the event loop that may keep what was pressed from the screen: then both come in one frame. */
const QUICK_TURN_MS = 40

export function createModel({ setting, size, now, run }: ModelOptions): Model {
  const listeners = new Set<() => void>()
  const first = begun(setting, size, now())
  let state = first.state
  let burstAt = Number.NEGATIVE_INFINITY
  /** Whether the last press was answered within such a turn. */
  let isAnsweredQuickly = true

  const told = (before: State): void => {
    if (state !== before) for (const listener of listeners) listener()
  }

  const runAll = (effects: readonly Effect[]): void => {
    for (const effect of effects) run(effect)
  }

  /** The state after a message; what is to be done for it. */
  const handle = (message: Message): readonly Effect[] => {
    const { state: next, effects } = update(state, message)
    state = next
    return effects
  }

  queueMicrotask(() => runAll(first.effects))
  return {
    get: () => state,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    send(message) {
      const before = state
      const effects = handle({ ...message, at: now() } as Message)
      runAll(effects)
      told(before)
    },
    press(presses, text = '') {
      const before = state
      const at = now()
      const messages: readonly Message[] = isPaste(state, text, presses, burstAt, at)
        ? [{ on: 'paste', text, at }]
        : presses.map((press) => ({ on: 'press', press, at }))
      const effects = messages.flatMap(handle)
      if (isBurst(text)) burstAt = at
      const ask = (): void => {
        const begin = now()
        runAll(effects)
        setImmediate(() => {
          isAnsweredQuickly = now() - begin <= QUICK_TURN_MS
          told(before)
        })
      }
      // Where other rows will take the place of what is drawn, both come in one frame, unless the last ones took too long for that.
      if (isAnsweredQuickly && awaitsRows(state)) return ask()
      told(before)
      queueMicrotask(ask)
    },
  }
}
