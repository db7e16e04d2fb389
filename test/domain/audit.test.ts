// Audit records: their line, their chain, and that nothing but a whole record is taken for one.

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { AuditFilter, AuditRecord, Entry } from '../../src/domain/audit.ts'
import {
  ACTIONS,
  chainLines,
  EMPTY_HEAD,
  GENESIS_HASH,
  isChangeRecord,
  matchesRecord,
  namedSeqs,
  parseRecord,
  RECORD_MEMBERS,
} from '../../src/domain/audit.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { ACTOR, NOON } from '../store/harness.ts'
import { logOf60, rewritten } from './log-of.ts'
import { always, fc } from './seed.ts'

const entry = (fields: Partial<Entry> = {}): Entry => ({ actor: ACTOR, at: isoFrom(NOON), action: 'audit.verify', ...fields })
const linesOf = (text: string): Buffer[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => Buffer.from(line))
const recordsOf = (...entries: readonly Entry[]): AuditRecord[] =>
  linesOf(chainLines(EMPTY_HEAD, entries).lines).map((line) => parseRecord(line) as AuditRecord)

describe('a line of the log', () => {
  test('holds the promised members in the promised order, null where there is nothing to say', () => {
    const [line] = chainLines(EMPTY_HEAD, [entry()]).lines.split('\n')
    const record = JSON.parse(line as string) as AuditRecord
    expect(Object.keys(record)).toEqual(RECORD_MEMBERS)
    expect(Object.keys(record)).toEqual([
      'seq',
      'at',
      'actor',
      'action',
      'keyId',
      'userId',
      'outcome',
      'reason',
      'before',
      'after',
      'base',
      'digest',
      'prev',
      'hash',
    ])
    expect(Object.keys(record.actor)).toEqual(['name', 'osUser', 'host', 'via'])
    expect(record).toMatchObject({
      seq: 1,
      at: isoFrom(NOON),
      keyId: null,
      outcome: 'done',
      before: null,
      base: null,
      digest: null,
      prev: GENESIS_HASH,
    })
  })

  test('ends with the SHA-256 of its bytes before the hash, and begins its chain with zeros', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 })
    always(
      fc.array(fc.record({ reason: fc.option(text), userId: text, after: fc.dictionary(text, text) }), { minLength: 1, maxLength: 4 }),
      (all) => {
        const { lines, head } = chainLines(EMPTY_HEAD, all.map(entry))
        let prev = GENESIS_HASH
        linesOf(lines).forEach((line, index) => {
          const record = parseRecord(line) as AuditRecord
          expect(record).toMatchObject({ seq: index + 1, prev })
          expect(record.hash).toBe(
            createHash('sha256')
              .update(line.subarray(0, line.lastIndexOf(',"hash":')))
              .digest('hex'),
          )
          prev = record.hash
        })
        expect(head).toEqual({ seq: all.length, hash: prev, at: isoFrom(NOON) })
      },
    )
  })

  test('is chained behind the head that is given, however often it is continued', () => {
    const first = chainLines(EMPTY_HEAD, [entry(), entry()])
    const second = chainLines(first.head, [entry({ reason: 'on' })])
    expect(first.lines + second.lines).toBe(chainLines(EMPTY_HEAD, [entry(), entry(), entry({ reason: 'on' })]).lines)
  })

  test('has a time that never goes back: the later of its own and that of the record before', () => {
    const times = [0, -3_600_000, 5, -1, 7].map((ms) => isoFrom(NOON + ms))
    expect(recordsOf(...times.map((at) => entry({ at }))).map(({ at }) => Date.parse(at) - NOON)).toEqual([0, 0, 5, 5, 7])
  })
})

