// Verification: the earliest failing check decides, the verdict says what it may, and what is only looked at leaves no trace.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Key } from '../src/domain/key.ts'
import type { Store } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { isoFrom } from '../src/domain/time.ts'
import type { Verdict, VerdictCode } from '../src/domain/verdict.ts'
import { CHECKS } from '../src/domain/verdict.ts'
import { explain, isInForce, verify } from '../src/verify.ts'
import { openMemoryStore } from '../store/memory.ts'
import type { Failing } from './domain/failing-calls.ts'
import { CALL, callWith, FAILING, LIMIT, retire } from './domain/failing-calls.ts'
import { always, fc } from './domain/seed.ts'
import type { ManualClock } from './store/harness.ts'
import { ACTOR, manualClock, NOON, newKey, put, seededDraw } from './store/harness.ts'

let clock: ManualClock
let store: Store
beforeEach(() => {
  clock = manualClock()
  store = openMemoryStore({ actor: ACTOR, clocks: clock.clocks, draw: seededDraw('verify') })
})

/** A key in the store, a token and a call to which just these conditions apply. */
async function arrange(conditions: readonly Failing[]) {
  const made = callWith(conditions)
  await put(store, made.key)
  if (conditions.some(({ check }) => check === 'limits')) await store.usage.take(made.key.id, made.key.rateLimits, false)
  return made
}

const remaining = async (key: Key) => (await store.usage.take(key.id, key.rateLimits, true)).limits.map((limit) => limit.remaining)

describe('of the checks that fail', () => {
  test('the earliest decides, for every pair of conditions, and consumes nothing', async () => {
    for (const [index, first] of FAILING.entries()) {
      for (const second of FAILING.slice(index)) {
        const { token, call, key } = await arrange([first, second])
        const verdict = await verify(store, token, call, NOON)
        expect(verdict, `${first.check} and ${second.check}`).toMatchObject({ valid: false, code: first.code, reason: first.reason })
        expect(await remaining(key)).toEqual([second.check === 'limits' ? 0 : 1])
      }
    }
  })

  test('the earliest decides, for every set of conditions', async () => {
    for (let set = 1; set < 2 ** FAILING.length; set++) {
      const conditions = FAILING.filter((_, index) => (set & (1 << index)) !== 0)
      const { token, call } = await arrange(conditions)
      expect((await verify(store, token, call, NOON)).reason).toBe(conditions[0]?.reason)
    }
  })

  test('an address that is not given is unknown, one that is none is not allowed', async () => {
    const { token, call } = await arrange([])
    const reasonFor = async (ip: string | null) => (await verify(store, token, { ...call, ip }, NOON)).reason
    expect([await reasonFor(null), await reasonFor('nonsense'), await reasonFor(''), await reasonFor('::ffff:11.0.0.1')]).toEqual([
      'IP_UNKNOWN',
      ...Array(3).fill('IP_NOT_ALLOWED'),
    ])
    expect(await reasonFor('::ffff:10.9.9.9')).toBeNull()
  })
})

describe('an explanation', () => {
  test('lists all twelve checks in order: those before pass, one fails, the rest are skipped', async () => {
    for (const [index, condition] of FAILING.entries()) {
      const { token, call } = await arrange([condition])
      const { verdict, checks } = await explain(store, token, call, NOON)
      expect(verdict.reason).toBe(condition.reason)
      expect(checks.map(({ check }) => check)).toEqual(CHECKS)
      expect(checks.map(({ outcome }) => outcome)).toEqual(CHECKS.map((_, at) => (at < index ? 'pass' : at === index ? 'fail' : 'skipped')))
      for (const { detail } of checks) expect(detail).not.toBe('')
      expect(JSON.stringify(checks)).not.toContain(token.slice(-49))
    }
  })

  test('of a valid call passes every check, and consumes and counts nothing', async () => {
    const { token, call, key } = await arrange([])
    for (let round = 0; round < 3; round++) {
      const { verdict, checks } = await explain(store, token, call, NOON)
      expect([verdict.valid, new Set(checks.map(({ outcome }) => outcome))]).toEqual([true, new Set(['pass'])])
    }
    expect(await remaining(key)).toEqual([1])
    expect((await store.usage.read('store', NOON)).usage.total.counts).toEqual([])
  })
})

