// What every store promises, and first of all of changes. An adapter joins with a function that opens an empty one.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Key } from '../../src/domain/key.ts'
import { parseKeyRef } from '../../src/domain/key.ts'
import type { Facts, Store } from '../../src/domain/ports.ts'
import { auditContract } from './contract-audit.ts'
import { auditPageContract } from './contract-audit-page.ts'
import { findContract, listContract } from './contract-find.ts'
import { usageContract } from './contract-usage.ts'
import { overviewContract, pulseContract, windowContract } from './contract-windows.ts'
import type { ManualClock } from './harness.ts'
import { ACTOR, collect, edit, manualClock, NOBODY, NOON, newKey, outcomeOf, put, refTo } from './harness.ts'

/** An empty store with the brand `kw`, on the clock that it is given. */
export interface Opened {
  readonly store: Store
  /** Opens what the closed store left, where it leaves anything. */
  readonly reopen?: () => Promise<Store>
  /** Changes the text of a key behind the store's back, where it has one. */
  readonly tamper?: (change: (text: string) => string) => void | Promise<void>
}

export type OpenEmpty = (clock: ManualClock) => Promise<Opened>

export function storeContract(name: string, open: OpenEmpty): void {
  // A change that is never answered must not hold up all the others for long.
  describe(`the store ${name}`, () => {
    changeContract(open)
    findContract(open)
    listContract(open)
    usageContract(open)
    windowContract(open)
    overviewContract(open)
    pulseContract(open)
    auditContract(open)
    auditPageContract(open)
  })
}

const idsOf = (facts: readonly (Key | null)[]) => facts.map((key) => key?.id ?? null)

