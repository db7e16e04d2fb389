// Typing a filter: the list narrows with every key; Enter keeps it, esc clears it. Suggests the words of the filter language.

import { ACTIONS as AUDIT_ACTIONS } from '../../src/domain/audit.ts'
import { AUDIT_FILTER_WORDS, parseAuditFilter } from '../../src/domain/audit-filter.ts'
import { FILTER_WORDS, filterWord, parseFilter } from '../../src/domain/filter-language.ts'
import { STATUSES } from '../../src/domain/key.ts'
import type { Press } from '../keys.ts'
import { INTERRUPTED } from './form-keys.ts'
import type { FilterLayer } from './layers.ts'
import { edited, inputOf } from './line-input.ts'
import { filtered } from './pages.ts'
import type { Screen, State } from './state.ts'
import type { Step } from './step.ts'
import { andThen, pageOf, popped, pushed, step, toasted, withTopLayer } from './step.ts'

const MAX_SUGGESTIONS = 6

export function filterOf(state: State): string {
  const page = pageOf(state)
  return page.screen === 'usage' || page.screen === 'key' ? '' : page.filter
}

export function openedFilter(state: State): Step {
  const text = filterOf(state)
  return step(pushed(state, { kind: 'filter', input: inputOf(text === '' ? '' : `${text} `), suggestion: 0 }))
}

/** Values that complete a word of the language, and words that begin one. */
function offered(screen: Screen, word: string, known: State['known']): readonly string[] {
  if (screen === 'keys') {
    if (word.startsWith('status:')) return STATUSES.map((status) => `status:${status}`)
    if (word.startsWith('user:')) return known.owners.map((owner) => filterWord('user:', owner))
    if (word.startsWith('scope:')) return known.scopes.map((scope) => `scope:${scope}`)
    if (word.startsWith('tag:')) return known.tags.map((tag) => filterWord('tag:', tag))
    return FILTER_WORDS
  }
  if (screen !== 'audit') return []
  return word.startsWith('action:') ? AUDIT_ACTIONS.map((action) => `action:${action}`) : AUDIT_FILTER_WORDS
}

const wordOf = (text: string): string => /\S*$/.exec(text)?.[0] ?? ''

/** Whether a text is a filter of the page's language. */
function isFilter(state: State, text: string): boolean {
  const { screen } = pageOf(state)
  if (screen === 'keys') return parseFilter(text) !== null
  return screen !== 'audit' || parseAuditFilter(text, state.now) !== null
}

/** What would complete the word that is being typed. */
export function filterSuggestions(state: State, { input }: FilterLayer): readonly string[] {
  const word = wordOf(input.text)
  const fitting = offered(pageOf(state).screen, word, state.known).filter((one) => one !== word && one.startsWith(word))
  return fitting.slice(0, MAX_SUGGESTIONS)
}

export function filterPress(state: State, layer: FilterLayer, press: Press): Step {
  const suggestions = filterSuggestions(state, layer)
  const command = press.text === null ? state.setting.keymap.commandOf(press.name, ['filter']) : null
  switch (command) {
    case 'filter.keep':
      if (!isFilter(state, layer.input.text.trim()))
        return step(toasted(state, 'warn', 'that is no filter; look at what is accepted, or esc clears it'))
      return andThen(step(popped(state)), (next) => filtered(next, layer.input.text.trim()))
    case 'filter.clear':
      return andThen(step(popped(state)), (next) => filtered(next, ''))
    case 'interrupt':
      return step(state, { effect: 'exit', code: INTERRUPTED })
    case 'suggestion.next':
    case 'suggestion.previous': {
      const count = Math.max(1, suggestions.length)
      const by = command === 'suggestion.next' ? 1 : -1
      return step(withTopLayer(state, { ...layer, suggestion: (layer.suggestion + by + count) % count }))
    }
    case 'suggestion.take':
      if (layer.input.caret < layer.input.text.length) break
      return taken(state, layer, suggestions[layer.suggestion])
    case 'palette.complete':
      return taken(state, layer, suggestions[layer.suggestion])
  }
  const input = edited(layer.input, press)
  return input === null ? step(state) : typed(state, { ...layer, input, suggestion: 0 })
}

function taken(state: State, layer: FilterLayer, suggestion: string | undefined): Step {
  if (suggestion === undefined) return step(state)
  const { text } = layer.input
  const end = /[:<>]$/.test(suggestion) ? '' : ' '
  return typed(state, { ...layer, input: inputOf(text.slice(0, text.length - wordOf(text).length) + suggestion + end), suggestion: 0 })
}

/** The page below narrows at once; a text that means no filter yet leaves it as it is. */
export function typed(state: State, layer: FilterLayer): Step {
  return filtered(withTopLayer(state, layer), layer.input.text.trim())
}
