// The pulse of an embedded store among other processes, and what it says when files are gone, cut, garbled or can't be read.

import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Pulse, Store } from '../../src/domain/ports.ts'
import { DEFAULT_SORT } from '../../src/domain/selection.ts'
import { MINUTE_MS } from '../../src/domain/time.ts'
import { callOf } from './contract-usage.ts'
import type { Place } from './harness.ts'
import { edit, expectCode, manualClock, NOON, newKey, newPlace, openStoreAt, put, until } from './harness.ts'
import { cutLog } from './story.ts'

async function opened() {
  const place = newPlace()
  const clock = manualClock()
  const store = await openStoreAt(place, { clock, seed: 'one' })
  const { key } = newKey()
  await put(store, key)
  await edit(store, key, { name: 'edited' })
  return { place, clock, store, key }
}

const troubleOf = async (store: Store) => {
  const { trouble } = await store.pulse()
  return trouble === null ? null : `${trouble.code}: ${trouble.message}`
}

describe('the pulse', () => {
  test('counts the calls of all processes, and the processes that wrote within two minutes', async () => {
    const { place, clock, store, key } = await opened()
    const other = await openStoreAt(place, { clock, seed: 'two' })
    for (const one of [store, other]) one.usage.count(callOf(key, 'VALID', NOON))
    const seen = async (): Promise<Partial<Pulse>[]> =>
      Promise.all([store, other].map(async (one) => (({ calls, others }) => ({ calls, others }))(await one.pulse())))
    await store.usage.flush()
    expect(await seen()).toEqual([
      { calls: 1, others: 0 },
      { calls: 1, others: 1 },
    ])
    const before = (await store.pulse()).usage
    await other.usage.flush()
    expect((await store.pulse()).usage).not.toBe(before)
    expect(await seen()).toEqual([
      { calls: 2, others: 1 },
      { calls: 2, others: 1 },
    ])
    clock.pass(2 * MINUTE_MS)
    await store.usage.heartbeat()
    expect(await seen()).toEqual([
      { calls: 2, others: 0 },
      { calls: 2, others: 1 },
    ])
  })

  test('reads a usage file that an older version wrote: its calls are those of its keys', async () => {
    const { place, clock, store, key } = await opened()
    for (const code of ['VALID', 'VALID', 'EXPIRED'] as const) store.usage.count(callOf(key, code, NOON))
    store.usage.count(callOf(null, 'NOT_FOUND', NOON))
    await store.usage.flush()
    const older = place.text(place.usage).replace(/"calls":\d+,"processes":\{[^}]*\},/, '')
    expect(older).not.toBe(place.text(place.usage))
    writeFileSync(place.usage, older)
    const next = await openStoreAt(place, { clock, seed: 'next' })
    for (const one of [store, next]) expect(await one.pulse()).toMatchObject({ calls: 4, others: 0, trouble: null })
    next.usage.count(callOf(key, 'VALID', NOON))
    await next.usage.flush()
    expect(await store.pulse()).toMatchObject({ calls: 5, others: 1 })
    expect(readdirSync(place.folder).filter((name) => name.includes('garbled'))).toEqual([])
  })

  test('knows the last record also when a segment was just finished, and no line that is not whole', async () => {
    const { place, store } = await opened()
    writeFileSync(place.log, '{"seq":3,"at"', { flag: 'a' })
    expect(await store.pulse()).toMatchObject({ lastSeq: 2, trouble: null })
    renameSync(place.log, place.log.replace(/\.log$/, '.1.log'))
    expect(await store.pulse()).toMatchObject({ lastSeq: 2, trouble: null })
    writeFileSync(place.log, '{"seq":3')
    expect(await store.pulse()).toMatchObject({ lastSeq: 2, trouble: null })
  })

  test('writes nothing', async () => {
    const place = newPlace()
    const store = await openStoreAt(place)
    await store.pulse()
    expect(place.files()).toEqual([])
  })

  test('raises no false alarm while others change the store', async () => {
    const { place, store, key } = await opened()
    const other = await openStoreAt(place, { seed: 'two' })
    let isChanging = true
    const changing = (async () => {
      for (let round = 0; round < 40; round++) await edit(other, key, { name: `n${round}` })
      isChanging = false
    })()
    let looks = 0
    await until('the changes are made', async () => {
      expect(await troubleOf(store)).toBeNull()
      looks++
      return !isChanging
    })
    await changing
    expect(looks).toBeGreaterThan(10)
    expect(await store.pulse()).toMatchObject({ revision: 42, lastSeq: 42 })
  })
})

