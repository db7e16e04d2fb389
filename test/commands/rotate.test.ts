// Rotation and grace: a new secret for the same key, older ones work until the earliest of their ends, and nothing is raised.

import { beforeEach, describe, expect, test } from 'vitest'
import type { ApiKeyManager, KeyView } from '../../src/index.ts'
import { quickRandom } from '../domain/arrivals.ts'
import { expectCode } from '../store/harness.ts'
import type { Library } from './library.ts'
import { DAY, HOUR, openLibrary, REASON } from './library.ts'

let library: Library
let manager: ApiKeyManager
beforeEach(async () => {
  library = await openLibrary()
  manager = library.manager
})

const ends = ({ secrets }: KeyView) => secrets.map(({ notAfter }) => notAfter)
const reasonFor = async (token: string) => (await manager.validateApiKey(token, { peek: true })).reason

describe('a rotation', () => {
  test('gives the same key a new secret; the old one works strictly until its grace of 24 hours ends', async () => {
    const { key, token } = await library.make({ scopes: ['read'], expiresInDays: 100 })
    library.clock.pass(1000)
    const rotated = await manager.rotateApiKey(key.id)
    const [newest] = rotated.key.secrets
    expect(rotated.token).toMatch(/^kw_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
    expect(rotated.key).toEqual({
      ...key,
      status: 'rotating',
      updatedAt: library.inMs(0),
      revision: 2,
      secrets: [
        { shortId: rotated.token.slice(8, 20), createdAt: library.inMs(0), notAfter: null, retiredReason: null },
        { ...key.secrets[0], notAfter: library.inMs(DAY), retiredReason: 'rotated' },
      ],
    })
    expect(newest?.shortId).not.toBe(token.slice(8, 20))
    library.clock.pass(DAY - 1)
    expect([await reasonFor(token), await reasonFor(rotated.token)]).toEqual([null, null])
    library.clock.pass(1)
    expect([await reasonFor(token), await reasonFor(rotated.token)]).toEqual(['SECRET_RETIRED', null])
  })

  test('with a grace of 0 retires the old secret at once', async () => {
    const { key, token } = await library.make()
    const rotated = await manager.rotateApiKey(key.id, { graceSeconds: 0 })
    expect([await reasonFor(token), await reasonFor(rotated.token), rotated.key.status]).toEqual(['SECRET_RETIRED', null, 'active'])
  })

  test('ends every older secret at the earliest of its own end, the new grace and the expiry', async () => {
    const { key } = await library.make({ expiresInDays: 10 })
    await manager.rotateApiKey(key.id, { graceSeconds: 3600 })
    await manager.rotateApiKey(key.id, { graceSeconds: 7200 })
    expect(ends((await manager.rotateApiKey(key.id, { graceSeconds: 5400 })).key)).toEqual([
      null,
      library.inMs(1.5 * HOUR),
      library.inMs(1.5 * HOUR),
      library.inMs(HOUR),
    ])
    expect(ends((await manager.rotateApiKey(key.id, { graceSeconds: 100 * 86_400 })).key)).toEqual([
      null,
      library.inMs(10 * DAY),
      library.inMs(1.5 * HOUR),
      library.inMs(1.5 * HOUR),
      library.inMs(HOUR),
    ])
  })

  test('takes the expiry that it sets itself', async () => {
    const { key } = await library.make({ expiresInDays: 10 })
    const shorter = await manager.rotateApiKey(key.id, { graceSeconds: 5 * 86_400, expiresAt: library.inMs(2 * DAY) })
    expect([shorter.key.expiresAt, ...ends(shorter.key)]).toEqual([library.inMs(2 * DAY), null, library.inMs(2 * DAY)])
    const longer = await manager.rotateApiKey(key.id, { graceSeconds: 5 * 86_400, expiresAt: library.inMs(20 * DAY) })
    expect([longer.key.expiresAt, ...ends(longer.key)]).toEqual([
      library.inMs(20 * DAY),
      null,
      library.inMs(5 * DAY),
      library.inMs(2 * DAY),
    ])
    await expectCode(manager.rotateApiKey(key.id, { expiresAt: library.inMs(0) }), 'INVALID_INPUT')
    await expectCode(manager.rotateApiKey(key.id, { graceSeconds: -1 }), 'INVALID_INPUT')
    await expectCode(manager.rotateApiKey(key.id, { graceSeconds: 1.5 }), 'INVALID_INPUT')
  })

  test('raises nothing: scopes, limits, addresses, environment and expiry stay', async () => {
    const { key } = await library.make({
      environment: 'test',
      scopes: ['read'],
      rateLimits: [{ limit: 1, windowSeconds: 60 }],
      allowedIps: ['10.0.0.0/8'],
      expiresInDays: 3,
      tags: ['t'],
      metadata: { a: 'b' },
    })
    const { token, key: rotated } = await manager.rotateApiKey(key.id)
    const stays = ({ secrets: _, status: __, revision: ___, updatedAt: ____, ...rest }: KeyView) => rest
    expect(stays(rotated)).toEqual(stays(key))
    expect(token).toMatch(/^kw_test_/)
  })

  test.each([
    ['revoked', 'KEY_REVOKED', (id: string) => manager.revokeApiKey(id, REASON)],
    ['disabled', 'KEY_DISABLED', (id: string) => manager.disableApiKey(id, REASON)],
    ['expired', 'KEY_EXPIRED', async () => library.clock.pass(DAY)],
  ] as const)('of a key that is %s is %s, and mints nothing', async (_, code, make) => {
    const { key } = await library.make({ expiresInDays: 1 })
    await make(key.id)
    expect(await library.recordsOf(() => expectCode(manager.rotateApiKey(key.id), code))).toEqual([])
    expect((await library.see(key.id)).secrets).toHaveLength(1)
  })

  test('puts no secret, no hash and no token on the log', async () => {
    const { key } = await library.make()
    const { token } = await manager.rotateApiKey(key.id)
    const log = library.place.text(library.place.log)
    expect(log).toContain(token.slice(8, 20))
    expect(log).not.toMatch(/sha256:|"hash":"(?![0-9a-f]{64}")/)
    expect(log).not.toContain(token.slice(-49))
  })
})

