// The help of a screen: its keys out of the table of bindings, searched with `/`, `n` and `N`.

import type { Context } from '../bindings.ts'
import type { CommandName } from '../keymap.ts'
import type { Press } from '../keys.ts'
import { INTERRUPTED } from './form-keys.ts'
import type { HelpLayer } from './layers.ts'
import { bodyHeight } from './layout.ts'
import { EMPTY_INPUT, edited } from './line-input.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'
import { pageOf, popped, pushed, step, withTopLayer } from './step.ts'

export interface HelpLine {
  readonly keys: string
  readonly text: string
  readonly command: CommandName | null
  /** A line that begins a group. */
  readonly isHeading: boolean
}

const GROUPS: readonly (readonly [title: string, contexts: readonly Context[]])[] = [
  ['lists', ['list']],
  ['everywhere', ['global']],
  ['typing a filter', ['filter']],
  ['palette', ['palette']],
  ['forms', ['form']],
  ['dialogs', ['dialog']],
  ['the reveal of a token', ['reveal']],
]

/** The keys of the page that is shown, then those of lists, of every page, and of what stands above pages. */
export function helpLines(state: State): readonly HelpLine[] {
  const { screen } = pageOf(state)
  const seen = new Set<string>()
  return [[screen, [screen]] as const, ...GROUPS].flatMap(([title, contexts]) => {
    const lines = state.setting.keymap.bindings.flatMap((binding) => {
      const isHere = binding.in.some((context) => (contexts as readonly Context[]).includes(context))
      if (!isHere || seen.has(binding.command) || binding.keys.length === 0) return []
      seen.add(binding.command)
      return [{ keys: binding.keys.join(' '), text: binding.help, command: binding.command, isHeading: false }]
    })
    return lines.length === 0 ? [] : [{ keys: '', text: title, command: null, isHeading: true }, ...lines]
  })
}

export function openedHelp(state: State): Step {
  return step(pushed(state, { kind: 'help', offset: 0, search: null, isTyping: false, match: -1 }))
}

/** Lines that hold what is looked for. */
export function matchesOf(lines: readonly HelpLine[], search: string): readonly number[] {
  const lower = search.toLowerCase()
  return lower === '' ? [] : lines.flatMap(({ keys, text }, index) => (`${keys} ${text}`.toLowerCase().includes(lower) ? [index] : []))
}

export function helpPress(state: State, help: HelpLayer, press: Press): Step {
  if (help.isTyping && help.search !== null) return typing(state, help, help.search, press)
  const { keymap } = state.setting
  const command = keymap.commandOf(press.name, ['help', 'list'])
  const by = {
    'cursor.down': 1,
    'cursor.up': -1,
    'cursor.half-down': page(state) / 2,
    'cursor.half-up': -page(state) / 2,
    'cursor.page-down': page(state),
    'cursor.page-up': -page(state),
    'cursor.first': -FAR,
    'cursor.last': FAR,
  }
  switch (command) {
    case 'layer.close':
      return step(help.search === null ? popped(state) : withTopLayer(state, { ...help, search: null, match: -1 }))
    case 'help.close':
      return step(popped(state))
    case 'interrupt':
      return step(state, { effect: 'exit', code: INTERRUPTED })
    case 'filter':
      return step(withTopLayer(state, { ...help, search: EMPTY_INPUT, isTyping: true, match: -1 }))
    case 'help.next':
      return step(withTopLayer(state, atMatch(state, help, 1)))
    case 'help.previous':
      return step(withTopLayer(state, atMatch(state, help, -1)))
    case null:
      return step(state)
  }
  const rows = Object.hasOwn(by, command) ? by[command as keyof typeof by] : 0
  return step(withTopLayer(state, { ...help, offset: clampOffset(state, help.offset + Math.round(rows)) }))
}

const FAR = 10_000

function page(state: State): number {
  return Math.max(1, bodyHeight(state.size) - 2)
}

function clampOffset(state: State, offset: number): number {
  return Math.max(0, Math.min(offset, helpLines(state).length - page(state)))
}

function typing(state: State, help: HelpLayer, search: NonNullable<HelpLayer['search']>, press: Press): Step {
  if (press.name === 'esc') return step(withTopLayer(state, { ...help, search: null, isTyping: false, match: -1 }))
  if (press.name === 'enter') return step(withTopLayer(state, { ...help, isTyping: false }))
  if (press.name === 'ctrl-c') return step(state, { effect: 'exit', code: INTERRUPTED })
  const input = edited(search, press)
  return step(input === null ? state : withTopLayer(state, atMatch(state, { ...help, search: input, match: -1 }, 1)))
}

/** The next match after the one that is shown, or the one before; round at the ends. */
function atMatch(state: State, help: HelpLayer, by: number): HelpLayer {
  const matches = matchesOf(helpLines(state), help.search?.text ?? '')
  if (matches.length === 0) return { ...help, match: -1 }
  const at = (matches.indexOf(help.match) + by + matches.length) % matches.length
  const match = matches[help.match < 0 && by > 0 ? 0 : at] as number
  return { ...help, match, offset: clampOffset(state, match - Math.floor(page(state) / 2)) }
}
