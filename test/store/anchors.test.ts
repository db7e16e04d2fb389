// What is kept of the log elsewhere: the head that is told, and the record that a verification expects.

import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { GENESIS_HASH } from '../../src/domain/audit.ts'
import { ACTOR, expectCode, linesOf, newPlace, openManagerAt, openStoreAt } from './harness.ts'
import type { Step } from './story.ts'
import { cutLog, tell } from './story.ts'

const births: readonly Step[] = ['ann', 'bob', 'cyd'].map((userId) => (manager) => manager.generateApiKey({ userId }))

test('the head is what the log says, whatever keys.json says, and asking writes nothing', async () => {
  const { place } = await tell(births)
  const [, second, third] = place.records()
  writeFileSync(place.keys, place.text().replace(`"seq":3,"hash":"${third?.hash}"`, `"seq":2,"hash":"${second?.hash}"`))
  const before = [place.files(), place.text(place.log), place.text()]
  const manager = await openManagerAt(place)
  expect(await manager.auditHead()).toEqual({ seq: 3, hash: third?.hash })
  await manager.close()
  expect([place.files(), place.text(place.log), place.text()]).toEqual(before)
})

test('the head of a store that is not there is 0 with zeros, and makes no file', async () => {
  const place = newPlace()
  expect(await (await openManagerAt(place)).auditHead()).toEqual({ seq: 0, hash: GENESIS_HASH })
  expect(place.files()).toEqual([])
})

test('a line that is just being written is not the head; a damaged one is no head at all', async () => {
  const { place } = await tell(births)
  const last = place.records().at(-1)
  const whole = place.text(place.log)
  const manager = await openManagerAt(place)
  appendFileSync(place.log, linesOf(whole)[0]?.slice(0, 99) ?? '')
  expect(await manager.auditHead()).toEqual({ seq: 3, hash: last?.hash })
  writeFileSync(place.log, whole.replace('"userId":"cyd"', '"userId":"eve"'))
  await expectCode(manager.auditHead(), 'AUDIT_BROKEN')
})

test('a head that was kept finds a store and a log that were both put back, and a tail that was cut from both', async () => {
  const { place, versions } = await tell(births)
  const log = linesOf(place.text(place.log))
  const [, second] = place.records()
  const kept = { seq: 3, hash: place.records()[2]?.hash ?? '' }
  rmSync(place.usage, { force: true })
  writeFileSync(place.keys, versions[2] ?? '')
  writeFileSync(place.log, `${log.slice(0, 2).join('\n')}\n`)
  const manager = await openManagerAt(place)
  expect(await manager.verifyAudit()).toMatchObject({ ok: true })
  expect(await manager.auditHead()).toMatchObject({ seq: 3 })
  expect(await manager.verifyAudit({ expect: { seq: 2, hash: second?.hash ?? '' } })).toMatchObject({ ok: true })
  expect(await manager.verifyAudit({ expect: kept })).toMatchObject({ ok: false, firstBad: 3 })
})

test('a loss that was accepted on the log does not make good what is expected from elsewhere', async () => {
  const { place } = await tell(births)
  const kept = { seq: 3, hash: place.records()[2]?.hash ?? '' }
  cutLog(place, 1)
  const store = await openStoreAt(place)
  await store.audit.acceptLoss(ACTOR, 'gone')
  expect((await store.audit.verify({})).report).toMatchObject({ ok: true })
  expect((await store.audit.verify({ expect: kept })).report).toMatchObject({ ok: false, firstBad: 3 })
})

test.each([
  ['a text', '3:abc'],
  ['a seq below 0', { seq: -1, hash: GENESIS_HASH }],
  ['a record 0 with a hash', { seq: 0, hash: 'a'.repeat(64) }],
  ['a hash that is none', { seq: 3, hash: 'A'.repeat(64) }],
  ['more than an anchor', { seq: 0, hash: GENESIS_HASH, at: 'now' }],
])('%s is no anchor', async (_, given) => {
  const error = await expectCode((await openManagerAt(newPlace())).verifyAudit({ expect: given as never }), 'INVALID_INPUT')
  expect(error.field).toBe('expect')
})
