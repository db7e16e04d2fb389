// Fields: hostile text at the door, options nobody knows, and messages that repeat no token and nothing that steers a terminal.

import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/commands/index.ts'
import type { Field, Fields } from '../../src/domain/field.ts'
import { inputFromTexts, inputFromValues } from '../../src/domain/field.ts'
import * as kinds from '../../src/domain/kinds.ts'
import type { Refusal } from '../../src/domain/refusal.ts'
import { CODES, isRefusal, KeywrightError } from '../../src/domain/refusal.ts'
import { displayText, quoted, textProblem } from '../../src/domain/text.ts'
import { holdsToken } from '../../src/domain/token.ts'
import { HOSTILE, harmlessTexts, hostileTexts } from './arbitraries.ts'
import { always, fc } from './seed.ts'

const TOKEN = 'kw_live_0123456789AB_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2JTlvT'
const SECRET = TOKEN.slice(-49)
const isTaken = (text: string): boolean => 'value' in kinds.text('T').fromTexts([text]) && 'value' in kinds.text('T').fromValue(text)

describe('text', () => {
  test('of 1 to 200 code points is taken, also where each is two code units', () => {
    for (const point of ['é', '😀', '中', '-']) {
      expect([1, 200, 201].map((count) => isTaken(point.repeat(count)))).toEqual([true, true, false])
    }
    expect([isTaken(''), isTaken('é'.repeat(5e5))]).toEqual([false, false])
    always(harmlessTexts, (text) => expect(isTaken(text)).toBe(true))
  })

  test('with a control, a line break, a change of direction or half a character in it is refused', () => {
    for (const hostile of HOSTILE) expect(`${codeOf(hostile)} ${isTaken(`a${hostile}b`)}`).toBe(`${codeOf(hostile)} false`)
    always(hostileTexts, (text) => expect(isTaken(text)).toBe(false))
  })

  test('is refused just where its problem says so, and drawn without what would steer a terminal', () => {
    always(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
      expect(textProblem(displayText(text) || ' ')).toBeNull()
      expect(displayText(text) === text).toBe(text === '' || textProblem(text) === null)
    })
  })

  test('that holds a token is refused, whatever stands around it', () => {
    for (const text of [
      TOKEN,
      `the key is ${TOKEN}!`,
      `${TOKEN}${TOKEN}`,
      `${TOKEN}x`,
      `"${TOKEN}"`,
      `=${TOKEN}`,
      `x${TOKEN}`,
      `old_${TOKEN}`,
      `x_live_${TOKEN}`,
    ])
      expect({ text, isTaken: isTaken(text), holdsToken: holdsToken(text) }).toEqual({ text, isTaken: false, holdsToken: true })
    for (const text of ['kw_live', TOKEN.slice(0, 20), TOKEN.replace('live', 'test'), 'live_test_live'])
      expect(holdsToken(text)).toBe(false)
  })

  test('that is a hash of 64 hexadecimal digits, as user ids and metadata may be, is taken', () => {
    expect(isTaken('9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08')).toBe(true)
  })
})

const codeOf = (text: string): string => `U+${text.charCodeAt(0).toString(16)}`
const named = COMMANDS.map((command) => [command.words, command.fields] as const)
const messageOf = (given: object): string =>
  isRefusal(given) ? JSON.stringify(KeywrightError.from(given as Refusal)) + KeywrightError.from(given as Refusal).message : ''

const ODD_TEXTS = [
  `a${'😀'.repeat(30)}`,
  '😀'.repeat(30),
  ...fc.sample(fc.oneof(hostileTexts, harmlessTexts, fc.string({ unit: 'grapheme', maxLength: 60 })), 50),
]

