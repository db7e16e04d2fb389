// Input fields as data: one description gives the flag, the help, the form, the check of a library value and of a typed text.

import type { Refusal } from './refusal.ts'
import { KeywrightError, refuse } from './refusal.ts'
import { quoted, textProblem } from './text.ts'
import { holdsToken } from './token.ts'

/** The name of an unknown option as far as it may be repeated. */
const displayableName = (name: string): string => quoted(name).replace(/^"|"$/g, '')

export type Parsed<T> = { readonly value: T } | { readonly problem: string }

/** A kind of value: how it is written, what is accepted, how text and library values become it, and back. */
export interface Kind<T> {
  /** In the usage line: `DURATION`, `live|test`; empty for a switch. */
  readonly placeholder: string
  readonly accepts: string
  /** True when several values, or the flag again, are one value. */
  readonly isList: boolean
  /** All there is to choose from, where it is a closed list; and what a form offers where it is not. */
  readonly choices?: readonly string[]
  readonly presets?: readonly string[]
  readonly fromTexts: (texts: readonly string[]) => Parsed<T>
  readonly fromValue: (value: unknown) => Parsed<T>
  // A method, so that fields of any value can stand in one list.
  /** The value as it would be typed; what "copy as command" prints. */
  toTexts(value: T): readonly string[]
}

/** One input of a command. `flag` null: only the library has it. `position`: it is given without a flag. */
export interface Field<T = unknown, R extends boolean = boolean> {
  readonly kind: Kind<T>
  readonly label: string
  readonly summary: string
  readonly flag: string | null
  readonly position: boolean
  readonly required: R
  /** What a form starts with, and the help names. */
  readonly fallback: string | null
  /** Null empties the field of the key; on the command line `--clear` does. */
  readonly isClearable: boolean
  /** May be a token: forms hide it, the command line reads it from standard input for `-`. */
  readonly isSecret: boolean
}

export type Fields = Readonly<Record<string, Field>>
type ValueOf<F> = F extends Field<infer T> ? T : never
type RequiredNames<F extends Fields> = { [N in keyof F]: F[N]['required'] extends true ? N : never }[keyof F]

/** The parsed input of a command with these fields. */
export type InputOf<F extends Fields> = { readonly [N in RequiredNames<F>]: ValueOf<F[N]> } & {
  readonly [N in Exclude<keyof F, RequiredNames<F>>]?: ValueOf<F[N]>
}

interface FieldOptions {
  readonly flag?: string | null
  readonly position?: boolean
  readonly fallback?: string
  readonly isSecret?: boolean
}

function field<T, R extends boolean>(required: R, kind: Kind<T>, label: string, summary: string, options: FieldOptions): Field<T, R> {
  const { flag = null, position = false, fallback = null, isSecret = false } = options
  return { kind, label, summary, flag, position, required, fallback, isClearable: false, isSecret }
}

export function required<T>(kind: Kind<T>, label: string, summary: string, options: FieldOptions = {}): Field<T, true> {
  return field(true as const, kind, label, summary, options)
}

export function optional<T>(kind: Kind<T>, label: string, summary: string, options: FieldOptions = {}): Field<T, false> {
  return field(false as const, kind, label, summary, options)
}

/** The name by which the asking side knows a field. */
type NameOf = (name: string, field: Field) => string

const libraryName: NameOf = (name) => name
export const flagName: NameOf = (name, { flag, position, label }) => (position ? label : flag === null ? name : `--${flag}`)

function invalid(shown: string, field: string, problem: string, accepts: string): Refusal {
  return refuse('INVALID_INPUT', `${shown} ${problem}; use ${accepts}`, { field })
}

function missing(fields: Fields, input: Record<string, unknown>, nameOf: NameOf): Refusal | null {
  for (const [name, field] of Object.entries(fields)) {
    if (field.required && input[name] === undefined) return invalid(nameOf(name, field), name, 'is missing', field.kind.accepts)
  }
  return null
}

/** Input out of a library caller's object. Undefined members count as not given; unknown ones are refused. */
export function inputFromValues<F extends Fields>(fields: F, given: unknown): InputOf<F> | Refusal {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return refuse('INVALID_INPUT', 'the input is not an object; give an object of options')
  const input: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (field === undefined) {
      return refuse('INVALID_INPUT', `${quoted(name)} is not an option here; use ${Object.keys(fields).join(', ')}`, {
        field: displayableName(name),
      })
    }
    if (value === undefined) continue
    const parsed = field.kind.fromValue(value)
    if ('problem' in parsed) return invalid(name, name, parsed.problem, field.kind.accepts)
    input[name] = parsed.value
  }
  return missing(fields, input, libraryName) ?? (input as InputOf<F>)
}

