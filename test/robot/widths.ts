// How many cells a character takes, by the same tables as the program's own layout. It knows no fonts.

import type { IUnicodeVersionProvider } from '@xterm/headless'
import stringWidth from 'string-width'

const JOINER = 0x200d
const EMOJI_VARIATION = 0xfe0f
const FIRST_REGIONAL = 0x1f1e6
const LAST_REGIONAL = 0x1f1ff
const FIRST_SKIN_TONE = 0x1f3fb
const LAST_SKIN_TONE = 0x1f3ff

/** What the character before leaves behind: whether the next one joins it. */
const KIND = { plain: 0, joiner: 1, regional: 2 } as const

function wcwidth(codepoint: number): 0 | 1 | 2 {
  if (codepoint < 0x7f) return codepoint < 0x20 ? 0 : 1
  const width = stringWidth(String.fromCodePoint(codepoint))
  return width === 0 ? 0 : width === 1 ? 1 : 2
}

/** The emulator's packing: kind, width, and whether the character shares the cell of the one before. */
const pack = (kind: number, width: number, isJoined: boolean): number => (kind << 3) | (width << 1) | (isJoined ? 1 : 0)

function charProperties(codepoint: number, preceding: number): number {
  const kind = preceding >> 3
  const widthBefore = (preceding >> 1) & 3
  const hasBefore = widthBefore > 0
  if (hasBefore && codepoint === JOINER) return pack(KIND.joiner, widthBefore, true)
  if (hasBefore && codepoint === EMOJI_VARIATION) return pack(KIND.plain, 2, true)
  if (hasBefore && kind === KIND.joiner) return pack(KIND.plain, Math.max(widthBefore, wcwidth(codepoint)), true)
  if (codepoint >= FIRST_REGIONAL && codepoint <= LAST_REGIONAL) {
    return kind === KIND.regional ? pack(KIND.plain, 2, true) : pack(KIND.regional, 2, false)
  }
  if (widthBefore === 2 && codepoint >= FIRST_SKIN_TONE && codepoint <= LAST_SKIN_TONE) return pack(KIND.plain, 2, true)
  const width = wcwidth(codepoint)
  return width === 0 && hasBefore ? pack(KIND.plain, widthBefore, true) : pack(KIND.plain, width, false)
}

/** Emoji, their sequences, flags and wide letters take what a present-day terminal gives them; the emulator's own tables are of 2010. */
export const presentDayWidths: IUnicodeVersionProvider = { version: 'present-day', wcwidth, charProperties }
