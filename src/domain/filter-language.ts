// The filter language of lists: words search, `user: status: scope: tag:` match, `expires<` and `idle>` compare.

import { STATUSES } from './key.ts'
import type { KeyFilter } from './selection.ts'
import { textProblem } from './text.ts'
import { formatDuration, parseDuration } from './time.ts'

const MAX_FILTER_LENGTH = 2000

export const FILTER_ACCEPTS = 'words and user:U status:S scope:S tag:T expires<7d idle>90d, as in "user:ann status:expiring"'

/** The filter language of lists: bare words search, `user: status: scope: tag:` match, `expires<` and `idle>` compare. */
export function parseFilter(text: string): KeyFilter | null {
  if (text.length > MAX_FILTER_LENGTH) return null
  const filter: { -readonly [N in keyof KeyFilter]: KeyFilter[N] } = {}
  const words: string[] = []
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
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
    userId === undefined ? [] : [`user:${userId}`],
    status.map((one) => `status:${one}`),
    scope === undefined ? [] : [`scope:${scope}`],
    tag === undefined ? [] : [`tag:${tag}`],
    expiring === undefined ? [] : [`expires<${formatDuration(expiring)}`],
    idle === undefined ? [] : [`idle>${formatDuration(idle)}`],
    search === undefined ? [] : [search],
  ]
  return words.flat().join(' ')
}
