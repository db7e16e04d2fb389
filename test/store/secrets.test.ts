// That the search for tokens, which ends every test with a place of its own, finds one.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesWithTokens, newKey, newPlace, openManagerAt } from './harness.ts'

test('a token in any file below a place is found, whatever stands around it', () => {
  const { folder } = newPlace()
  const { token } = newKey()
  mkdirSync(join(folder, 'logs'))
  const path = join(folder, 'logs', 'a.log')
  for (const text of [token, `{"reason":"${token}"}`, `x${token}x`, Buffer.concat([Buffer.from([0, 255, 254]), Buffer.from(token)])]) {
    writeFileSync(path, text)
    expect(filesWithTokens(folder)).toEqual([join('logs', 'a.log')])
  }
  rmSync(path)
  expect(filesWithTokens(folder)).toEqual([])
})

test('issuing, rotating, using, refusing and revoking leave no token in any file', async () => {
  const place = newPlace()
  const manager = await openManagerAt(place)
  const { token, key } = await manager.generateApiKey({ userId: 'ann', name: 'first' })
  const { token: second } = await manager.rotateApiKey(token, { graceSeconds: 0 })
  for (const one of [token, second, `${second}x`, second.slice(0, -1)]) await manager.validateApiKey(one)
  await manager.explainApiKey(second)
  await manager.revokeApiKey(second, { reason: `the key ${key.id} is over` })
  await manager.close()
  expect(place.files()).toHaveLength(4)
  expect(filesWithTokens(place.folder)).toEqual([])
})
