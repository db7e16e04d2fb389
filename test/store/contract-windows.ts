// What every store promises of windows of its lists, of usage at a glance and of its pulse.

import { expect, test } from 'vitest'
import type { Key } from '../../src/domain/key.ts'
import type { KeyWindowQuery, Span, Window } from '../../src/domain/selection.ts'
import { DEFAULT_SORT, parseSort } from '../../src/domain/selection.ts'
import { usageStats } from '../../src/domain/stats.ts'
import { HOUR_MS, isoFrom, MINUTE_MS } from '../../src/domain/time.ts'
import { WINDOWS } from '../../src/domain/usage.ts'
import type { OpenEmpty } from './contract.ts'
import { callOf } from './contract-usage.ts'
import { edit, manualClock, NOON, newKey, put } from './harness.ts'

const ALL: Span = { around: 'first', before: 0, after: 50 }
const query = (fields: Partial<KeyWindowQuery> = {}): KeyWindowQuery => ({ filter: {}, sort: DEFAULT_SORT, span: ALL, at: NOON, ...fields })
const idsOf = ({ rows }: Window<{ readonly id: string }>): string[] => rows.map(({ item }) => item.id)

export function windowContract(open: OpenEmpty): void {
  test('a window is the part of the list that a page would be, row for row, as views', async () => {
    const { store } = await open(manualClock())
    await put(store, ...Array.from({ length: 9 }, (_, index) => newKey({ name: `n${index % 3}` }, NOON + index).key))
    const sort = parseSort('-name') ?? DEFAULT_SORT
    const page = await store.queryKeys({ filter: {}, sort, limit: 50, at: NOON })
    const span: Span = { around: 'first', before: 0, after: 4 }
    const { rows, position, total } = await store.keyWindow(query({ sort, span }))
    expect(rows.map(({ item }) => item)).toEqual(page.items.slice(0, 4))
    expect(rows.map(({ place }) => place)).toEqual(page.items.slice(0, 4).map(({ id, name }) => ({ value: name, id })))
    expect([position, total]).toEqual([0, 9])
    expect(JSON.stringify(rows)).not.toContain('sha256:')
  })

  test('a window stays with its row while others come and go, and with its place when the row has gone', async () => {
    const { store } = await open(manualClock())
    const keys = Array.from({ length: 6 }, (_, index) => newKey({}, NOON + index).key)
    const [oldest, second, third] = keys as [Key, Key, Key]
    await put(store, ...keys)
    const at = await store.keyWindow(query({ span: { around: { value: second.createdAt, id: second.id }, before: 1, after: 2 } }))
    expect([idsOf(at), at.position]).toEqual([[third.id, second.id, oldest.id], 3])
    const place = at.rows[1]?.place ?? 'first'
    await put(store, newKey({}, NOON + 100).key)
    const later = await store.keyWindow(query({ span: { around: place, before: 1, after: 2 } }))
    expect([idsOf(later), later.position]).toEqual([[third.id, second.id, oldest.id], 4])
    await edit(store, second, { userId: 'else' })
    const gone = await store.keyWindow(query({ filter: { userId: 'user1' }, span: { around: place, before: 1, after: 1 } }))
    expect(idsOf(gone)).toEqual([third.id, oldest.id])
  })

  test('a window shows a change at once, also one of what it is filtered or sorted by', async () => {
    const clock = manualClock()
    const { store } = await open(clock)
    const [a, b] = [newKey({ name: 'a' }).key, newKey({ name: 'b' }).key]
    await put(store, a, b)
    const byName = { sort: parseSort('name') ?? DEFAULT_SORT }
    const active = { filter: { status: ['active'] as const } }
    expect(idsOf(await store.keyWindow(query(byName)))).toEqual([a.id, b.id])
    expect((await store.keyWindow(query(active))).total).toBe(2)
    await edit(store, a, { name: 'c' })
    await edit(store, b, { disabledAt: isoFrom(NOON) }, 'key.disable')
    expect(idsOf(await store.keyWindow(query(byName)))).toEqual([b.id, a.id])
    expect(idsOf(await store.keyWindow(query(active)))).toEqual([a.id])
  })

  test('a window by last use shows a call at once', async () => {
    const { store } = await open(manualClock())
    const [a, b] = [newKey().key, newKey().key]
    await put(store, a, b)
    const lastUsed = query({ sort: parseSort('-lastUsedAt') ?? DEFAULT_SORT })
    for (const [key, at] of [
      [a, NOON],
      [b, NOON + 1],
      [a, NOON + 2],
    ] as const) {
      store.usage.count(callOf(key, 'VALID', at))
      expect((await store.keyWindow(lastUsed)).rows[0]).toMatchObject({
        place: { value: at },
        item: { id: key.id, lastUsedAt: isoFrom(at) },
      })
    }
    await store.usage.flush()
    expect(idsOf(await store.keyWindow(lastUsed))).toEqual([a.id, b.id])
  })

  test('a window of owners is that of their page, and follows changes and calls', async () => {
    const { store } = await open(manualClock())
    const [a, b, c] = [newKey({ userId: 'ann' }).key, newKey({ userId: 'bob' }).key, newKey({ userId: 'Anna' }).key]
    await put(store, a, b, c)
    const check = async (total: number, search?: string): Promise<void> => {
      const asked = { at: NOON, ...(search === undefined ? {} : { search }) }
      const page = await store.queryUsers({ ...asked, limit: 50 })
      const window = await store.userWindow({ ...asked, span: ALL })
      expect([window.rows.map(({ item }) => item), window.total]).toEqual([page.items, total])
    }
    await check(3)
    await check(2, 'AN')
    await check(1, 'ANNA')
    await edit(store, b, { revokedAt: isoFrom(NOON) }, 'key.revoke')
    store.usage.count(callOf(a, 'VALID', NOON))
    await check(3)
    const place = { value: 'b', id: 'b' }
    expect(
      (await store.userWindow({ at: NOON, span: { around: place, before: 1, after: 1 } })).rows.map(({ item }) => item.userId),
    ).toEqual(['ann', 'bob'])
  })
}

