// What every store promises of its log in pages: from any place, by any filter, with what is newer and older; and of counts over time.

import { expect, test } from 'vitest'
import type { AuditPage, AuditPageFilter, AuditPageQuery } from '../../src/domain/audit.ts'
import type { Key } from '../../src/domain/key.ts'
import type { Store } from '../../src/domain/ports.ts'
import type { OpenEmpty } from './contract.ts'
import type { ManualClock } from './harness.ts'
import { ACTOR, collect, edit, manualClock, NOON, newKey, outcomeOf, put, refTo } from './harness.ts'

const MINUTE_MS = 60_000
const ALL = 100

const seqs = ({ rows }: AuditPage) => rows.map(({ record }) => record.seq)
const read = (store: Store, query: Partial<AuditPageQuery> = {}) =>
  store.audit.page({ filter: {}, around: 'newest', newer: 0, older: ALL, ...query })
const found = async (store: Store, filter: AuditPageFilter) => seqs(await read(store, { filter }))
const downFrom = (last: number, count: number) => Array.from({ length: count }, (_, index) => last - index)

/** Ten records of two keys, a minute apart: the odd of ann's key, the even of bob's; the fourth and eighth grant a scope. */
async function story(store: Store, clock: ManualClock): Promise<{ ann: Key; bob: Key }> {
  const [ann, bob] = [newKey({ userId: 'ann' }).key, newKey({ userId: 'bob' }).key]
  await put(store, ann)
  clock.pass(MINUTE_MS)
  await put(store, bob)
  for (let seq = 3; seq <= 10; seq++) {
    clock.pass(MINUTE_MS)
    const key = seq % 2 === 1 ? ann : bob
    const [fields, action] =
      seq % 4 === 0 ? ([{ scopes: [`s${seq}`] }, 'key.scope.add'] as const) : ([{ name: `name-${seq}` }, 'key.update'] as const)
    await store.transact({
      actor: ACTOR,
      targets: { refs: [refTo(key)] },
      decide: ({ targets: [now] }) => {
        if (now == null) throw new Error('gone')
        return outcomeOf(action, now, { ...now, ...fields, revision: now.revision + 1 }, clock.now())
      },
    })
  }
  return { ann, bob }
}

/** A store with the story: `put` records at noon, whatever the clock, so that the second is as old as the first. */
async function told(open: OpenEmpty): Promise<{ store: Store; ann: Key; bob: Key }> {
  const clock = manualClock()
  const { store } = await open(clock)
  return { store, ...(await story(store, clock)) }
}