describe('retired secrets', () => {
  test('stay as tombstones, the newest 10', async () => {
    const { key } = await library.make()
    const shortIds = [key.secrets[0]?.shortId]
    for (let round = 0; round < 15; round++) {
      const { key: rotated } = await manager.rotateApiKey(key.id, { graceSeconds: 0 })
      shortIds.unshift(rotated.secrets[0]?.shortId)
    }
    expect((await library.see(key.id)).secrets.map(({ shortId }) => shortId)).toEqual(shortIds.slice(0, 11))
  })

  test('are dropped before one that still works', async () => {
    const { key } = await library.make()
    const { token } = await manager.rotateApiKey(key.id, { graceSeconds: 0 })
    await manager.rotateApiKey(key.id, { graceSeconds: 86_400 })
    for (let round = 0; round < 8; round++) await manager.rotateApiKey(key.id, { graceSeconds: 86_400 })
    expect(await reasonFor(token)).toBeNull()
    expect((await library.see(key.id)).secrets).toHaveLength(11)
  })

  test('are refused as SECRET_RETIRED as long as their tombstone stands, then as UNKNOWN', async () => {
    const { key, token } = await library.make()
    for (let round = 0; round < 10; round++) await manager.rotateApiKey(key.id, { graceSeconds: 0 })
    expect(await reasonFor(token)).toBe('SECRET_RETIRED')
    await manager.rotateApiKey(key.id, { graceSeconds: 0 })
    expect(await reasonFor(token)).toBe('UNKNOWN')
  })
})

