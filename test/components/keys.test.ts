// Key presses as names: fast typing, glued escapes and control keys come apart as a person pressed them.

import type { Key } from 'ink'
import { describe, expect, test } from 'vitest'
import { pressesOf } from '../../components/keys.ts'
import { always, fc } from '../domain/seed.ts'

const NONE: Key = {
  upArrow: false,
  downArrow: false,
  leftArrow: false,
  rightArrow: false,
  pageDown: false,
  pageUp: false,
  home: false,
  end: false,
  return: false,
  escape: false,
  ctrl: false,
  shift: false,
  tab: false,
  backspace: false,
  delete: false,
  meta: false,
  super: false,
  hyper: false,
  capsLock: false,
  numLock: false,
}
const namesOf = (input: string, flags: Partial<Key> = {}): string[] => pressesOf(input, { ...NONE, ...flags }).map(({ name }) => name)

describe('one input event', () => {
  const cases: readonly (readonly [what: string, input: string, flags: Partial<Key>, names: readonly string[]])[] = [
    ['of two letters is two presses', 'jj', {}, ['j', 'j']],
    ['with a line end inside holds an enter', 'ab\rc', {}, ['a', 'b', 'enter', 'c']],
    ['with both line ends holds one enter', 'a\r\nb', {}, ['a', 'enter', 'b']],
    ['with a tab, a backspace and a space', 'a\t\u007f b', {}, ['a', 'tab', 'backspace', 'space', 'b']],
    ['with control characters inside', 'a\u0004\u0015', {}, ['a', 'ctrl-d', 'ctrl-u']],
    ['of an emoji sequence is one press', '👩‍👩‍👧', {}, ['👩‍👩‍👧']],
    ['that is an escape', '', { escape: true }, ['esc']],
    ['of two escapes', '', { escape: true, meta: true }, ['esc', 'esc']],
    ['of a letter glued to an escape', 'j', { meta: true }, ['esc', 'j']],
    ['of an arrow glued to an escape', '', { meta: true, upArrow: true }, ['esc', 'up']],
    ['of a capital keeps it', 'G', { shift: true }, ['G']],
    ['with ctrl', 'd', { ctrl: true }, ['ctrl-d']],
    ['with ctrl and space', ' ', { ctrl: true }, ['ctrl-space']],
    ['of shift and tab', '', { tab: true, shift: true }, ['shift-tab']],
    ['that is a release is nothing', 'j', { eventType: 'release' }, []],
    ['of a null character is nothing', '\u0000', {}, []],
  ]
  for (const [what, input, flags, names] of cases) test(what, () => expect(namesOf(input, flags)).toEqual(names))

  const special: readonly (keyof Key)[] = [
    'upArrow',
    'downArrow',
    'leftArrow',
    'rightArrow',
    'pageUp',
    'pageDown',
    'home',
    'end',
    'return',
    'backspace',
    'delete',
  ]
  test('of a key without a character types nothing', () => {
    const presses = special.flatMap((flag) => pressesOf('', { ...NONE, [flag]: true }))
    expect(presses.map(({ name }) => name)).toEqual([
      'up',
      'down',
      'left',
      'right',
      'pgup',
      'pgdn',
      'home',
      'end',
      'enter',
      'backspace',
      'delete',
    ])
    expect(presses.every(({ text }) => text === null)).toBe(true)
  })
})

test('what is typed comes through whole, a press a character', () => {
  always(fc.string({ unit: fc.constantFrom('a', ' ', '中', '😀', 'é'), maxLength: 30 }), (typed) => {
    const presses = pressesOf(typed, NONE)
    expect(presses.map(({ text }) => text).join('')).toBe(typed)
    expect(presses).toHaveLength([...typed].length)
  })
})