export function overviewContract(open: OpenEmpty): void {
  test('an overview has the counts and series of the statistics, flushed or not, and names the busiest keys', async () => {
    const clock = manualClock()
    const { store } = await open(clock)
    const [a, b] = [newKey({ userId: 'ann' }).key, newKey({ userId: 'bob' }).key]
    await put(store, a, b)
    const check = async (): Promise<void> => {
      for (const selector of ['store', { keyId: a.id }, { userId: 'bob' }, { userId: 'nobody' }] as const) {
        for (const window of Object.keys(WINDOWS) as (keyof typeof WINDOWS)[]) {
          const { usage, alive } = await store.usage.read(selector, clock.now())
          const { bySecret: _, byScope: __, ...stats } = usageStats(usage, alive, window, clock.now())
          expect(await store.usage.overview(selector, window, clock.now())).toMatchObject(stats)
        }
      }
      for (const window of ['1h', '30d'] as const) {
        const owners = ['bob', 'ann', 'nobody']
        const each = await store.usage.overviewEach(owners, window, clock.now())
        expect([...each.keys()]).toEqual(owners)
        for (const userId of owners) {
          const { usageCount, series } = await store.usage.overview({ userId }, window, clock.now())
          expect(each.get(userId)).toMatchObject({ usageCount, series })
        }
      }
    }
    for (const [key, code] of [
      [a, 'VALID'],
      [b, 'VALID'],
      [b, 'VALID'],
      [a, 'RATE_LIMITED'],
      [null, 'NOT_FOUND'],
    ] as const)
      store.usage.count(callOf(key, code, clock.now()))
    await check()
    await store.usage.flush()
    await check()
    clock.pass(2 * HOUR_MS + MINUTE_MS)
    store.usage.count(callOf(a, 'EXPIRED', clock.now()))
    await check()
    const hour = Math.floor(NOON / HOUR_MS)
    expect(await store.usage.overview('store', '24h', clock.now())).toMatchObject({
      busiest: [
        { keyId: b.id, accepted: 2, rateLimited: 0 },
        { keyId: a.id, accepted: 1, rateLimited: 1 },
      ],
      limited: [{ keyId: a.id, accepted: 1, rateLimited: 1 }],
      hours: [
        [hour, 5],
        [hour + 2, 1],
      ],
    })
  })
}

export function pulseContract(open: OpenEmpty): void {
  test('the pulse tells of changes, of written counts and of the log, and of no trouble', async () => {
    const { store } = await open(manualClock())
    expect(await store.pulse()).toMatchObject({ revision: 0, keys: 0, calls: 0, others: 0, lastSeq: 0, trouble: null })
    const { key } = newKey()
    await put(store, key)
    await edit(store, key, { name: 'new' })
    const before = await store.pulse()
    expect(before).toMatchObject({ revision: 2, keys: 1, calls: 0, lastSeq: 2, trouble: null })
    for (const code of ['VALID', 'EXPIRED', 'VALID'] as const) store.usage.count(callOf(key, code, NOON))
    expect(await store.pulse()).toEqual(before)
    await store.usage.flush()
    const after = await store.pulse()
    expect(after).toMatchObject({ revision: 2, calls: 3, others: 0, lastSeq: 3, trouble: null })
    expect(after.usage).not.toBe(before.usage)
    expect(await store.pulse()).toEqual(after)
  })
}
