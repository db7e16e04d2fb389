// Revoking and purging: one key, many, all of an owner; what a dry run shows; what is left afterwards.

import { beforeEach, describe, expect, test } from 'vitest'
import { composeToken } from '../../src/domain/token.ts'
import type { ApiKeyManager } from '../../src/index.ts'
import { collect, expectCode } from '../store/harness.ts'
import type { Library } from './library.ts'
import { DAY, openLibrary, REASON } from './library.ts'

let library: Library
let manager: ApiKeyManager
beforeEach(async () => {
  library = await openLibrary()
  manager = library.manager
})

const idsOf = ({ results }: { results: readonly { id: string }[] }) => results.map(({ id }) => id).sort()
const statusesOf = async (ids: readonly string[]) => Promise.all(ids.map(async (id) => (await library.see(id)).status))

/** Three keys of ann, one of bob. */
async function fourKeys() {
  const made = []
  for (const input of [
    { userId: 'ann', tags: ['a'] },
    { userId: 'ann', scopes: ['read'] },
    { userId: 'ann', expiresInDays: 3 },
    { userId: 'bob', tags: ['a'] },
  ])
    made.push(await library.make(input))
  const [one, two, three, four] = made.map(({ key }) => key.id)
  return { one: one ?? '', two: two ?? '', three: three ?? '', four: four ?? '', made }
}

describe('revoking a key', () => {
  test('ends it for good, and says who, when and why', async () => {
    const { key, token } = await library.make()
    library.clock.pass(1000)
    const [record] = await library.recordsOf(async () => {
      expect(await manager.revokeApiKey(key.id, { reason: 'it leaked' }, { actor: 'ann' })).toMatchObject({
        status: 'revoked',
        revokedAt: library.inMs(0),
        revokedBy: 'ann',
        revokedReason: 'it leaked',
        revision: 2,
      })
    })
    expect(record).toMatchObject({ action: 'key.revoke', reason: 'it leaked', actor: { name: 'ann' } })
    expect(record?.after).not.toHaveProperty('batch')
    expect((await manager.validateApiKey(token)).reason).toBe('KEY_REVOKED')
  })
})

describe('revoking many keys', () => {
  test('of an owner ends them all in one commit: one record a key, one reason, one batch', async () => {
    const { one, two, three, four } = await fourKeys()
    const records = await library.recordsOf(async () => {
      expect(await manager.revokeApiKeys({ userId: 'ann' }, REASON)).toEqual({
        results: expect.arrayContaining([one, two, three].map((id) => ({ id, ok: true }))),
        dryRun: false,
      })
    })
    expect(records.map(({ keyId, action, reason }) => [keyId, action, reason]).sort()).toEqual(
      [one, two, three].map((id) => [id, 'key.revoke', 'a test']).sort(),
    )
    expect(new Set(records.map(({ base }) => base)).size).toBe(1)
    const batches = new Set(records.map(({ after }) => after?.['batch']))
    expect([...batches]).toEqual([expect.stringMatching(/^batch_/)])
    expect(await statusesOf([one, two, three, four])).toEqual(['revoked', 'revoked', 'revoked', 'active'])
    expect((await manager.verifyAudit()).ok).toBe(true)
  })

  test('that are selected by a filter, by an owner and a filter, or by their ids', async () => {
    const { one, two, three, four } = await fourKeys()
    const dry = (selector: Parameters<ApiKeyManager['revokeApiKeys']>[0]) =>
      manager.revokeApiKeys(selector, { ...REASON, dryRun: true }).then(idsOf)
    expect(await dry({ filter: { tag: 'a' } })).toEqual([one, four].sort())
    expect(await dry({ filter: { tag: 'a' }, userId: 'ann' })).toEqual([one])
    expect(await dry({ filter: { status: 'expiring' } })).toEqual([three])
    expect(await dry({ filter: { scope: 'read' } })).toEqual([two])
    expect(await dry({ filter: { search: 'BOB' } })).toEqual([four])
    expect(await dry({ filter: { status: [] } })).toEqual([])
    expect(await dry({ ids: [two, four] })).toEqual([two, four].sort())
  })

  test('that are selected by a filter in the language of lists', async () => {
    const { one } = await fourKeys()
    expect(idsOf(await manager.revokeApiKeys({ filter: 'user:ann tag:a' }, { ...REASON, dryRun: true }))).toEqual([one])
  })

  test('without a selector, or with one that selects everything or two ways at once, is INVALID_INPUT', async () => {
    const { one } = await fourKeys()
    const wrong = [
      {},
      { ids: [] },
      { filter: {} },
      { filter: { userId: undefined } },
      { filter: '' },
      { filter: { nonsense: 1 } },
      { userId: 'ann', ids: [one] },
      { filter: { tag: 'a' }, ids: [one] },
      { userId: '' },
      { nonsense: 1 },
    ]
    for (const selector of wrong) {
      const left = await library.recordsOf(() => expectCode(manager.revokeApiKeys(selector as object, REASON), 'INVALID_INPUT'))
      expect(left).toEqual([])
    }
    await expectCode(manager.revokeApiKeys({ userId: 'ann' }, {} as typeof REASON), 'INVALID_INPUT')
  })

  test('in a dry run shows what would happen and changes nothing', async () => {
    const { one, two, three } = await fourKeys()
    const before = library.place.text()
    const left = await library.recordsOf(async () => {
      expect(await manager.revokeApiKeys({ userId: 'ann' }, { ...REASON, dryRun: true })).toEqual({
        results: expect.arrayContaining([one, two, three].map((id) => ({ id, ok: true }))),
        dryRun: true,
      })
    })
    expect([left, library.place.text() === before, await statusesOf([one, two])]).toEqual([[], true, ['active', 'active']])
  })

  test('leaves out those that are revoked already, however they are named', async () => {
    const { one, two, three } = await fourKeys()
    await manager.revokeApiKey(one, REASON)
    expect(idsOf(await manager.revokeApiKeys({ ids: [one, two] }, REASON))).toEqual([two])
    expect(idsOf(await manager.revokeApiKeys({ userId: 'ann' }, REASON))).toEqual([three])
    expect(await manager.revokeApiKeys({ userId: 'ann' }, REASON)).toEqual({ results: [], dryRun: false })
  })

  test('of which some do not exist revokes the others and says which', async () => {
    const { one, two } = await fourKeys()
    const { results } = await manager.revokeApiKeys({ ids: [one, 'key_000000000000', two] }, REASON)
    expect(results).toEqual([
      { id: one, ok: true },
      { id: 'key_000000000000', ok: false, error: { code: 'NO_SUCH_KEY', message: expect.stringContaining('key_000000000000') } },
      { id: two, ok: true },
    ])
  })

  test('takes a key that is named twice once', async () => {
    const { one, made } = await fourKeys()
    const { key, token } = made[0] as (typeof made)[number]
    const records = await library.recordsOf(async () =>
      expect(idsOf(await manager.revokeApiKeys({ ids: [one, key.secrets[0]?.shortId ?? '', token, one] }, REASON))).toEqual([one]),
    )
    expect(records).toHaveLength(1)
  })

  test('ends a key that is named rightly once and wrongly once', async () => {
    const { one, made } = await fourKeys()
    const shortId = made[0]?.key.secrets[0]?.shortId ?? ''
    const forged = composeToken('kw_live', shortId, new Uint8Array(32))
    const { results } = await manager.revokeApiKeys({ ids: [shortId, forged] }, REASON)
    expect(results).toContainEqual({ id: one, ok: true })
    expect((await library.see(one)).status).toBe('revoked')
  })

  test('never repeats a token in its results', async () => {
    const { made } = await fourKeys()
    const token = made[0]?.token ?? ''
    const forged = composeToken('kw_live', token.slice(8, 20), new Uint8Array(32))
    const answer = JSON.stringify(await manager.revokeApiKeys({ ids: [token, forged, `${token} `] }, REASON))
    for (const one of [token, forged]) expect(answer).not.toContain(one.slice(-49))
  })
})