describe('a verdict', () => {
  const NAMED = ['environment', 'expiresAt', 'keyId', 'name', 'scopes', 'secret', 'userId']
  const namesIn = (verdict: Verdict) => Object.keys(verdict).sort()

  test('on a valid call names the key and what is left of its limits', async () => {
    const { token, call, key } = await arrange([])
    expect(await verify(store, token, call, NOON)).toEqual({
      valid: true,
      code: 'VALID',
      reason: null,
      keyId: key.id,
      userId: key.userId,
      name: null,
      environment: 'live',
      scopes: ['read:*'],
      expiresAt: null,
      secret: { shortId: token.slice(8, 20), notAfter: null },
      rateLimits: [{ ...LIMIT, remaining: 0, resetAt: isoFrom(NOON + 60_000), retryAfterMs: 0 }],
    })
  })

  test('names no key where the secret is wrong, and from the look-up on names it', async () => {
    for (const condition of FAILING) {
      const { token, call } = await arrange([condition])
      const named = FAILING.indexOf(condition) < 3 ? [] : NAMED
      const more = { scopes: ['missing'], limits: ['rateLimits', 'retryAfterMs'] }[condition.check as string] ?? []
      expect(namesIn(await verify(store, token, call, NOON))).toEqual(['code', 'reason', 'valid', ...named, ...more].sort())
    }
  })

  test('names every scope that is missing, in the order asked', async () => {
    const { token, call } = await arrange([])
    const asked = { ...call, requiredScopes: ['write', 'read:users', 'read', 'admin:all'] }
    expect(await verify(store, token, asked, NOON)).toMatchObject({ code: 'INSUFFICIENT_SCOPE', missing: ['write', 'read', 'admin:all'] })
    expect((await verify(store, token, { ...call, requiredScopes: ['read:users', 'read:a:b'] }, NOON)).valid).toBe(true)
  })

  test('on a refused limit tells when to try again, and that time is right', async () => {
    const { token, call } = await arrange([FAILING.at(-1) as Failing])
    clock.pass(15_000)
    const { retryAfterMs = 0 } = await verify(store, token, call, NOON + 15_000)
    expect(retryAfterMs).toBe(45_000)
    clock.pass(retryAfterMs)
    expect((await verify(store, token, call, NOON + 60_000)).valid).toBe(true)
  })

  test.each<[string, Partial<Key>, number, VerdictCode]>([
    ['before its expiry', { expiresAt: isoFrom(NOON) }, NOON - 1, 'VALID'],
    ['at its expiry', { expiresAt: isoFrom(NOON) }, NOON, 'EXPIRED'],
    ['before its not-before', { notBefore: isoFrom(NOON) }, NOON - 1, 'FORBIDDEN'],
    ['at its not-before', { notBefore: isoFrom(NOON) }, NOON, 'VALID'],
  ])('is exact to the millisecond: %s', async (_, fields, at, code) => {
    const { key, token } = newKey(fields)
    await put(store, key)
    expect((await verify(store, token, { ...CALL, requiredScopes: [] }, at)).code).toBe(code)
  })

  test('accepts a secret strictly before the end of its grace', async () => {
    const { key, token } = newKey()
    await put(store, { ...key, ...retire(key) })
    expect([
      await verify(store, token, { ...CALL, requiredScopes: [] }, NOON - 1),
      await verify(store, token, { ...CALL, requiredScopes: [] }, NOON),
    ]).toMatchObject([
      { valid: true, secret: { notAfter: isoFrom(NOON) } },
      { code: 'REVOKED', reason: 'SECRET_RETIRED' },
    ])
  })

  test('is given on a token of any type, length and content', async () => {
    await arrange([])
    always(fc.oneof(fc.anything(), fc.string({ unit: 'binary', maxLength: 100 })), (token) => {
      expect(verify(store, token, CALL, NOON)).toEqual({ valid: false, code: 'NOT_FOUND', reason: 'MALFORMED' })
    })
    expect(verify(store, 'a'.repeat(1e6), CALL, NOON)).toMatchObject({ reason: 'MALFORMED' })
  })
})

