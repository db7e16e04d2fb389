// validate, stats: what a call would be answered, and what calls were.

import type { Kind } from '../domain/field.ts'
import { inputFromValues, optional, required } from '../domain/field.ts'
import * as kinds from '../domain/kinds.ts'
import type { RateLimit } from '../domain/limit.ts'
import { MAX_LIMIT, MAX_WINDOW_SECONDS, MIN_WINDOW_SECONDS } from '../domain/limit.ts'
import { AD_HOC } from '../domain/limiter.ts'
import { accepted, KeywrightError, noSuchKey, refuse } from '../domain/refusal.ts'
import type { UsageStats } from '../domain/stats.ts'
import { usageStats } from '../domain/stats.ts'
import type { Environment } from '../domain/token.ts'
import { ENVIRONMENTS } from '../domain/token.ts'
import type { UsageWindow } from '../domain/usage.ts'
import { WINDOWS } from '../domain/usage.ts'
import type { CallOptions, CheckResult, Verdict } from '../domain/verdict.ts'
import { defineRead } from './command.ts'

/** Any value at all: a bad token is answered by a verdict and never by an error. */
const token: Kind<unknown> = {
  placeholder: 'TOKEN|-',
  accepts: 'a token, or - to read it from standard input',
  isList: false,
  fromTexts: (texts) => (texts.length === 1 ? { value: texts[0] } : { problem: 'takes one value' }),
  fromValue: (value) => ({ value }),
  toTexts: () => ['-'],
}

/** Any text, because one that is no address is in no allow-list; null is none. */
const address: Kind<string | null> = {
  placeholder: 'A',
  accepts: 'an IPv4 or IPv6 address',
  isList: false,
  fromTexts: (texts) => (texts.length === 1 ? { value: texts[0] as string } : { problem: 'takes one value' }),
  fromValue: (value) => (typeof value === 'string' || value === null ? { value } : { problem: 'is not a text' }),
  toTexts: (value) => (value === null ? [] : [value]),
}

const callFields = {
  requiredScopes: optional(kinds.requiredScopes, 'Scopes', 'scopes that the call needs, all of them', { flag: 'scope' }),
  environment: optional(kinds.choice(ENVIRONMENTS), 'Environment', 'the environment that the call is for', { flag: 'env' }),
  ip: optional(address, 'Address', 'from where the call comes', { flag: 'ip' }),
  peek: optional(kinds.flag, 'Peek', 'answer without counting or consuming anything', { flag: 'peek' }),
}

/** What a caller of the library may give with a token. */
export interface CallInput {
  readonly requiredScope?: string | undefined
  readonly requiredScopes?: readonly string[] | undefined
  readonly environment?: Environment | undefined
  readonly ip?: string | null | undefined
  readonly peek?: boolean | undefined
}

const ANY_CALL: CallOptions = { requiredScopes: [], environment: null, ip: null, isPeek: false }
const libraryFields = { requiredScope: optional(kinds.requiredScope, 'Scope', 'a scope that the call needs'), ...callFields }

/** Scopes that were asked for before and are well formed, each as the list that a call takes; bounded. */
const askedScopes = new Map<string, readonly string[]>()
const MAX_ASKED_SCOPES = 1000

/** The options of a verification out of what a caller gave. The usual call, one scope and an address, costs next to nothing. */
export function callOptionsFrom(given: CallInput | undefined): CallOptions {
  if (given === undefined) return ANY_CALL
  const { requiredScope, ip } = given ?? {}
  const requiredScopes = typeof requiredScope === 'string' ? askedScopes.get(requiredScope) : undefined
  if (requiredScopes !== undefined && isUsualCall(given)) return { requiredScopes, environment: null, ip: ip ?? null, isPeek: false }
  const input = accepted(inputFromValues(libraryFields, given))
  if (input.requiredScope !== undefined && input.requiredScopes !== undefined) {
    throw KeywrightError.from(
      refuse('INVALID_INPUT', 'requiredScope and requiredScopes say the same thing; give one of them', { field: 'requiredScopes' }),
    )
  }
  if (input.requiredScope !== undefined && askedScopes.size < MAX_ASKED_SCOPES)
    askedScopes.set(input.requiredScope, Object.freeze([input.requiredScope]))
  return {
    requiredScopes: input.requiredScope === undefined ? (input.requiredScopes ?? []) : [input.requiredScope],
    environment: input.environment ?? null,
    ip: input.ip ?? null,
    isPeek: input.peek ?? false,
  }
}

