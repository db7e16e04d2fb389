// A line of text that is being typed, drawn with its caret inside a width: what does not fit scrolls.

import type { LineInput } from '../model/line-input.ts'
import type { Theme } from '../theme.ts'
import type { Span } from './row.ts'
import { cut, screenText, widthOf } from './text.ts'

/** The end of a text that fits into so many cells. */
function tailOf(text: string, width: number): string {
  const characters = [...text]
  let used = 0
  let from = characters.length
  while (from > 0) {
    const wide = widthOf(characters[from - 1] as string)
    if (used + wide > width) break
    used += wide
    from--
  }
  return characters.slice(from).join('')
}

export function inputSpans(
  { text, caret }: LineInput,
  isFocused: boolean,
  width: number,
  { glyphs, isAscii, isColoured }: Theme,
  isHidden = false,
): Span[] {
  const shown = (part: string): string => (isHidden ? glyphs.mask.repeat([...part].length) : screenText(part, isAscii))
  if (!isFocused) return [cut(shown(text), width, glyphs.ellipsis)]
  const before = tailOf(shown(text.slice(0, caret)), width - 1)
  const after = shown(text.slice(caret))
  if (!isColoured) return [before, glyphs.caret, cut(after, Math.max(0, width - widthOf(before) - 1), '')]
  const [under = ' ', ...rest] = [...after]
  return [before, ['bar', under], cut(rest.join(''), Math.max(0, width - widthOf(before) - widthOf(under)), '')]
}
