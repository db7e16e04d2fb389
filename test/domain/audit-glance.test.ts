// Reading a record's line at a glance: it takes only lines that parsing takes too, and reads the same out of them.

import { describe, expect, test } from 'vitest'
import type { AuditRecord, Entry } from '../../src/domain/audit.ts'
import { ACTIONS, chainLines, EMPTY_HEAD, GENESIS_HASH, parseRecord, sha256 } from '../../src/domain/audit.ts'
import { BLOCK_ROOM, glanceAt, lineBlock } from '../../src/domain/audit-glance.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { ACTOR, NOON } from '../store/harness.ts'
import { harmlessTexts, hostileTexts } from './arbitraries.ts'
import { logOf60 } from './log-of.ts'
import { always, fc } from './seed.ts'

/** What is taken at a glance of a line, which begins somewhere in a block, with the next line and old bytes behind it. */
function glance(line: Buffer, prev: string) {
  const before = Buffer.from('{"x":1}\n')
  const length = before.length + line.length + 1
  const block = lineBlock(Buffer.concat([before, line, Buffer.from('\n'), Buffer.alloc(BLOCK_ROOM, '0')]), length)
  const seen = glanceAt(block, before.length, prev)
  if (seen !== null) expect(seen.end).toBe(length)
  return seen
}

/** Fails unless parsing takes what is taken at a glance, and reads the same. Answers whether it was taken. */
function agrees(line: Buffer, prev: string): boolean {
  // A line ends where the first line end stands.
  const seen = line.includes(10) ? null : glance(line, prev)
  if (seen === null) return false
  const { end: _, ...read } = seen
  const parsed = parseRecord(line)
  if (typeof parsed === 'string') return expect.fail(`${parsed}, and was taken: ${line}`)
  const isNote = parsed.base === null
  expect(read).toEqual({
    ...{ seq: parsed.seq, at: parsed.at, action: parsed.action, base: parsed.base, prev: parsed.prev, hash: parsed.hash },
    ...(isNote ? { keyId: null, digest: null } : { keyId: parsed.keyId, digest: parsed.digest }),
  })
  return true
}

/** A line with a hash that fits it, of a body without its closing brace. */
const sealed = (body: string | Buffer): Buffer => Buffer.concat([Buffer.from(body), Buffer.from(`,"hash":"${sha256(body)}"}`)])
const bodyOf = (line: Buffer): Buffer => line.subarray(0, line.lastIndexOf(',"hash":'))
const lineOf = (entry: Partial<Entry>): Buffer =>
  Buffer.from(chainLines(EMPTY_HEAD, [{ actor: ACTOR, at: isoFrom(NOON), action: 'key.update', ...entry }]).lines.slice(0, -1))

const CHANGE = lineOf({
  keyId: 'key_000000000001',
  userId: 'user1',
  reason: 'because é',
  before: { name: null, limits: [{ limit: -5, tags: [] }], is: true },
  after: { name: 'é😀', metadata: {}, scopes: ['a', 'b'], revision: 0, not: false },
  base: 12,
  digest: sha256('x'),
})

/** Pieces of JSON that are put in somewhere: what a hasty reader would take or leave wrongly. */
const PIECES = [
  ...[
    '',
    ' ',
    '\t',
    '\r',
    '\0',
    '"',
    '""',
    '\\',
    '\\"',
    '\\u0041',
    '\\ud800',
    '\x7f',
    '\x80',
    '\xff',
    '\xe2',
    '\xc0\x80',
    '\xed\xa0\x80',
    '\xef\xbb\xbf',
  ],
  ...['0', '00', '01', '-0', '-', '-1', '1.5', '1e3', '1E400', '.5', '5.', '9007199254740993', '12345678901234567890', 'NaN'],
  ...[
    'null',
    'nul',
    'true',
    'fals',
    '[]',
    '{}',
    '[1,]',
    '[,1]',
    '{"a":1,}',
    '{"a":1,"a":2}',
    '{a:1}',
    '{"__proto__":{}}',
    '[[[[[[[[[[]]]]]]]]]]',
  ],
  ...[',', ':', '}', ']', '{', '[', ',"seq":2', '"seq":2,', '"hash":"x",', 'key.steal', 'store.rollback'],
].map((text) => Buffer.from(text, 'latin1'))