function isUsualCall(given: CallInput): boolean {
  for (const name in given) if (name !== 'requiredScope' && (name !== 'ip' || typeof given.ip !== 'string')) return false
  return true
}

export type ValidateResult = Verdict & { readonly checks?: readonly CheckResult[] }

export const validate = defineRead({
  words: 'validate',
  summary: 'Verify a token; exits 0 when it is valid and 1 when it is not',
  notes: [
    'Without --key, or with --key -, the token is read from standard input (on a terminal: a hidden prompt).',
    'That is better: arguments can be seen by others on this machine, and stay in the history of the shell.',
  ],
  fields: {
    token: required(token, 'Token', 'the token; - or nothing reads it from standard input', { flag: 'key', isSecret: true }),
    ...callFields,
    explain: optional(kinds.flag, 'Explain', 'list every check and the rule that decided; consumes nothing', { flag: 'explain' }),
  },
  async answer(
    { token, requiredScopes = [], environment = null, ip = null, peek = false, explain = false },
    reader,
  ): Promise<ValidateResult> {
    const call = { requiredScopes, environment, ip, isPeek: peek }
    if (!explain) return reader.verify(token, call)
    const { verdict, checks } = await reader.explain(token, call)
    return { ...verdict, checks }
  },
  exitCode: ({ valid }) => (valid ? 0 : 1),
})

export const stats = defineRead({
  words: 'stats',
  summary: 'Show usage of the store, of an owner or of a key',
  notes: [
    'Without a selector: the whole store. Without --window: totals of all time and a series of the last hour.',
    'A token in the arguments can be seen by others on this machine: prefer --id, or --key - and standard input.',
  ],
  fields: {
    key: optional(kinds.keyOfToken, 'Token', 'the key of this token; - reads it from standard input', { flag: 'key', isSecret: true }),
    id: optional(kinds.keyRef, 'ID', 'this key', { flag: 'id' }),
    userId: optional(kinds.text('U'), 'Owner', 'all keys of this owner', { flag: 'user' }),
    window: optional(kinds.choice(Object.keys(WINDOWS) as UsageWindow[]), 'Window', 'how far back', { flag: 'window' }),
  },
  async answer({ key, id, userId, window }, { store, at }): Promise<UsageStats> {
    if ([key, id, userId].filter((selector) => selector !== undefined).length > 1) {
      throw KeywrightError.from(refuse('INVALID_INPUT', 'give one of --key, --id and --user', { field: 'id' }))
    }
    const ref = key ?? id
    const found = ref === undefined ? undefined : await store.findKey(ref)
    if (ref !== undefined && found == null) throw KeywrightError.from(noSuchKey(ref.name))
    const { usage, alive } = await store.usage.read(found ? { keyId: found.id } : userId === undefined ? 'store' : { userId }, at)
    return usageStats(usage, alive, window, at)
  },
})

const limitFields = {
  limitPerMinute: optional(kinds.integer(1, MAX_LIMIT), 'Limit per minute', 'calls in any minute'),
  limit: optional(kinds.integer(1, MAX_LIMIT), 'Limit', 'calls in any window'),
  windowSeconds: optional(kinds.integer(MIN_WINDOW_SECONDS, MAX_WINDOW_SECONDS), 'Window', 'how long the window is'),
}

/** The limit that a caller makes up for one call. Its name is no name that a key's own limit can have. */
export function limitFrom(given: unknown): RateLimit {
  const input = accepted(inputFromValues(limitFields, given))
  const isPerMinute = input.limitPerMinute !== undefined
  const { limit, windowSeconds } = isPerMinute ? { limit: input.limitPerMinute, windowSeconds: 60 } : input
  const isTwice = isPerMinute && (input.limit !== undefined || input.windowSeconds !== undefined)
  if (isTwice || limit === undefined || windowSeconds === undefined) {
    throw KeywrightError.from(refuse('INVALID_INPUT', 'give limitPerMinute alone, or limit and windowSeconds', { field: 'limit' }))
  }
  return { name: `${AD_HOC}${limit}/${windowSeconds}`, limit, windowSeconds }
}
