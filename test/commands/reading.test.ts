// Reading: lists, owners, statistics and the log as the library answers them, and what it refuses to be asked.

import { beforeEach, describe, expect, test } from 'vitest'
import type { ApiKeyManager, ListedKey } from '../../src/index.ts'
import { collect, expectCode } from '../store/harness.ts'
import type { Library } from './library.ts'
import { DAY, HOUR, openLibrary, REASON } from './library.ts'

let library: Library
let manager: ApiKeyManager
beforeEach(async () => {
  library = await openLibrary()
  manager = library.manager
})

const idsOf = ({ keys }: { keys: readonly ListedKey[] }) => keys.map(({ id }) => id)

/** Keys that were made one second after another, oldest first. */
async function makeKeys(count: number): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    const { key } = await library.make({ userId: `user${index % 4}`, ...(index % 3 === 0 ? {} : { name: `name ${index % 2}` }) })
    ids.push(key.id)
    library.clock.pass(1000)
  }
  return ids
}

describe('a list of keys', () => {
  test('is newest first, 50 at most, without a hash, each key with its status and last use', async () => {
    const ids = await makeKeys(3)
    const { token } = await library.make()
    await manager.validateApiKey(token)
    const { keys, nextCursor, total } = await manager.listApiKeys()
    expect([keys.map(({ id }) => id).slice(1), nextCursor, total]).toEqual([ids.toReversed(), null, 4])
    expect(keys[0]).toMatchObject({ status: 'active', lastUsedAt: library.inMs(0) })
    expect(keys[1]?.lastUsedAt).toBeNull()
    expect(JSON.stringify(keys)).not.toMatch(/hash|sha256/)
  })

  test.each(['name', '-name', 'userId', '-createdAt', 'createdAt', 'status', '-lastUsedAt'])(
    'sorted by %s is walked page by page, each key once, while keys are made',
    async (sort) => {
      const ids = await makeKeys(11)
      const seen: string[] = []
      for (let cursor: string | null = '', page = 0; cursor !== null && page < 50; page++) {
        const answer = await manager.listApiKeys({ sort, limit: 2, ...(cursor === '' ? {} : { cursor }) })
        seen.push(...idsOf(answer))
        cursor = answer.nextCursor
        if (page % 3 === 0) await library.make({ name: 'name 0' })
      }
      expect(seen.filter((id) => ids.includes(id)).sort()).toEqual(ids.toSorted())
      expect(new Set(seen).size).toBe(seen.length)
    },
  )

  test('is chosen by one status or several, and by all conditions together', async () => {
    const [one = '', two = '', three = ''] = await makeKeys(3)
    await manager.revokeApiKey(one, REASON)
    await manager.disableApiKey(two, REASON)
    expect(idsOf(await manager.listApiKeys({ status: 'revoked' }))).toEqual([one])
    expect(idsOf(await manager.listApiKeys({ status: ['revoked', 'disabled'] }))).toEqual([two, one])
    expect(idsOf(await manager.listApiKeys({ status: ['revoked', 'disabled'], userId: 'user1' }))).toEqual([two])
    expect(idsOf(await manager.listApiKeys({ search: three.toUpperCase() }))).toEqual([three])
  })

  test.each<object>([
    { cursor: 'nonsense' },
    { cursor: '' },
    { limit: 0 },
    { limit: 1001 },
    { limit: '5' },
    { sort: 'hash' },
    { sort: '' },
    { status: 'dead' },
    { scope: 'Read' },
    { search: '' },
    { idleForSeconds: -1 },
    { nonsense: 1 },
  ])('is refused as INVALID_INPUT: %j', async (input) => {
    await expectCode(manager.listApiKeys(input), 'INVALID_INPUT')
  })

  test('in another order refuses the cursor of this one', async () => {
    await makeKeys(3)
    const { nextCursor } = await manager.listApiKeys({ limit: 1 })
    expect((await expectCode(manager.listApiKeys({ limit: 1, sort: 'name', cursor: nextCursor ?? '' }), 'INVALID_INPUT')).field).toBe(
      'cursor',
    )
  })
})

describe('owners', () => {
  test('are walked page by page, also where their names are as long as names may be', async () => {
    const names = ['😀', '"', 'é', '\\', '中'].map((point) => point.repeat(200))
    for (const userId of names) await library.make({ userId })
    const seen: string[] = []
    for (let cursor: string | null = '', page = 0; cursor !== null && page < 20; page++) {
      const answer = await manager.listUsers({ limit: 1, ...(cursor === '' ? {} : { cursor }) })
      seen.push(...answer.users.map(({ userId }) => userId))
      cursor = answer.nextCursor
    }
    expect(seen).toEqual(names.toSorted())
  })

  test('count their keys by status and tell the last use of any', async () => {
    const { key } = await library.make({ userId: 'ann' })
    const { token } = await library.make({ userId: 'ann', expiresInDays: 1 })
    await manager.revokeApiKey(key.id, REASON)
    await manager.validateApiKey(token)
    expect((await manager.listUsers({ search: 'AN' })).users).toMatchObject([
      { userId: 'ann', total: 2, revoked: 1, expiring: 1, active: 0, lastUsedAt: library.inMs(0) },
    ])
  })
})

