// Whose files are: root works for the owner of a store; in a folder that all may add to, another's file is not taken for ours.

import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Place } from './harness.ts'
import { expectCode, newPlace, openManagerAt, placeAt } from './harness.ts'

const isRoot = process.getuid?.() === 0
/** Only root can give a folder away; for others the owner stays who it was, and all below must hold too. */
const OWNER = isRoot ? { uid: 4242, gid: 4343 } : { uid: statSync('.').uid, gid: process.getgid?.() ?? 0 }

const ownersBelow = (place: Place) =>
  readdirSync(place.folder, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { uid, gid } = statSync(join(place.folder, name))
    return { name, uid, gid }
  })

describe('a store of another user that root changes', () => {
  test('every file and folder that comes of it belongs to the owner of the folder', async () => {
    const place = newPlace()
    chownSync(place.folder, OWNER.uid, OWNER.gid)
    const auditLog = 'logs/of/ours.log'
    const manager = await openManagerAt(place, { auditLog, auditSink: `file:${place.folder}/copy.log` })
    const { key, token } = await manager.generateApiKey({ userId: 'ann' })
    await manager.validateApiKey(token)
    await manager.revokeApiKey(key.id, { reason: 'left' })
    await manager.close()
    const made = ownersBelow(place)
    expect(made.map(({ name }) => name).sort()).toEqual(
      ['copy.log', 'keys.json', 'keys.lock', 'keys.usage.json', 'logs', 'logs/of', 'logs/of/ours.log'].sort(),
    )
    expect(made).toEqual(made.map(({ name }) => ({ name, ...OWNER })))
  })

  test('a keys.json that was given to someone stays theirs, whoever owns the folder', async () => {
    const place = newPlace()
    await (await openManagerAt(place)).generateApiKey({ userId: 'ann' })
    chownSync(place.keys, OWNER.uid, OWNER.gid)
    await (await openManagerAt(place)).generateApiKey({ userId: 'bob' })
    expect(statSync(place.keys)).toMatchObject(OWNER)
    expect(statSync(place.log).uid).toBe(statSync(place.folder).uid)
  })
})

describe('a folder that everyone may add to, where nobody can replace another’s file', () => {
  const shared = (): Place => {
    const place = newPlace()
    chmodSync(place.folder, 0o1777)
    return place
  }

  test('is no danger while the files are ours', async () => {
    const place = shared()
    const { key } = await (await openManagerAt(place)).generateApiKey({ userId: 'ann' })
    expect(await (await openManagerAt(place)).getApiKey(key.id)).toMatchObject({ userId: 'ann' })
  })

  test.each([
    ['the counts', (place: Place) => place.usage],
    ['the lock', (place: Place) => place.lock],
    ['the folder of the log', (place: Place) => join(place.folder, 'logs')],
  ])('%s that another user put there is refused', async (_, pathOf) => {
    const place = shared()
    const path = pathOf(place)
    if (path.endsWith('logs')) mkdirSync(path, { mode: 0o700 })
    else writeFileSync(path, '', { mode: 0o600 })
    // Only root can stand for another user.
    if (!isRoot) return
    chownSync(path, 4242, 4242)
    const refused = await expectCode(openManagerAt(place), 'STORE_INSECURE')
    expect(refused.message).toContain(path)
    expect(refused.message).toContain('uid 4242')
    await openManagerAt(place, { insecure: true })
  })
})

test('a store `keys` beside `keys.json` would share its log and lock: it is refused, and told of the other', async () => {
  const place = newPlace()
  await (await openManagerAt(place)).generateApiKey({ userId: 'ann' })
  const refused = await expectCode(openManagerAt(placeAt(place.folder, 'keys')), 'INVALID_INPUT')
  expect(refused.message).toContain(place.keys)
  const other = placeAt(place.folder, 'other')
  await (await openManagerAt(other)).generateApiKey({ userId: 'bob' })
  expect(statSync(other.keys).isFile()).toBe(true)
})
