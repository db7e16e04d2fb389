// What died half-way is brought to an end by the next change: redone where its records hold all of it, else rolled back.

import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { sha256 } from '../../src/domain/audit.ts'
import type { ApiKeyManager } from '../../src/index.ts'
import { expectCode, linesOf, openManagerAt } from './harness.ts'
import type { Step } from './story.ts'
import { actions, cutLog, expectProven, keyLines, lastRecord, putBack, tell } from './story.ts'

const DAY = 86_400
const generate =
  (userId: string, more = {}): Step =>
  (manager) =>
    manager.generateApiKey({ userId, ...more })
const idOf = async (manager: ApiKeyManager, userId: string): Promise<string> =>
  (await manager.listApiKeys({ userId, sort: 'createdAt', limit: 1 })).keys[0]?.id ?? ''
const on =
  (userId: string, work: (manager: ApiKeyManager, id: string) => Promise<unknown>): Step =>
  async (manager) =>
    work(manager, await idOf(manager, userId))
const revoke: Step = on('ann', (manager, id) => manager.revokeApiKey(id, { reason: 'leaked' }))
const rotate: Step = on('ann', (manager, id) => manager.rotateApiKey(id))
const change = (manager: ApiKeyManager) => manager.generateApiKey({ userId: 'zoe' })
const withoutLast = (lines: readonly string[]) => lines.slice(0, -1)

