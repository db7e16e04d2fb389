// What stands beside an input: who makes a change and on which revision, what a call asks for, ad-hoc limits, read-only, closed.

import { beforeEach, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/commands/index.ts'
import type { CallInput } from '../../src/commands/validate.ts'
import { RECORD_MEMBERS } from '../../src/domain/audit.ts'
import type { ApiKeyManager, ChangeInput } from '../../src/index.ts'
import { HOSTILE } from '../domain/arbitraries.ts'
import { expectCode, openManagerAt } from '../store/harness.ts'
import type { Library } from './library.ts'
import { DAY, OPERATIONS, openLibrary, REASON } from './library.ts'

let library: Library
let manager: ApiKeyManager
beforeEach(async () => {
  library = await openLibrary()
  manager = library.manager
})

describe('who makes a change', () => {
  test('is the actor of that change, else of the manager; the user of the system stands beside', async () => {
    const records = await library.recordsOf(async () => {
      const { key } = await manager.generateApiKey({ userId: 'user1' }, { actor: 'ann' })
      expect(key.createdBy).toBe('ann')
      await manager.updateApiKey(key.id, { name: 'x' })
    })
    expect(records.map(({ actor }) => actor.name)).toEqual(['ann', 'tester'])
    expect(new Set(records.map(({ actor }) => JSON.stringify({ ...actor, name: '' }))).size).toBe(1)
  })

  test.each(['', ...HOSTILE.slice(0, 6).map((hostile) => `a${hostile}b`), '😀'.repeat(201), 5, {}])(
    'is no hostile or empty text and no other value: %j',
    async (actor) => {
      const { key } = await library.make()
      const left = await library.recordsOf(() =>
        expectCode(manager.updateApiKey(key.id, { name: 'x' }, { actor } as ChangeInput), 'INVALID_INPUT'),
      )
      expect(left).toEqual([])
      await expectCode(openManagerAt(library.place, { actor: actor as string }), 'INVALID_INPUT')
    },
  )

  test('is no token: tokens are not put on the log', async () => {
    const { token, key } = await library.make()
    await expectCode(manager.updateApiKey(key.id, { name: 'x' }, { actor: token }), 'INVALID_INPUT')
    await expectCode(openManagerAt(library.place, { actor: token }), 'INVALID_INPUT')
  })
})

describe('the revision on which a change was decided', () => {
  test.each(Object.entries(OPERATIONS))('%s of a key that moved meanwhile is CHANGED_MEANWHILE', async (name) => {
    const { key } = await library.make({ scopes: ['read'] })
    await manager.updateApiKey(key.id, { tags: ['moved'] })
    const change = { expectedRevision: 1 }
    const options =
      {
        addScopeToKey: 'write',
        removeScopeFromKey: 'read',
        setScopes: ['x'],
        updateApiKey: { name: 'x' },
        extendGrace: { until: library.inMs(DAY) },
      }[name] ?? REASON
    const method = manager[name as 'updateApiKey'] as (...of: readonly unknown[]) => Promise<unknown>
    const args = name === 'endGrace' ? [key.id, change] : name === 'rotateApiKey' ? [key.id, {}, change] : [key.id, options, change]
    const left = await library.recordsOf(() => expectCode(method.apply(manager, args), 'CHANGED_MEANWHILE'))
    expect([left, (await library.see(key.id)).revision]).toEqual([[], 2])
  })

  test('is checked before anything else, and met lets the change be made', async () => {
    const { key } = await library.make()
    expect(await manager.updateApiKey(key.id, { name: 'x' }, { expectedRevision: 1 })).toMatchObject({ revision: 2 })
    await manager.revokeApiKey(key.id, REASON)
    await expectCode(manager.updateApiKey(key.id, { name: 'y' }, { expectedRevision: 2 }), 'CHANGED_MEANWHILE')
  })

  test('of keys that a filter selects is reported like that of keys that are named', async () => {
    const { key } = await library.make({ userId: 'ann' })
    await manager.updateApiKey(key.id, { name: 'moved' })
    const refused = { results: [{ id: key.id, ok: false, error: { code: 'CHANGED_MEANWHILE' } }] }
    expect(await manager.revokeApiKeys({ ids: [key.id] }, REASON, { expectedRevision: 1 })).toMatchObject(refused)
    expect(await manager.revokeApiKeys({ userId: 'ann' }, REASON, { expectedRevision: 1 })).toMatchObject(refused)
  })

  test('and the actor are all that a change may be given beside its input', async () => {
    const { key } = await library.make()
    for (const change of [{ expectedRevison: 1 }, { expectedRevision: '1' }, { expectedRevision: 1.5 }, { by: 'ann' }, null, 5])
      await expectCode(manager.updateApiKey(key.id, { name: `x${JSON.stringify(change)}` }, change as ChangeInput), 'INVALID_INPUT')
  })
})

describe('what a call asks for', () => {
  test.each<[string, object | null]>([
    ['a required scope with *', { requiredScope: 'read:*' }],
    ['a required scope that is none', { requiredScope: 'Read' }],
    ['required scopes of which one is none', { requiredScopes: ['read', ''] }],
    ['one scope and several', { requiredScope: 'read', requiredScopes: ['read'] }],
    ['an environment that there is not', { environment: 'prod' }],
    ['an address that is no text', { ip: 5 }],
    ['a peek that is no claim', { peek: 'yes' }],
    ['an option that there is not', { scope: 'read' }],
    ['null', null],
    ['a text', 'read' as unknown as object],
  ])('with %s is INVALID_INPUT, and no verdict', async (_, options) => {
    const { token } = await library.make({ scopes: ['*'] })
    await expectCode(manager.validateApiKey(token, options as CallInput), 'INVALID_INPUT')
    await expectCode(manager.explainApiKey(token, options as CallInput), 'INVALID_INPUT')
  })

  test('is taken the same at the first call and at every later one', async () => {
    const { token } = await library.make({ scopes: ['read'], environment: 'test', allowedIps: ['10.0.0.0/8'] })
    for (let round = 0; round < 3; round++) {
      expect((await manager.validateApiKey(token, { requiredScope: 'read', ip: '10.0.0.1' })).code).toBe('VALID')
      expect((await manager.validateApiKey(token, { requiredScope: 'read', ip: '11.0.0.1' })).code).toBe('FORBIDDEN')
      expect((await manager.validateApiKey(token, { requiredScope: 'read', ip: null })).reason).toBe('IP_UNKNOWN')
      expect((await manager.validateApiKey(token, { requiredScope: 'write', ip: '10.0.0.1' })).code).toBe('INSUFFICIENT_SCOPE')
      expect((await manager.validateApiKey(token, { requiredScope: 'read', ip: '10.0.0.1', environment: 'live' })).reason).toBe(
        'ENVIRONMENT_MISMATCH',
      )
      expect((await manager.validateApiKey(token, { requiredScopes: [], ip: '10.0.0.1', peek: true })).code).toBe('VALID')
    }
    expect((await manager.getUsageStats()).usageCount).toBe(3)
  })
})

describe('the verification clock', () => {
  test('never goes back: what has expired is not revived, while changes use the wall clock', async () => {
    const { token } = await library.make({ expiresInDays: 1 })
    library.clock.pass(DAY)
    expect((await manager.validateApiKey(token)).code).toBe('EXPIRED')
    library.clock.step(-2 * DAY)
    expect((await manager.validateApiKey(token)).code).toBe('EXPIRED')
    expect((await library.make()).key.createdAt).toBe(library.inMs(0))
    expect((await library.manager.verifyAudit()).ok).toBe(true)
  })
})

describe('an ad-hoc limit', () => {
  const perMinute = { limitPerMinute: 2 }
  const allowed = async (ref: string, limit: Parameters<ApiKeyManager['checkRateLimit']>[1] = perMinute) =>
    (await manager.checkRateLimit(ref, limit)).allowed

  test('is one counter per key, limit and window, and never a use', async () => {
    const { key, token } = await library.make()
    expect(await manager.checkRateLimit(token, perMinute)).toEqual({
      allowed: true,
      limit: 2,
      remaining: 1,
      resetAt: library.inMs(60_000),
      retryAfterMs: 0,
    })
    expect([await allowed(key.id), await allowed(token), await allowed(key.id, { limit: 2, windowSeconds: 60 })]).toEqual([
      true,
      false,
      false,
    ])
    expect([
      await allowed(key.id, { limit: 2, windowSeconds: 61 }),
      await allowed(key.id, { limitPerMinute: 3 }),
      await allowed((await library.make()).key.id),
    ]).toEqual([true, true, true])
    expect((await manager.getUsageStats()).usageCount).toBe(0)
    library.clock.pass(60_000)
    expect(await allowed(key.id)).toBe(true)
  })

  test('allows nothing to a key that is unknown or would not be valid', async () => {
    const { key, token } = await library.make({ expiresInDays: 1 })
    const { token: newer } = await manager.rotateApiKey(key.id, { graceSeconds: 0 })
    expect([await allowed(token), await allowed(newer), await allowed(key.id)]).toEqual([false, true, true])
    expect([await allowed('key_000000000000'), await allowed('nonsense')]).toEqual([false, false])
    library.clock.pass(DAY)
    expect(await allowed(newer)).toBe(false)
    expect(await manager.checkRateLimit('nonsense', perMinute)).toMatchObject({ allowed: false, limit: 2, remaining: 0 })
  })

  test.each([
    {},
    { limit: 5 },
    { windowSeconds: 60 },
    { limitPerMinute: 0 },
    { limitPerMinute: 1.5 },
    { limit: 5, windowSeconds: 0 },
    { limit: 5, windowSeconds: 60, burst: 1 },
    { limitPerMinute: 5, windowSeconds: 3600 },
    { limitPerMinute: 5, limit: 3 },
    null,
  ])('that is %j is INVALID_INPUT', async (limit) => {
    const { key } = await library.make()
    await expectCode(manager.checkRateLimit(key.id, limit as typeof perMinute), 'INVALID_INPUT')
  })
})

describe('a manager', () => {
  test('that is read-only verifies and reads, counts nothing and refuses changes', async () => {
    const { key, token } = await library.make({ scopes: ['read'] })
    const reader = await openManagerAt(library.place, { readOnly: true, clock: library.clock.now })
    expect((await reader.validateApiKey(token, { requiredScope: 'read' })).valid).toBe(true)
    const files = library.place.files()
    for (const operation of Object.values(OPERATIONS)) await expectCode(operation(reader, key.id), 'READ_ONLY')
    await expectCode(reader.generateApiKey({ userId: 'u' }), 'READ_ONLY')
    await reader.close()
    expect(library.place.files()).toEqual(files)
    expect((await manager.getUsageStats()).usageCount).toBe(0)
  })

  test('that is closed answers CLOSED, and closes a second time without a word', async () => {
    const { key, token } = await library.make()
    await manager.close()
    await manager.close()
    for (const operation of Object.values(OPERATIONS)) await expectCode(operation(manager, key.id), 'CLOSED')
    await expectCode(manager.validateApiKey(token), 'CLOSED')
    await expectCode(manager.listApiKeys(), 'CLOSED')
    await expectCode(manager.flush(), 'CLOSED')
  })
})

test('every command has its words once, a summary, and for each flag and field one name', () => {
  expect(new Set(COMMANDS.map(({ words }) => words)).size).toBe(COMMANDS.length)
  for (const { words, summary, fields } of COMMANDS) {
    expect(summary, words).toMatch(/^[A-Z].*[^.]$/)
    const flags = Object.values(fields).flatMap(({ flag }) => (flag === null ? [] : [flag]))
    expect(new Set(flags).size, words).toBe(flags.length)
    for (const { label, summary: told } of Object.values(fields)) expect(Math.min(label.length, told.length), words).toBeGreaterThan(0)
  }
  expect(RECORD_MEMBERS).toHaveLength(14)
})