function changeContract(open: OpenEmpty): void {
  let store: Store
  beforeEach(async () => {
    ;({ store } = await open(manualClock()))
  })

  test('a change is made with its record, and answered', async () => {
    const { key } = newKey()
    const answer = await store.transact({
      actor: ACTOR,
      targets: NOBODY,
      decide: () => ({ ...outcomeOf('key.generate', null, key), answer: 42 }),
    })
    expect(answer).toBe(42)
    expect(await store.findKey(refTo(key))).toEqual(key)
    expect(await store.anchor()).toMatchObject({ seq: 1 })
  })

  test('all changes of a transaction happen, under one base', async () => {
    const [a, b] = [newKey().key, newKey().key]
    await store.transact({
      actor: ACTOR,
      targets: NOBODY,
      decide: () => ({
        at: NOON,
        changes: [a, b].flatMap((key) => outcomeOf('key.generate', null, key).changes),
        answer: null,
      }),
    })
    const records = await collect(store.audit.records({}, {}))
    expect(records.map(({ seq, base, keyId }) => [seq, base, keyId])).toEqual([
      [1, 0, a.id],
      [2, 0, b.id],
    ])
    expect(await store.anchor()).toEqual({ seq: 2, hash: records[1]?.hash })
  })

  test('a decision that throws changes nothing', async () => {
    const before = newKey()
    await put(store, before.key)
    const { key } = newKey()
    const refusing = store.transact({
      actor: ACTOR,
      targets: NOBODY,
      decide: (): never => {
        throw new RangeError(`not ${key.id}`)
      },
    })
    await expect(refusing).rejects.toThrow(RangeError)
    expect(await store.anchor()).toMatchObject({ seq: 1 })
    expect(await collect(store.audit.records({}, {}))).toHaveLength(1)
  })

  test('a decision without changes leaves no record', async () => {
    await put(store, newKey().key)
    expect(await store.transact({ actor: ACTOR, targets: NOBODY, decide: () => ({ at: NOON, changes: [], answer: 'same' }) })).toBe('same')
    expect(await store.anchor()).toMatchObject({ seq: 1 })
  })

  test('facts come in the order of the refs, null where one names no key', async () => {
    const [a, b] = [newKey(), newKey()]
    await put(store, a.key, b.key)
    const refs = [b.token, 'key_000000000000', a.key.id, a.key.secrets[0]?.shortId ?? '', 'nonsense'].map(parseKeyRef)
    const facts: Facts = await store.look({ refs })
    expect(idsOf(facts.targets)).toEqual([b.key.id, null, a.key.id, a.key.id, null])
    expect(facts.brand).toBe('kw')
    const decided = await store.transact({
      actor: ACTOR,
      targets: { refs },
      decide: ({ targets }) => ({ at: NOON, changes: [], answer: idsOf(targets) }),
    })
    expect(decided).toEqual(idsOf(facts.targets))
  })

  test('a filter selects its keys in the order of their birth', async () => {
    const [a, b, c] = [newKey({ userId: 'ann' }), newKey({ userId: 'bob' }), newKey({ userId: 'ann' })]
    await put(store, a.key, b.key, c.key)
    await edit(store, a.key, { name: 'edited' })
    expect(idsOf((await store.look({ filter: { userId: 'ann' } })).targets)).toEqual([a.key.id, c.key.id])
    expect((await store.look({ filter: { userId: 'zoe' } })).targets).toEqual([])
    const decided = await store.transact({
      actor: ACTOR,
      targets: { filter: { status: ['active'], userId: 'ann' } },
      decide: ({ targets }) => ({ at: NOON, changes: [], answer: idsOf(targets) }),
    })
    expect(decided).toEqual([a.key.id, c.key.id])
  })

  test('an id or a shortId in use is given to no other key: another one is drawn', async () => {
    const [first, second, third] = [newKey().key, newKey().key, newKey().key]
    await put(store, first)
    const birthOf = async (candidates: Key[]): Promise<Key | null> =>
      store.transact({
        actor: ACTOR,
        targets: NOBODY,
        // A store that can't know beforehand refuses the change and asks again.
        decide: ({ isTaken }) => {
          const isFree = ({ id, secrets }: Key): boolean => ![id, ...secrets.map(({ shortId }) => shortId)].some(isTaken)
          while (candidates.length > 1 && !isFree(candidates[0] as Key)) candidates.shift()
          return outcomeOf('key.generate', null, candidates.shift() as Key)
        },
      })
    expect(await birthOf([{ ...second, id: first.id }, second])).toEqual(second)
    expect(await birthOf([{ ...third, secrets: first.secrets }, third])).toEqual(third)
    for (const key of [first, second, third]) expect(await store.findKey(refTo(key))).toEqual(key)
    expect((await store.audit.verify({})).report).toMatchObject({ ok: true, records: 3 })
  })

  test('changes asked for together all happen, and each sees those before it', async () => {
    const { key } = newKey({ tags: [] })
    await put(store, key)
    const add = (tag: string) =>
      store.transact({
        actor: ACTOR,
        targets: { refs: [refTo(key)] },
        decide: ({ targets: [now] }) => {
          if (now == null) throw new Error('gone')
          return outcomeOf('key.update', now, { ...now, tags: [...now.tags, tag], revision: now.revision + 1 })
        },
      })
    const tags = Array.from({ length: 40 }, (_, index) => `tag${index}`)
    await Promise.all(tags.map(add))
    const after = await store.findKey(refTo(key))
    expect(after?.tags).toEqual(tags)
    expect(after?.revision).toBe(41)
    expect((await store.audit.verify({})).report.ok).toBe(true)
  })

  test('one refusal among changes asked for together stops no other', async () => {
    const keys = [newKey().key, newKey().key]
    const refused = store.transact({
      actor: ACTOR,
      targets: NOBODY,
      decide: (): never => {
        throw new RangeError('no')
      },
    })
    const [first, second, third] = await Promise.allSettled([put(store, keys[0] as Key), refused, put(store, keys[1] as Key)])
    expect([first.status, second.status, third.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(idsOf((await store.look({ refs: keys.map(refTo) })).targets)).toEqual(keys.map(({ id }) => id))
  })

  test('a change asked for at any turn after the one before is carried out', async () => {
    const { key } = newKey()
    await put(store, key)
    for (let turns = 0; turns < 30; turns++) {
      await edit(store, key, { name: `a${turns}` })
      for (let turn = 0; turn < turns; turn++) await null
      await edit(store, key, { name: `b${turns}` })
    }
    expect((await store.findKey(refTo(key)))?.revision).toBe(61)
  })

  test('a purged key is gone, and its names are free', async () => {
    const { key } = newKey()
    const { key: other } = newKey()
    await put(store, key, other)
    await store.transact({ actor: ACTOR, targets: { refs: [refTo(key)] }, decide: () => outcomeOf('key.purge', key, null) })
    expect(await store.findKey(refTo(key))).toBeNull()
    expect(await store.findCredential(key.secrets[0]?.shortId ?? '')).toBeNull()
    await put(store, key)
    expect(await store.findKey(refTo(key))).toEqual(key)
    expect(await store.findKey(refTo(other))).toEqual(other)
    expect((await store.audit.verify({})).report.ok).toBe(true)
  })
}
