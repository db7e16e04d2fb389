// The filter language of lists: words search, `user: status: scope: tag:` match, `expires<` and `idle>` compare.

import { STATUSES } from './key.ts'
import type { KeyFilter } from './selection.ts'
import { textProblem } from './text.ts'
import { formatDuration, parseDuration } from './time.ts'

const MAX_FILTER_LENGTH = 2000

/** What the words of the language begin with. */
export const FILTER_WORDS = ['user:', 'status:', 'scope:', 'tag:', 'expires<', 'idle>'] as const

export const FILTER_ACCEPTS = 'words and user:U status:S scope:S tag:T expires<7d idle>90d, as in "user:ann status:expiring"'

/** The words of a filter; quotes hold a value with spaces together, as in `user:"Ann Lee"`. */
export function filterWords(text: string): string[] {
  return [...text.matchAll(/(?:[^\s"]+|"[^"]*"?)+/g)].map(([word]) => word.replaceAll('"', ''))
}

/** A word of the language with its value in quotes where it needs them. */
export function filterWord(name: string, value: string): string {
  return /\s/.test(value) ? `${name}"${value}"` : `${name}${value}`
}

/** The filter language of lists: bare words search, `user: status: scope: tag:` match, `expires<` and `idle>` compare. */
export function parseFilter(text: string): KeyFilter | null {
  if (text.length > MAX_FILTER_LENGTH) return null
  const filter: { -readonly [N in keyof KeyFilter]: KeyFilter[N] } = {}
  const words: string[] = []
  for (const word of filterWords(text)) {
    const [, name = '', value = ''] = /^(user:|status:|scope:|tag:|expires<|idle>)(.*)$/.exec(word) ?? []
    const duration = parseDuration(value)
    if (name === '') words.push(word)
    else if (value === '' || textProblem(value) !== null) return null
    else if (name === 'user:') filter.userId = value
    else if (name === 'scope:') filter.scope = value
    else if (name === 'tag:') filter.tag = value
    else if (name === 'status:') {
      const status = STATUSES.find((one) => one === value)
      if (status === undefined) return null
      filter.status = [...(filter.status ?? []), status]
    } else if (duration === null) return null
    else if (name === 'expires<') filter.expiringWithinSeconds = duration
    else filter.idleForSeconds = duration
  }
  if (words.length > 0) filter.search = words.join(' ')
  return filter
}

/** The filter as it would be typed. */
export function formatFilter(filter: KeyFilter): string {
  const { userId, status = [], scope, tag, expiringWithinSeconds: expiring, idleForSeconds: idle, search } = filter
  const words = [
    userId === undefined ? [] : [filterWord('user:', userId)],
    status.map((one) => `status:${one}`),
    scope === undefined ? [] : [`scope:${scope}`],
    tag === undefined ? [] : [filterWord('tag:', tag)],
    expiring === undefined ? [] : [`expires<${formatDuration(expiring)}`],
    idle === undefined ? [] : [`idle>${formatDuration(idle)}`],
    search === undefined ? [] : [search],
  ]
  return words.flat().join(' ')
}
