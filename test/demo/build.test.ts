// The demo's store: whole, with something of everything in it, the same for the same seed, and without a token in any file.

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DemoStore } from '../../src/demo/build.ts'
import { buildDemo } from '../../src/demo/build.ts'
import type { AuditRecord } from '../../src/domain/audit.ts'
import { ACTIONS } from '../../src/domain/audit.ts'
import type { Key } from '../../src/domain/key.ts'
import { STATUSES, secretsInGrace, statusOf } from '../../src/domain/key.ts'
import { covers } from '../../src/domain/scope.ts'
import { usageStats } from '../../src/domain/stats.ts'
import { hashToken, holdsToken } from '../../src/domain/token.ts'
import type { KeyUsage, Series, Tally } from '../../src/domain/usage.ts'
import { ACCEPTED, CODE_INDEX, sumUsages } from '../../src/domain/usage.ts'
import { VERDICT_CODES } from '../../src/domain/verdict.ts'
import type { Place } from '../store/harness.ts'
import { linesOf, manualClock, NOON, newPlace, openStoreAt, placeAt, seededDraw } from '../store/harness.ts'

const DAY = 86_400_000

const keysOf = (place: Place): Key[] => (JSON.parse(place.text()) as { keys: Key[] }).keys
const usageOf = (place: Place) => JSON.parse(place.text(place.usage)) as { alive: Series; keys: Record<string, KeyUsage> }
const build = (place: Place, seed: string, at = NOON): Promise<DemoStore> => buildDemo(place.folder, { at, draw: seededDraw(seed) })
const callsOf = ({ counts }: Tally, code: (typeof VERDICT_CODES)[number]): number => counts[CODE_INDEX[code]] ?? 0