describe('ending the grace', () => {
  test('retires all older secrets now and leaves the current one', async () => {
    const { key, token } = await library.make()
    const second = await manager.rotateApiKey(key.id)
    const third = await manager.rotateApiKey(key.id)
    library.clock.pass(HOUR)
    const ended = await manager.endGrace(key.id)
    expect([ends(ended), ended.status]).toEqual([[null, library.inMs(0), library.inMs(0)], 'active'])
    expect([await reasonFor(token), await reasonFor(second.token), await reasonFor(third.token)]).toEqual([
      'SECRET_RETIRED',
      'SECRET_RETIRED',
      null,
    ])
  })

  test('leaves secrets that had ended already as they are', async () => {
    const { key } = await library.make()
    await manager.rotateApiKey(key.id, { graceSeconds: 60 })
    library.clock.pass(HOUR)
    await manager.rotateApiKey(key.id, { graceSeconds: 7200 })
    expect(ends(await manager.endGrace(key.id))).toEqual([null, library.inMs(0), library.inMs(60_000 - HOUR)])
  })
})

describe('extending the grace', () => {
  test('moves the newest of those still in grace later, and no other', async () => {
    const { key, token } = await library.make()
    await manager.rotateApiKey(key.id, { graceSeconds: 3600 })
    await manager.rotateApiKey(key.id, { graceSeconds: 3600 })
    expect(ends(await manager.extendGrace(key.id, { until: library.inMs(5 * HOUR) }))).toEqual([
      null,
      library.inMs(5 * HOUR),
      library.inMs(HOUR),
    ])
    library.clock.pass(HOUR)
    expect(await reasonFor(token)).toBe('SECRET_RETIRED')
  })

  test.each<[string, number, number]>([
    ['past the expiry of the key', 24, 240.0001],
    ['earlier than it ends now', 24, 23.9],
    ['in the past', 24, -1],
    ['when none is in grace', 0, 5],
  ])('%s is INVALID_INPUT', async (_, graceHours, untilHours) => {
    const { key } = await library.make({ expiresInDays: 10 })
    await manager.rotateApiKey(key.id, { graceSeconds: graceHours * 3600 })
    const error = await expectCode(manager.extendGrace(key.id, { until: library.inMs(untilHours * HOUR) }), 'INVALID_INPUT')
    expect([error.field, (await library.see(key.id)).revision]).toEqual(['until', 2])
  })

  test('up to the expiry of the key, and not for a key that was never rotated', async () => {
    const { key } = await library.make({ expiresInDays: 10 })
    await expectCode(manager.extendGrace(key.id, { until: library.inMs(HOUR) }), 'INVALID_INPUT')
    await manager.rotateApiKey(key.id)
    expect(ends(await manager.extendGrace(key.id, { until: library.inMs(10 * DAY) }))).toEqual([null, library.inMs(10 * DAY)])
    await expectCode(manager.extendGrace(key.id, { until: '2027-02-30' }), 'INVALID_INPUT')
  })
})

test('in any sequence of rotations and ends of graces no secret outlives what it was promised', async () => {
  const random = quickRandom(7)
  const { key, token } = await library.make({ expiresInDays: 30 })
  const promised = [{ token, end: Date.parse(key.expiresAt ?? '') }]
  for (let round = 0; round < 60; round++) {
    library.clock.pass(Math.floor(random() * 6 * HOUR))
    const now = library.clock.now()
    if (random() < 0.15) {
      await manager.endGrace(key.id)
      for (const one of promised.slice(1)) one.end = Math.min(one.end, now)
    } else {
      const graceSeconds = Math.floor(random() * 5) * 3600
      const rotated = await manager.rotateApiKey(key.id, { graceSeconds })
      for (const one of promised) one.end = Math.min(one.end, now + graceSeconds * 1000)
      promised.unshift({ token: rotated.token, end: Date.parse(key.expiresAt ?? '') })
    }
    for (const one of promised) expect((await reasonFor(one.token)) === null).toBe(now < one.end)
  }
})
