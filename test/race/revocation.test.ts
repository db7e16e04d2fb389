// A revocation is known everywhere soon. To a process that does nothing but verify: storm/rows/processes.ts.

import { expect, test } from 'vitest'
import { newPlace, openManagerAt, until } from '../store/harness.ts'

test('a key revoked in this process is refused by its very next verification, whatever waits beside it', async () => {
  const place = newPlace()
  const manager = await openManagerAt(place)
  for (let round = 0; round < 5; round++) {
    const { token, key } = await manager.generateApiKey({ userId: 'ann' })
    expect((await manager.validateApiKey(token)).code).toBe('VALID')
    const others = Array.from({ length: 5 }, () => manager.generateApiKey({ userId: 'bob' }))
    await manager.revokeApiKey(key.id, { reason: 'leaked' })
    expect((await manager.validateApiKey(token)).code).toBe('REVOKED')
    await Promise.all(others)
  }
})

test('a read-only process refuses a revoked key also when it has just proven the log', async () => {
  const place = newPlace()
  const manager = await openManagerAt(place)
  const reader = await openManagerAt(place, { readOnly: true })
  const { token, key } = await manager.generateApiKey({ userId: 'ann' })
  await until('the key is known', async () => (await reader.validateApiKey(token)).valid)
  await manager.revokeApiKey(key.id, { reason: 'leaked' })
  expect(await reader.verifyAudit()).toMatchObject({ ok: true, records: 2 })
  expect((await reader.validateApiKey(token)).code).toBe('REVOKED')
})

test('who subscribes is told of a change by another manager, with the store’s new revision', async () => {
  const place = newPlace()
  const [manager, watching] = [await openManagerAt(place), await openManagerAt(place)]
  const told: number[] = []
  const unsubscribe = watching.subscribe(({ revision }) => told.push(revision))
  const { key } = await manager.generateApiKey({ userId: 'ann' })
  await until('the birth is told', () => told.at(-1) === 1)
  await manager.updateApiKey(key.id, { name: 'n' })
  await until('the edit is told', () => told.at(-1) === 2)
  expect(await watching.getApiKey(key.id)).toMatchObject({ name: 'n' })
  unsubscribe()
})