describe('a change that died between its records and its keys.json', () => {
  const two = [generate('ann', { scopes: ['a:b', 'c:d'], expiresInDays: 30 }), generate('bob')]
  const redoable: [string, Step[], Step][] = [
    ['revoke', two, revoke],
    ['disable', two, on('ann', (manager, id) => manager.disableApiKey(id, { reason: 'r' }))],
    [
      'enable',
      [...two, on('ann', (m, id) => m.disableApiKey(id, { reason: 'r' }))],
      on('ann', (m, id) => m.enableApiKey(id, { reason: 'r' })),
    ],
    [
      'update of every field',
      two,
      on('ann', (manager, id) =>
        manager.updateApiKey(id, {
          name: 'ünï “x”',
          expiresAt: null,
          notBefore: new Date(Date.now() + 1000),
          rateLimits: [{ limit: 5, windowSeconds: 60 }],
          allowedIps: ['10.1.2.3/8'],
          tags: ['b', 'a'],
          metadata: { z: '1', a: '2' },
        }),
      ),
    ],
    [
      'update that empties',
      [generate('ann', { name: 'n', tags: ['t'] })],
      on('ann', (m, id) => m.updateApiKey(id, { name: null, tags: null })),
    ],
    ['scope add', two, on('ann', (manager, id) => manager.addScopeToKey(id, 'b:c'))],
    ['scope remove', two, on('ann', (manager, id) => manager.removeScopeFromKey(id, 'a:b'))],
    ['scope set', two, on('ann', (manager, id) => manager.setScopes(id, []))],
    ['grace end', [...two, rotate], on('ann', (manager, id) => manager.endGrace(id))],
    ['grace extend', [...two, rotate], on('ann', (m, id) => m.extendGrace(id, { until: new Date(Date.now() + 20 * DAY * 1000) }))],
    [
      'expiry that cuts a grace',
      [...two, rotate],
      on('ann', (m, id) => m.updateApiKey(id, { expiresAt: new Date(Date.now() + 3_600_000) })),
    ],
    ['purge', [...two, revoke], (manager) => manager.purge({ olderThanSeconds: 0 })],
    ['revocation of many', [...two, generate('ann')], (manager) => manager.revokeApiKeys({ userId: 'ann' }, { reason: 'all' })],
    [
      'purge of many',
      [...two, generate('ann'), (manager) => manager.revokeApiKeys({ userId: 'ann' }, { reason: 'x' })],
      (manager) => manager.purge({ olderThanSeconds: 0 }),
    ],
  ]
  test.each(redoable)('%s: it is redone, to the letter', async (_, before, last) => {
    const { place, versions, last: lost } = await tell([...before, last])
    const records = place.records()
    putBack(place, versions.at(-2) ?? '')
    const manager = await openManagerAt(place)
    await change(manager)
    expect(withoutLast(keyLines(place.text()))).toEqual(keyLines(lost))
    const redone = records.filter(({ base }) => base === records.at(-1)?.base).map(({ seq }) => seq)
    expect(lastRecord(place, 'store.recover')).toMatchObject({ seq: records.length + 1, after: { redone, rolledBack: [] }, base: null })
    expect((await expectProven(manager)).notes.join()).toContain('store.recover: redone')
  })

  test.each([
    ['generate', [generate('ann')], generate('bob')],
    ['rotate', [generate('ann')], rotate],
  ] as [string, Step[], Step][])('%s, whose secret nobody was given: it is rolled back', async (_, before, last) => {
    const { place, versions } = await tell([...before, last])
    putBack(place, versions.at(-2) ?? '')
    const manager = await openManagerAt(place)
    await change(manager)
    expect(withoutLast(keyLines(place.text()))).toEqual(keyLines(versions.at(-2) ?? ''))
    expect(lastRecord(place, 'store.recover')).toMatchObject({ after: { redone: [], rolledBack: [before.length + 1] } })
    await expectProven(manager)
  })

  test('a key with one rolled-back record in the commit is rolled back wholly, another key’s change is redone', async () => {
    const together: Step = async (manager) => {
      const [ann, bob] = [await idOf(manager, 'ann'), await idOf(manager, 'bob')]
      await Promise.all([
        manager.updateApiKey(ann, { name: 'before' }),
        manager.rotateApiKey(ann),
        manager.updateApiKey(bob, { name: 'redone' }),
        manager.addScopeToKey(ann, 'a:b'),
      ])
    }
    const { place, versions } = await tell([generate('ann'), generate('bob'), together])
    expect(place.records().map(({ base }) => base)).toEqual([0, 1, 2, 2, 2, 2])
    putBack(place, versions.at(-2) ?? '')
    const manager = await openManagerAt(place)
    await change(manager)
    expect(lastRecord(place, 'store.recover')).toMatchObject({ after: { redone: [5], rolledBack: [3, 4, 6] } })
    const [ann, bob] = keyLines(place.text())
    expect(ann).toBe(keyLines(versions.at(-2) ?? '')[0])
    expect(bob).toContain('"name":"redone"')
    await expectProven(manager)
  })

  test('reading goes on before it is recovered: verification, lists and a proof with a note', async () => {
    const { place, versions } = await tell([generate('ann'), revoke])
    putBack(place, versions.at(-2) ?? '')
    const manager = await openManagerAt(place, { readOnly: true })
    expect((await manager.listApiKeys()).keys).toMatchObject([{ status: 'active' }])
    const { notes } = await expectProven(manager)
    expect(notes.join()).toContain('died half-way')
    expect(actions(place)).toEqual(['key.generate', 'key.revoke'])
  })

  test('who verified the key before refuses it after the recovery, also when a flush recovered it', async () => {
    let token = ''
    const generateAnn: Step = async (manager) => {
      ;({ token } = await manager.generateApiKey({ userId: 'ann' }))
    }
    const { place, versions } = await tell([generateAnn, revoke])
    putBack(place, versions.at(-2) ?? '')
    const manager = await openManagerAt(place)
    expect((await manager.validateApiKey(token)).code).toBe('VALID')
    await manager.flush()
    expect(lastRecord(place, 'store.recover')).toMatchObject({ after: { redone: [2] } })
    expect((await manager.validateApiKey(token)).code).toBe('REVOKED')
  })

  test('the first change of all, whose keys.json was never made: it is rolled back, and the store goes on', async () => {
    const { place } = await tell([generate('ann')])
    putBack(place, '')
    const manager = await openManagerAt(place)
    await change(manager)
    expect(actions(place)).toEqual(['key.generate', 'store.recover', 'key.generate'])
    expect((await manager.listApiKeys()).keys).toMatchObject([{ userId: 'zoe' }])
    await expectProven(manager)
  })
})

