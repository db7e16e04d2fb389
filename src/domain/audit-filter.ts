// The filter language of the audit log: `action: actor: user: key: since: until:` and bare text that any member may hold.

import type { AuditPageFilter } from './audit.ts'
import { filterWords } from './filter-language.ts'
import { KEY_ID } from './key.ts'
import { textProblem } from './text.ts'
import { parseDuration, parseInstant, SECOND_MS } from './time.ts'

const MAX_FILTER_LENGTH = 2000

export const AUDIT_FILTER_WORDS = ['action:', 'actor:', 'user:', 'key:', 'since:', 'until:'] as const

/** A moment as it is typed: ISO 8601, or a duration ago. */
function momentOf(text: string, now: number): number | null {
  const ago = parseDuration(text)
  return ago === null ? parseInstant(text) : now - ago * SECOND_MS
}

/** The filter that a text means at a moment (milliseconds since 1970); null where it means none. */
export function parseAuditFilter(text: string, now: number): AuditPageFilter | null {
  if (text.length > MAX_FILTER_LENGTH) return null
  const filter: { -readonly [N in keyof AuditPageFilter]: AuditPageFilter[N] } = {}
  const words: string[] = []
  for (const word of filterWords(text)) {
    const [, name = '', value = ''] = /^(action:|actor:|user:|key:|since:|until:)(.*)$/.exec(word) ?? []
    if (name === '') words.push(word)
    else if (value === '' || textProblem(value) !== null) return null
    else if (name === 'action:') filter.action = value
    else if (name === 'actor:') filter.actor = value
    else if (name === 'user:') filter.userId = value
    else if (name === 'key:') {
      // A shortId stands in no member of its own, but in the text of what changed.
      if (KEY_ID.test(value)) filter.keyId = value
      else words.push(value)
    } else {
      const moment = momentOf(value, now)
      if (moment === null) return null
      if (name === 'since:') filter.since = moment
      else filter.until = moment
    }
  }
  if (words.length > 0) filter.text = words.join(' ')
  return filter
}
