// What is kept of the log elsewhere: the head that is told, and the record that a verification expects.

import { appendFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { GENESIS_HASH } from '../../src/domain/audit.ts'
import { expectCode, linesOf, newPlace, openManagerAt } from './harness.ts'
import type { Step } from './story.ts'
import { tell } from './story.ts'

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
