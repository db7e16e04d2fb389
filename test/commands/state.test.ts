// What may be changed when: state is judged before sameness, and a change that changes nothing leaves no record.

import { beforeEach, describe, expect, test } from 'vitest'
import { composeToken } from '../../src/domain/token.ts'
import type { ApiKeyManager } from '../../src/index.ts'
import { expectCode } from '../store/harness.ts'
import type { Library } from './library.ts'
import { DAY, HOUR, OPERATIONS, openLibrary, REASON } from './library.ts'

let library: Library
let manager: ApiKeyManager
beforeEach(async () => {
  library = await openLibrary()
  manager = library.manager
})

/** A key with one older secret in its grace; its token is the newer one. */
async function richKey() {
  const { key } = await library.make({ name: 'one', scopes: ['read'], expiresInDays: 100 })
  return manager.rotateApiKey(key.id, { graceSeconds: 10 * 86_400 })
}

const named = Object.entries(OPERATIONS)

describe.each(named)('%s', (name, operation) => {
  test('of a revoked key is KEY_REVOKED, and leaves neither record nor revision', async () => {
    const { key } = await richKey()
    const { revision } = await manager.revokeApiKey(key.id, REASON)
    const left = await library.recordsOf(() => expectCode(operation(manager, key.id), 'KEY_REVOKED'))
    expect([left, (await library.see(key.id)).revision]).toEqual([[], revision])
  })

  test('of a key that does not exist is NO_SUCH_KEY, however it is named', async () => {
    const { token } = await richKey()
    const forged = composeToken('kw_live', token.slice(8, 20), new Uint8Array(32))
    for (const ref of ['key_000000000000', '000000000000', forged, 'nonsense', '', '__proto__']) {
      const error = await expectCode(operation(manager, ref), 'NO_SUCH_KEY')
      expect(error.message + error.hint).not.toContain(forged.slice(-49))
    }
  })

  test('takes the key by its id, by any of its shortIds and by its token', async () => {
    for (const by of ['id', 'shortId', 'token'] as const) {
      const { key, token } = await richKey()
      const ref = { id: key.id, shortId: key.secrets[1]?.shortId ?? '', token }[by]
      const [record] = await library.recordsOf(() => operation(manager, ref))
      expect(record?.keyId ?? (name === 'enableApiKey' ? key.id : null)).toBe(key.id)
    }
  })

  test('that changes something leaves one record and one revision more', async () => {
    const { key } = await richKey()
    if (name === 'enableApiKey') await manager.disableApiKey(key.id, REASON)
    const { revision } = await library.see(key.id)
    library.clock.pass(1000)
    const records = await library.recordsOf(() => operation(manager, key.id))
    const after = await library.see(key.id)
    expect(records).toMatchObject([
      { keyId: key.id, userId: 'user1', outcome: 'done', after: { revision: revision + 1, updatedAt: after.updatedAt } },
    ])
    expect([after.revision, after.updatedAt]).toEqual([revision + 1, library.inMs(0)])
  })

  test('of a disabled key is done, but for a rotation', async () => {
    const { key } = await richKey()
    await manager.disableApiKey(key.id, REASON)
    if (name === 'rotateApiKey') await expectCode(operation(manager, key.id), 'KEY_DISABLED')
    else await operation(manager, key.id)
  })
})

