// The width that is bundled in place of string-width says the same of every text.

import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import width from '../../build/string-width.ts'

/** Beyond the first plane string-width itself is asked. */
const LAST_CODE_POINT = 0xffff

test('every character is as wide as string-width says, alone, in a word and in colour', () => {
  const wrong: string[] = []
  for (let codepoint = 0; codepoint <= LAST_CODE_POINT; codepoint++) {
    const character = String.fromCodePoint(codepoint)
    for (const text of [character, `a${character}│`]) if (width(text) !== stringWidth(text)) wrong.push(codepoint.toString(16))
  }
  expect(wrong).toEqual([])
  for (const text of [
    '\u001b[36m● active\u001b[0m',
    '\u001b[7m\u001b[0m',
    '\u001b[2K',
    'e\u0301',
    '日本',
    '👩‍👩‍👧',
    '❤️',
    '\u001b]8;;x\u0007a',
  ])
    expect(width(text)).toBe(stringWidth(text))
})

test('what joins the character before it is not counted twice', () => {
  const joining = ['\u0301', '\ufe0f', '\u200d', '\u20e3', '\u{1f3fb}', '\u3099', '\uff9e']
  for (const before of ['a', '●', '→', '│', '▲', '✕', '©', '↔'])
    for (const after of joining) expect(width(before + after)).toBe(stringWidth(before + after))
})

test('an option is left to string-width', () => {
  expect(width('●', { ambiguousIsNarrow: false })).toBe(stringWidth('●', { ambiguousIsNarrow: false }))
})