describe('what a verification leaves behind', () => {
  const usageOf = async (key: Key) => (await store.usage.read({ keyId: key.id }, NOON)).usage
  const codeCounts = async (key: Key) => (await usageOf(key)).total.counts

  test('is one use with its code, and for a valid one its secret and scopes', async () => {
    const { token, call, key } = await arrange([])
    await verify(store, token, call, NOON)
    await verify(store, token, call, NOON)
    await verify(store, token, { ...call, requiredScopes: ['write'] }, NOON)
    const usage = await usageOf(key)
    expect(usage.total).toMatchObject({ counts: [1, 1, 0, 0, 0, 0, 0, 1], lastAt: NOON })
    expect([Object.keys(usage.secrets), Object.keys(usage.scopes)]).toEqual([[token.slice(8, 20)], ['read:users']])
    expect(usage.secrets[token.slice(8, 20)]?.counts).toEqual([1])
  })

  test('of a retired secret is a refused use of the key', async () => {
    const { token, call, key } = await arrange([FAILING[4] as Failing])
    await verify(store, token, call, NOON)
    expect(await codeCounts(key)).toEqual([0, 0, 0, 1])
  })

  test('of a wrong secret is no use of the key, whose shortId it names', async () => {
    const { token, call, key } = await arrange([FAILING[2] as Failing])
    await verify(store, token, call, NOON)
    expect(await codeCounts(key)).toEqual([])
    expect((await store.usage.read('store', NOON)).usage.total.counts).toEqual([0, 0, 1])
  })

  test('of a peek is nothing: no use, no call of a limit', async () => {
    for (const conditions of [[], ...FAILING.map((condition) => [condition])]) {
      const { token, call, key } = await arrange(conditions)
      const before = await remaining(key)
      for (let round = 0; round < 3; round++) await verify(store, token, { ...call, isPeek: true }, NOON)
      expect(await remaining(key)).toEqual(before)
    }
    expect((await store.usage.read('store', NOON)).usage.total.counts).toEqual([])
  })
})

describe('a store', () => {
  test('that answers with promises is verified against just the same', async () => {
    const late = {
      hashing: store.hashing,
      findCredential: async (shortId: string) => store.findCredential(shortId),
      usage: { ...store.usage, take: async (...of: Parameters<Store['usage']['take']>) => store.usage.take(...of) },
    }
    for (const conditions of [[], ...FAILING.map((condition) => [condition])]) {
      const { token, call } = await arrange(conditions)
      expect((await verify(late, token, call, NOON)).reason).toBe(conditions[0]?.reason ?? null)
    }
  })

  test('that has trouble is an error and never a verdict', async () => {
    const { token, call } = await arrange([])
    const trouble = () => {
      throw new KeywrightError('STORE_UNAVAILABLE', 'the disk is gone')
    }
    const rejecting = async () => trouble()
    for (const broken of [
      { ...store, findCredential: trouble },
      { ...store, usage: { ...store.usage, take: trouble } },
    ])
      expect(() => verify(broken, token, call, NOON)).toThrow('the disk is gone')
    for (const broken of [
      { ...store, findCredential: rejecting },
      { ...store, usage: { ...store.usage, take: rejecting } },
    ])
      await expect(verify(broken, token, call, NOON)).rejects.toThrow('the disk is gone')
  })
})

test('a key is in force when no check of its own state fails, whatever the call', async () => {
  for (const condition of FAILING.slice(3)) {
    const { key } = await arrange([condition])
    const credential = await store.findCredential(key.secrets[0]?.shortId ?? '')
    expect(credential !== null && isInForce(credential, NOON)).toBe(condition.key === undefined)
  }
})
