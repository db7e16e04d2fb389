// Hostile text: what may come in, and how what is already stored is made safe for a screen or a shell. Never changes stored text.

export const MAX_TEXT_CODE_POINTS = 200

// C0, DEL and C1, the line and paragraph separators, bidirectional embeddings and isolates, lone surrogates.
const HOSTILE = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]|\p{Surrogate}/u
const HOSTILE_ALL = new RegExp(HOSTILE.source, 'gu')

/** Why a text is not accepted, or null when it is: 1 to 200 code points, none of them hostile. */
export function textProblem(text: string, maxCodePoints = MAX_TEXT_CODE_POINTS): string | null {
  if (text.length === 0) return 'is empty'
  if (text.length > 2 * maxCodePoints || [...text].length > maxCodePoints) return `is longer than ${maxCodePoints} characters`
  if (HOSTILE.test(text)) return 'holds control, line-breaking or direction-changing characters'
  return null
}

/** The text as it may be drawn: every hostile character becomes U+FFFD, so that a hand-edited file can't steer a terminal. */
export function displayText(text: string): string {
  return HOSTILE.test(text) ? text.replace(HOSTILE_ALL, '\uFFFD') : text
}

/** Anything that could be a token or a part of one that is worth stealing. */
const TOKEN_LIKE = /_(?:live|test)_[0-9A-Za-z]{12}_|[0-9A-Za-z]{43}/

/** A quoted, shortened, harmless copy of wrong input for an error message; a token is never repeated. */
export function quoted(value: unknown): string {
  if (typeof value === 'string' && TOKEN_LIKE.test(value)) return '(what looks like a token)'
  const text = typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text
  return `"${displayText(short)}"`
}

const PLAIN_WORD = /^[\w@%+,:./-][\w@%+,:=./-]*$/

/** A word as a shell reads it back: in single quotes where it holds anything that a shell could take for its own. */
export function shellWord(word: string): string {
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