describe('purging', () => {
  async function endedKeys() {
    const { one, two, three, four } = await fourKeys()
    await manager.revokeApiKey(one, REASON)
    library.clock.pass(3 * DAY)
    await manager.disableApiKey(two, REASON)
    return { revoked: one, disabled: two, expired: three, active: four }
  }

  test('removes what was revoked or expired for that long, to the millisecond, and nothing else', async () => {
    const { revoked, disabled, expired, active } = await endedKeys()
    const purged = async (olderThanSeconds: number) => idsOf(await manager.purge({ olderThanSeconds, dryRun: true }))
    expect([await purged(0), await purged(1), await purged(3 * 86_400), await purged(3 * 86_400 + 1)]).toEqual([
      [revoked, expired].sort(),
      [revoked],
      [revoked],
      [],
    ])
    library.clock.pass(999)
    expect(await purged(1)).toEqual([revoked])
    library.clock.pass(1)
    expect(await manager.purge({ olderThanSeconds: 1 })).toEqual({
      results: expect.arrayContaining([
        { id: revoked, ok: true },
        { id: expired, ok: true },
      ]),
      dryRun: false,
    })
    expect((await manager.listApiKeys()).keys.map(({ id }) => id).sort()).toEqual([disabled, active].sort())
  })

  test('is the one change that a revoked key takes; the log keeps its story', async () => {
    const { revoked } = await endedKeys()
    const records = await library.recordsOf(() => manager.purge({ olderThanSeconds: 86_400 }))
    expect(records).toMatchObject([
      { action: 'key.purge', keyId: revoked, userId: 'ann', after: null, digest: null, before: { revokedReason: 'a test' } },
    ])
    expect(JSON.stringify(records[0]?.before)).not.toMatch(/hash|sha256/)
    expect((await collect(manager.auditRecords({ keyId: revoked }))).map(({ action }) => action)).toEqual([
      'key.generate',
      'key.revoke',
      'key.purge',
    ])
    expect(await manager.getApiKey(revoked)).toBeNull()
    expect((await manager.verifyAudit()).ok).toBe(true)
  })

  test('makes the token of the key unknown', async () => {
    const { key, token } = await library.make()
    await manager.revokeApiKey(key.id, REASON)
    await manager.purge({ olderThanSeconds: 0 })
    expect(await manager.validateApiKey(token)).toEqual({ valid: false, code: 'NOT_FOUND', reason: 'UNKNOWN' })
    await expectCode(manager.revokeApiKey(key.id, REASON), 'NO_SUCH_KEY')
  })

  test.each([{ olderThanSeconds: -1 }, { olderThanSeconds: 1.5 }, { olderThanSeconds: '90d' }, { nonsense: 1 }])(
    'with %j is INVALID_INPUT',
    async (options) => {
      await expectCode(manager.purge(options as { olderThanSeconds: number }), 'INVALID_INPUT')
    },
  )
})
