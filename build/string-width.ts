// Stands where Ink and the app load string-width: the same widths, at once for text whose characters all take one cell. It knows no others.

import stringWidth from '../node_modules/string-width/index.js'

/**
 * Not Latin, nor the dashes, arrows and marks of the themes, box drawing, blocks or braille. For these string-width is asked: it cuts
 * a text into graphemes, and first of all compiles a pattern of all emoji, which takes too long for a first frame.
 */
const OTHERS =
  /[^\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u203a\u2190-\u21ff\u2500-\u259f\u25b2\u25bc\u25cb\u25cc\u25cf\u25d4\u2715\u2800-\u28ff]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with an escape.
const COLOUR = /\u001b\[[\d;]*m/g

export default function width(text: string, options?: Parameters<typeof stringWidth>[1]): number {
  const plain = text.includes('\u001b') ? text.replace(COLOUR, '') : text
  return options === undefined && !OTHERS.test(plain) ? plain.length : stringWidth(text, options)
}
