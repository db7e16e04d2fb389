// Help out of the registry: of everything, and of one command. Nothing here is written twice.

import type { Command } from '../commands/command.ts'
import { COMMANDS } from '../commands/index.ts'
import type { Field } from '../domain/field.ts'
import type { GlobalFlag } from './arguments.ts'
import { APP_FLAGS, CLEAR, clearableFlags, GLOBAL_FLAGS, takesYes, YES } from './arguments.ts'

const columns = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)))
  return rows
    .map(([left, right]) => (left.length > width ? `  ${left}\n  ${''.padEnd(width)}  ${right}` : `  ${left.padEnd(width)}  ${right}`))
    .join('\n')
}

function shownFields(command: Command): Field[] {
  return Object.values(command.fields).filter(({ flag, position }) => flag !== null || position)
}

function usageOf(field: Field): string {
  const flagged = field.flag === null ? '' : `--${field.flag}${field.kind.placeholder === '' ? '' : ` ${field.kind.placeholder}`}`
  const text = field.position ? (flagged === '' ? field.label : `${field.label}|${flagged}`) : flagged
  return field.required && !field.isSecret ? text : field.required && field.position ? text : `[${text}]`
}

/** `keywright rotate ID|--key ID [--grace DURATION] …` */
export function usageLine(command: Command): string {
  const extras = [...(takesYes(command) ? ['[--yes]'] : []), ...(clearableFlags(command).length > 0 ? ['[--clear FLAG…]'] : [])]
  return ['keywright', command.words, ...shownFields(command).map(usageOf), ...extras].join(' ')
}

function flagRows(command: Command): [string, string][] {
  const rows = shownFields(command).map((field): [string, string] => {
    const name = field.flag === null ? field.label : `--${field.flag} ${field.kind.placeholder}`.trimEnd()
    const fallback = field.fallback === null ? '' : ` (default: ${field.fallback})`
    const accepts = field.kind.placeholder === '' ? '' : `; ${field.kind.accepts}`
    return [name, `${field.summary}${accepts}${fallback}`]
  })
  if (takesYes(command)) rows.push([`--${YES.flag}`, YES.summary])
  if (clearableFlags(command).length > 0)
    rows.push([`--${CLEAR.flag} ${CLEAR.placeholder}`, `${CLEAR.summary}: ${clearableFlags(command).join(', ')}`])
  return rows
}

const rowsOf = (flags: readonly GlobalFlag[]): [string, string][] =>
  flags.map(({ flag, placeholder, summary }) => [`--${flag} ${placeholder}`.trimEnd(), summary])

export function commandHelp(command: Command): string {
  const parts = [`${command.summary}.`, `Usage: ${usageLine(command)}`]
  const rows = flagRows(command)
  if (rows.length > 0) parts.push(columns(rows))
  if (command.notes.length > 0) parts.push(command.notes.join('\n'))
  return `${parts.join('\n\n')}\n`
}

const VARIABLES: readonly [string, string][] = [
  ['KEYWRIGHT_STORE', 'the store'],
  ['KEYWRIGHT_ACTOR', 'who acts, for the log'],
  ['KEYWRIGHT_AUDIT_SINK', 'a second place for every record: file:/PATH, unix:/PATH or tcp://HOST:PORT'],
  ['KEYWRIGHT_AUDIT_KEY_FILE', 'an Ed25519 private key (PEM) that signs checkpoints of the log'],
  ['KEYWRIGHT_AUDIT_PUBLIC_KEY_FILE', 'its public key, which audit verify proves them with'],
  ['KEYWRIGHT_PEPPER_FILE', 'peppers, a line NAME:BASE64 each; secrets are kept as HMACs under the first'],
  ['KEYWRIGHT_REQUIRE_PEPPER', '1: secrets that are kept without a pepper are refused'],
  ['KEYWRIGHT_DEBUG', '1: a fault of Keywright shows its stack'],
]

const EXIT_CODES: readonly [string, string][] = [
  ['0', 'done, or the key is valid'],
  ['1', 'a negative answer: the verdict is not VALID, audit verify found something, hygiene something of severity high, doctor a problem'],
  ['2', 'unknown command or flag, bad value'],
  ['3', 'no such key'],
  ['4', 'the store or the log cannot be used'],
  ['5', 'refused by the state of the key, or by --read-only'],
  ['6', 'some of several keys failed'],
]

export function fullHelp(version: string): string {
  const commands = COMMANDS.map(({ words, summary }): [string, string] => [words, summary])
  return [
    `Keywright ${version}: issues, verifies and looks after an application's API keys.`,
    'Usage: keywright                        opens the terminal app\n       keywright COMMAND [ARGUMENTS]    (keywright COMMAND --help says more)',
    columns(commands),
    `Everywhere:\n${columns(rowsOf(GLOBAL_FLAGS))}`,
    `The terminal app:\n${columns(rowsOf(APP_FLAGS))}`,
    `Environment:\n${columns(VARIABLES)}`,
    `Exit codes:\n${columns(EXIT_CODES)}`,
  ]
    .join('\n\n')
    .concat('\n')
}