describe('a torn last line', () => {
  const torn = '{"seq":3,"at":"2026-11-23T12:00:00.000Z","actor":{"name":"te'

  test('is kept in a side file, cut and recorded, and the change goes on', async () => {
    const { place } = await tell([generate('ann'), generate('bob')])
    for (const [time, side] of ['', '.2', '.3'].entries()) {
      appendFileSync(place.log, `${torn}${time}`)
      const manager = await openManagerAt(place)
      await change(manager)
      expect(readFileSync(`${place.log}.torn${side}`, 'utf8')).toBe(`${torn}${time}`)
      expect(lastRecord(place, 'log.repair')).toMatchObject({ after: { length: torn.length + 1, digest: sha256(`${torn}${time}`) } })
      expect((await expectProven(manager)).notes.join()).toContain('log.repair')
    }
    expect(actions(place).filter((action) => action === 'store.recover')).toEqual([])
  })

  test('a running manager meets it too', async () => {
    const { place } = await tell([generate('ann')])
    const manager = await openManagerAt(place)
    await change(manager)
    appendFileSync(place.log, torn)
    await change(manager)
    expect(actions(place)).toEqual(['key.generate', 'key.generate', 'log.repair', 'key.generate'])
    await expectProven(manager)
  })

  /** The records of a revocation of two keys, of which the second is only half written. */
  const halfWritten = async () => {
    const { place, versions } = await tell([
      generate('ann'),
      generate('ann'),
      (manager) => manager.revokeApiKeys({ userId: 'ann' }, { reason: 'all' }),
    ])
    putBack(place, versions.at(-2) ?? '')
    const last = linesOf(place.text(place.log)).at(-1) ?? ''
    cutLog(place, 1)
    return { place, last, before: versions.at(-2) ?? '' }
  }

  test('whole records of the same commit are rolled back: all of it happened or nothing', async () => {
    const { place, last, before } = await halfWritten()
    appendFileSync(place.log, last.slice(0, 100))
    const manager = await openManagerAt(place)
    await change(manager)
    expect(withoutLast(keyLines(place.text()))).toEqual(keyLines(before))
    expect(actions(place).slice(3)).toEqual(['log.repair', 'store.recover', 'key.generate'])
    expect(lastRecord(place, 'store.recover')).toMatchObject({ after: { redone: [], rolledBack: [3] } })
    await expectProven(manager)
  })

  test('whole records of the same commit are rolled back also when the repair died before it could say so', async () => {
    const { place, last, before } = await halfWritten()
    appendFileSync(place.log, last.slice(0, 100))
    const repaired = await openManagerAt(place)
    await change(repaired)
    await repaired.close()
    // The log as it was between the two records.
    cutLog(place, 2)
    expect(actions(place).at(-1)).toBe('log.repair')
    putBack(place, before)
    const manager = await openManagerAt(place)
    await change(manager)
    expect(withoutLast(keyLines(place.text()))).toEqual(keyLines(before))
    await expectProven(manager)
  })

  test('many keys’ records of which the last are missing whole are rolled back: all of it happened or nothing', async () => {
    const { place, before } = await halfWritten()
    const manager = await openManagerAt(place)
    await change(manager)
    expect(withoutLast(keyLines(place.text()))).toEqual(keyLines(before))
    expect(lastRecord(place, 'store.recover')).toMatchObject({ after: { redone: [], rolledBack: [3] } })
    await expectProven(manager)
  })

  test('a first line that is torn leaves an empty store', async () => {
    const { place } = await tell([generate('ann')])
    putBack(place, '')
    writeFileSync(place.log, torn)
    const manager = await openManagerAt(place)
    expect((await manager.listApiKeys()).total).toBe(0)
    await change(manager)
    expect(actions(place)).toEqual(['log.repair', 'key.generate'])
    await expectProven(manager)
  })
})

describe('a log that can’t be written', () => {
  test('no change without its record: AUDIT_UNAVAILABLE, and nothing is changed', async () => {
    const { place, last } = await tell([generate('ann'), generate('bob')])
    const manager = await openManagerAt(place)
    const log = place.text(place.log)
    rmSync(place.log)
    mkdirSync(place.log)
    await expectCode(change(manager), 'AUDIT_UNAVAILABLE')
    expect(place.text()).toBe(last)
    expect((await manager.listApiKeys()).total).toBe(2)
    await expectCode(change(await openManagerAt(place)), 'AUDIT_UNAVAILABLE')
    rmSync(place.log, { recursive: true })
    writeFileSync(place.log, log)
    await change(manager)
    await expectProven(manager)
  })
})
