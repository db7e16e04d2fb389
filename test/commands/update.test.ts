// Edits: a field is replaced whole, null clears it, what is wrong is refused, and no grace outlasts the key.

import { beforeEach, describe, expect, test } from 'vitest'
import type { ApiKeyManager, UpdateInput } from '../../src/index.ts'
import { expectCode } from '../store/harness.ts'
import type { Library } from './library.ts'
import { DAY, HOUR, openLibrary } from './library.ts'

let library: Library
let manager: ApiKeyManager
beforeEach(async () => {
  library = await openLibrary()
  manager = library.manager
})

const FULL = {
  name: 'full',
  scopes: ['read'],
  rateLimits: [{ limit: 5, windowSeconds: 60 }],
  allowedIps: ['10.0.0.0/8'],
  tags: ['a', 'b'],
  metadata: { team: 'core', stage: 'one' },
} as const

describe('an edit', () => {
  test('replaces each given field whole and leaves the others', async () => {
    const { key } = await library.make({ ...FULL, expiresInDays: 10 })
    const edited = await manager.updateApiKey(key.id, {
      tags: ['z', 'c', 'z'],
      metadata: { only: 'this' },
      rateLimits: [{ name: 'burst', limit: 1, windowSeconds: 1 }],
      allowedIps: ['192.168.1.7/16'],
    })
    expect(edited).toEqual({
      ...key,
      tags: ['c', 'z'],
      metadata: { only: 'this' },
      rateLimits: [{ name: 'burst', limit: 1, windowSeconds: 1 }],
      allowedIps: ['192.168.0.0/16'],
      revision: 2,
    })
  })

  test('with null clears a field', async () => {
    const { key } = await library.make({ ...FULL, expiresInDays: 10, notBefore: library.inMs(HOUR) })
    const cleared = await manager.updateApiKey(key.id, {
      name: null,
      expiresAt: null,
      notBefore: null,
      rateLimits: null,
      allowedIps: null,
      tags: null,
      metadata: null,
    })
    expect(cleared).toMatchObject({
      name: null,
      expiresAt: null,
      notBefore: null,
      rateLimits: [],
      allowedIps: [],
      tags: [],
      metadata: {},
      scopes: ['read'],
    })
  })

  test('keeps the names of prototypes in metadata, in the store and on the log', async () => {
    const metadata = JSON.parse('{"__proto__":"a","constructor":"b","problem":"c","toJSON":"d","then":"e"}') as Record<string, string>
    const { key } = await library.make()
    const pairs = Object.entries(metadata).sort()
    const [record] = await library.recordsOf(() => manager.updateApiKey(key.id, { metadata }))
    expect(Object.entries((await library.see(key.id)).metadata).sort()).toEqual(pairs)
    expect(Object.entries(record?.after?.['metadata'] as object).sort()).toEqual(pairs)
    await manager.updateApiKey(key.id, { name: 'again' })
    expect(Object.entries((await library.see(key.id)).metadata).sort()).toEqual(pairs)
    expect((await manager.verifyAudit()).ok).toBe(true)
  })

  test.each(['userId', 'environment', 'scopes', 'id', 'revision', 'secrets', 'status', 'disabledAt', 'nonsense', 'constructor'])(
    'of %s is INVALID_INPUT and changes nothing',
    async (field) => {
      const { key } = await library.make(FULL)
      const left = await library.recordsOf(async () => {
        const error = await expectCode(manager.updateApiKey(key.id, { name: 'x', [field]: 'test' } as UpdateInput), 'INVALID_INPUT')
        expect(error.field).toBe(field)
      })
      expect([left, (await library.see(key.id)).name]).toEqual([[], 'full'])
    },
  )

  test.each<[string, object]>([
    ['name', { name: '' }],
    ['name', { name: 'a\u202eb' }],
    ['name', { name: 5 }],
    ['expiresAt', { expiresAt: '2026-02-30' }],
    ['expiresAt', { expiresAt: '2026-11-23T12:00:00Z' }],
    ['expiresAt', { expiresAt: '2020-01-01' }],
    ['expiresAt', { expiresAt: 30 }],
    ['notBefore', { notBefore: 'soon' }],
    ['rateLimits', { rateLimits: [{ limit: 0, windowSeconds: 60 }] }],
    [
      'rateLimits',
      {
        rateLimits: [
          { limit: 1, windowSeconds: 1 },
          { limit: 2, windowSeconds: 2 },
        ],
      },
    ],
    ['allowedIps', { allowedIps: ['10.0.0.0/33'] }],
    ['tags', { tags: ['a\u0000'] }],
    ['tags', { tags: 'a' }],
    ['metadata', { metadata: { a: 1 } }],
  ])('with a wrong %s is INVALID_INPUT: %j', async (field, input) => {
    const { key } = await library.make(FULL)
    const error = await expectCode(manager.updateApiKey(key.id, input as UpdateInput), 'INVALID_INPUT')
    expect([error.field, (await library.see(key.id)).revision]).toEqual([field, 1])
  })
})

