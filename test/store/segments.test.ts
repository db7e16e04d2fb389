// A log in segments: reading, following and proving go across them, also while another one begins.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { AuditRecord } from '../../src/domain/audit.ts'
import type { ApiKeyManager, AuditProblem } from '../../src/index.ts'
import { segmentPath } from '../../store/log/segments.ts'
import type { Place } from './harness.ts'
import { collect, expectCode, newPlace, openManagerAt, openStoreAt, until } from './harness.ts'
import { expectProven } from './story.ts'

const SEGMENT_BYTES = 4096
const seqs = (records: readonly AuditRecord[]) => records.map(({ seq }) => seq)
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

interface Segmented {
  readonly place: Place
  readonly manager: ApiKeyManager
  /** One more change, one record more or, with a new segment, two. */
  readonly change: () => Promise<void>
}

async function segmented(changes: number): Promise<Segmented> {
  const place = newPlace()
  writeFileSync(join(place.folder, 'keywright.config.json'), `{"segmentBytes":${SEGMENT_BYTES}}`)
  const manager = await openManagerAt(place)
  const { key } = await manager.generateApiKey({ userId: 'ann' })
  let made = 0
  const change = async (): Promise<void> => {
    await manager.updateApiKey(key.id, { name: `name ${++made}` })
  }
  for (let count = 0; count < changes; count++) await change()
  return { place, manager, change }
}

const segmentsOf = (place: Place): number[] =>
  place
    .files()
    .flatMap((file) => /security-audit\.(\d+)\.log$/.exec(file)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)

const before = (firsts: readonly number[], first: number): number => firsts[firsts.indexOf(first) - 1] ?? 0

const total = (place: Place): number => place.records().at(-1)?.seq ?? 0

describe('segments', () => {
  test('a full log is renamed by its first seq; the next begins with a record that follows it', async () => {
    const { place, manager } = await segmented(40)
    const firsts = segmentsOf(place)
    expect(firsts.length).toBeGreaterThan(3)
    expect(firsts[0]).toBe(1)
    const [begin] = place.records()
    expect(begin).toMatchObject({ action: 'log.segment', base: null })
    const all = await collect(manager.auditRecords())
    expect(begin?.prev).toBe(all.find(({ seq }) => seq === (begin?.seq ?? 0) - 1)?.hash)
    expect(all.filter(({ action }) => action === 'log.segment').map(({ seq }) => seq)).toEqual([...firsts.slice(1), begin?.seq])
  })

  test('records are read across them, forwards and backwards, filtered; and all are proven', async () => {
    const { place, manager } = await segmented(40)
    const last = total(place)
    expect(seqs(await collect(manager.auditRecords()))).toEqual(upTo(last))
    expect(seqs(await collect(manager.auditRecords({ reverse: true })))).toEqual(upTo(last).reverse())
    expect(await collect(manager.auditRecords({ action: 'key.generate', reverse: true }))).toMatchObject([{ seq: 1 }])
    expect(await expectProven(manager)).toMatchObject({ records: last })
    const other = await openManagerAt(place)
    await other.generateApiKey({ userId: 'bob' })
    await expectProven(other)
  })

  test('a missing segment is named by the verification, with its file, whichever it is', async () => {
    const { place, manager } = await segmented(40)
    const firsts = segmentsOf(place)
    const nextOf = (first: number): number => firsts[firsts.indexOf(first) + 1] ?? place.records()[0]?.seq ?? 0
    for (const first of firsts) {
      const path = segmentPath(place.log, first)
      const text = place.text(path)
      rmSync(path)
      const { ok, firstBad, problems } = await manager.verifyAudit()
      expect({ ok, firstBad }).toEqual({ ok: false, firstBad: first })
      const other =
        first === 1 ? `security-audit.${nextOf(first)}.log lost its beginning` : `security-audit.${before(firsts, first)}.log was cut short`
      expect(problems[0]).toEqual({
        seq: first,
        problem: `is missing, and so are all up to ${nextOf(first) - 1}: security-audit.${first}.log is not there, or ${other}`,
      })
      writeFileSync(path, text)
    }
    await expectProven(manager)
  })

  test('a segment that was emptied, cut in the middle of a line, or is another file is named by the verification', async () => {
    const { place, manager } = await segmented(40)
    const [first = 0, second = 0, third = 0] = segmentsOf(place)
    const [path, other] = [segmentPath(place.log, second), segmentPath(place.log, third)]
    const text = place.text(path)
    const problemsWith = async (changed: string): Promise<readonly AuditProblem[]> => {
      writeFileSync(path, changed)
      return (await manager.verifyAudit()).problems
    }
    expect((await problemsWith(''))[0]?.problem).toContain(`security-audit.${second}.log holds no record`)
    expect(await problemsWith(text.slice(0, -9))).toMatchObject([
      { seq: third - 1, problem: `is cut off in its middle, in security-audit.${second}.log` },
      { seq: third - 1, problem: expect.stringContaining(`security-audit.${second}.log was cut short`) },
    ])
    expect((await problemsWith(place.text(other)))[0]?.problem).toContain(
      `security-audit.${second}.log begins with seq ${third}: it is another file`,
    )
    expect((await problemsWith(place.text(segmentPath(place.log, first))))[0]?.problem).toContain('begins with seq 1: it is another file')
    expect(await problemsWith(text)).toEqual([])
  })

  test('who reads over a missing segment is told of it where he comes to it, forwards and backwards, and gets the rest', async () => {
    const { place } = await segmented(40)
    const [, second = 0, third = 0] = segmentsOf(place)
    rmSync(segmentPath(place.log, second))
    const warnings: string[] = []
    const manager = await openManagerAt(place, { readOnly: true, onWarning: ({ code, message }) => warnings.push(`${code}: ${message}`) })
    const rest = upTo(total(place)).filter((seq) => seq < second || seq >= third)
    expect(seqs(await collect(manager.auditRecords()))).toEqual(rest)
    expect(seqs(await collect(manager.auditRecords({ reverse: true })))).toEqual(rest.reverse())
    const told = `SEGMENT_MISSING: security-audit.${second}.log is not there, or security-audit.1.log was cut short: records ${second} to ${third - 1} are gone; see: keywright audit verify`
    expect(warnings).toEqual([told, told])
    const reading = manager.auditRecords({ reverse: true })
    await reading.next()
    await reading.return()
    expect(warnings).toHaveLength(2)
  })

  test('who reads a log that lost its first segment is told, both ways', async () => {
    const { place } = await segmented(40)
    const [, second = 0] = segmentsOf(place)
    rmSync(segmentPath(place.log, 1))
    const warnings: string[] = []
    const manager = await openManagerAt(place, { readOnly: true, onWarning: ({ message }) => warnings.push(message) })
    for (const reverse of [false, true]) await collect(manager.auditRecords({ reverse }))
    const told = `security-audit.1.log is not there, or security-audit.${second}.log lost its beginning: records 1 to ${second - 1} are gone; see: keywright audit verify`
    expect(warnings).toEqual([told, told])
  })

  test('a damaged record in a finished segment is named', async () => {
    const { place, manager } = await segmented(30)
    const path = join(place.folder, 'logs', 'security-audit.1.log')
    writeFileSync(path, place.text(path).replace('name 2', 'name X'))
    expect(await manager.verifyAudit()).toMatchObject({ ok: false, firstBad: 3 })
  })

  test('a damaged first record of a finished segment is named, and the sound one behind it is not blamed', async () => {
    const { place, manager } = await segmented(30)
    const first = segmentsOf(place)[1] ?? 0
    const path = segmentPath(place.log, first)
    writeFileSync(path, place.text(path).replace('"seq":', '"sec":'))
    const { firstBad, problems } = await manager.verifyAudit()
    expect(firstBad).toBe(first)
    expect(problems.filter(({ problem }) => problem.includes('another file'))).toEqual([])
  })

  test('a log whose active file is gone but whose segments are there is cut, not new', async () => {
    const { place } = await segmented(30)
    rmSync(place.log)
    await expectCode((await openManagerAt(place)).generateApiKey({ userId: 'bob' }), 'AUDIT_BROKEN')
  })

  test('a new segment that is still empty begins with its record all the same', async () => {
    const { place, change, manager } = await segmented(20)
    const before = segmentsOf(place).length
    while (segmentsOf(place).length === before) await change()
    // The first moment of a new segment: the old one is renamed, of the new one nothing is written yet.
    const [begin, ...rest] = place.records()
    expect([begin?.action, rest.length]).toEqual(['log.segment', 1])
    const keys = JSON.parse(place.text()) as { audit: object; keys: { name: string }[] }
    await manager.close()
    const path = join(place.folder, 'logs', `security-audit.${segmentsOf(place).at(-1)}.log`)
    const old = place.text(path).trimEnd().split('\n').at(-1) ?? '{}'
    const { seq, hash } = JSON.parse(old) as AuditRecord
    keys.audit = { seq, hash }
    writeFileSync(place.log, '')
    rmSync(place.usage, { force: true })
    writeFileSync(place.keys, JSON.stringify(keys))
    const again = await openManagerAt(place)
    await again.generateApiKey({ userId: 'bob' })
    expect(place.records()[0]).toMatchObject({ action: 'log.segment', seq: seq + 1 })
  })
})