describe.each(named)('the input of %s', (_, fields: Fields) => {
  const names = Object.keys(fields)
  const WRONG = [
    TOKEN,
    `${TOKEN}${TOKEN}`,
    SECRET,
    `x ${TOKEN}\u001b[31m`,
    [TOKEN],
    { [TOKEN]: TOKEN },
    [[TOKEN, TOKEN]],
    new Date(Number.NaN),
    Symbol('x'),
    1n,
    () => TOKEN,
  ]

  test('refuses options that it does not know, whatever their names', () => {
    for (const name of ['nonsense', 'toString', 'constructor', 'hasOwnProperty', ''])
      expect(inputFromValues(fields, { [name]: 1 })).toMatchObject({ refused: 'INVALID_INPUT', field: name })
    expect(inputFromValues(fields, JSON.parse('{"__proto__": 1}'))).toMatchObject({ refused: 'INVALID_INPUT', field: '__proto__' })
  })

  test('refuses what is no object, and names a required field that is missing', () => {
    for (const given of [undefined, null, 5, 'text', [], () => ({})])
      expect(inputFromValues(fields, given)).toMatchObject({ refused: 'INVALID_INPUT' })
    const missing = names.find((name) => (fields[name] as Field).required)
    if (missing === undefined) expect(isRefusal(inputFromValues(fields, {}))).toBe(false)
    else expect(inputFromValues(fields, { [missing]: undefined })).toMatchObject({ refused: 'INVALID_INPUT', field: missing })
  })

  test('never repeats a token in an error', () => {
    for (const name of names) {
      for (const value of WRONG) expect(messageOf(inputFromValues(fields, { [name]: value }))).not.toContain(SECRET.slice(0, 20))
      for (const texts of [[TOKEN, TOKEN], [`=${TOKEN}`], [`${TOKEN}=x`], [SECRET], [`${TOKEN}\n`]])
        expect(messageOf(inputFromTexts(fields, new Map([[name, texts]])))).not.toContain(SECRET.slice(0, 20))
    }
  })

  test('never repeats in an error what would steer a terminal', () => {
    for (const name of names) {
      for (const text of ODD_TEXTS) {
        for (const refusal of [inputFromValues(fields, { [name]: text }), inputFromTexts(fields, new Map([[name, [text]]]))])
          if (isRefusal(refusal)) expect(`${name} ${textProblem((refusal as Refusal).message, 1000)}`).toBe(`${name} null`)
      }
    }
  })
})

test('the name of an unknown option is not repeated in an error when it is a token', () => {
  expect(messageOf(inputFromValues({}, { [TOKEN]: 1 }))).not.toContain(SECRET)
})

describe('quoting', () => {
  test('is short, harmless and free of tokens, whatever is quoted', () => {
    always(fc.oneof(fc.anything(), hostileTexts, harmlessTexts), (value) => {
      expect(textProblem(quoted(value), 60)).toBeNull()
    })
    expect(quoted(TOKEN)).toBe('(what looks like a token)')
    expect(quoted('😀'.repeat(1e5)).length).toBeLessThan(60)
  })
})

/** A text of each field that has one, as it would be typed; by its placeholder. */
const TYPED: Readonly<Record<string, readonly string[]>> = {
  ID: ['key_0123456789AB'],
  'ID…': ['key_0123456789AB', '0123456789AB'],
  'S…': ['read', 'write:users'],
  'T…': ['a tag', 'b'],
  'CIDR…': ['10.0.0.0/8', '::1/128'],
  '[NAME=]N/WINDOW…': ['100/m', 'burst=10/s'],
  'K=V…': ['team=core', 'a=b=c'],
  'DAYS|DURATION|DATE|never': ['90'],
  DURATION: ['36h'],
  T: ['2h'],
  N: ['12'],
  S: ['read:*'],
  EXPR: ['user:ann status:expiring expires<7d idle>90d scope:read tag:x some words'],
  '[-]F': ['-expiresAt'],
  A: ['key.scope'],
  'SEQ:HASH': [`12:${'a1'.repeat(32)}`],
}

describe.each(named)('what is typed for %s', (_, fields: Fields) => {
  test('is written so that typing it again means the same', () => {
    for (const [name, { kind, flag, position }] of Object.entries(fields)) {
      if ((flag === null && !position) || kind.placeholder === '' || kind.placeholder === 'C' || kind.placeholder.startsWith('TOKEN'))
        continue
      const candidates = [
        TYPED[kind.placeholder],
        kind.placeholder.split('|').slice(0, 1),
        ['expiring'],
        ['high', 'low'],
        ['2026-11-23'],
        ['10.0.0.1'],
        ['plain text'],
      ]
      const typed = candidates.find((texts) => texts !== undefined && 'value' in kind.fromTexts(texts))
      if (typed === undefined) expect.fail(`nothing is known to type for ${name}, ${kind.placeholder}`)
      const parsed = kind.fromTexts(typed as readonly string[])
      const value = 'value' in parsed ? parsed.value : undefined
      expect({ [name]: kind.fromTexts(kind.toTexts(value)) }).toEqual({ [name]: { value } })
    }
  })
})

test('every refusal has an exit code from 2 to 5, and an error carries code, hint and field', () => {
  for (const { exit } of Object.values(CODES)) expect([2, 3, 4, 5]).toContain(exit)
  const error = KeywrightError.from({ refused: 'KEY_REVOKED', message: 'no', field: 'ids' })
  expect(error).toMatchObject({ name: 'KeywrightError', code: 'KEY_REVOKED', message: 'no', field: 'ids', hint: CODES.KEY_REVOKED.hint })
  expect(error).toBeInstanceOf(Error)
})
