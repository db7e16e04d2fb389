// Text on a terminal: makes any stored text harmless, measures it in cells, cuts and pads it. The one way of text to the screen.

import stringWidth from 'string-width'
import { displayText } from '../../src/domain/text.ts'

const PLAIN_ASCII = /^[\x20-\x7e]*$/
const NOT_ASCII = /[^\x20-\x7e]/gu
/** Joiners, variation selectors, skin tones, keycaps, invisible format characters: terminals disagree about how wide they make a text. */
const UNSTEADY = /\p{Cf}|\p{Variation_Selector}|\u{20E3}|\p{Emoji_Modifier}/gu
/** Flags are pairs of letters, which is what terminals without flags draw. */
const FLAG_LETTER = /[\u{1F1E6}-\u{1F1FF}]/gu
const FLAG_A = 0x1f1e6

/**
 * The text as it may be drawn: no character in it steers the terminal, and every terminal gives it the same width. With
 * `isAscii` what is not ASCII becomes a question mark.
 */
export function screenText(text: string, isAscii: boolean): string {
  if (PLAIN_ASCII.test(text)) return text
  const steady = displayText(text)
    .replace(UNSTEADY, '')
    .replace(FLAG_LETTER, (letter) => String.fromCharCode(65 + (letter.codePointAt(0) as number) - FLAG_A))
  return isAscii ? steady.replace(NOT_ASCII, '?') : steady
}

/** Cells that a drawable text takes. */
export function widthOf(text: string): number {
  return PLAIN_ASCII.test(text) ? text.length : stringWidth(text)
}

/** Cuts a drawable text to so many cells; what is cut ends with the mark. */
export function cut(text: string, width: number, mark: string): string {
  if (widthOf(text) <= width) return text
  if (width <= widthOf(mark)) return mark.slice(0, Math.max(0, width))
  const room = width - widthOf(mark)
  if (PLAIN_ASCII.test(text)) return text.slice(0, room) + mark
  let kept = ''
  let used = 0
  for (const character of text) {
    const wide = stringWidth(character)
    if (used + wide > room) break
    kept += character
    used += wide
  }
  return kept + mark
}

export function pad(text: string, width: number, isRight = false): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)))
  return isRight ? space + text : text + space
}

/** Breaks a text at spaces into lines of at most so many cells; a word that is longer is cut into pieces. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const next = line === '' ? word : `${line} ${word}`
    if (widthOf(next) <= width) {
      line = next
      continue
    }
    if (line !== '') lines.push(line)
    let rest = word
    while (widthOf(rest) > width) {
      const piece = cut(rest, width, '')
      if (piece === '') break
      lines.push(piece)
      rest = rest.slice(piece.length)
    }
    line = rest
  }
  return [...lines, line]
}
