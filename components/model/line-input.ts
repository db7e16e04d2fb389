// One line of text that is being typed: its text and where the caret stands, moved by whole characters. Pure.

import type { Press } from '../keys.ts'

export interface LineInput {
  readonly text: string
  /** Code units before the caret; always between two characters as people see them. */
  readonly caret: number
}

export const EMPTY_INPUT: LineInput = { text: '', caret: 0 }

/** What one field takes; a longer paste is cut, and that is said. */
export const MAX_INPUT_LENGTH = 4000

export function inputOf(text: string): LineInput {
  return { text, caret: text.length }
}

const graphemes = new Intl.Segmenter()

const lengthBefore = ({ text, caret }: LineInput): number => [...graphemes.segment(text.slice(0, caret))].at(-1)?.segment.length ?? 0
const lengthAfter = ({ text, caret }: LineInput): number => [...graphemes.segment(text.slice(caret))][0]?.segment.length ?? 0

/** As much of a text as has room, cut between two characters. */
const fitting = (text: string, room: number): string => text.slice(0, graphemes.segment(text).containing(room)?.index ?? text.length)

/** Puts a text in at the caret, up to the field's length. Line ends and tabs become spaces. */
export function inserted({ text, caret }: LineInput, added: string): LineInput {
  const clean = fitting(added.replace(/[\r\n\t]+/g, ' '), MAX_INPUT_LENGTH - text.length)
  return { text: text.slice(0, caret) + clean + text.slice(caret), caret: caret + clean.length }
}

const removed = ({ text }: LineInput, from: number, to: number): LineInput => ({ text: text.slice(0, from) + text.slice(to), caret: from })

/** Editing keys, by name. */
const EDITS: Readonly<Record<string, (input: LineInput) => LineInput>> = {
  left: (input) => ({ ...input, caret: input.caret - lengthBefore(input) }),
  right: (input) => ({ ...input, caret: input.caret + lengthAfter(input) }),
  home: (input) => ({ ...input, caret: 0 }),
  end: (input) => inputOf(input.text),
  backspace: (input) => removed(input, input.caret - lengthBefore(input), input.caret),
  delete: (input) => removed(input, input.caret, input.caret + lengthAfter(input)),
  'ctrl-u': (input) => removed(input, 0, input.caret),
  'ctrl-k': (input) => removed(input, input.caret, input.text.length),
  'ctrl-e': (input) => inputOf(input.text),
  'ctrl-w': (input) => removed(input, input.text.slice(0, input.caret).replace(/\S*\s*$/, '').length, input.caret),
}

/** The input after a key; null when the key is none that edits. */
export function edited(input: LineInput, press: Press): LineInput | null {
  if (press.text !== null) return inserted(input, press.text)
  return EDITS[press.name]?.(input) ?? null
}