describe('statistics', () => {
  test('count what was verified, of a key, of an owner and of the whole store, unwritten counts included', async () => {
    const { token, key } = await library.make({ userId: 'ann', scopes: ['read'] })
    const { token: other } = await library.make({ userId: 'bob' })
    await manager.validateApiKey(token, { requiredScope: 'read' })
    await manager.validateApiKey(token, { requiredScope: 'write' })
    await manager.validateApiKey(other)
    await manager.validateApiKey('nonsense')
    expect(await manager.getKeyUsageStats(key.id)).toMatchObject({
      usageCount: 1,
      refused: { INSUFFICIENT_SCOPE: 1 },
      byScope: { read: { count: 1 } },
    })
    expect(await manager.getKeyUsageStats(token)).toMatchObject({ usageCount: 1 })
    expect(await manager.getUsageStats({ userId: 'bob' })).toMatchObject({ usageCount: 1, refused: { INSUFFICIENT_SCOPE: 0 } })
    expect(await manager.getUsageStats()).toMatchObject({ usageCount: 2, refused: { INSUFFICIENT_SCOPE: 1, NOT_FOUND: 1 } })
  })

  test('of a window leave out what came before it, and a flush changes nothing', async () => {
    const { token, key } = await library.make()
    await manager.validateApiKey(token)
    library.clock.pass(2 * HOUR)
    await manager.validateApiKey(token)
    const windows = ['1h', '24h', '7d', '30d'] as const
    const counts = async () => Promise.all(windows.map(async (window) => (await manager.getKeyUsageStats(key.id, { window })).usageCount))
    expect(await counts()).toEqual([1, 2, 2, 2])
    await manager.flush()
    expect(await counts()).toEqual([1, 2, 2, 2])
    library.clock.pass(25 * HOUR)
    expect(await counts()).toEqual([0, 0, 2, 2])
    library.clock.pass(40 * DAY)
    expect([await counts(), (await manager.getKeyUsageStats(key.id)).usageCount]).toEqual([[0, 0, 0, 0], 2])
  })

  test('of a key that does not exist are NO_SUCH_KEY, of a window that there is not INVALID_INPUT', async () => {
    const { key } = await library.make()
    await expectCode(manager.getKeyUsageStats('key_000000000000'), 'NO_SUCH_KEY')
    await expectCode(manager.getKeyUsageStats(key.id, { window: '2h' as '1h' }), 'INVALID_INPUT')
    await expectCode(manager.getUsageStats({ nonsense: 1 } as object), 'INVALID_INPUT')
    expect([await manager.getApiKey('key_000000000000'), await manager.getApiKey('nonsense')]).toEqual([null, null])
  })
})

describe('records of the log', () => {
  test('are streamed oldest or newest first, chosen by key, owner, actor, action and time', async () => {
    const { key } = await library.make({ userId: 'ann' })
    library.clock.pass(HOUR)
    await manager.addScopeToKey(key.id, 'read', { actor: 'bob' })
    await library.make({ userId: 'eve' })
    const actions = async (input: Parameters<ApiKeyManager['auditRecords']>[0]) =>
      (await collect(manager.auditRecords(input))).map(({ action, userId }) => `${action} ${userId}`)
    const [born, scoped, other] = ['key.generate ann', 'key.scope.add ann', 'key.generate eve']
    expect(await actions({})).toEqual([born, scoped, other])
    expect(await actions({ reverse: true })).toEqual([other, scoped, born])
    expect(await actions({ keyId: key.secrets[0]?.shortId ?? '' })).toEqual([born, scoped])
    expect(await actions({ userId: 'eve' })).toEqual([other])
    expect(await actions({ actor: 'bob' })).toEqual([scoped])
    expect(await actions({ action: 'key.scope' })).toEqual([scoped])
    expect(await actions({ since: library.inMs(0), until: library.inMs(1) })).toEqual([scoped, other])
    expect(await actions({ until: library.inMs(0) })).toEqual([born])
  })

  test.each<object>([{ action: 'key.steal' }, { since: 'yesterday' }, { since: 5 }, { keyId: 5 }, { nonsense: 1 }])(
    'asked with %j are INVALID_INPUT',
    async (input) => {
      await expectCode(collect(manager.auditRecords(input)), 'INVALID_INPUT')
    },
  )
})
