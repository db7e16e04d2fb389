// Open files: none is kept that is not needed, and none is closed that is somebody else's.

import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ApiKeyManager } from '../../src/index.ts'
import type { Place } from './harness.ts'
import { newPlace, openManagerAt, openStoreAt, until } from './harness.ts'

const open = (): number => readdirSync('/dev/fd').length

/** A store with one key that was used: each of its files is there. */
async function used(): Promise<Place> {
  const place = newPlace()
  const manager = await openManagerAt(place)
  const { token } = await manager.generateApiKey({ userId: 'ann' })
  await manager.validateApiKey(token)
  await manager.close()
  return place
}

test('a manager that is closed keeps no file open, whatever it was asked', async () => {
  const place = await used()
  const before = open()
  for (let round = 0; round < 5; round++) {
    const manager = await ApiKeyManager.open({ store: place.keys })
    const { key } = await manager.generateApiKey({ userId: 'bob' })
    await manager.getUsageStats()
    await manager.verifyAudit()
    for await (const record of manager.auditRecords({ reverse: true })) if (record.seq > 0) break
    await manager.revokeApiKey(key.id, { reason: 'done' })
    await manager.close()
  }
  // Some are closed without anybody waiting for it.
  await until('all that was opened is closed', () => open() <= before)
})

test('a verification that is stopped keeps no file open', async () => {
  const place = await used()
  const manager = await openManagerAt(place)
  await manager.verifyAudit()
  const before = open()
  for (let round = 0; round < 5; round++) await expect(manager.verifyAudit({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
  expect(open()).toBeLessThanOrEqual(before)
})

test('closing a store again closes no file of anybody else', async () => {
  const place = await used()
  const store = await openStoreAt(place)
  await store.usage.read('store', 0)
  await store.close()
  const others = Array.from({ length: 8 }, () => openSync(place.keys, 'r'))
  await store.close()
  for (const descriptor of others) {
    expect(fstatSync(descriptor).isFile()).toBe(true)
    closeSync(descriptor)
  }
})
