// The proof of a log: whatever was changed in it or in the keys by hand is found, and the first wrong record is named.

import { describe, expect, test } from 'vitest'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import type { Key } from '../../src/domain/key.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { ACTOR, NOON, newKey } from '../store/harness.ts'
import { quickRandom } from './arrivals.ts'
import { born, checkOf, logOf60, newLog, rewritten, vouchedFor } from './log-of.ts'

const log = logOf60()
const { lines } = log
const vouched = log.vouched()
const check = (changed: readonly Buffer[]): AuditReport => checkOf(changed, vouched).report

/** Lines as they stand in a file, and back, so that a changed line end is felt. */
const joined = (all: readonly Buffer[]): Buffer => Buffer.concat(all.flatMap((line) => [line, Buffer.from('\n')]))
function split(file: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let start = 0, end = 0; start < file.length; start = end + 1) {
    end = file.indexOf(10, start)
    if (end < 0) end = file.length
    found.push(file.subarray(start, end))
  }
  return found
}

/** Fails unless the check finds something and names that seq. */
function expectBad(report: AuditReport, firstBad: number | null, what: string): void {
  if (report.ok || report.firstBad !== firstBad) expect.fail(`${what}: ok ${report.ok}, firstBad ${report.firstBad} and not ${firstBad}`)
}

describe('a log of 60 records', () => {
  test('that nobody touched is whole, and every rollback in it is listed', () => {
    const { notes, ...report } = check(lines)
    expect(report).toEqual({ ok: true, records: 60, firstBad: null, problems: [] })
    expect(notes).toEqual([expect.stringContaining('store.rollback')])
    expect(check(split(joined(lines))).ok).toBe(true)
  })

  test('of which any byte was changed names the record of that byte', () => {
    const file = joined(lines)
    const random = quickRandom(60)
    let seq = 1
    for (let at = 0; at < file.length; at++) {
      const byte = file[at] as number
      file[at] = byte ^ (1 + Math.floor(random() * 255))
      // What comes long after the byte costs time and can name later records only: it is read for every 16th byte.
      const read = at % 16 === 0 ? split(file) : split(file).slice(0, seq + 2)
      expectBad(check(read), seq, `byte ${at} of record ${seq} from ${byte} to ${file[at]}`)
      file[at] = byte
      if (byte === 10) seq++
    }
    expect(seq).toBe(61)
  })

  test('of which a line was removed names the missing record', () => {
    for (const index of lines.keys()) expectBad(check(lines.toSpliced(index, 1)), index + 1, `without ${index + 1}`)
  })

  test('of which several lines were removed names the first missing one', () => {
    for (const index of lines.keys()) expectBad(check(lines.toSpliced(index, 5)), index + 1, `without 5 from ${index + 1}`)
  })

  test('of which a line was swapped with its neighbour names the one that moved down', () => {
    for (let index = 0; index + 1 < lines.length; index++) {
      const swapped = lines.toSpliced(index, 2, lines[index + 1] as Buffer, lines[index] as Buffer)
      expectBad(check(swapped), index + 1, `${index + 1} behind ${index + 2}`)
    }
  })

  test('of which a line stands twice, there or elsewhere, names that record', () => {
    for (const [index, line] of lines.entries()) {
      expectBad(check(lines.toSpliced(index, 0, line)), index + 1, `twice ${index + 1}`)
      expectBad(check([...lines, line]), index + 1, `again at the end ${index + 1}`)
    }
  })

  test('whose tail was cut names the first missing record', () => {
    for (let length = 0; length < lines.length; length++) expectBad(check(lines.slice(0, length)), length + 1, `cut after ${length}`)
  })

  test('into which an empty line was put names its place', () => {
    for (const index of lines.keys())
      expectBad(check(lines.toSpliced(index, 0, Buffer.alloc(0))), index + 1, `an empty line before ${index + 1}`)
  })

  test('of which a record was rewritten with a hash that fits names that record', () => {
    for (const [index, line] of lines.entries()) {
      const forged = rewritten(line, (record) => Object.assign(record, { reason: 'forged' }))
      expectBad(check(lines.with(index, forged)), index + 1, `forged ${index + 1}`)
    }
  })

  test('of which a record was replaced by one of another log names that record', () => {
    const other = logOf60().lines
    for (const index of lines.keys()) expectBad(check(lines.with(index, other[index] as Buffer)), index + 1, `foreign ${index + 1}`)
  })

  test('whose tail was rewritten with a chain that fits is not what the store vouches for', () => {
    for (const index of lines.keys()) {
      let prev: unknown = null
      const tail = lines.slice(index).map((line) => {
        const forged = rewritten(line, (record) => Object.assign(record, prev === null ? { reason: 'forged' } : { prev }))
        prev = JSON.parse(forged.toString()).hash
        return forged
      })
      expect(check([...lines.slice(0, index), ...tail]).ok).toBe(false)
    }
  })

  test('that was replaced by another whole log is not what the store vouches for', () => {
    const other = logOf60()
    expect(other.check().ok).toBe(true)
    expect(check(other.lines).ok).toBe(false)
    expect(check([]).ok).toBe(false)
    const { ok, firstBad } = check([...lines.slice(0, 30), ...other.lines.slice(30)])
    expect([ok, firstBad === 30 || firstBad === 31]).toEqual([false, true])
  })
})