export function auditPageContract(open: OpenEmpty): void {
  test('a log without records is an empty page, and has no timeline', async () => {
    const { store } = await open(manualClock())
    const nothing = { rows: [], hasNewer: false, hasOlder: false, lastSeq: 0 }
    for (const around of ['newest', 'oldest', { seq: 5 }, { at: NOON }] as const)
      expect(await read(store, { around, newer: 5 })).toEqual(nothing)
    expect(await read(store, { filter: { text: 'x', since: NOON } })).toEqual(nothing)
    expect(await store.audit.timeline({ from: null, to: null, spans: 10 })).toBeNull()
  })

  test('rows are the records as they are streamed, newest first, proven', async () => {
    const { store } = await told(open)
    const records = await collect(store.audit.records({}, { reverse: true }))
    expect(await read(store)).toEqual({
      rows: records.map((record) => ({ record, isProven: true })),
      hasNewer: false,
      hasOlder: false,
      lastSeq: 10,
    })
  })

  test('a page is opened at an end, at a seq or at a moment, and tells what is beyond it', async () => {
    const { store } = await told(open)
    const cases: [AuditPageQuery['around'], number, number, number[], boolean, boolean][] = [
      ['newest', 0, 3, [10, 9, 8], false, true],
      ['newest', 3, 3, [10, 9, 8], false, true],
      ['oldest', 2, 3, [3, 2, 1], true, false],
      ['oldest', 2, 0, [3, 2], true, true],
      [{ seq: 5 }, 2, 3, [7, 6, 5, 4, 3], true, true],
      [{ seq: 5 }, 0, 1, [5], true, true],
      [{ seq: 5 }, 0, 0, [], true, true],
      [{ seq: 5 }, 5, 5, downFrom(10, 10), false, false],
      [{ seq: 1 }, 1, 1, [2, 1], true, false],
      [{ seq: 0 }, 2, 2, [2, 1], true, false],
      [{ seq: 10 }, 4, 1, [10], false, true],
      [{ seq: 99 }, 4, 2, [10, 9], false, true],
      [{ at: NOON }, 1, 1, [2, 1], true, false],
      [{ at: NOON + 4 * MINUTE_MS }, 1, 2, [6, 5, 4], true, true],
      [{ at: NOON + 4 * MINUTE_MS + 1 }, 0, 1, [6], true, true],
      [{ at: NOON - 1 }, 0, 1, [1], true, false],
      [{ at: NOON + 9 * MINUTE_MS + 1 }, 5, 2, [10, 9], false, true],
    ]
    for (const [around, newer, older, expected, hasNewer, hasOlder] of cases) {
      const page = await read(store, { around, newer, older })
      expect([around, newer, older, seqs(page), page.hasNewer, page.hasOlder, page.lastSeq]).toEqual([
        ...[around, newer, older, expected, hasNewer, hasOlder, 10],
      ])
    }
  })

  test('going on from a page’s last row, in either direction, meets every record once', async () => {
    const { store } = await told(open)
    const down = [...seqs(await read(store, { older: 3 }))]
    for (let isMore = true; isMore; ) {
      const page = await read(store, { around: { seq: (down.at(-1) ?? 0) - 1 }, older: 3 })
      down.push(...seqs(page))
      isMore = page.hasOlder
    }
    expect(down).toEqual(downFrom(10, 10))
    const up: number[] = []
    for (let isMore = true; isMore; ) {
      const page = await read(store, { around: { seq: up.at(-1) ?? 0 }, newer: 3, older: 0 })
      up.push(...seqs(page).reverse())
      isMore = page.hasNewer
    }
    expect(up).toEqual(downFrom(10, 10).reverse())
  })

  test('a filter means on a page what it means in the stream, and what is beyond is what matches', async () => {
    const { store, ann } = await told(open)
    const filters: AuditPageFilter[] = [
      { keyId: ann.id },
      { userId: 'bob' },
      { actor: 'tester' },
      { actor: 'somebody' },
      { action: 'key.update' },
      { action: 'key.scope' },
      { action: 'key.sco' },
      { action: 'key' },
      { since: NOON + 3 * MINUTE_MS },
      { until: NOON + 3 * MINUTE_MS },
      { since: NOON + 2 * MINUTE_MS, until: NOON + 6 * MINUTE_MS },
      { since: NOON + 1, until: NOON + 2 },
      { keyId: ann.id, action: 'key.update', since: NOON + 4 * MINUTE_MS },
      { userId: 'bob', action: 'key.scope.add' },
      { userId: 'ann', action: 'key.scope.add' },
    ]
    for (const filter of filters) {
      const expected = (await collect(store.audit.records(filter, { reverse: true }))).map(({ seq }) => seq)
      expect([filter, await found(store, filter)]).toEqual([filter, expected])
      const [newer, older] = [expected.filter((seq) => seq > 5), expected.filter((seq) => seq <= 5)]
      const page = await read(store, { filter, around: { seq: 5 }, newer: 1, older: 1 })
      expect([filter, seqs(page)]).toEqual([filter, [...newer.slice(-1), ...older.slice(0, 1)]])
      expect([filter, page.hasNewer, page.hasOlder]).toEqual([filter, newer.length > 1, older.length > 1])
      expect(page.lastSeq).toBe(10)
    }
  })

  test('a text is found in any member, in capitals or not', async () => {
    const { store, ann } = await told(open)
    const [third] = await collect(store.audit.records({ since: NOON + 2 * MINUTE_MS, until: NOON + 3 * MINUTE_MS }, {}))
    const cases: [string, number[]][] = [
      ['', downFrom(10, 10)],
      ['NAME-3', [5, 3]],
      ['"name":"name-3"', [5, 3]],
      ['KEY.SCOPE', [8, 4]],
      [ann.id.toUpperCase(), [9, 7, 5, 3, 1]],
      ['12:06:00.000z', [7]],
      ['TESTER', downFrom(10, 10)],
      ['"HERE"', []],
      ['here', downFrom(10, 10)],
      ['no such text', []],
      [third?.hash ?? '', [4, 3]],
      [third?.hash.slice(8, 24) ?? '', [4, 3]],
      [third?.digest?.slice(0, 8).toUpperCase() ?? '', [3]],
    ]
    for (const [text, expected] of cases) expect([text, await found(store, { text })]).toEqual([text, expected])
    expect(await found(store, { text: 'name-3', userId: 'bob' })).toEqual([])
    expect(await found(store, { text: 'name-3', until: NOON + 4 * MINUTE_MS })).toEqual([3])
  })

  test('a short text is not found in a hash', async () => {
    const { store } = await told(open)
    const records = await collect(store.audit.records({}, {}))
    const short = 'abcdef'.split('').flatMap((a) => [...'0123456789abcdef'].map((b) => `${a}${b}`))
    for (const text of short) {
      const { rows } = await read(store, { filter: { text } })
      const spelled = ({ digest: _, prev: __, hash: ___, base: ____, ...record }: (typeof records)[number]) =>
        JSON.stringify(record).toLowerCase()
      for (const { record } of rows) expect(spelled(record)).toContain(text)
    }
  })

  test('a text is found with quotes, backslashes, letters beyond ASCII and as JSON spells it', async () => {
    const { store } = await open(manualClock())
    const { key } = newKey()
    await put(store, key)
    await edit(store, key, { name: 'say "Hi" \\ bye' })
    await edit(store, key, { name: 'Zoë 🔑 ключ' })
    await edit(store, key, { name: 'plain' })
    const cases: [string, number[]][] = [
      ['say "hi"', [3, 2]],
      ['say \\"hi\\"', [3, 2]],
      ['\\ bye', [3, 2]],
      ['zoë', [4, 3]],
      ['ZOË', []],
      ['🔑', [4, 3]],
      ['КЛЮЧ', []],
      ['ключ"', [4, 3]],
      ['\ud83d', []],
      ['a\nb', []],
      ['.*', []],
    ]
    for (const [text, expected] of cases) expect([text, await found(store, { text })]).toEqual([text, expected])
  })

  test('a page whose signal has come already is refused with its reason', async () => {
    const { store } = await told(open)
    const reason = new Error('enough')
    await expect(read(store, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('a verification’s own record is on the next page, and it names what it was proven up to', async () => {
    const { store } = await told(open)
    const [newest] = (await read(store, { older: 1 })).rows
    const { head } = await store.audit.verify({ actor: ACTOR })
    expect(head).toEqual({ seq: 10, hash: newest?.record.hash })
    const page = await read(store, { older: 1 })
    expect([page.lastSeq, page.rows[0]?.record]).toMatchObject([11, { action: 'audit.verify', prev: head.hash }])
  })

  test('counts over time are exact, and those of the whole log are all its records', async () => {
    const { store } = await told(open)
    const timeline = (from: number | null, to: number | null, spans: number) => store.audit.timeline({ from, to, spans })
    const last = NOON + 9 * MINUTE_MS
    expect(await timeline(null, null, 1)).toEqual({ from: NOON, to: last, counts: [10] })
    expect(await timeline(null, null, 9)).toEqual({ from: NOON, to: last, counts: [2, 0, 1, 1, 1, 1, 1, 1, 2] })
    expect(await timeline(null, null, 3)).toEqual({ from: NOON, to: last, counts: [3, 3, 4] })
    expect(await timeline(NOON, last, 3)).toMatchObject({ counts: [3, 3, 3] })
    expect(await timeline(NOON + 1, last + 1, 1)).toMatchObject({ counts: [8] })
    expect(await timeline(NOON - MINUTE_MS, NOON, 2)).toMatchObject({ counts: [0, 0] })
    expect(await timeline(last + 1, last + MINUTE_MS, 2)).toMatchObject({ counts: [0, 0] })
    expect(await timeline(last, NOON, 2)).toMatchObject({ counts: [0, 0] })
    expect((await timeline(null, null, 77))?.counts.reduce((sum, count) => sum + count)).toBe(10)
    expect((await timeline(null, null, 0))?.counts).toEqual([10])
  })

  test('records of one moment are counted in the last span', async () => {
    const { store } = await open(manualClock())
    await put(store, newKey().key, newKey().key)
    expect(await store.audit.timeline({ from: null, to: null, spans: 3 })).toEqual({ from: NOON, to: NOON, counts: [0, 0, 2] })
  })
}
