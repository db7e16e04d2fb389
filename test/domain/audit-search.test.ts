// Searching the log: what a filter means, and that the needles of a filter miss no line that it means.

import { describe, expect, test } from 'vitest'
import type { AuditPageFilter, AuditRecord, AuditRow } from '../../src/domain/audit.ts'
import { chainLines, EMPTY_HEAD } from '../../src/domain/audit.ts'
import { needlesOf, pageMatcher, rowOf, timelineOf } from '../../src/domain/audit-search.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { ACTOR, NOON, seededRandom } from '../store/harness.ts'
import { logOf60, rewritten } from './log-of.ts'

const NAMES = ['say "Hi"', 'back\\slash', 'Zoë 🔑', 'ключ', 'tab\there', 'a/b <c>', '\u2028', 'K and ſ']

/** A usual log, and a record for each name that JSON or UTF-8 spells in its own way. */
function lines(): Buffer[] {
  const odd = NAMES.map((name) => ({
    ...{ actor: { ...ACTOR, name }, at: isoFrom(NOON), action: 'key.update' as const, keyId: name, userId: name },
    ...{ reason: name, before: { name, tags: [name] }, after: { [name]: null }, base: 1 },
  }))
  const made = chainLines(EMPTY_HEAD, odd).lines.split('\n').slice(0, -1)
  return [...logOf60().lines, ...made.map((line) => Buffer.from(line))]
}

const recordOf = (line: Buffer): AuditRecord => (rowOf(line) as AuditRow).record
const small = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

function holdsNeedles(line: Buffer, filter: AuditPageFilter): boolean {
  const folded = Buffer.from(small(line.toString('latin1')), 'latin1')
  return needlesOf(filter).every((anyOf) => anyOf.some(({ bytes, isFolded }) => (isFolded ? folded : line).includes(bytes)))
}

/** What of a record a text may be found in. */
const textsOf = ({ seq, at, actor, action, keyId, userId, reason, before, after, hash }: AuditRecord): string[] =>
  [String(seq), at, actor.name, actor.osUser, actor.host, action, keyId, userId, reason, hash, before, after].flatMap((value) =>
    value === null ? [] : [typeof value === 'string' ? value : JSON.stringify(value)],
  )

describe('a text', () => {
  const random = seededRandom('texts of records')
  const rows = lines().map((line) => ({ line, record: recordOf(line) }))
  /** A piece of a text, in capitals here and there. */
  const pieceOf = (text: string): string => {
    const from = Math.floor(random() * text.length)
    const piece = text.slice(from, from + 1 + Math.floor(random() * 20))
    return [...piece].map((letter) => (random() < 0.3 && /[a-z]/.test(letter) ? letter.toUpperCase() : letter)).join('')
  }

  test('that is a piece of any member is found, and its needles are in the line', () => {
    for (const { line, record } of rows) {
      for (const whole of textsOf(record)) {
        const piece = pieceOf(whole)
        const isHashPiece = whole === record.hash && piece.length < 8
        if (isHashPiece || !piece.isWellFormed()) continue
        expect([piece, pageMatcher({ text: piece })(record)]).toEqual([piece, true])
        expect([piece, holdsNeedles(line, { text: piece })]).toEqual([piece, true])
      }
    }
  })

  test('that a record is found by stands in its line, whichever record it was taken from', () => {
    for (const { record: source } of rows) {
      const text = pieceOf(textsOf(source)[Math.floor(random() * 5)] as string)
      for (const { line, record } of rows)
        if (pageMatcher({ text })(record)) expect([text, holdsNeedles(line, { text })]).toEqual([text, true])
    }
  })

  test('a value with a quote is found as it was typed and as JSON spells it', () => {
    const [{ record } = { record: null }] = rows.slice(-NAMES.length)
    for (const text of ['SAY "hi"', 'say \\"hi\\"']) expect(pageMatcher({ text })(record as AuditRecord)).toBe(true)
  })
})

test('exact conditions have needles in every line that they mean', () => {
  for (const line of lines()) {
    const { keyId, userId, actor, action } = recordOf(line)
    const filters: AuditPageFilter[] = [
      { action },
      { action: action.split('.')[0] as string },
      { actor: actor.name },
      { actor: actor.osUser },
      ...(keyId === null || userId === null ? [] : [{ keyId }, { userId }, { keyId, userId, action, actor: actor.name, text: actor.host }]),
    ]
    for (const filter of filters) expect([filter, holdsNeedles(line, filter)]).toEqual([filter, true])
  }
})

test('a line is a row whether or not it matches its hash; what is no record is none', () => {
  const [line = Buffer.alloc(0)] = lines()
  expect(rowOf(line)).toMatchObject({ isProven: true, record: { seq: 1 } })
  expect(rowOf(Buffer.from(line.toString().replace('"reason":null', '"reason":"x"')))).toMatchObject({
    isProven: false,
    record: { reason: 'x' },
  })
  expect(rowOf(rewritten(line, (record) => Object.assign(record, { reason: 'x' })))).toMatchObject({ isProven: true })
  for (const wrong of ['', '{}', 'null', line.toString().slice(0, -1), `[${line}]`]) expect(rowOf(Buffer.from(wrong))).toBeNull()
})

test('a timeline has at least one span and at most a thousand', () => {
  const log = { first: 0, last: 10, total: 11, before: (moment: number) => Math.min(11, Math.max(0, Math.ceil(moment))) }
  for (const [spans, expected] of [
    [-1, 1],
    [0, 1],
    [2.9, 2],
    [5000, 1000],
  ] as const)
    expect(timelineOf({ from: null, to: null, spans }, log).counts).toHaveLength(expected)
})
