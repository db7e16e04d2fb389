// keys.usage.json: shared by processes, set aside when it is garbled, never in the way of a verification.

import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { RateLimit } from '../../src/domain/limit.ts'
import { EMPTY_KEY_USAGE, EMPTY_TALLY } from '../../src/domain/usage.ts'
import type { ApiKeyManager } from '../../src/index.ts'
import { parseAdmissions, usageLine } from '../../store/json/usage-text.ts'
import { always, fc } from '../domain/seed.ts'
import type { Place } from './harness.ts'
import { expectCode, manualClock, NOON, newKey, newPlace, openManagerAt, openStoreAt, put, until } from './harness.ts'
import { actions, expectProven, lastRecord } from './story.ts'

interface Used {
  readonly place: Place
  readonly manager: ApiKeyManager
  readonly token: string
  readonly keyId: string
}

/** A store with one key, used once and flushed. */
async function used(options: Parameters<typeof openManagerAt>[1] = {}): Promise<Used> {
  const place = newPlace()
  // Counts are written when the test says so.
  const manager = await openManagerAt(place, { flushIntervalMs: 60_000, ...options })
  const { token, key } = await manager.generateApiKey({ userId: 'ann', rateLimits: [{ limit: 5, windowSeconds: 60 }] })
  await manager.validateApiKey(token)
  await manager.flush()
  return { place, manager, token, keyId: key.id }
}

describe('the file', () => {
  test('has a header with the log’s head and one key a line', async () => {
    const { place, keyId } = await used()
    const [header = '', line = '', end] = place.text(place.usage).split('\n')
    const { seq, hash } = place.records().at(-1) ?? {}
    expect(JSON.parse(`${header}}}`)).toMatchObject({ format: 'keywright-usage/1', audit: { seq, hash, keysSeq: 1 } })
    expect(line.startsWith(`"${keyId}":{"total":`)).toBe(true)
    expect(end).toBe('}}')
    expect(JSON.parse(place.text(place.usage))).toHaveProperty(['keys', keyId])
  })

  test('is not written where nothing was counted', async () => {
    const place = newPlace()
    const manager = await openManagerAt(place)
    const { token } = await manager.generateApiKey({ userId: 'ann' })
    await manager.validateApiKey(token, { peek: true })
    await manager.explainApiKey(token)
    await manager.flush()
    await manager.close()
    expect(place.files()).not.toContain('keys.usage.json')
  })

  test('what one process has flushed is in every other’s statistics, what it has not is in its own', async () => {
    const { place, manager, token, keyId } = await used()
    const other = await openManagerAt(place, { flushIntervalMs: 60_000 })
    await manager.validateApiKey(token)
    expect(await manager.getKeyUsageStats(keyId)).toMatchObject({ usageCount: 2 })
    expect(await other.getKeyUsageStats(keyId)).toMatchObject({ usageCount: 1 })
    await other.validateApiKey(token)
    await Promise.all([manager.flush(), other.flush()])
    for (const one of [manager, other]) expect(await one.getKeyUsageStats(keyId)).toMatchObject({ usageCount: 3 })
    expect((await other.listApiKeys()).keys[0]?.lastUsedAt).not.toBeNull()
    expect(actions(place).filter((action) => action === 'validate.first-use')).toHaveLength(1)
  })

  test('a read-only manager verifies, counts nothing and writes nothing', async () => {
    const { place, manager, token, keyId } = await used()
    await manager.close()
    const [files, usage, log] = [place.files(), place.text(place.usage), place.text(place.log)]
    const reader = await openManagerAt(place, { readOnly: true })
    expect((await reader.validateApiKey(token)).code).toBe('VALID')
    await reader.validateApiKey('nonsense')
    await reader.verifyAudit()
    await reader.flush()
    expect(await reader.getKeyUsageStats(keyId)).toMatchObject({ usageCount: 1 })
    await reader.close()
    expect([place.files(), place.text(place.usage), place.text(place.log)]).toEqual([files, usage, log])
  })

  test('a purged key’s calls stay in the totals of the store', async () => {
    let now = Date.UTC(2026, 10, 23, 12)
    const { manager, keyId } = await used({ clock: () => now })
    await manager.revokeApiKey(keyId, { reason: 'old' })
    now += 1000
    await manager.purge({ olderThanSeconds: 1 })
    const { key, token } = await manager.generateApiKey({ userId: 'bob' })
    for (const hours of [1, 1]) {
      now += hours * 3_600_000 + 60_000
      await manager.validateApiKey(token)
      await manager.flush()
    }
    expect(await manager.getUsageStats()).toMatchObject({ usageCount: 3 })
    expect(await manager.getKeyUsageStats(key.id)).toMatchObject({ usageCount: 2 })
    await expectProven(manager)
  })
})

