// Arguments → command and texts, as the registry describes them. Decides nothing about values: the fields do.

import type { Command } from '../commands/command.ts'
import { COMMANDS } from '../commands/index.ts'
import type { Field } from '../domain/field.ts'
import { flagName } from '../domain/field.ts'
import type { Refusal } from '../domain/refusal.ts'
import { refuse } from '../domain/refusal.ts'
import { quoted } from '../domain/text.ts'

export interface GlobalFlag {
  readonly flag: string
  /** Empty for a switch. */
  readonly placeholder: string
  readonly summary: string
}

export const GLOBAL_FLAGS: readonly GlobalFlag[] = [
  { flag: 'store', placeholder: 'PATH', summary: 'the store (else KEYWRIGHT_STORE, else ./keys.json)' },
  { flag: 'actor', placeholder: 'NAME', summary: "who acts, for the log (else KEYWRIGHT_ACTOR, else the operating system's user)" },
  { flag: 'json', placeholder: '', summary: 'print JSON' },
  { flag: 'no-color', placeholder: '', summary: 'no colours (also NO_COLOR)' },
  { flag: 'quiet', placeholder: '', summary: 'nothing but errors on stderr' },
  { flag: 'read-only', placeholder: '', summary: 'refuse changes, count nothing' },
  { flag: 'insecure', placeholder: '', summary: 'use the store though others may write it' },
  { flag: 'version', placeholder: '', summary: 'print the version' },
  { flag: 'help', placeholder: '', summary: 'print the help, of a command behind its name' },
]

/** Flags of the terminal app: without a command, or with one that opens it. */
export const APP_FLAGS: readonly GlobalFlag[] = [
  { flag: 'screen-reader', placeholder: '', summary: 'linear text, no alternate screen (also INK_SCREEN_READER=true)' },
  { flag: 'ascii', placeholder: '', summary: 'draw with ASCII only' },
  { flag: 'no-animation', placeholder: '', summary: 'nothing moves but what changes' },
]

/** Flags that belong to the command line and not to the operation. */
export const YES: GlobalFlag = { flag: 'yes', placeholder: '', summary: 'do it without asking' }
export const CLEAR: GlobalFlag = { flag: 'clear', placeholder: 'FLAG…', summary: "empty these fields; a flag's name without dashes" }

/** `keywright audit` alone lists. */
const SHORTHANDS: Readonly<Record<string, string>> = { audit: 'audit list' }

export interface Arguments {
  readonly command: Command | null
  /** Given texts by field name; an empty list is a switch. */
  readonly texts: ReadonlyMap<string, readonly string[]>
  readonly cleared: readonly string[]
  readonly isConfirmed: boolean
  readonly globals: ReadonlyMap<string, string>
}

export function takesYes(command: Command): boolean {
  return command.kind === 'change' && command.danger === 'final'
}

export function clearableFlags(command: Command): string[] {
  return Object.values(command.fields).flatMap(({ isClearable, flag }) => (isClearable && flag !== null ? [flag] : []))
}

const usage = (message: string, hint: string): Refusal => refuse('INVALID_INPUT', message, { hint })

/** The place in the arguments; what is left of them. */
interface Reading {
  readonly rest: string[]
  readonly globals: Map<string, string>
  readonly texts: Map<string, string[]>
  readonly cleared: string[]
  readonly positions: string[]
  command: Command | null
  isConfirmed: boolean
}

const isFlag = (argument: string): boolean => argument.startsWith('--') && argument.length > 2

export function parseArguments(given: readonly string[]): Arguments | Refusal {
  const reading: Reading = {
    rest: [...given],
    globals: new Map(),
    texts: new Map(),
    cleared: [],
    positions: [],
    command: null,
    isConfirmed: false,
  }
  let isLiteral = false
  while (reading.rest.length > 0) {
    const argument = reading.rest.shift() as string
    if (!isLiteral && argument === '--') {
      isLiteral = true
      continue
    }
    const problem = isLiteral || !isFlag(argument) ? takeWord(reading, argument, isLiteral) : takeFlag(reading, argument)
    if (problem !== null) return problem
  }
  const problem = reading.command === null ? null : (strayAppFlag(reading.command, reading) ?? placePositions(reading.command, reading))
  return problem ?? reading
}

/** A flag that only the app has, given to a command that draws nothing with it. */
function strayAppFlag({ kind, words }: Command, { globals }: Reading): Refusal | null {
  const stray = APP_FLAGS.find(({ flag }) => kind !== 'app' && globals.has(flag))
  return stray === undefined ? null : usage(`--${stray.flag} is for the terminal app, not for ${words}`, 'open the app with: keywright')
}

/** A word is a part of the command's name, or a value without a flag. */
function takeWord(reading: Reading, word: string, isLiteral: boolean): Refusal | null {
  if (reading.command !== null) {
    if (!isLiteral && word.startsWith('-') && word.length > 1) return unknownFlag(word, reading.command)
    reading.positions.push(word)
    return null
  }
  if (word.startsWith('-')) return usage(`unknown flag ${quoted(word)}`, 'see: keywright --help')
  const next = reading.rest.findIndex((argument) => !isFlag(argument))
  const two = next === 0 ? `${word} ${reading.rest[0]}` : word
  const found = COMMANDS.find(({ words }) => words === two) ?? COMMANDS.find(({ words }) => words === (SHORTHANDS[word] ?? word))
  if (found === undefined) return unknownCommand(word)
  if (found.words === two && two !== word) reading.rest.shift()
  reading.command = found
  return null
}