describe('trouble', () => {
  /** Breaks something, sees the trouble in the pulse, mends it, and sees that it is gone. */
  const expectTrouble = async (store: Store, code: string, harm: () => void, mend: () => void): Promise<void> => {
    expect(await troubleOf(store)).toBeNull()
    harm()
    expect(await troubleOf(store)).toContain(code)
    expect((await store.pulse()).trouble?.hint).toBeTypeOf('string')
    mend()
    expect(await troubleOf(store)).toBeNull()
  }
  const movedAway = (path: string) => [() => renameSync(path, `${path}.away`), () => renameSync(`${path}.away`, path)] as const
  const rewritten = (path: string, { text }: Place, change: (text: string) => string) => {
    const before = text(path)
    return [() => writeFileSync(path, change(before)), () => writeFileSync(path, before)] as const
  }

  test('is a store that is gone or garbled; lists answer what is known all the same', async () => {
    const { place, clock, store, key } = await opened()
    await expectTrouble(store, `STORE_UNAVAILABLE: the store ${place.keys} is gone`, ...movedAway(place.keys))
    const [garble, mend] = rewritten(place.keys, place, (text) => text.slice(0, -9))
    garble()
    clock.pass(1000)
    await expectCode(async () => store.findCredential(key.secrets[0]?.shortId ?? ''), 'STORE_UNAVAILABLE')
    expect(await troubleOf(store)).toContain(`STORE_UNAVAILABLE: ${place.keys}:`)
    const span = { around: 'first', before: 0, after: 9 } as const
    expect(await store.keyWindow({ filter: {}, sort: DEFAULT_SORT, span, at: NOON })).toMatchObject({ total: 1 })
    expect(await store.userWindow({ span, at: NOON })).toMatchObject({ total: 1 })
    mend()
    expect(await troubleOf(store)).toBeNull()
  })

  test('is a log that is gone, cut or garbled at its end, in the words in which a change is refused', async () => {
    const { place, store, key } = await opened()
    const whole = place.text(place.log)
    const restore = () => writeFileSync(place.log, whole)
    await expectTrouble(store, 'AUDIT_BROKEN: ', ...movedAway(place.log))
    await expectTrouble(store, 'AUDIT_BROKEN: ', ...rewritten(place.log, place, (text) => `${text.slice(0, -9)}xxxxxx"}\n`))
    await expectTrouble(store, 'AUDIT_BROKEN: ', () => cutLog(place, 1), restore)
    cutLog(place, 1)
    const trouble = await troubleOf(store)
    const { code, message } = await expectCode(edit(store, key, { name: 'x' }), 'AUDIT_BROKEN')
    expect(trouble).toBe(`${code}: ${message}`)
  })

  test('is a log that was cut behind what counts were written after', async () => {
    const { place, store, key } = await opened()
    store.usage.count(callOf(key, 'VALID', NOON))
    await store.usage.flush()
    const whole = place.text(place.log)
    const restore = () => writeFileSync(place.log, whole)
    await expectTrouble(store, `AUDIT_BROKEN: `, () => cutLog(place, 1), restore)
  })

  test('is a log that can’t be read', async () => {
    const { place, store } = await opened()
    const whole = place.text(place.log)
    const harm = (): void => {
      rmSync(place.log)
      mkdirSync(place.log)
    }
    const mend = (): void => {
      rmSync(place.log, { recursive: true })
      writeFileSync(place.log, whole)
    }
    await expectTrouble(store, `AUDIT_UNAVAILABLE: reading the audit log ${place.log} failed: it is a folder (EISDIR)`, harm, mend)
    expect(statSync(join(place.folder, 'logs')).isDirectory()).toBe(true)
  })

  test('is none of a usage file that is garbled: overviews answer from what is known', async () => {
    const { place, store, key } = await opened()
    store.usage.count(callOf(key, 'VALID', NOON))
    await store.usage.flush()
    writeFileSync(place.usage, 'nonsense')
    expect(await troubleOf(store)).toBeNull()
    store.usage.count(callOf(key, 'VALID', NOON))
    expect(await store.usage.overview('store', '1h', NOON)).toMatchObject({ usageCount: 1 })
    rmSync(place.usage)
    mkdirSync(place.usage)
    expect(await store.usage.overview('store', '1h', NOON)).toMatchObject({ usageCount: 1 })
    rmSync(place.usage, { recursive: true })
  })
})