describe('a line', () => {
  test('of a usual log is taken at a glance, but for those that tell of themselves', () => {
    let prev = GENESIS_HASH
    for (const line of logOf60().lines) {
      const { action, hash } = parseRecord(line) as AuditRecord
      expect(agrees(line, prev)).toBe(action !== 'store.rollback')
      prev = hash
    }
    expect(agrees(CHANGE, GENESIS_HASH)).toBe(true)
    const taken = ACTIONS.filter((action) => agrees(lineOf({ action }), GENESIS_HASH))
    expect(ACTIONS.filter((action) => !taken.includes(action))).toEqual([
      ...['audit.accept-loss', 'store.recover', 'store.rollback', 'log.repair', 'usage.repair'],
    ])
  })

  test('that follows another record is not', () => {
    expect(agrees(CHANGE, sha256('another'))).toBe(false)
    expect(agrees(CHANGE, GENESIS_HASH)).toBe(true)
  })

  test('of which any byte is another is not, and none of which the rest is missing', () => {
    for (let at = 0; at < CHANGE.length; at++) {
      expect(glance(CHANGE.subarray(0, at), GENESIS_HASH)).toBeNull()
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(CHANGE)
        changed[at] = (changed[at] as number) ^ (1 << bit)
        expect(agrees(changed, GENESIS_HASH)).toBe(false)
      }
    }
  })

  test('of which any byte is another, with a hash that fits again, is taken only where parsing takes it', () => {
    const body = bodyOf(CHANGE)
    let taken = 0
    for (let at = 0; at < body.length; at++) {
      for (const byte of [...Array(256).keys()].filter((byte) => at % 8 === 0 || byte < 0x30 || byte > 0x7a)) {
        const changed = Buffer.from(body)
        changed[at] = byte
        if (agrees(sealed(changed), GENESIS_HASH)) taken++
      }
    }
    expect(taken).toBeGreaterThan(1000)
  })

  test('into which anything is put anywhere, or in the place of anything, is taken only where parsing takes it', () => {
    const body = bodyOf(CHANGE)
    for (let at = 0; at <= body.length; at++)
      for (const piece of PIECES)
        for (const removed of [0, 1, piece.length])
          agrees(sealed(Buffer.concat([body.subarray(0, at), piece, body.subarray(at + removed)])), GENESIS_HASH)
  }, 60_000)

  test('with a value that is another, or members that are doubled or stand elsewhere, is taken only where parsing takes it', () => {
    const { hash: _, ...record } = JSON.parse(CHANGE.toString()) as Record<string, unknown>
    const parts = Object.entries(record).map(([name, value]) => [JSON.stringify(name), JSON.stringify(value)] as const)
    const written = (all: readonly (readonly [string, string])[]): Buffer =>
      sealed(`{${all.map(([name, value]) => `${name}:${value}`).join(',')}`)
    expect(agrees(written(parts), GENESIS_HASH)).toBe(true)
    parts.forEach(([name], index) => {
      for (const piece of PIECES) agrees(written(parts.with(index, [name, piece.toString('latin1')])), GENESIS_HASH)
      for (let to = 0; to < parts.length; to++) {
        const one = parts[index] as (typeof parts)[number]
        expect(agrees(written(parts.toSpliced(to, 0, one)), GENESIS_HASH)).toBe(false)
        if (to !== index) expect(agrees(written(parts.toSpliced(index, 1).toSpliced(to, 0, one)), GENESIS_HASH)).toBe(false)
      }
    })
  })

  test('with any texts and values in it is read as parsing reads it', () => {
    const text = fc.oneof(harmlessTexts, hostileTexts, fc.string({ unit: 'binary', maxLength: 20 }))
    const fields = fc.option(fc.dictionary(text, fc.jsonValue()))
    const entries = fc.record({ reason: fc.option(text), userId: fc.option(text), keyId: fc.option(text), before: fields, after: fields })
    always(fc.tuple(entries, fc.option(fc.nat())), ([entry, base]) => agrees(lineOf({ ...entry, base }), GENESIS_HASH))
    always(fc.tuple(harmlessTexts, harmlessTexts), ([reason, name]) =>
      expect(agrees(lineOf({ reason, after: { name } }), GENESIS_HASH)).toBe(true),
    )
  })
})