test('metadata that is no plain object is refused, and not taken for an empty one', async () => {
  const { key } = await library.make(FULL)
  for (const metadata of [new Map([['a', 'b']]), new Date(), /a/])
    await expectCode(manager.updateApiKey(key.id, { metadata } as object), 'INVALID_INPUT')
  expect((await library.see(key.id)).metadata).toEqual(FULL.metadata)
})

describe('the span in which a key is valid', () => {
  test('begins before it ends, whichever of the two is edited', async () => {
    const { key } = await library.make({ expiresInDays: 10 })
    await expectCode(manager.updateApiKey(key.id, { notBefore: library.inMs(10 * DAY) }), 'INVALID_INPUT')
    await manager.updateApiKey(key.id, { notBefore: library.inMs(5 * DAY) })
    await expectCode(manager.updateApiKey(key.id, { expiresAt: library.inMs(5 * DAY) }), 'INVALID_INPUT')
    await expectCode(manager.updateApiKey(key.id, { notBefore: library.inMs(9 * DAY), expiresAt: library.inMs(8 * DAY) }), 'INVALID_INPUT')
    expect(await manager.updateApiKey(key.id, { notBefore: library.inMs(20 * DAY), expiresAt: library.inMs(30 * DAY) })).toMatchObject({
      status: 'pending',
    })
  })

  test('may be given as ISO text or Date, and comes out as text', async () => {
    const { key } = await library.make()
    expect((await manager.updateApiKey(key.id, { expiresAt: new Date('2027-05-01') })).expiresAt).toBe('2027-05-01T00:00:00.000Z')
    expect((await manager.updateApiKey(key.id, { expiresAt: '2027-05-01T00:00:00+01:00' })).expiresAt).toBe('2027-04-30T23:00:00.000Z')
  })

  test('when it is made shorter, ends the grace of older secrets with it; made longer, it raises none', async () => {
    const { key, token } = await library.make({ expiresInDays: 10 })
    await manager.rotateApiKey(key.id, { graceSeconds: 5 * 86_400 })
    const shorter = await manager.updateApiKey(key.id, { expiresAt: library.inMs(DAY) })
    expect(shorter.secrets[1]?.notAfter).toBe(library.inMs(DAY))
    const longer = await manager.updateApiKey(key.id, { expiresAt: null })
    expect(longer.secrets[1]?.notAfter).toBe(library.inMs(DAY))
    library.clock.pass(DAY)
    expect((await manager.validateApiKey(token)).reason).toBe('SECRET_RETIRED')
  })
})

describe('scopes', () => {
  test('are added, removed and set, kept sorted and unique', async () => {
    const { key } = await library.make({ scopes: ['write', 'read'] })
    expect(key.scopes).toEqual(['read', 'write'])
    expect((await manager.addScopeToKey(key.id, 'admin:*')).scopes).toEqual(['admin:*', 'read', 'write'])
    expect((await manager.removeScopeFromKey(key.id, 'read')).scopes).toEqual(['admin:*', 'write'])
    expect((await manager.setScopes(key.id, ['b', 'a', 'b'])).scopes).toEqual(['a', 'b'])
    expect((await manager.setScopes(key.id, [])).scopes).toEqual([])
  })

  test('are taken away as they were granted, not as they cover', async () => {
    const { key } = await library.make({ scopes: ['read:*'] })
    expect((await manager.removeScopeFromKey(key.id, 'read:users')).scopes).toEqual(['read:*'])
  })

  test('are at most 200, counted after the change', async () => {
    const all = Array.from({ length: 200 }, (_, index) => `s${index}`)
    const { key } = await library.make({ scopes: all })
    expect((await expectCode(manager.addScopeToKey(key.id, 'one-more'), 'INVALID_INPUT')).field).toBe('scopes')
    expect((await manager.addScopeToKey(key.id, 's7')).scopes).toHaveLength(200)
  })

  test.each(['', 'Read', 'a:b:c:d:e', 'read users', 'x\n'])('%j is INVALID_INPUT', async (scope) => {
    const { key } = await library.make()
    await expectCode(manager.addScopeToKey(key.id, scope), 'INVALID_INPUT')
    await expectCode(manager.setScopes(key.id, ['read', scope]), 'INVALID_INPUT')
  })
})