describe('a change that changes nothing', () => {
  const SAME: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
    'the same name': (id) => manager.updateApiKey(id, { name: 'one' }),
    'no field at all': (id) => manager.updateApiKey(id, {}),
    'an undefined field': (id) => manager.updateApiKey(id, { name: undefined } as object),
    'every field as it is': async (id) => {
      const { name, expiresAt, notBefore, rateLimits, allowedIps, tags, metadata } = await library.see(id)
      return manager.updateApiKey(id, { name, expiresAt, notBefore, rateLimits, allowedIps, tags, metadata })
    },
    'a null where nothing is': (id) =>
      manager.updateApiKey(id, { notBefore: null, tags: null, metadata: null, rateLimits: null, allowedIps: null }),
    'a scope that it has': (id) => manager.addScopeToKey(id, 'read'),
    'without a scope that it has not': (id) => manager.removeScopeFromKey(id, 'write'),
    'the same scopes in another order': (id) => manager.setScopes(id, ['read', 'read']),
    'enabled, and it is': (id) => manager.enableApiKey(id, REASON),
    'the end that its grace has': async (id) => manager.extendGrace(id, { until: (await library.see(id)).secrets[1]?.notAfter ?? '' }),
    'its grace ended, twice': async (id) => {
      await manager.endGrace(id)
      return library.recordsOf(() => manager.endGrace(id)).then((left) => expect(left).toEqual([]))
    },
    'disabled, twice': async (id) => {
      await manager.disableApiKey(id, REASON)
      library.clock.pass(1000)
      return library.recordsOf(() => manager.disableApiKey(id, REASON)).then((left) => expect(left).toEqual([]))
    },
  }

  test.each(Object.entries(SAME))('succeeds without a record and without a revision: %s', async (what, change) => {
    const { key } = await richKey()
    library.clock.pass(1000)
    const records = await library.recordsOf(() => change(key.id))
    expect(records.length).toBe(what.endsWith('twice') ? 1 : 0)
    expect((await library.see(key.id)).revision).toBe(key.revision + records.length)
  })

  test('revoking a revoked key is no such change', async () => {
    const { key } = await richKey()
    await manager.revokeApiKey(key.id, REASON)
    await expectCode(manager.revokeApiKey(key.id, REASON), 'KEY_REVOKED')
  })
})

describe('an expired key', () => {
  async function expiredKey() {
    const { key, token } = await library.make({ expiresInDays: 1, scopes: ['read'] })
    library.clock.pass(DAY)
    return { key, token }
  }

  test('is not revived: no rotation, no later expiry, no expiry at all', async () => {
    const { key, token } = await expiredKey()
    await expectCode(manager.rotateApiKey(key.id), 'KEY_EXPIRED')
    await expectCode(manager.rotateApiKey(key.id, { expiresAt: library.inMs(DAY) }), 'KEY_EXPIRED')
    await expectCode(manager.updateApiKey(key.id, { expiresAt: library.inMs(DAY) }), 'KEY_EXPIRED')
    await expectCode(manager.updateApiKey(key.id, { expiresAt: null }), 'KEY_EXPIRED')
    expect((await manager.validateApiKey(token)).code).toBe('EXPIRED')
  })

  test('can be edited otherwise, disabled and revoked', async () => {
    const { key } = await expiredKey()
    expect((await manager.updateApiKey(key.id, { name: 'renamed', tags: ['old'] })).name).toBe('renamed')
    expect((await manager.setScopes(key.id, [])).scopes).toEqual([])
    expect((await manager.disableApiKey(key.id, REASON)).status).toBe('disabled')
    expect((await manager.revokeApiKey(key.id, REASON)).status).toBe('revoked')
  })

  test('is one at its expiry, and none a millisecond before', async () => {
    const { key } = await library.make({ expiresInDays: 1 })
    library.clock.pass(DAY - 1)
    await manager.updateApiKey(key.id, { expiresAt: library.inMs(HOUR) })
    library.clock.pass(HOUR)
    await expectCode(manager.updateApiKey(key.id, { expiresAt: library.inMs(HOUR) }), 'KEY_EXPIRED')
  })
})

describe('disabling', () => {
  test('stops a key, enabling lets it go on; the time of the first disabling stays', async () => {
    const { key, token } = await library.make()
    const { disabledAt } = await manager.disableApiKey(key.id, REASON)
    library.clock.pass(1000)
    expect([disabledAt, (await manager.disableApiKey(key.id, REASON)).disabledAt]).toEqual([library.inMs(-1000), library.inMs(-1000)])
    expect((await manager.validateApiKey(token)).code).toBe('DISABLED')
    expect((await manager.enableApiKey(key.id, REASON)).disabledAt).toBeNull()
    expect((await manager.validateApiKey(token)).code).toBe('VALID')
  })

  test.each(['disableApiKey', 'enableApiKey', 'revokeApiKey'] as const)('%s needs a reason, which goes on the log', async (method) => {
    const { key } = await library.make()
    if (method === 'enableApiKey') await manager.disableApiKey(key.id, REASON)
    for (const options of [{}, { reason: '' }, { reason: 'a\nb' }, { reason: 5 }])
      expect((await expectCode(manager[method](key.id, options as { reason: string }), 'INVALID_INPUT')).field).toBe('reason')
    expect(await library.recordsOf(() => manager[method](key.id, { reason: 'because 😀' }))).toMatchObject([{ reason: 'because 😀' }])
  })
})