describe('a record is read', () => {
  const [line] = linesOf(chainLines(EMPTY_HEAD, [entry({ reason: 'because é😀' })]).lines) as [Buffer]
  const rehashed = (change: (record: Record<string, unknown>) => void) => rewritten(line, change)

  test('when it is whole', () => {
    expect(parseRecord(line)).toMatchObject({ seq: 1, reason: 'because é😀' })
    expect(parseRecord(rehashed((record) => Object.assign(record, { reason: 'other' })))).toMatchObject({ reason: 'other' })
  })

  test('and not when a byte is missing, added or other', () => {
    for (let at = 0; at < line.length; at++) {
      expect(parseRecord(Buffer.concat([line.subarray(0, at), line.subarray(at + 1)]))).toBeTypeOf('string')
      expect(parseRecord(Buffer.concat([line.subarray(0, at), Buffer.from(' '), line.subarray(at)]))).toBeTypeOf('string')
      expect(parseRecord(line.subarray(0, at))).toBeTypeOf('string')
    }
    for (const end of [' ', '\r', '\0', '\n']) expect(parseRecord(Buffer.concat([line, Buffer.from(end)]))).toBeTypeOf('string')
  })

  test.each<[string, (record: Record<string, unknown>) => unknown]>([
    ['a missing member', (record) => delete record['base']],
    ['an unknown member', (record) => Object.assign(record, { more: 1 })],
    ['an unknown action', (record) => Object.assign(record, { action: 'key.steal' })],
    ['a seq that is no whole number', (record) => Object.assign(record, { seq: 1.5 })],
    ['an actor without a name', (record) => Object.assign(record, { actor: { osUser: 'a', host: 'b', via: 'cli' } })],
    ['an actor whose name is a number', (record) => Object.assign(record, { actor: { ...ACTOR, name: 5 } })],
    ['an unknown outcome', (record) => Object.assign(record, { outcome: 'maybe' })],
    ['fields that are a list', (record) => Object.assign(record, { after: [] })],
    ['a base that is a text', (record) => Object.assign(record, { base: '1' })],
  ])('and not with %s, though its hash fits', (_, change) => {
    expect(parseRecord(rehashed(change))).toBe('is not a record')
  })

  test('and not out of anything else, which it takes without throwing', () => {
    for (const text of ['', '{}', '[]', 'null', '5', '"x"', '{"seq":1}', '\ufeff{}', '{"__proto__":{}}', '['.repeat(1e5)])
      expect(parseRecord(Buffer.from(text))).toBe('is not a record')
    always(fc.uint8Array({ maxLength: 200 }), (bytes) => expect(parseRecord(Buffer.from(bytes))).toBe('is not a record'))
  })
})

describe('records are chosen', () => {
  const log = logOf60().records()
  const chosen = (filter: AuditFilter) => log.filter((record) => matchesRecord(record, filter))

  test('by key, owner, action or the first words of several actions', () => {
    const { keyId } = log[0] as AuditRecord
    expect(chosen({ keyId: keyId as string }).every((record) => record.keyId === keyId)).toBe(true)
    expect(chosen({ action: 'key.scope' }).every(({ action }) => action.startsWith('key.scope.'))).toBe(true)
    expect(chosen({ action: 'key' })).toEqual(log.filter(isChangeRecord))
    expect(chosen({ action: 'key.re' })).toEqual([])
    expect([chosen({}).length, chosen({ userId: 'nobody' }).length]).toEqual([log.length, 0])
    expect(new Set(ACTIONS).size).toBe(ACTIONS.length)
  })

  test('by the claimed name or the user of the system, so that a claimed name hides nobody', () => {
    const [record] = recordsOf(entry({ actor: { ...ACTOR, name: 'claimed', osUser: 'root' } })) as [AuditRecord]
    expect(['claimed', 'root', 'tester'].map((actor) => matchesRecord(record, { actor }))).toEqual([true, true, false])
  })

  test('from a time on, and before another', () => {
    const [record] = recordsOf(entry()) as [AuditRecord]
    expect([NOON, NOON + 1].map((since) => matchesRecord(record, { since }))).toEqual([true, false])
    expect([NOON, NOON + 1].map((until) => matchesRecord(record, { until }))).toEqual([false, true])
  })

  test('what a rollback names is a list of whole numbers, whatever stands there', () => {
    const [record] = recordsOf(entry({ action: 'store.rollback', after: { rolledBack: [1, '2', null, 3.5, 4], redone: 'all' } })) as [
      AuditRecord,
    ]
    expect([namedSeqs(record, 'rolledBack'), namedSeqs(record, 'redone')]).toEqual([[1, 4], []])
  })
})
