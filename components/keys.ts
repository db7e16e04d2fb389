// Key presses as names. Fast typing comes as one input of several characters: every one of them is a press of its own.

import type { Key } from 'ink'

/** `name`: `j`, `G`, `enter`, `ctrl-d`, `space` …; `text`: what it types, null where it types nothing. */
export interface Press {
  readonly name: string
  readonly text: string | null
}

const SPECIAL: readonly (readonly [keyof Key, string])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pgup'],
  ['pageDown', 'pgdn'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['backspace', 'backspace'],
  ['delete', 'delete'],
]

const graphemes = new Intl.Segmenter()

function pressOf(character: string): Press | null {
  if (character === '\r' || character === '\n' || character === '\r\n') return { name: 'enter', text: null }
  if (character === '\t') return { name: 'tab', text: null }
  if (character === ' ') return { name: 'space', text: ' ' }
  if (character === '\u007f' || character === '\b') return { name: 'backspace', text: null }
  if (character === '\u001b') return { name: 'esc', text: null }
  const code = character.charCodeAt(0)
  if (code > 0 && code < 27) return { name: `ctrl-${String.fromCharCode(code + 96)}`, text: null }
  return code < 32 ? null : { name: character, text: character }
}

const typed = (input: string): Press[] => [...graphemes.segment(input)].flatMap(({ segment }) => pressOf(segment) ?? [])

/** The presses of one input event, in order. An escape that was glued to the next key is a press of its own. */
export function pressesOf(input: string, key: Key): Press[] {
  if (key.eventType === 'release') return []
  if (key.escape) return key.meta ? [ESCAPE, ESCAPE] : [ESCAPE]
  if (key.tab) return [{ name: key.shift ? 'shift-tab' : 'tab', text: null }]
  const before = key.meta ? [ESCAPE] : []
  const special = SPECIAL.find(([flag]) => key[flag] === true)
  if (special !== undefined) return [...before, { name: special[1], text: null }]
  if (key.ctrl)
    return input.length === 1 ? [...before, { name: `ctrl-${input === ' ' ? 'space' : input.toLowerCase()}`, text: null }] : before
  return [...before, ...typed(input)]
}

const ESCAPE: Press = { name: 'esc', text: null }