function unknownCommand(word: string): Refusal {
  const family = COMMANDS.filter(({ words }) => words.startsWith(`${word} `)).map(({ words }) => words)
  if (family.length > 0) return usage(`${word} needs one more word`, `use one of: ${family.join(', ')}`)
  return usage(
    `unknown command ${quoted(word)}`,
    `${closest(word, [...new Set(COMMANDS.map(({ words }) => words.split(' ')[0] as string))])}see: keywright --help`,
  )
}

function unknownFlag(flag: string, command: Command): Refusal {
  const flags = [
    ...Object.values(command.fields),
    ...(takesYes(command) ? [YES] : []),
    ...(clearableFlags(command).length > 0 ? [CLEAR] : []),
  ].flatMap((field) => (field.flag === null ? [] : [`--${field.flag}`]))
  return usage(
    `unknown flag ${quoted(flag)} for ${command.words}`,
    `${closest(flag, flags)}it takes ${[...new Set(flags)].join(', ') || 'no flags of its own'}; see: keywright ${command.words} --help`,
  )
}

function takeFlag(reading: Reading, argument: string): Refusal | null {
  const at = argument.indexOf('=')
  const flag = at < 0 ? argument.slice(2) : argument.slice(2, at)
  const inline = at < 0 ? null : argument.slice(at + 1)
  const global = [...GLOBAL_FLAGS, ...APP_FLAGS].find((one) => one.flag === flag)
  if (global !== undefined) {
    const values = valuesOf(reading, flag, global.placeholder, false, inline)
    if (!Array.isArray(values)) return values
    if (global.placeholder !== '' && reading.globals.has(flag)) return usage(`--${flag} is given twice`, 'give it once')
    reading.globals.set(flag, values[0] ?? '')
    return null
  }
  const { command } = reading
  if (command === null)
    return usage(`unknown flag ${quoted(`--${flag}`)} before a command`, 'flags of a command stand behind its name; see: keywright --help')
  return takeCommandFlag(reading, command, flag, inline)
}

function takeCommandFlag(reading: Reading, command: Command, flag: string, inline: string | null): Refusal | null {
  if (flag === YES.flag && takesYes(command)) {
    reading.isConfirmed = true
    return inline === null ? null : usage('--yes takes no value', 'give the flag alone')
  }
  if (flag === CLEAR.flag && clearableFlags(command).length > 0) {
    const values = valuesOf(reading, flag, CLEAR.placeholder, true, inline)
    if (!Array.isArray(values)) return values
    const wrong = values.find((value) => !clearableFlags(command).includes(value))
    if (wrong !== undefined) return usage(`--clear ${quoted(wrong)} is not accepted`, `use ${clearableFlags(command).join(', ')}`)
    reading.cleared.push(...values)
    return null
  }
  const entry = Object.entries(command.fields).find(([, field]) => field.flag === flag)
  if (entry === undefined) return unknownFlag(`--${flag}`, command)
  const [name, { kind }] = entry
  const values = valuesOf(reading, flag, kind.placeholder, kind.isList, inline)
  if (!Array.isArray(values)) return values
  const before = reading.texts.get(name)
  if (before !== undefined && !kind.isList) return usage(`--${flag} is given twice`, 'give it once')
  reading.texts.set(name, [...(before ?? []), ...values])
  return null
}

/** The values of a flag: none for a switch, one, or for a list all up to the next flag. */
function valuesOf(reading: Reading, flag: string, placeholder: string, isList: boolean, inline: string | null): string[] | Refusal {
  if (placeholder === '') return inline === null ? [] : usage(`--${flag} takes no value`, 'give the flag alone')
  if (inline !== null) return [inline]
  const values: string[] = []
  while (
    reading.rest.length > 0 &&
    !(reading.rest[0] as string).startsWith('--') &&
    (values.length === 0 || (isList && !/^-./.test(reading.rest[0] as string)))
  ) {
    values.push(reading.rest.shift() as string)
  }
  return values.length > 0
    ? values
    : usage(`--${flag} needs a value`, `as in --${flag} ${placeholder}; where it begins with --, write --${flag}=VALUE`)
}

/** Gives the values without flags to the fields that take them: one each, the rest to a list. */
function placePositions(command: Command, reading: Reading): Refusal | null {
  const waiting = [...reading.positions]
  for (const [name, field] of Object.entries(command.fields)) {
    if (!field.position || waiting.length === 0 || (reading.texts.has(name) && !field.kind.isList)) continue
    reading.texts.set(name, field.kind.isList ? waiting.splice(0) : [waiting.shift() as string])
  }
  if (waiting.length === 0) return null
  const positions = Object.entries(command.fields).flatMap(([name, field]: [string, Field]) =>
    field.position ? [flagName(name, field)] : [],
  )
  return usage(
    `${quoted(waiting[0])} is one value too many for ${command.words}`,
    positions.length > 0 ? `it takes ${positions.join(' ')}` : 'it takes only flags',
  )
}

/** `did you mean …? ` where a known word is near. */
function closest(word: string, known: readonly string[]): string {
  const near = known.filter((one) => distance(word, one) <= Math.max(1, Math.floor(one.length / 4)))
  return near.length > 0 ? `did you mean ${near[0]}? ` : ''
}

const MAX_COMPARED = 40

/** Damerau and Levenshtein's distance of two short words: letters put in, left out, changed, or two neighbours swapped. */
function distance(a: string, b: string): number {
  if (a.length > MAX_COMPARED || b.length > MAX_COMPARED) return MAX_COMPARED
  let [older, row]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const steps = [(row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)]
      next.push(Math.min(...steps, isSwapped ? (older[j - 2] as number) + 1 : MAX_COMPARED))
    }
    older = row
    row = next
  }
  return row[b.length] as number
}
