// The kinds of input that commands share: texts, scopes, expiries, limits, addresses, spans of time.

import type { Anchor } from './audit.ts'
import { GENESIS_HASH } from './audit.ts'
import type { Kind } from './field.ts'
import { isPlainText, listOf, single } from './field.ts'
import { quoted, textProblem } from './text.ts'
import {
  DAY_SECONDS,
  DURATION_ACCEPTS,
  formatDuration,
  INSTANT_ACCEPTS,
  isoFrom,
  MAX_DURATION_SECONDS,
  parseDuration,
  parseInstant,
  SECOND_MS,
} from './time.ts'

const identity = (text: string): string => text

/** The kind with what a form offers for it. */
function withPresets<T>(presets: readonly string[], kind: Kind<T>): Kind<T> {
  return { ...kind, presets }
}

export function text(placeholder: string): Kind<string> {
  return single({
    placeholder,
    accepts: '1 to 200 characters without control characters or tokens',
    fromText: (given) => (isPlainText(given) ? given : null),
    toText: identity,
  })
}

const MAX_PATH_CODE_POINTS = 4096

export const file: Kind<string> = single({
  placeholder: 'FILE',
  accepts: `the path of a file, at most ${MAX_PATH_CODE_POINTS} characters`,
  fromText: (given) => (textProblem(given, MAX_PATH_CODE_POINTS) === null ? given : null),
  toText: identity,
})

/** A store; whoever opens it says what is wrong with its name, which may hold a password, and never repeats that. */
export const store: Kind<string> = single({
  placeholder: 'PATH|URL',
  accepts: 'the path of a file, or the URL of a database',
  fromText: (given) => (given === '' ? null : given),
  toText: identity,
})

export function choice<const T extends string>(choices: readonly T[]): Kind<T> {
  const kind = single<T>({
    placeholder: choices.join('|'),
    accepts: choices.join(', '),
    fromText: (given) => choices.find((one) => one === given) ?? null,
    toText: identity,
  })
  return { ...kind, choices }
}

/** Several of a closed list; the library may also give one alone. */
export function choices<const T extends string>(all: readonly T[], placeholder: string): Kind<readonly T[]> {
  const kind = listOf<T>({
    placeholder,
    accepts: all.join(', '),
    most: all.length,
    fromText: (given) => all.find((one) => one === given) ?? null,
    toText: identity,
    finish: (items) => [...new Set(items)],
    items: (list) => list,
  })
  return { ...kind, fromValue: (value) => kind.fromValue(typeof value === 'string' ? [value] : value) }
}

export const flag: Kind<boolean> = {
  placeholder: '',
  accepts: 'the flag alone, without a value',
  isList: false,
  fromTexts: (texts) => (texts.length === 0 ? { value: true } : { problem: 'takes no value' }),
  fromValue: (value) => (typeof value === 'boolean' ? { value } : { problem: 'is not true or false' }),
  toTexts: () => [],
}

const ANCHOR = /^(\d{1,15}):([0-9a-f]{64})$/

/** Only a log without records has the hash of none. */
function anchorFrom(seq: unknown, hash: unknown): Anchor | null {
  if (!Number.isSafeInteger(seq) || typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return null
  return (seq as number) > 0 || ((seq as number) === 0 && hash === GENESIS_HASH) ? { seq: seq as number, hash } : null
}

/** A record's number and its hash. */
export const anchor: Kind<Anchor> = single<Anchor>({
  placeholder: 'SEQ:HASH',
  accepts: 'SEQ:HASH as `audit head` prints it, in the library { seq, hash }',
  fromText(given) {
    const [, seq, hash] = ANCHOR.exec(given) ?? []
    return anchorFrom(Number(seq), hash)
  },
  fromValue(value) {
    if (typeof value !== 'object' || value === null) return null
    const { seq, hash, ...more } = value as Record<string, unknown>
    return Object.keys(more).length === 0 ? anchorFrom(seq, hash) : null
  },
  toText: ({ seq, hash }) => `${seq}:${hash}`,
})

export function integer(least: number, most: number): Kind<number> {
  const check = (value: unknown): number | null =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most ? (value as number) : null
  return single({
    placeholder: 'N',
    accepts: `a whole number from ${least} to ${most}`,
    fromText: (given) => (/^\d{1,15}$/.test(given) ? check(Number(given)) : null),
    fromValue: check,
    toText: String,
  })
}

/** Seconds; written as a duration, given by the library as a number. */
export const seconds: Kind<number> = withPresets(
  ['1h', '24h', '7d', '0s'],
  single({
    placeholder: 'DURATION',
    accepts: DURATION_ACCEPTS,
    fromText: parseDuration,
    fromValue: (value) =>
      Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_DURATION_SECONDS ? (value as number) : null,
    toText: formatDuration,
  }),
)

/** A moment that may stand relative to the command's own, which is read only under the lock. */
export type When = { readonly at: number } | { readonly inSeconds: number }

/** Milliseconds since 1970 of a `When`, seen from `now`. */
export function resolveWhen(when: When, now: number): number {
  return 'at' in when ? when.at : Math.floor(now + when.inSeconds * SECOND_MS)
}

const whenText = (when: When): string => ('at' in when ? isoFrom(when.at) : formatDuration(Math.abs(when.inSeconds)))

function instantFrom(value: unknown): When | null {
  const at = parseInstant(value)
  return at === null ? null : { at }
}

/** A moment: ISO 8601, or a duration ago. */
export const instant: Kind<When> = single<When>({
  placeholder: 'T',
  accepts: `${INSTANT_ACCEPTS}, or a duration ago as in 2h`,
  fromText: (given) => {
    const ago = parseDuration(given)
    return ago === null ? instantFrom(given) : { inSeconds: -ago }
  },
  fromValue: instantFrom,
  toText: whenText,
})

/** An expiry: null is never. */
export const expiry: Kind<When | null> = {
  placeholder: 'DAYS|DURATION|DATE|never',
  accepts: `days as in 90, a duration as in 12h, a date as in 2027-01-31, or never`,
  isList: false,
  presets: ['7d', '30d', '90d', '365d', 'never'],
  fromTexts: ([given = '', ...more]) => {
    if (more.length > 0) return { problem: 'takes one value' }
    if (given === 'never') return { value: null }
    const inSeconds = /^\d{1,6}$/.test(given) ? Number(given) * DAY_SECONDS : parseDuration(given)
    const value: When | null =
      inSeconds === null ? instantFrom(given) : inSeconds > 0 && inSeconds <= MAX_DURATION_SECONDS ? { inSeconds } : null
    return value === null ? { problem: `${quoted(given)} is not accepted` } : { value }
  },
  fromValue: (value) => {
    if (value === null) return { value: null }
    const when = instantFrom(value)
    return when === null ? { problem: 'is not a moment' } : { value: when }
  },
  toTexts: (value) => [value === null ? 'never' : whenText(value)],
}

/** A number of days from now, of which fractions are welcome; only the library has it. */
export const days: Kind<When> = single<When>({
  placeholder: 'DAYS',
  accepts: `a number of days above 0 and at most ${MAX_DURATION_SECONDS / DAY_SECONDS}`,
  fromText: () => null,
  fromValue: (value) =>
    typeof value === 'number' && value > 0 && value * DAY_SECONDS <= MAX_DURATION_SECONDS ? { inSeconds: value * DAY_SECONDS } : null,
  toText: (when) => ('inSeconds' in when ? String(when.inSeconds / DAY_SECONDS) : isoFrom(when.at)),
})

export * from './key-kinds.ts'
