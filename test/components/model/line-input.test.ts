// One line of text that is being typed: whatever is pressed, characters as people see them stay whole.

import { describe, expect, test } from 'vitest'
import type { LineInput } from '../../../components/model/line-input.ts'
import { EMPTY_INPUT, edited, inputOf, inserted, MAX_INPUT_LENGTH } from '../../../components/model/line-input.ts'
import { always, fc } from '../../domain/seed.ts'
import { pressNamed } from '../app.ts'

const graphemes = new Intl.Segmenter()
const charactersOf = (text: string): string[] => [...graphemes.segment(text)].map(({ segment }) => segment)

const MOVES = ['left', 'right', 'home', 'end'] as const
const CUTS = ['backspace', 'delete', 'ctrl-u', 'ctrl-k', 'ctrl-w', 'ctrl-e'] as const
/** Characters of one and of many code points, none of which joins its neighbours. */
const characters = fc.constantFrom('a', ' ', '中', '😀', '👩‍👩‍👧', 'é', 'e\u0301', '🏳️‍🌈', '🇩🇪', '-')
const pressed = fc.oneof(characters, fc.constantFrom(...MOVES, ...CUTS))

function after(names: readonly string[], from: LineInput = EMPTY_INPUT): LineInput {
  return names.reduce((input, name) => {
    const press = name === ' ' ? pressNamed('space') : pressNamed(name)
    const next = edited(input, press)
    if (next === null) throw new Error(`${name} is no editing key`)
    return next
  }, from)
}

test('no sequence of keys splits a character, and the caret is always between two', () => {
  // Flags that stand side by side pair anew when one of their letters is gone, so they are told apart by a space.
  const spaced = pressed.map((name) => (name === '🇩🇪' ? ['🇩🇪', ' '] : [name]))
  always(fc.array(spaced, { maxLength: 60 }), (names) => {
    const typed = names.flat()
    const input = after(typed)
    const allowed = new Set([...typed, ' '])
    for (const character of charactersOf(input.text)) expect(allowed.has(character), JSON.stringify(input.text)).toBe(true)
    const edges = [...graphemes.segment(input.text)].map(({ index }) => index)
    expect([...edges, input.text.length]).toContain(input.caret)
  })
})

test('backspace undoes what was typed, and delete what stands behind the caret', () => {
  always(fc.tuple(fc.array(characters, { maxLength: 20 }), fc.constantFrom('a', '中', '😀', '👩‍👩‍👧')), ([typed, last]) => {
    const before = after([...typed, '|'])
    expect(after([last, 'backspace'], before)).toEqual(before)
    expect(after([last, 'left', 'delete'], before)).toEqual(before)
  })
})

test('a field takes so many code units and no more, however they come', () => {
  const long = 'x'.repeat(MAX_INPUT_LENGTH + 5)
  const full = inserted(EMPTY_INPUT, long)
  expect(full.text).toHaveLength(MAX_INPUT_LENGTH)
  expect(after(['y'], full)).toEqual(full)
})

test('a paste that is too long is cut between two characters, not within one', () => {
  const { text } = inserted(EMPTY_INPUT, `${'x'.repeat(MAX_INPUT_LENGTH - 1)}😀`)
  expect(text.isWellFormed()).toBe(true)
})

test('a pasted line end does not become one', () => {
  expect(inserted(inputOf('ab'), 'c\r\nd\te\nf').text).toBe('abc d e f')
})

describe('editing keys', () => {
  const cases: readonly (readonly [key: string, before: LineInput, after: LineInput])[] = [
    ['ctrl-w', inputOf('read:x write:y'), inputOf('read:x ')],
    ['ctrl-w', inputOf('read:x write:y  '), inputOf('read:x ')],
    ['ctrl-w', EMPTY_INPUT, EMPTY_INPUT],
    ['ctrl-u', { text: 'abcd', caret: 2 }, { text: 'cd', caret: 0 }],
    ['ctrl-k', { text: 'abcd', caret: 2 }, inputOf('ab')],
    ['ctrl-e', { text: 'abcd', caret: 2 }, inputOf('abcd')],
    ['home', inputOf('abcd'), { text: 'abcd', caret: 0 }],
    ['left', { text: 'ab', caret: 0 }, { text: 'ab', caret: 0 }],
    ['right', inputOf('ab'), inputOf('ab')],
  ]
  for (const [key, before, then] of cases)
    test(`${key} on ${JSON.stringify(before)}`, () => expect(edited(before, pressNamed(key))).toEqual(then))

  test('keys that edit nothing are left to others', () => {
    for (const name of ['enter', 'esc', 'tab', 'shift-tab', 'up', 'down', 'ctrl-c', 'ctrl-y', 'pgup'])
      expect(edited(EMPTY_INPUT, pressNamed(name)), name).toBeNull()
  })
})
