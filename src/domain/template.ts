// Templates: what a key made after one may have at most, and what it starts with. Pure; checks what people write in the settings.

import type { Kind } from './field.ts'
import { isPlainText } from './field.ts'
import { rateLimits, scopes, seconds, tags } from './kinds.ts'
import type { RateLimit } from './limit.ts'
import { quoted } from './text.ts'

export interface Template {
  /** No scope beyond these is given. */
  readonly scopesCeiling?: readonly string[]
  readonly expiresMaxSeconds?: number
  /** Where nothing else is asked for. */
  readonly expiresSeconds?: number
  readonly rateLimits?: readonly RateLimit[]
  readonly tags?: readonly string[]
  /** A regular expression that the whole ticket must match. */
  readonly ticketPattern?: string
}

export const TEMPLATE_NAME = /^[A-Za-z0-9._-]{1,40}$/

/** How a member is written: one text or a list of texts, as on the command line. */
interface Member {
  readonly name: keyof Template
  readonly accepts: string
  /** The value that stands for the texts; null where they are not accepted. */
  readonly read: (given: unknown) => unknown
}

function listMember<T>(name: keyof Template, kind: Kind<T>): Member {
  const read = (given: unknown): unknown => {
    if (!Array.isArray(given) || !given.every((text) => typeof text === 'string')) return null
    const parsed = kind.fromTexts(given)
    return 'value' in parsed ? parsed.value : null
  }
  return { name, accepts: `a list of ${kind.accepts}`, read }
}

function durationMember(name: keyof Template): Member {
  const read = (given: unknown): unknown => {
    const parsed = typeof given === 'string' ? seconds.fromTexts([given]) : null
    return parsed !== null && 'value' in parsed && parsed.value > 0 ? parsed.value : null
  }
  return { name, accepts: `${seconds.accepts}, above 0`, read }
}

function isPattern(given: unknown): boolean {
  if (typeof given !== 'string' || !isPlainText(given)) return false
  try {
    return new RegExp(`^(?:${given})$`, 'u') instanceof RegExp
  } catch {
    return false
  }
}

/** The members by the names that the settings give them. */
const MEMBERS: Readonly<Record<string, Member>> = {
  scopesCeiling: listMember('scopesCeiling', scopes),
  expiresMax: durationMember('expiresMaxSeconds'),
  expires: durationMember('expiresSeconds'),
  rateLimits: listMember('rateLimits', rateLimits),
  tags: listMember('tags', tags),
  ticketPattern: {
    name: 'ticketPattern',
    accepts: 'a regular expression of at most 200 characters',
    read: (given) => (isPattern(given) ? given : null),
  },
}

/** A template as it stands in the settings, or what is wrong with it: which member, and what is accepted. */
export function parseTemplate(given: unknown): Template | { readonly problem: string } {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return { problem: ' must be an object' }
  const template: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    const member = Object.hasOwn(MEMBERS, name) ? MEMBERS[name] : undefined
    if (member === undefined) return { problem: `: ${quoted(name)} is no member of a template; use ${Object.keys(MEMBERS).join(', ')}` }
    const read = member.read(value)
    if (read === null) return { problem: `.${name} must be ${member.accepts}` }
    template[member.name] = read
  }
  const { expiresSeconds = 0, expiresMaxSeconds = Number.POSITIVE_INFINITY }: Template = template
  return expiresSeconds > expiresMaxSeconds ? { problem: '.expires must not be longer than its expiresMax' } : template
}
