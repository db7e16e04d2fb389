// What every store promises of its log, of being watched and of its end.

import { expect, test } from 'vitest'
import type { Anchor, AuditFilter, AuditRecord, Entry } from '../../src/domain/audit.ts'
import { EMPTY_ANCHOR, GENESIS_HASH } from '../../src/domain/audit.ts'
import type { Key } from '../../src/domain/key.ts'
import type { Store } from '../../src/domain/ports.ts'
import { usageStats } from '../../src/domain/stats.ts'
import type { OpenEmpty } from './contract.ts'
import type { ManualClock } from './harness.ts'
import { ACTOR, collect, edit, expectCode, manualClock, NOON, newKey, put, refTo, until } from './harness.ts'

const seqs = (records: readonly AuditRecord[]) => records.map(({ seq }) => seq)
const read = (store: Store, filter: AuditFilter, reverse = false) => collect(store.audit.records(filter, { reverse }))

/** Two keys of two owners, five records a minute apart. */
async function story(store: Store, clock: ManualClock): Promise<{ ann: Key; bob: Key }> {
  const [ann, bob] = [newKey({ userId: 'ann' }).key, newKey({ userId: 'bob' }).key]
  const steps = [
    () => put(store, ann),
    () => put(store, bob),
    () => edit(store, ann, { name: 'one' }),
    () => edit(store, bob, { scopes: ['read:all'] }, 'key.scope.add'),
    () => edit(store, ann, { disabledAt: new Date(NOON).toISOString() }, 'key.disable'),
  ]
  for (const step of steps) {
    await step()
    clock.pass(60_000)
  }
  return { ann, bob }
}