describe('a garbled file', () => {
  const garbled: [string, (text: string) => string][] = [
    ['is empty', () => ''],
    ['is no JSON', () => 'nonsense\n'],
    ['is cut', (text) => text.slice(0, -20)],
    ['has another format', (text) => text.replace('keywright-usage/1', 'keywright-usage/7')],
    ['has wrong types', (text) => text.replace('"counts":[1]', '"counts":"one"')],
    ['has a key that is no JSON', (text) => text.replace('"counts":[1]', '"counts":[1')],
    [
      'has wrong types and vouches for another log',
      (text) => text.replace('"counts":[1]', '"counts":"one"').replace(/"hash":"[0-9a-f]{64}"/, `"hash":"${'f'.repeat(64)}"`),
    ],
    ['has an anchor that is none', (text) => text.replace(/"hash":"[0-9a-f]{64}"/, '"hash":7')],
  ]
  const expectSetAside = async ({ place, manager, token, keyId }: Used, garbage: string): Promise<void> => {
    expect((await manager.validateApiKey(token)).code).toBe('VALID')
    await manager.flush()
    const aside = readdirSync(place.folder).filter((name) => name.startsWith('keys.usage.json.'))
    expect(aside).toHaveLength(1)
    expect(readFileSync(`${place.folder}/${aside[0]}`, 'utf8')).toBe(garbage)
    expect(lastRecord(place, 'usage.repair')).toMatchObject({ after: { aside: basename(aside[0] ?? '') }, base: null })
    expect(await manager.getKeyUsageStats(keyId)).toMatchObject({ usageCount: 1 })
    expect((await expectProven(manager)).notes.join()).toContain('usage.repair')
    await manager.validateApiKey(token)
    await manager.flush()
    expect(actions(place).filter((action) => action === 'usage.repair')).toHaveLength(1)
  }

  test.each(garbled)('that %s is set aside and recorded, and verification goes on', async (_, garble) => {
    const { place, manager, token, keyId } = await used()
    await manager.close()
    const text = garble(place.text(place.usage))
    writeFileSync(place.usage, text)
    await expectSetAside({ place, manager: await openManagerAt(place, { flushIntervalMs: 60_000 }), token, keyId }, text)
  })

  test.each(garbled)('that %s under a running process is set aside by it', async (_, garble) => {
    const state = await used()
    const text = garble(state.place.text(state.place.usage))
    writeFileSync(state.place.usage, text)
    await expectSetAside(state, text)
  })
})

describe('records that the log can’t take', () => {
  test('that a file was set aside is recorded once the log is writable again', async () => {
    const { place, manager, token, keyId } = await used()
    await manager.close()
    writeFileSync(join(place.folder, 'keywright.config.json'), '{"segmentBytes":4096}')
    const again = await openManagerAt(place, { flushIntervalMs: 60_000 })
    while (statSync(place.log).size < 4096) await again.updateApiKey(keyId, { name: `${statSync(place.log).size}` })
    writeFileSync(place.usage, 'nonsense')
    // In the way of the next segment: nothing can be appended.
    const inTheWay = join(place.folder, 'logs', 'security-audit.1.log')
    writeFileSync(inTheWay, '')
    await again.validateApiKey(token)
    await expectCode(again.flush(), 'AUDIT_UNAVAILABLE')
    rmSync(inTheWay)
    await again.flush()
    expect(actions(place).filter((action) => action === 'usage.repair')).toHaveLength(1)
    await expectProven(again)
  })

  test('refusals are recorded soon after their minute, though nothing is verified any more', async () => {
    const place = newPlace()
    const began = performance.now()
    const clock = (): number => NOON + 56_000 + performance.now() - began
    const manager = await openManagerAt(place, { flushIntervalMs: 10, clock })
    await manager.generateApiKey({ userId: 'ann' })
    await manager.validateApiKey('nonsense')
    await until('the refusal is on the log', () => actions(place).includes('validate.refused'))
    expect(lastRecord(place, 'validate.refused')?.at.slice(0, 17)).toBe('2026-11-23T12:01:')
  })
})

