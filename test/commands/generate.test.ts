// Generating: what a new key is when nothing is said, what is taken from another key, and what is refused.

import { beforeEach, describe, expect, test } from 'vitest'
import type { ApiKeyManager, GenerateInput, KeyView } from '../../src/index.ts'
import { expectCode, seededDraw } from '../store/harness.ts'
import type { Library } from './library.ts'
import { DAY, HOUR, openLibrary, REASON } from './library.ts'

let library: Library
let manager: ApiKeyManager
beforeEach(async () => {
  library = await openLibrary({ actor: 'tester' })
  manager = library.manager
})

describe('a new key', () => {
  test('is live, never expires and grants nothing when nothing is said', async () => {
    const { key, token } = await library.make()
    expect(key).toEqual({
      id: expect.stringMatching(/^key_[0-9A-Za-z]{12}$/),
      userId: 'user1',
      name: null,
      environment: 'live',
      scopes: [],
      rateLimits: [],
      allowedIps: [],
      notBefore: null,
      expiresAt: null,
      disabledAt: null,
      revokedAt: null,
      revokedBy: null,
      revokedReason: null,
      createdAt: library.inMs(0),
      createdBy: 'tester',
      updatedAt: library.inMs(0),
      revision: 1,
      tags: [],
      metadata: {},
      secrets: [{ shortId: token.slice(8, 20), createdAt: library.inMs(0), notAfter: null, retiredReason: null }],
      status: 'active',
    })
    expect(await manager.validateApiKey(token)).toMatchObject({ valid: true, keyId: key.id, scopes: [] })
    expect((await manager.validateApiKey(token, { requiredScope: 'read' })).code).toBe('INSUFFICIENT_SCOPE')
  })

  test('is as it was asked for, in its canonical form', async () => {
    const { key, token } = await library.make({
      name: 'a key',
      environment: 'test',
      scopes: ['write', 'read', 'write'],
      expiresAt: '2027-01-31',
      notBefore: '2026-12-01T00:00:00+01:00',
      rateLimits: [
        { limit: 5, windowSeconds: 60 },
        { name: 'burst', limit: 1, windowSeconds: 1 },
      ],
      allowedIps: ['10.1.2.3/8', '::ffff:1.2.3.4'],
      tags: ['b', 'a', 'b'],
      metadata: { z: '1', a: '2' },
    })
    expect(token).toMatch(/^kw_test_/)
    expect(key).toMatchObject({
      name: 'a key',
      environment: 'test',
      scopes: ['read', 'write'],
      expiresAt: '2027-01-31T00:00:00.000Z',
      notBefore: '2026-11-30T23:00:00.000Z',
      rateLimits: [
        { name: 'default', limit: 5, windowSeconds: 60 },
        { name: 'burst', limit: 1, windowSeconds: 1 },
      ],
      allowedIps: ['10.0.0.0/8', '1.2.3.4/32'],
      tags: ['a', 'b'],
      metadata: { a: '2', z: '1' },
      status: 'pending',
    })
  })

  test('has one record, which holds neither its token nor its hash', async () => {
    const [record, ...more] = await library.recordsOf(() => library.make({ name: 'a' }))
    expect(more).toEqual([])
    expect(record).toMatchObject({
      action: 'key.generate',
      outcome: 'done',
      before: null,
      after: { name: 'a', revision: 1 },
      actor: { name: 'tester', via: 'library' },
    })
    expect(JSON.stringify(record?.after)).not.toMatch(/hash|sha256/)
    expect(library.place.text()).toContain('"hash":"sha256:')
  })

  test('begins with the brand of its store', async () => {
    const branded = await openLibrary({ brand: 'acme_corp' })
    expect((await branded.make()).token).toMatch(/^acme_corp_live_/)
    for (const brand of ['Acme', 'a-b', '', 'a'.repeat(28), '_']) await expectCode(openLibrary({ brand }), 'INVALID_INPUT')
  })

  test.each<[string, object]>([
    ['userId', {}],
    ['userId', { userId: '' }],
    ['userId', { userId: 'a\u001b[31m' }],
    ['userId', { userId: 'x'.repeat(201).replaceAll('xx', 'x-') }],
    ['environment', { userId: 'u', environment: 'prod' }],
    ['scopes', { userId: 'u', scopes: 'read' }],
    ['scopes', { userId: 'u', scopes: ['Read'] }],
    ['expiresInDays', { userId: 'u', expiresInDays: 0 }],
    ['expiresInDays', { userId: 'u', expiresInDays: 1, expiresAt: '2027-01-01' }],
    ['expiresAt', { userId: 'u', expiresAt: '2026-11-23T12:00:00Z' }],
    ['expiresAt', { userId: 'u', expiresAt: '2027-01-01', notBefore: '2027-01-01' }],
    ['metadata', { userId: 'u', metadata: ['a'] }],
    ['nonsense', { userId: 'u', nonsense: 1 }],
    ['id', { userId: 'u', id: 'key_000000000000' }],
  ])('with a wrong %s is INVALID_INPUT: %j', async (field, input) => {
    const left = await library.recordsOf(async () =>
      expect((await expectCode(manager.generateApiKey(input as GenerateInput), 'INVALID_INPUT')).field).toBe(field),
    )
    expect(left).toEqual([])
  })

  test('with any accepted number of days ends after it begins', async () => {
    for (const expiresInDays of [1e-12, 1e-9, 5e-9, 1e-8, 1.2e-8, 1e-5, 0.5, 1, 36_525]) {
      const isRight = await library.make({ expiresInDays }).then(
        ({ key }) => (key.expiresAt ?? '') > key.createdAt,
        ({ code }: { code: string }) => code === 'INVALID_INPUT',
      )
      expect({ expiresInDays, isRight }).toEqual({ expiresInDays, isRight: true })
    }
  })
})

