// The table of bindings as it is in force: with the settings' keys in place of the defaults, looked up by key and context.

import type { Binding, Context } from './bindings.ts'
import { BINDINGS } from './bindings.ts'

export type CommandName = (typeof BINDINGS)[number]['command']

export interface Keymap {
  readonly bindings: readonly (Binding & { readonly command: CommandName })[]
  /** The command of a key in the first of the contexts that has one. */
  readonly commandOf: (press: string, contexts: readonly Context[]) => CommandName | null
  /** The first key of a command, for hints and advice. */
  readonly keyOf: (command: CommandName) => string
}

/** The table with the settings' keys in place of the defaults. */
export function createKeymap(remapped: Readonly<Record<string, string | readonly string[]>> = {}): Keymap {
  const bindings = BINDINGS.map((binding) => {
    const given = Object.hasOwn(remapped, binding.command) ? remapped[binding.command] : undefined
    return given === undefined ? binding : { ...binding, keys: typeof given === 'string' ? [given] : given }
  })
  const byContext = new Map<Context, Map<string, CommandName>>()
  for (const { command, keys, in: contexts } of bindings) {
    for (const context of contexts) {
      const known = byContext.get(context) ?? new Map<string, CommandName>()
      byContext.set(context, known)
      for (const key of keys) if (!known.has(key)) known.set(key, command)
    }
  }
  return {
    bindings,
    commandOf(press, contexts) {
      for (const context of contexts) {
        const command = byContext.get(context)?.get(press)
        if (command !== undefined) return command
      }
      return null
    },
    keyOf: (command) => bindings.find((binding) => binding.command === command)?.keys[0] ?? '',
  }
}

const NAMED = new Set([
  'enter',
  'esc',
  'tab',
  'shift-tab',
  'up',
  'down',
  'left',
  'right',
  'pgup',
  'pgdn',
  'home',
  'end',
  'space',
  'backspace',
  'delete',
])
const ONE_CHARACTER = /^[^\p{C}\s]$/u

/** A key as the app names it: `x`, `X`, `ctrl-x`, `pgdn`. Others never arrive. */
function isKeyName(key: string): boolean {
  return NAMED.has(key) || ONE_CHARACTER.test(key) || /^ctrl-[a-z]$/.test(key)
}

/** What is wrong with the keys of the settings; null when nothing is. */
export function keysProblem(remapped: Readonly<Record<string, readonly string[]>>): string | null {
  for (const [name, keys] of Object.entries(remapped)) {
    if (!BINDINGS.some(({ command }) => command === name)) return `${name} is no command of the app; docs/keys.md lists them`
    const wrong = keys.find((key) => !isKeyName(key))
    if (wrong !== undefined) return `${name}: "${wrong}" is no key; use one character, ctrl-a to ctrl-z, or one of ${[...NAMED].join(' ')}`
  }
  return clashOf(createKeymap(remapped).bindings, new Set(Object.keys(remapped)))
}

/** A key that settings gave to two commands of one context, where one would never be reached. */
function clashOf(bindings: Keymap['bindings'], given: ReadonlySet<string>): string | null {
  const taken = new Map<string, string>()
  for (const { command, keys, in: contexts } of bindings) {
    for (const place of contexts.flatMap((context) => keys.map((key) => `${context} ${key}`))) {
      const other = taken.get(place)
      if (other !== undefined && other !== command && (given.has(command) || given.has(other)))
        return `${place.split(' ')[1]} would mean both ${other} and ${command}; give one of them another key`
      taken.set(place, command)
    }
  }
  return null
}
