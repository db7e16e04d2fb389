// A command as a line for a shell: the shell and the command line read the same input out of it that went in.

import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { parseArguments } from '../../src/cli/arguments.ts'
import { commandText, joinWords, splitWords } from '../../src/commands/as-command.ts'
import { auditList } from '../../src/commands/audit.ts'
import { generate } from '../../src/commands/generate.ts'
import { list } from '../../src/commands/list.ts'
import { revoke } from '../../src/commands/revoke.ts'
import { rotate } from '../../src/commands/rotate.ts'
import { scopeSet } from '../../src/commands/scope.ts'
import { update } from '../../src/commands/update.ts'
import { validate } from '../../src/commands/validate.ts'
import type { Fields } from '../../src/domain/field.ts'
import { inputFromTexts, isPlainText } from '../../src/domain/field.ts'
import { accepted, isRefusal } from '../../src/domain/refusal.ts'
import { grantable, harmlessTexts } from '../domain/arbitraries.ts'
import { always, fc } from '../domain/seed.ts'

type Described = { readonly words: string; readonly fields: Fields }
type Texts = Readonly<Record<string, readonly string[]>>

/** Letters that shells take for their own, and dashes and equals signs that command lines do. */
const shellTexts = fc
  .string({ unit: fc.constantFrom(...`-=-a b'"\\$\`*?!~#&;|<>(){}[]%^@,:./é中😀`), minLength: 1, maxLength: 12 })
  .filter(isPlainText)
const texts = fc.oneof(shellTexts, shellTexts, harmlessTexts, fc.constantFrom('-', '--', '--yes', '-x', '--tag=x', '=', '!!', '$(id)'))
const one = texts.map((text) => [text])
const many = fc.uniqueArray(texts, { minLength: 1, maxLength: 3 })
const KEY = ['key_abcdefghijkl']
const pair = fc
  .tuple(
    texts.filter((text) => !text.includes('=')),
    texts,
  )
  .map((parts) => parts.join('='))

const COMMANDS: readonly (readonly [Described, fc.Arbitrary<Texts>])[] = [
  [
    generate,
    fc.record(
      {
        userId: one,
        name: one,
        environment: fc.constantFrom(['live'], ['test']),
        tags: many,
        metadata: fc.uniqueArray(pair, { minLength: 1, maxLength: 2, selector: (text) => text.slice(0, text.indexOf('=')) }),
        scopes: fc.array(grantable, { minLength: 1, maxLength: 3 }),
        expiresAt: fc.constantFrom(['90'], ['12h'], ['never'], ['2027-01-31']),
        rateLimits: fc.constantFrom(['100/m'], ['100/m', 'burst=10/s']),
        allowedIps: fc.constantFrom(['10.0.0.0/8'], ['10.0.0.0/8', '2001:db8::/32']),
      },
      { requiredKeys: ['userId'] },
    ),
  ],
  [
    update,
    fc.record({ key: fc.constant(KEY), name: one, tags: many, expiresAt: fc.constantFrom(['never'], ['7d']) }, { requiredKeys: ['key'] }),
  ],
  [revoke, fc.record({ ids: fc.constantFrom(KEY, [...KEY, 'key_mnopqrstuvwx']), reason: one })],
  [scopeSet, fc.record({ key: fc.constant(KEY), scopes: fc.array(grantable, { minLength: 1, maxLength: 3 }) })],
  [rotate, fc.record({ key: fc.constant(KEY), graceSeconds: fc.constantFrom(['0s'], ['7d']) }, { requiredKeys: ['key'] })],
  [
    list,
    fc.record(
      {
        userId: one,
        search: one,
        tag: one,
        status: fc.constantFrom(['active'], ['active', 'revoked']),
        sort: fc.constantFrom(['name'], ['-name']),
      },
      { requiredKeys: [] },
    ),
  ],
  [
    auditList,
    fc.record({ userId: one, actor: one, action: fc.constant(['key.revoke']), since: fc.constant(['2026-01-31']) }, { requiredKeys: [] }),
  ],
]

/** The arguments that a real shell makes of each line. */
function argumentsOf(lines: readonly string[]): string[][] {
  const script = `keywright() { for word in "$@"; do printf '%s\\0' "$word"; done; printf '\\1\\0'; }\n${lines.join('\n')}\n`
  const { stdout, status } = spawnSync('sh', ['-s'], { input: script, encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error(`sh ended with ${status}`)
  return stdout
    .split('\u0001\0')
    .slice(0, -1)
    .map((words) => words.split('\0').slice(0, -1))
}

/** What the command line reads out of arguments: the input, with null for what is cleared. */
function inputFrom(words: readonly string[], { fields }: Described): object {
  const parsed = accepted(parseArguments(words))
  const cleared = Object.entries(fields).flatMap(([name, { flag }]) =>
    flag !== null && parsed.cleared.includes(flag) ? [[name, null]] : [],
  )
  return { ...accepted(inputFromTexts(fields, parsed.texts)), ...Object.fromEntries(cleared) }
}

const RUNS = 300

for (const [command, arbitrary] of COMMANDS) {
  test(`the line of ${command.words} gives the same input back, whatever its words`, () => {
    const inputs = fc
      .sample(arbitrary, { numRuns: RUNS, seed: 20261123 })
      .map((given) => inputFromTexts(command.fields, new Map(Object.entries(given))))
      .filter((input): input is object => !isRefusal(input))
    expect(inputs.length).toBeGreaterThan(RUNS / 2)
    const lines = inputs.map((input) => commandText(command, input, null))
    const read = argumentsOf(lines)
    expect(read).toHaveLength(lines.length)
    for (const [index, words] of read.entries()) {
      const back = (() => {
        try {
          return inputFrom(words, command)
        } catch (error) {
          return String(error)
        }
      })()
      expect(back, lines[index]).toEqual(inputs[index])
    }
  })
}

describe('a line', () => {
  test('clears what is null, and names the store where it is not the default one', () => {
    const input = { ...(accepted(inputFromTexts(update.fields, new Map([['key', KEY]]))) as object), name: null, tags: null }
    const line = commandText(update, input, '/srv/my keys.json')
    expect(line).toBe("keywright update key_abcdefghijkl --clear name tag --store '/srv/my keys.json'")
    const [words = []] = argumentsOf([line])
    expect(inputFrom(words, update)).toEqual(input)
    expect(accepted(parseArguments(words)).globals.get('store')).toBe('/srv/my keys.json')
  })

  test('with a value that looks like a flag has it behind the end of the flags', () => {
    const input = accepted(
      inputFromTexts(
        scopeSet.fields,
        new Map([
          ['key', KEY],
          ['scopes', ['-']],
        ]),
      ),
    )
    expect(commandText(scopeSet, input, 'my.json')).toBe('keywright scope set --store my.json -- key_abcdefghijkl -')
  })

  test('never holds a token', () => {
    const token = `kw_live_${'a'.repeat(12)}_${'b'.repeat(49)}`
    expect(commandText(validate, { token, ip: '10.0.0.1' }, null)).toBe('keywright validate --key - --ip 10.0.0.1')
  })
})

test('words that are joined for a field come apart again', () => {
  always(fc.array(texts, { maxLength: 4 }), (words) => {
    // A text with both kinds of quotes can't be written in a field of several.
    fc.pre(words.every((word) => !(word.includes("'") && word.includes('"'))))
    expect(splitWords(joinWords(words))).toEqual(words)
  })
})