describe('while another segment begins', () => {
  test('who reads forwards gets every record', async () => {
    const { place, manager, change } = await segmented(20)
    const reading = manager.auditRecords()
    const read = [(await reading.next()).value as AuditRecord]
    for (let count = 0; count < 20; count++) await change()
    for await (const record of reading) read.push(record)
    expect(seqs(read)).toEqual(upTo(read.length))
    expect(read.length).toBeGreaterThanOrEqual(21)
    expect(read.length).toBeLessThanOrEqual(total(place))
  })

  test('who reads backwards gets every record from where he began', async () => {
    const { manager, change } = await segmented(20)
    const reading = manager.auditRecords({ reverse: true })
    const read = [(await reading.next()).value as AuditRecord]
    for (let count = 0; count < 20; count++) await change()
    for await (const record of reading) read.push(record)
    expect(seqs(read)).toEqual(upTo(read[0]?.seq ?? 0).reverse())
  })

  test('who follows gets every record', async () => {
    const { place, change } = await segmented(1)
    const store = await openStoreAt(place)
    const stop = new AbortController()
    const read: number[] = []
    const following = (async () => {
      for await (const { seq } of store.audit.records({}, { follow: stop.signal })) read.push(seq)
    })()
    await until('the records that are there were read', () => read.length === 2)
    for (let count = 0; count < 60; count++) await change()
    await until('the last record was read', () => read.at(-1) === total(place))
    stop.abort()
    await following
    expect(read).toEqual(upTo(total(place)))
  })

  test.each([true, false])('a verification proves what stood when it began (read-only: %s)', async (readOnly) => {
    const { place, change } = await segmented(30)
    const verifier = await openManagerAt(place, { readOnly })
    let isDone = false
    const changing = (async () => {
      for (let count = 0; count < 120; count++) await change()
      isDone = true
    })()
    const wrong: AuditProblem[] = []
    let verified = 0
    for (; !isDone; verified++) wrong.push(...(await verifier.verifyAudit()).problems)
    await changing
    expect(wrong).toEqual([])
    expect(verified).toBeGreaterThan(1)
  })
})
