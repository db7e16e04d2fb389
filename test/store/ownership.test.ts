// Whose files are: root works for the owner of a store; in a folder that all may add to, another's file is not taken for ours.

import { chmodSync, chownSync, lchownSync, mkdirSync, readdirSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { giveFolderToOwner } from '../../store/ownership.ts'
import type { Place } from './harness.ts'
import { expectCode, newPlace, openManagerAt, placeAt } from './harness.ts'

/** Only root can give a file away, and stand for another user. */
const asRoot = test.runIf(process.getuid?.() === 0)
const OWNER = { uid: 4242, gid: 4343 }

const ownersBelow = (place: Place) =>
  readdirSync(place.folder, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { uid, gid } = statSync(join(place.folder, name))
    return { name, uid, gid }
  })

/** A place of another user, with a folder for the log where they made one. */
function theirs(...folders: readonly string[]): Place {
  const place = newPlace()
  chownSync(place.folder, OWNER.uid, OWNER.gid)
  for (const name of folders) {
    mkdirSync(join(place.folder, name), { mode: 0o700 })
    chownSync(join(place.folder, name), OWNER.uid, OWNER.gid)
  }
  return place
}

describe('a store of another user that root changes', () => {
  asRoot('every file and folder that comes of it belongs to the owner of the folder', async () => {
    const place = theirs()
    const manager = await openManagerAt(place, { auditLog: 'logs/of/ours.log', auditSink: `file:${place.folder}/copy.log` })
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

  asRoot('no folder is given away but one that is new and empty, wherever its name leads', () => {
    const place = theirs('full', 'new')
    const elsewhere = newPlace()
    writeFileSync(join(place.folder, 'full', 'one'), '')
    writeFileSync(join(place.folder, 'full', 'two'), '')
    symlinkSync(elsewhere.folder, join(place.folder, 'link'))
    for (const name of ['full', 'new']) chownSync(join(place.folder, name), 0, 0)
    giveFolderToOwner(join(place.folder, 'full'))
    giveFolderToOwner(join(place.folder, 'new'))
    expect(() => giveFolderToOwner(join(place.folder, 'link'))).toThrow()
    expect(['full', 'new'].map((name) => statSync(join(place.folder, name)).uid)).toEqual([0, OWNER.uid])
    // A folder that lies elsewhere belongs to who owns that place.
    mkdirSync(join(elsewhere.folder, 'logs'))
    giveFolderToOwner(join(place.folder, 'link', 'logs'))
    expect(statSync(join(elsewhere.folder, 'logs')).uid).toBe(0)
  })

  asRoot('a keys.json that was given to someone stays theirs, whoever owns the folder', async () => {
    const place = newPlace()
    await (await openManagerAt(place)).generateApiKey({ userId: 'ann' })
    chownSync(place.keys, OWNER.uid, OWNER.gid)
    await (await openManagerAt(place)).generateApiKey({ userId: 'bob' })
    expect(statSync(place.keys)).toMatchObject(OWNER)
    expect(statSync(place.log).uid).toBe(statSync(place.folder).uid)
  })

  asRoot('a link of theirs in the place of a file is not followed', async () => {
    for (const pathOf of [(place: Place) => place.log, (place: Place) => place.usage, (place: Place) => place.lock]) {
      const place = theirs('logs')
      const elsewhere = join(newPlace().folder, 'elsewhere')
      writeFileSync(elsewhere, 'of the system', { mode: 0o600 })
      symlinkSync(elsewhere, pathOf(place))
      lchownSync(pathOf(place), OWNER.uid, OWNER.gid)
      await expectCode(openManagerAt(place), 'STORE_INSECURE')
    }
  })
})

test('a link in the place of the log is never written through, also one of one’s own', async () => {
  const place = newPlace()
  await (await openManagerAt(place)).generateApiKey({ userId: 'ann' })
  const elsewhere = join(place.folder, 'elsewhere.log')
  writeFileSync(elsewhere, place.text(place.log), { mode: 0o600 })
  unlinkSync(place.log)
  symlinkSync(elsewhere, place.log)
  const before = place.text(elsewhere)
  await expectCode((await openManagerAt(place)).generateApiKey({ userId: 'bob' }), 'AUDIT_UNAVAILABLE')
  expect(place.text(elsewhere)).toBe(before)
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

  asRoot.each([
    ['the keys', (place: Place) => place.keys],
    ['the settings', (place: Place) => join(place.folder, 'keywright.config.json')],
    ['the counts', (place: Place) => place.usage],
    ['the lock', (place: Place) => place.lock],
    ['the folder of the log', (place: Place) => join(place.folder, 'logs')],
  ])('%s that another user put there is refused', async (_, pathOf) => {
    const place = shared()
    const path = pathOf(place)
    if (path.endsWith('logs')) mkdirSync(path, { mode: 0o700 })
    else writeFileSync(path, path.endsWith('config.json') ? '{}' : '', { mode: 0o600 })
    chownSync(path, OWNER.uid, OWNER.gid)
    const refused = await expectCode(openManagerAt(place), 'STORE_INSECURE')
    expect(refused.message).toContain(path)
    expect(refused.message).toContain('uid 4242')
  })
})

test('settings that others may write are refused before they are believed', async () => {
  const place = newPlace()
  writeFileSync(join(place.folder, 'keywright.config.json'), '{"brand":"eve"}')
  chmodSync(join(place.folder, 'keywright.config.json'), 0o666)
  const refused = await expectCode(openManagerAt(place), 'STORE_INSECURE')
  expect(refused.message).toContain('keywright.config.json')
  await openManagerAt(place, { insecure: true })
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