describe('a key like another', () => {
  const MODEL = {
    name: 'model',
    environment: 'test',
    scopes: ['read'],
    rateLimits: [{ name: 'burst', limit: 1, windowSeconds: 1 }],
    allowedIps: ['10.0.0.0/8'],
    tags: ['t'],
    metadata: { a: 'b' },
  } as const
  const modelled = ({ name, environment, scopes, rateLimits, allowedIps, tags, metadata }: KeyView) => ({
    name,
    environment,
    scopes,
    rateLimits,
    allowedIps,
    tags,
    metadata,
  })

  test('takes what is not given, and nothing of the life of its model', async () => {
    const { key: model } = await library.make({ ...MODEL, expiresInDays: 10 })
    await manager.rotateApiKey(model.id)
    await manager.disableApiKey(model.id, REASON)
    library.clock.pass(HOUR)
    const { key } = await library.make({ like: model.id, userId: 'user2' })
    expect(modelled(key)).toEqual(MODEL)
    expect(key).toMatchObject({
      userId: 'user2',
      expiresAt: model.expiresAt,
      disabledAt: null,
      revision: 1,
      createdAt: library.inMs(0),
      status: 'active',
    })
    expect([key.secrets.length, key.id === model.id]).toEqual([1, false])
  })

  test('has what is given instead, also where that is empty', async () => {
    const { key: model } = await library.make({ ...MODEL, expiresInDays: 10 })
    const { key } = await library.make({
      like: model.id,
      scopes: [],
      tags: [],
      metadata: {},
      rateLimits: [],
      allowedIps: [],
      environment: 'live',
      name: 'own',
      expiresAt: null,
    })
    expect(modelled(key)).toEqual({ name: 'own', environment: 'live', scopes: [], rateLimits: [], allowedIps: [], tags: [], metadata: {} })
    expect(key.expiresAt).toBeNull()
  })

  test('of one that was revoked works', async () => {
    const { key: model, token } = await library.make(MODEL)
    await manager.revokeApiKey(model.id, REASON)
    const made = await library.make({ like: token })
    expect((await manager.validateApiKey(made.token, { requiredScope: 'read', ip: '10.0.0.1' })).valid).toBe(true)
  })

  test('of one that expired lives as long as that did', async () => {
    const { key: model } = await library.make({ expiresInDays: 10 })
    library.clock.pass(11 * DAY)
    expect((await library.make({ like: model.id })).key.expiresAt).toBe(library.inMs(10 * DAY))
  })

  test('begins when its model does, if that is still to come', async () => {
    const { key: model } = await library.make({ notBefore: library.inMs(DAY) })
    expect((await library.make({ like: model.id })).key.notBefore).toBe(model.notBefore)
    library.clock.pass(2 * DAY)
    expect((await library.make({ like: model.id })).key).toMatchObject({ notBefore: null, status: 'active' })
  })

  test('of one that does not exist is NO_SUCH_KEY', async () => {
    expect((await expectCode(library.make({ like: 'key_000000000000' }), 'NO_SUCH_KEY')).field).toBe('like')
  })
})

describe('ids', () => {
  test('are never given twice: what is taken is drawn again', async () => {
    const draw = seededDraw('repeats')
    const drawn: Uint8Array[] = []
    let replay = 0
    // Every id is drawn from 16 bytes; each draw of them is first answered with an old one.
    const entropy = (bytes: number): Uint8Array => {
      if (bytes === 16 && replay > 0) return drawn[--replay] as Uint8Array
      const fresh = draw(bytes)
      if (bytes === 16) drawn.push(fresh)
      return fresh
    }
    const repeating = await openLibrary({ entropy })
    const ids: string[] = []
    for (let round = 0; round < 6; round++) {
      const { key } = await repeating.make()
      ids.push(key.id, key.secrets[0]?.shortId ?? '')
      replay = drawn.length
    }
    expect(new Set(ids).size).toBe(12)
  })

  test('that a broken source repeats for ever end in an error, not in a key', async () => {
    const broken = await openLibrary({ entropy: (bytes) => new Uint8Array(bytes) })
    await broken.make()
    expect(
      await broken.make().then(
        () => null,
        (error: unknown) => String(error),
      ),
    ).toMatch(/random source/)
    expect((await broken.manager.listApiKeys()).total).toBe(1)
  })
})
