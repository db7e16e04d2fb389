// The palette: every screen and every command of the command line by its name, with arguments. Enter runs.

import { commandText, splitWords } from '../../src/commands/as-command.ts'
import { auditExport } from '../../src/commands/audit.ts'
import { copy } from '../../src/commands/copy.ts'
import { disable, enable } from '../../src/commands/disable.ts'
import { COMMANDS } from '../../src/commands/index.ts'
import { parseKeyRef } from '../../src/domain/key.ts'
import type { CommandName } from '../keymap.ts'
import type { Press } from '../keys.ts'
import { keyInHand, whyNot } from './actions.ts'
import { INTERRUPTED } from './form-keys.ts'
import { acceptLossForm, explainForm, generateForm, overlapForm } from './forms.ts'
import { dialogAbout, ran } from './handlers.ts'
import type { PaletteLayer } from './layers.ts'
import { edited, inputOf } from './line-input.ts'
import { filtered, switched } from './pages.ts'
import { ranAudit, ranList, ranStats, ranUsers } from './palette-flags.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'
import { andThen, ask, pageOf, popped, step, toasted, withTopLayer } from './step.ts'

export interface Entry {
  readonly words: string
  readonly summary: string
  readonly run: (state: State, rest: readonly string[]) => Step
}

/** A screen, with what is typed behind it as its filter. */
const screen = (words: 'keys' | 'users' | 'usage' | 'audit' | 'hygiene', summary: string): Entry => ({
  words,
  summary,
  run: (state, rest) => {
    if (rest.length === 0) return switched(state, words)
    if (words === 'keys') return ranList(state, rest)
    if (words === 'audit') return ranAudit(state, rest)
    if (words === 'users') return ranUsers(state, rest)
    if (words === 'usage') return ranStats(state, rest)
    return andThen(switched(state, words), (next) => filtered(next, rest.join(' ')))
  },
})

/** A command on the key that is named behind it, else on the one in hand. */
const onKey =
  (words: string, here: (state: State) => Step): Entry['run'] =>
  (state, [name, ...more]) => {
    if (name === undefined) return here(state)
    if (name.startsWith('--')) return step(toasted(state, 'warn', 'here give the id or shortId of one key, or nothing for the key in hand'))
    if (more.length > 0) return step(toasted(state, 'warn', 'one key at a time; mark several on Keys with space'))
    return step(state, ask(`palette:${words}`, { ask: 'named', query: { ref: parseKeyRef(name) } }))
  }

/** An action of the keymap under the name of a command. */
const action = (words: string, command: CommandName): Entry['run'] => onKey(words, (state) => ran(state, command))

/** Ends or extends the overlap of the key in hand. */
const overlap = (words: string, what: 'end' | 'extend'): Entry['run'] =>
  onKey(words, (state) => {
    const why = whyNot(state, 'key.overlap')
    const key = keyInHand(state)
    return why !== null || key === null ? step(toasted(state, 'warn', why ?? 'there is no key here')) : overlapForm(state, key, what)
  })

const SCREENS: readonly Entry[] = [
  screen('keys', 'every key; filter words may follow'),
  screen('users', 'owners with their keys'),
  screen('usage', 'live charts'),
  screen('audit', 'the log; filter words may follow'),
  screen('hygiene', 'what should be mended'),
]

/** What the command line's commands mean here. One that is missing here is offered as a line to copy. */
const RUNS: Readonly<Record<string, Entry['run']>> = {
  generate: (state, [owner]) => generateForm(state, owner ?? null, null),
  validate: (state) => explainForm(state),
  list: ranList,
  show: onKey('show', (state) => ran(state, 'open')),
  users: ranUsers,
  stats: ranStats,
  rotate: action('rotate', 'key.rotate'),
  'grace end': overlap('grace end', 'end'),
  'grace extend': overlap('grace extend', 'extend'),
  revoke: action('revoke', 'key.revoke'),
  disable: onKey('disable', (state) => dialogAbout(state, disable)),
  enable: onKey('enable', (state) => dialogAbout(state, enable)),
  'scope add': action('scope add', 'key.scopes'),
  'scope remove': action('scope remove', 'key.scopes'),
  'scope set': action('scope set', 'key.scopes'),
  update: action('update', 'key.edit'),
  'audit list': ranAudit,
  'audit verify': (state) => andThen(switched(state, 'audit'), (next) => ran(next, 'audit.verify')),
  'audit accept-loss': (state) => acceptLossForm(state),
  hygiene: (state) => switched(state, 'hygiene'),
  demo: (state) =>
    state.setting.isDemo ? step(toasted(state, 'accent', 'this is the demo')) : step(state, { effect: 'exit', code: 0, next: 'demo' }),
}