export function auditContract(open: OpenEmpty): void {
  test('records are chained, in order, forwards and backwards', async () => {
    const clock = manualClock()
    const { store } = await open(clock)
    await story(store, clock)
    const records = await read(store, {})
    expect(seqs(records)).toEqual([1, 2, 3, 4, 5])
    expect(seqs(await read(store, {}, true))).toEqual([5, 4, 3, 2, 1])
    expect(records.map(({ prev }) => prev)).toEqual([GENESIS_HASH, ...records.slice(0, -1).map(({ hash }) => hash)])
    expect(records.map(({ actor }) => actor)).toEqual(records.map(() => ACTOR))
  })

  test('records are filtered by key, owner, actor, action and its group, both ways', async () => {
    const clock = manualClock()
    const { store } = await open(clock)
    const { ann } = await story(store, clock)
    const cases: [AuditFilter, number[]][] = [
      [{ keyId: ann.id }, [1, 3, 5]],
      [{ userId: 'bob' }, [2, 4]],
      [{ actor: 'tester' }, [1, 2, 3, 4, 5]],
      [{ actor: 'somebody' }, []],
      [{ action: 'key.disable' }, [5]],
      [{ action: 'key.scope' }, [4]],
      [{ action: 'key' }, [1, 2, 3, 4, 5]],
      [{ since: NOON }, [1, 2, 3, 4, 5]],
      [{ since: NOON + 1 }, []],
      [{ until: NOON }, []],
      [{ keyId: ann.id, action: 'key.update', since: NOON, until: NOON + 1 }, [3]],
    ]
    for (const [filter, expected] of cases) {
      expect([filter, seqs(await read(store, filter))]).toEqual([filter, expected])
      expect(seqs(await read(store, filter, true))).toEqual(expected.toReversed())
    }
  })

  test('what follows the log gets the records that are there, then new ones, until its signal', async () => {
    const { store } = await open(manualClock())
    const { key } = newKey()
    await put(store, key)
    const stop = new AbortController()
    const seen: number[] = []
    const following = (async () => {
      for await (const { seq } of store.audit.records({ keyId: key.id }, { follow: stop.signal })) seen.push(seq)
    })()
    await until('the first record is there', () => seen.length === 1)
    await edit(store, key, { name: 'one' })
    await put(store, newKey().key)
    await edit(store, key, { name: 'two' })
    await until('the new records are there', () => seen.length === 3)
    stop.abort()
    await following
    expect(seen).toEqual([1, 2, 4])
  })

  test('log time never goes back, whatever the clock of a change says', async () => {
    const { store } = await open(manualClock())
    const { key } = newKey()
    await put(store, key)
    await store.transact({
      actor: ACTOR,
      targets: { refs: [refTo(key)] },
      decide: () => ({
        at: NOON - 3_600_000,
        changes: [{ action: 'key.update', keyId: key.id, userId: key.userId, key, before: null, after: null, reason: null }],
        answer: null,
      }),
    })
    const times = (await read(store, {})).map(({ at }: Pick<Entry, 'at'>) => Date.parse(at))
    expect(times).toEqual([NOON, NOON])
  })

  test('an untouched store is proven, and the verification goes on the log when an actor asks', async () => {
    const clock = manualClock()
    const { store } = await open(clock)
    expect((await store.audit.verify({ actor: ACTOR })).report).toEqual({ ok: true, records: 0, firstBad: null, problems: [], notes: [] })
    await story(store, clock)
    expect((await store.audit.verify({})).report).toMatchObject({ ok: true, records: 5, problems: [] })
    expect((await store.audit.verify({ actor: ACTOR })).report).toMatchObject({ ok: true, records: 5 })
    expect(await read(store, { action: 'audit.verify' })).toMatchObject([{ seq: 6, after: { ok: true, records: 5 }, base: null }])
    expect((await store.audit.verify({})).report).toMatchObject({ ok: true, records: 6 })
  })

  test('the head is the last record, and 0 with zeros while there is none', async () => {
    const clock = manualClock()
    const { store } = await open(clock)
    expect(await store.audit.head()).toEqual({ seq: 0, hash: GENESIS_HASH })
    await story(store, clock)
    expect(await store.audit.head()).toEqual({ seq: 5, hash: (await read(store, {})).at(-1)?.hash })
  })

  test('a verification proves the record that is expected, and says whether it has another hash or lies behind the end', async () => {
    const clock = manualClock()
    const { store } = await open(clock)
    await story(store, clock)
    const anchors = (await read(store, {})).map(({ seq, hash }) => ({ seq, hash }))
    const verify = async (expect: Anchor) => (await store.audit.verify({ expect })).report
    for (const anchor of [EMPTY_ANCHOR, ...anchors]) expect(await verify(anchor)).toMatchObject({ ok: true, problems: [] })
    const other = { seq: 3, hash: GENESIS_HASH }
    expect(await verify(other)).toMatchObject({
      ok: false,
      firstBad: 3,
      problems: [{ seq: 3, problem: expect.stringMatching(/another hash/) }],
    })
    const later = { seq: 9, hash: GENESIS_HASH }
    expect(await verify(later)).toMatchObject({
      ok: false,
      firstBad: 6,
      problems: [{ seq: 6, problem: expect.stringMatching(/missing.*seq 9/) }],
    })
  })

  test('a verification stops at its signal', async () => {
    const { store } = await open(manualClock())
    await put(store, newKey().key)
    await expect(store.audit.verify({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
  })

  test('a loss that is none can’t be accepted', async () => {
    const { store } = await open(manualClock())
    await put(store, newKey().key)
    await expectCode(() => store.audit.acceptLoss(ACTOR, 'why not'), 'INVALID_INPUT')
    expect((await store.audit.verify({})).report).toMatchObject({ ok: true, records: 1, notes: [] })
  })

  test('a key that was changed behind the store’s back is named', async () => {
    const { store, tamper } = await open(manualClock())
    const { key } = newKey({ name: 'honest' })
    await put(store, newKey().key, key)
    if (tamper === undefined) return
    await tamper((text) => text.replace('honest', 'forged'))
    expect((await store.audit.verify({})).report).toMatchObject({ ok: false, firstBad: null, problems: [{ keyId: key.id }] })
  })

  test('who watches is told after each change, of its revision, until he has enough; one who throws stops nothing', async () => {
    const { store } = await open(manualClock())
    const told: number[] = []
    const unwatch = store.watch(({ revision }) => told.push(revision))
    const unwatchThrowing = store.watch(() => {
      throw new Error('a listener of the host')
    })
    const { key } = newKey()
    await put(store, key)
    await until('the first change is told', () => told.at(-1) === 1)
    await edit(store, key, { name: 'one' })
    await until('the second change is told', () => told.at(-1) === 2)
    unwatch()
    unwatchThrowing()
    await edit(store, key, { name: 'two' })
    expect(told.at(-1)).toBe(2)
  })

  test('counts are written before the store is closed; closing again does nothing', async () => {
    const { store, reopen } = await open(manualClock())
    const { key } = newKey()
    await put(store, key)
    store.usage.count({ keyId: key.id, userId: key.userId, code: 'VALID', at: NOON, shortId: null, scopes: [] })
    await store.close()
    await store.close()
    const again = (await reopen?.()) ?? store
    const { usage, alive } = await again.usage.read({ keyId: key.id }, NOON)
    expect(usageStats(usage, alive, undefined, NOON).usageCount).toBe(1)
  })
}