/** Input out of typed texts, by field name; an empty list is a switch that was given without a value. */
export function inputFromTexts<F extends Fields>(fields: F, texts: ReadonlyMap<string, readonly string[]>): InputOf<F> | Refusal {
  const input: Record<string, unknown> = {}
  for (const [name, given] of texts) {
    const field = fields[name] as Field
    const parsed = field.kind.fromTexts(given)
    if ('problem' in parsed) return invalid(flagName(name, field), name, parsed.problem, field.kind.accepts)
    input[name] = parsed.value
  }
  return missing(fields, input, flagName) ?? (input as InputOf<F>)
}

/** A kind with one text for one value. */
export function single<T>(kind: {
  placeholder: string
  accepts: string
  fromText: (text: string) => T | null
  fromValue?: (value: unknown) => T | null
  toText: (value: T) => string
}): Kind<T> {
  const check = (given: unknown, value: T | null): Parsed<T> =>
    value === null ? { problem: `${quoted(given)} is not accepted` } : { value }
  return {
    placeholder: kind.placeholder,
    accepts: kind.accepts,
    isList: false,
    fromTexts: (texts) => (texts.length === 1 ? check(texts[0], kind.fromText(texts[0] as string)) : { problem: 'takes one value' }),
    fromValue: (value) => check(value, kind.fromValue ? kind.fromValue(value) : typeof value === 'string' ? kind.fromText(value) : null),
    toTexts: (value) => [kind.toText(value)],
  }
}

/** A kind whose value is a list of at most `most` items, each written as one text. */
export function listOf<T, L = readonly T[]>(kind: {
  placeholder: string
  accepts: string
  most: number
  fromText: (text: string) => T | null
  fromItem?: (value: unknown) => T | null
  toText: (value: T) => string
  /** Makes the list whole, or answers null when it names one item twice. */
  finish: (items: readonly T[]) => L | null
  items: (list: L) => readonly T[]
}): Kind<L> {
  const collect = (given: readonly unknown[], one: (item: unknown) => T | null): Parsed<L> => {
    if (given.length > kind.most) return { problem: `has ${given.length} values, more than ${kind.most}` }
    const items: T[] = []
    for (const item of given) {
      const value = one(item)
      if (value === null) return { problem: `${quoted(item)} is not accepted` }
      items.push(value)
    }
    const list = kind.finish(items)
    return list === null ? { problem: 'names one twice' } : { value: list }
  }
  const one = kind.fromItem ?? ((item: unknown) => (typeof item === 'string' ? kind.fromText(item) : null))
  return {
    placeholder: kind.placeholder,
    accepts: kind.accepts,
    isList: true,
    fromTexts: (texts) => collect(texts, (text) => kind.fromText(text as string)),
    fromValue: (value) => (Array.isArray(value) ? collect(value, one) : { problem: 'is not a list' }),
    toTexts: (list) => kind.items(list).map(kind.toText),
  }
}

/** An optional field that an edit can empty: null from the library, `--clear` on the command line. */
export function clearable<T>({ kind, ...field }: Field<T, false>): Field<T | null, false> {
  const nullable: Kind<T | null> = {
    ...kind,
    fromValue: (value) => (value === null ? { value: null } : kind.fromValue(value)),
    toTexts: (value) => (value === null ? [] : kind.toTexts(value)),
  }
  return { ...field, kind: nullable, isClearable: true }
}

/** 1 to 200 code points of harmless text that holds no token. */
export function isPlainText(text: string): boolean {
  return textProblem(text) === null && !holdsToken(text)
}

/** The documented members of an options object; anything else is refused, so that a host can hand a request's body on. */
export function onlyMembers(given: unknown, names: readonly string[]): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new KeywrightError('INVALID_INPUT', `the options are not an object; give an object with ${names.join(', ')}`)
  }
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) {
      throw new KeywrightError('INVALID_INPUT', `${quoted(name)} is not an option here; use ${names.join(', ') || 'none'}`, {
        field: displayableName(name),
      })
    }
  }
  return { ...given }
}