const copyInstead =
  (words: string): Entry['run'] =>
  (state) => {
    const command = COMMANDS.find((one) => one.words === words) ?? auditExport
    const { storeFlag } = state.setting
    const text =
      words === copy.words
        ? commandText(copy, { from: storeFlag ?? 'keys.json', to: 'postgres://USER@HOST/DATABASE' }, null)
        : commandText(command as typeof auditExport, words === auditExport.words ? { format: 'jsonl' } : {}, storeFlag)
    return step(toasted(state, 'accent', `in a shell: ${text}`), { effect: 'copy', text })
  }

const OWN: readonly (readonly [words: string, command: CommandName, summary: string])[] = [
  ['pause', 'pause', 'stop and go on with live updates'],
  ['mouse', 'mouse', 'take clicks and the wheel, or leave them to the terminal'],
  ['redraw', 'redraw', 'draw the screen anew'],
  ['suspend', 'suspend', 'back to the shell; fg returns'],
  ['help', 'help', 'the keys of this screen'],
  ['quit', 'quit', 'leave Keywright'],
]

const NAMES_OF_SCREENS: ReadonlySet<string> = new Set(SCREENS.map(({ words }) => words))

export const ENTRIES: readonly Entry[] = [
  ...SCREENS,
  ...COMMANDS.filter(({ words }) => !NAMES_OF_SCREENS.has(words)).map(({ words, summary }) => ({
    words,
    summary,
    run: RUNS[words] ?? copyInstead(words),
  })),
  ...OWN.map(([words, command, summary]): Entry => ({ words, summary, run: (state) => ran(state, command) })),
]

/** Entries that fit what is typed, those that begin with it first; once a whole name stands there, that one alone. */
export function fittingEntries({ input }: PaletteLayer): readonly Entry[] {
  const text = input.text.trimStart().toLowerCase()
  const named = entryNamed(text)
  if (named !== null && text.length > named.words.length) return [named]
  const rank = ({ words }: Entry): number =>
    words.startsWith(text) ? 0 : words.split(' ').some((word) => word.startsWith(text)) ? 1 : words.includes(text) ? 2 : 3
  const word = text.trim()
  return ENTRIES.filter((entry) => rank(entry) < 3 || word === '').sort((a, b) => rank(a) - rank(b))
}

/** The entry whose whole name stands at the beginning; the longest, so that `audit verify` is not `audit`. */
function entryNamed(text: string): Entry | null {
  const fitting = ENTRIES.filter(({ words }) => text === words || text.startsWith(`${words} `))
  return fitting.reduce<Entry | null>((best, entry) => (best === null || entry.words.length > best.words.length ? entry : best), null)
}

/** The action that waited for the key that was named, now that the key is known. */
export function pendingRan(state: State): Step {
  const { pending } = state
  const page = pageOf(state)
  if (pending === null || page.screen !== 'key' || page.keyId !== pending.keyId || page.life === null) return step(state)
  return runNamed({ ...state, pending: null }, pending.words)
}

/** Runs an entry by its name, on the key in hand. */
export function runNamed(state: State, words: string): Step {
  return ENTRIES.find((entry) => entry.words === words)?.run(state, []) ?? step(state)
}

export function palettePress(state: State, palette: PaletteLayer, press: Press): Step {
  const entries = fittingEntries(palette)
  const chosen = entries[Math.min(palette.choice, entries.length - 1)]
  switch (press.text === null ? state.setting.keymap.commandOf(press.name, ['palette']) : null) {
    case 'layer.close':
      return step(popped(state))
    case 'interrupt':
      return step(state, { effect: 'exit', code: INTERRUPTED })
    case 'palette.run':
      return run(popped(state), palette, chosen)
    case 'palette.complete':
      return step(chosen === undefined ? state : withTopLayer(state, { ...palette, input: inputOf(`${chosen.words} `), choice: 0 }))
    case 'suggestion.take':
      if (palette.input.caret < palette.input.text.length || chosen === undefined) break
      return step(withTopLayer(state, { ...palette, input: inputOf(`${chosen.words} `), choice: 0 }))
    case 'suggestion.next':
      return step(withTopLayer(state, { ...palette, choice: Math.min(palette.choice + 1, Math.max(0, entries.length - 1)) }))
    case 'suggestion.previous':
      return step(withTopLayer(state, { ...palette, choice: Math.max(0, palette.choice - 1) }))
  }
  const input = edited(palette.input, press)
  return step(input === null ? state : withTopLayer(state, { ...palette, input, choice: 0 }))
}

function run(state: State, { input, choice }: PaletteLayer, chosen: Entry | undefined): Step {
  const text = input.text.trim()
  const named = choice === 0 ? entryNamed(text.toLowerCase()) : null
  const entry = named ?? chosen
  if (entry === undefined) return step(toasted(state, 'warn', `no command is called ${text}; : lists them all`))
  const rest = named === null ? [] : splitWords(text.slice(named.words.length))
  return entry.run(state, rest)
}