describe('limits that processes share', () => {
  const limits: RateLimit[] = [{ name: 'default', limit: 5, windowSeconds: 60 }]
  const two = async () => {
    const place = newPlace()
    const clock = manualClock()
    const [a, b] = [await openStoreAt(place, { clock, seed: 'a' }), await openStoreAt(place, { clock, seed: 'b' })]
    const { key } = newKey({ rateLimits: limits })
    await put(a, key)
    const take = async (store: typeof a, calls: number): Promise<number> => {
      let allowed = 0
      for (let call = 0; call < calls; call++) {
        if (!(await store.usage.take(key.id, limits, false)).isAllowed) continue
        allowed++
        store.usage.count({ keyId: key.id, userId: key.userId, code: 'VALID', at: clock.now(), shortId: null, scopes: [] })
      }
      return allowed
    }
    return { place, clock, a, b, take }
  }

  test('who meets a limit counts what others admitted and flushed', async () => {
    const { a, b, take } = await two()
    expect(await take(a, 3)).toBe(3)
    await a.usage.flush()
    expect(await take(b, 5)).toBe(2)
  })

  test('who holds a limit learns of others’ admissions once they are flushed, and each is counted once', async () => {
    const { clock, a, b, take } = await two()
    expect([await take(a, 1), await take(b, 1)]).toEqual([1, 1])
    for (let round = 0; round < 3; round++) {
      await a.usage.flush()
      await b.usage.flush()
      clock.pass(250)
    }
    expect([await take(a, 2), await take(b, 1)]).toEqual([2, 1])
    await a.usage.flush()
    clock.pass(250)
    expect(await take(b, 5)).toBe(0)
  })

  test('a limit is whole again for all when its window is over', async () => {
    const { clock, a, b, take } = await two()
    await take(a, 5)
    await a.usage.flush()
    expect(await take(b, 1)).toBe(0)
    clock.pass(60_000)
    expect(await take(b, 9)).toBe(5)
  })

  test('a limit made up by the application is shared too, though its calls are no uses', async () => {
    const { place, manager, token } = await used()
    const other = await openManagerAt(place, { flushIntervalMs: 60_000 })
    const limit = { limit: 2, windowSeconds: 60 }
    for (const allowed of [true, true, false]) expect((await manager.checkRateLimit(token, limit)).allowed).toBe(allowed)
    await manager.flush()
    expect((await other.checkRateLimit(token, limit)).allowed).toBe(false)
    expect(await other.getUsageStats()).toMatchObject({ usageCount: 1, rateLimitedCount: 0 })
  })
})

test('the admissions of a line are read from its end alone, whatever their names are', () => {
  const one = fc.record({ seq: fc.nat(), at: fc.nat(), count: fc.nat(), by: fc.string() })
  const admissions = fc.dictionary(fc.string(), fc.record({ windowMs: fc.nat(), calls: fc.array(one, { maxLength: 5 }) }))
  always(fc.tuple(admissions, fc.string()), ([kept, scope]) => {
    const line = usageLine({ ...EMPTY_KEY_USAGE, scopes: { [scope]: EMPTY_TALLY }, admissions: kept })
    expect(parseAdmissions(line)).toEqual(JSON.parse(JSON.stringify(kept)))
    expect(parseAdmissions(`${line}}`)).toBeNull()
  })
  expect(parseAdmissions('{"admissions":{}}')).toBeNull()
  expect(parseAdmissions('{"total":1,"admissions":{"a":{"windowMs":"x","calls":[]}}}')).toBeNull()
})
