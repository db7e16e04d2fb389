// Scopes: segment(:segment){0,3}. Parses them, says which one covers which, and what is missing. Pure.

export const MAX_SCOPES = 200
const MAX_SCOPE_LENGTH = 200
const GRANTED = /^(?:[a-z0-9._-]+|\*)(?::(?:[a-z0-9._-]+|\*)){0,3}$/
export const SCOPE_ACCEPTS = 'one to four segments of a-z 0-9 . _ - or *, joined by ":", as in read:users or write:*'

export function isScope(text: string): boolean {
  return text.length <= MAX_SCOPE_LENGTH && GRANTED.test(text)
}

/** A required scope names one thing: it holds no `*`. */
export function isRequirableScope(text: string): boolean {
  return isScope(text) && !text.includes('*')
}

/** Sorted by code unit and unique, as scopes and tags are stored. */
export function sortedUnique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort()
}

/** `read:*` covers `read:users` and `read:users:email`, not `read`; `*` alone covers everything. */
export function covers(granted: string, required: string): boolean {
  if (granted === required || granted === '*') return true
  if (!granted.includes('*')) return false
  const grants = granted.split(':')
  const requires = required.split(':')
  const endsOpen = grants.at(-1) === '*'
  if (endsOpen ? requires.length < grants.length : requires.length !== grants.length) return false
  return grants.every((segment, index) => segment === '*' || segment === requires[index])
}

export function missingScopes(granted: readonly string[], required: readonly string[]): string[] {
  return required.filter((scope) => !granted.includes(scope) && !granted.some((grant) => covers(grant, scope)))
}