describe('one store', () => {
  let place: Place
  let demo: DemoStore
  let keys: Key[]
  let usages: Record<string, KeyUsage>
  let alive: Series
  let records: AuditRecord[]

  beforeAll(async () => {
    place = placeAt(mkdtempSync(join(tmpdir(), 'keywright-test-')))
    demo = await build(place, 'one')
    keys = keysOf(place)
    ;({ keys: usages, alive } = usageOf(place))
    records = place.records()
  })
  afterAll(() => rmSync(place.folder, { recursive: true, force: true }))

  const lastUsedAt = ({ id }: Key): number | null => usages[id]?.total.lastAt ?? null
  const some = (isMeant: (key: Key) => boolean): number => keys.filter(isMeant).length

  test('audit verify proves it: the chain, both anchors and the digest of every key', async () => {
    const store = await openStoreAt(place, { clock: manualClock(NOON), isReadOnly: true })
    const { signal } = new AbortController()
    expect((await store.audit.verify({ signal })).report).toEqual({
      ok: true,
      records: records.length,
      firstBad: null,
      problems: [],
      notes: [],
    })
  })

  test('40 owners have 300 keys, and every status occurs', () => {
    expect(keys).toHaveLength(300)
    expect(new Set(keys.map(({ userId }) => userId)).size).toBe(40)
    for (const status of STATUSES) expect(some((key) => statusOf(key, NOON) === status)).toBeGreaterThanOrEqual(5)
  })

  test('the log tells of months, by several actors, through every door, with every action that an undisturbed store has', () => {
    expect(Date.parse(records[0]?.at ?? '')).toBeLessThan(NOON - 150 * DAY)
    expect(new Set(records.map(({ actor }) => actor.name)).size).toBeGreaterThanOrEqual(8)
    expect(new Set(records.map(({ actor }) => actor.via))).toEqual(new Set(['cli', 'tui', 'library']))
    const troubles = /^(?:store\.|log\.|usage\.|audit\.accept-loss)/
    const missing = ACTIONS.filter((action) => !troubles.test(action) && !records.some((record) => record.action === action))
    expect(missing).toEqual([])
  })

  test('nothing on it lies in the future', () => {
    expect(Date.parse(records.at(-1)?.at ?? '')).toBeLessThanOrEqual(NOON)
    for (const { total, secrets, scopes } of Object.values(usages))
      for (const { lastAt } of [total, ...Object.values(secrets), ...Object.values(scopes)]) expect(lastAt ?? 0).toBeLessThanOrEqual(NOON)
  })

  test('what hygiene looks for is there', () => {
    const isActive = (key: Key): boolean => statusOf(key, NOON) === 'active'
    expect(some((key) => isActive(key) && lastUsedAt(key) === null && Date.parse(key.createdAt) < NOON - 30 * DAY)).toBeGreaterThan(3)
    expect(some((key) => isActive(key) && (lastUsedAt(key) ?? NOON) < NOON - 90 * DAY)).toBeGreaterThan(5)
    expect(some((key) => key.expiresAt === null && key.environment === 'live')).toBeGreaterThan(10)
    expect(some((key) => statusOf(key, NOON) === 'expiring' && (lastUsedAt(key) ?? 0) > NOON - DAY)).toBeGreaterThan(3)
    const isOverScoped = ({ id, scopes }: Key): boolean => {
      const exercised = Object.keys(usages[id]?.scopes ?? {})
      return exercised.length > 0 && scopes.some((scope) => !exercised.some((used) => covers(scope, used)))
    }
    expect(some(isOverScoped)).toBeGreaterThan(10)
    expect(some(({ scopes }) => scopes.some((scope) => scope.includes('*')))).toBeGreaterThan(5)
    const wasRetiredTried = (key: Key): boolean => isActive(key) && callsOf((usages[key.id] as KeyUsage).total, 'REVOKED') > 0
    expect(some((key) => usages[key.id] !== undefined && wasRetiredTried(key))).toBeGreaterThanOrEqual(1)
  })

  test('of the keys in rotation some still have calls on the old secret, fewer than before, and some are safe to end', () => {
    const onOlder = (key: Key, from: number, to: number): number =>
      secretsInGrace(key, NOON).reduce((sum, { shortId }) => {
        const hours = usages[key.id]?.secrets[shortId]?.series.hour ?? []
        return (
          sum + hours.reduce((calls, [hour, count = 0]) => (hour * 3_600_000 >= from && hour * 3_600_000 < to ? calls + count : calls), 0)
        )
      }, 0)
    const rotating = keys.filter((key) => statusOf(key, NOON) === 'rotating')
    const isDraining = (key: Key): boolean => {
      const today = onOlder(key, NOON - DAY, NOON)
      return today > 0 && today < onOlder(key, NOON - 2 * DAY, NOON - DAY)
    }
    const isSafe = (key: Key): boolean => onOlder(key, NOON - DAY, NOON) === 0 && onOlder(key, NOON - 7 * DAY, NOON) > 0
    expect(rotating.filter(isDraining).length).toBeGreaterThanOrEqual(3)
    expect(rotating.filter(isSafe).length).toBeGreaterThanOrEqual(3)
  })

  test('usage fills each window, with every code, rate-limit hits and gaps', () => {
    const usage = sumUsages(Object.values(usages))
    for (const code of VERDICT_CODES) expect(callsOf(usage.total, code)).toBeGreaterThan(0)
    for (const window of ['1h', '24h', '7d', '30d'] as const) {
      const { usageCount, rateLimitedCount, series } = usageStats(usage, alive, window, NOON)
      expect(usageCount).toBeGreaterThan(rateLimitedCount)
      expect(rateLimitedCount).toBeGreaterThan(0)
      // The current bucket may have just begun.
      expect(series.accepted.slice(0, -1).filter((calls) => calls === 0)).toEqual([])
    }
    for (const window of ['1h', '7d'] as const) expect(usageStats(usage, alive, window, NOON).series.accepted).toContain(null)
    const hours = usageStats(usage, alive, '24h', NOON).series.accepted.map((calls) => calls ?? 0)
    expect(Math.max(...hours)).toBeGreaterThan(2 * Math.min(...hours.slice(0, -1)))
  })

  test('no key is used before it was made, nor accepted after it ended', () => {
    for (const key of keys) {
      const { lastAt, counts } = usages[key.id]?.total ?? { lastAt: null, counts: [] }
      if (lastAt === null) continue
      const ends = [key.expiresAt, key.revokedAt, key.disabledAt].flatMap((end) => (end === null ? [] : [Date.parse(end)]))
      expect(lastAt).toBeGreaterThan(Date.parse(key.notBefore ?? key.createdAt))
      expect(lastAt).toBeLessThan(Math.min(NOON + 1, ...ends))
      expect(counts[ACCEPTED]).toBeGreaterThan(0)
    }
  })

  test('the calls that the log sums up by hour are those that the usage has', () => {
    const summaries = records.filter(
      ({ action, after }) => action === 'validate.summary' && Date.parse(String(after?.['since'])) > NOON - DAY,
    )
    for (const { keyId, after } of summaries) {
      const hour = Date.parse(String(after?.['since'])) / 3_600_000
      expect(usages[keyId as string]?.total.series.hour.find(([bucket]) => bucket === hour)?.[1]).toBe(after?.['count'])
    }
    expect(summaries.length).toBeGreaterThan(100)
  })

  test('the traffic has tokens that are the keys’ own, and none of them is in a file', () => {
    const clients = demo.traffic.flatMap(({ clients }) => clients)
    const hashes = new Set(keys.flatMap(({ secrets }) => secrets.map(({ hash }) => hash)))
    expect(clients.filter(({ token }) => !hashes.has(hashToken(token)))).toHaveLength(1)
    for (const file of place.files()) {
      const text = place.text(join(place.folder, file))
      expect(linesOf(text).filter(holdsToken)).toEqual([])
      for (const { token } of clients) expect(text.includes(token)).toBe(false)
    }
  })

  test('its files are nobody else’s', () => {
    for (const file of place.files()) expect(statSync(join(place.folder, file)).mode & 0o777).toBe(0o600)
    expect(statSync(join(place.folder, 'logs')).mode & 0o777).toBe(0o700)
  })
})

test('the same moment and seed make the same store and traffic, another seed makes another', async () => {
  const [first, second, other] = [newPlace(), newPlace(), newPlace()]
  const traffic = (await build(first, 'same')).traffic
  expect((await build(second, 'same')).traffic).toEqual(traffic)
  await build(other, 'another')
  for (const file of ['keys', 'usage', 'log'] as const) {
    expect(second.text(second[file]) === first.text(first[file])).toBe(true)
    expect(other.text(other[file]) === first.text(first[file])).toBe(false)
  }
})

test.each(['2024-02-29T23:59:59.999Z', '2026-01-01T00:00:00.000Z', '2026-11-29T03:30:00.000Z'])(
  'a store that is built at %s is whole too',
  async (moment) => {
    const at = Date.parse(moment)
    const place = newPlace()
    await build(place, moment, at)
    const store = await openStoreAt(place, { clock: manualClock(at), isReadOnly: true })
    expect((await store.audit.verify({ signal: new AbortController().signal })).report).toMatchObject({ ok: true, problems: [], notes: [] })
    expect(keysOf(place)).toHaveLength(300)
    expect(new Set(keysOf(place).map((key) => statusOf(key, at))).size).toBe(STATUSES.length)
  },
)