describe('keys that were touched by hand', () => {
  const keys = [...log.keys.values()]
  const checkKeys = (changed: readonly Key[]) =>
    checkOf(lines, { ...vouchedFor(changed, log.anchor(), log.head()), seenSeq: vouched.seenSeq }).report

  test.each(keys.map((key, index) => [index, key] as const))('key %i is named when it was edited, removed or added', (index, key) => {
    for (const fields of [{ scopes: ['*'] }, { revokedAt: isoFrom(NOON + 1) }, { revision: key.revision + 1 }, { name: 'x' }]) {
      const report = checkKeys(keys.with(index, { ...key, ...fields }))
      expect([report.ok, report.firstBad, report.problems.map(({ keyId }) => keyId)]).toEqual([false, null, [key.id]])
    }
    const removed = checkKeys(keys.toSpliced(index, 1))
    expect([removed.ok, removed.firstBad, removed.problems.map(({ keyId }) => keyId)]).toEqual([false, null, [key.id]])
    const { key: stranger } = newKey()
    const added = checkKeys(keys.toSpliced(index, 0, stranger))
    expect([added.ok, added.firstBad, added.problems.map(({ keyId }) => keyId)]).toEqual([false, null, [stranger.id]])
  })

  test('a purged key that is there again is named', () => {
    const { keyId } = log.records().find(({ action }) => action === 'key.purge') ?? {}
    const report = checkKeys([...keys, newKey({ id: keyId as string }).key])
    expect([report.ok, report.problems.map((problem) => problem.keyId)]).toEqual([false, [keyId]])
  })

  test('keys in another order are no fault', () => {
    expect(checkKeys(keys.toReversed()).ok).toBe(true)
  })
})

describe('time in a log', () => {
  test('that goes back is listed, and the log is whole all the same', () => {
    const odd = newLog()
    odd.commit(born())
    odd.append([{ actor: ACTOR, at: isoFrom(NOON - 3_600_000), action: 'audit.verify' }], { ...odd.head(), at: null })
    const report = odd.check()
    expect([report.ok, report.firstBad, report.problems]).toEqual([true, null, []])
    expect(report.notes).toEqual([expect.stringMatching(/seq 2: time goes back/)])
  })
})

test('an empty log of an empty store is whole', () => {
  expect(newLog().check()).toEqual({ ok: true, records: 0, firstBad: null, problems: [], notes: [] })
})

test('of more than a thousand problems a thousand are listed and all are counted', () => {
  const report = check([...lines, ...Array.from({ length: 1500 }, () => Buffer.from('x'))])
  expect(report.problems).toHaveLength(1000)
  expect(report.notes.join()).toContain('500 more problems are not listed')
})
