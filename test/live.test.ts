// News of the store for an app that stands open: what changed is told once, what did not is not told, and the end is the end.

import { expect, onTestFinished, test, vi } from 'vitest'
import type { Pulse } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import type { Live } from '../src/live.ts'
import { createLive } from '../src/live.ts'
import { openWorld } from './components/app.ts'
import { newKey, newPlace, openStoreAt, put, until } from './store/harness.ts'

function listening(live: Live): Pulse[] {
  const told: Pulse[] = []
  live.subscribe((pulse) => void told.push(pulse))
  onTestFinished(live.close)
  return told
}

test('a change is told with what the store is then, to everyone who listens', async () => {
  const world = openWorld()
  const live = world.manager.live()
  const [told, toldToo] = [listening(live), listening(live)]
  await until('the first look', () => live.get())
  await world.generate({ userId: 'ann', name: 'api' })
  await until('the change is told', () => told.at(-1)?.keys === 1)
  expect(told.map(({ keys }) => keys)).toEqual([0, 1])
  expect(toldToo).toEqual(told)
  expect(live.get()).toBe(told.at(-1))
})

test('who listens later is told the last at once; who stopped is told nothing', async () => {
  const world = openWorld()
  const live = world.manager.live()
  const first = listening(live)
  await until('the first look', () => live.get())
  const late: Pulse[] = []
  const stop = live.subscribe((pulse) => void late.push(pulse))
  expect(late).toEqual(first)
  stop()
  await world.generate({ userId: 'ann' })
  await until('the change is told', () => first.at(-1)?.keys === 1)
  expect(late).toHaveLength(1)
})

test('a change by another process is told, without a look being asked for', async () => {
  const place = newPlace()
  const [store, other] = [await openStoreAt(place), await openStoreAt(place)]
  const live = createLive(store)
  const told = listening(live)
  await until('the first look', () => live.get())
  await put(other, newKey().key)
  await until('the change is told', () => told.at(-1)?.keys === 1)
})

test('looks that find nothing new are told to nobody, and trouble and its end are each told once', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const calm: Pulse = { revision: 1, keys: 1, usage: 1, calls: 5, others: 0, lastSeq: 1, trouble: null }
  let pulse = calm
  let looks = 0
  const live = createLive({
    pulse: async () => {
      looks++
      return pulse
    },
    watch: () => () => undefined,
  })
  const told = listening(live)
  const lookedAgain = async (): Promise<void> => {
    const before = looks
    await until('it looked', () => {
      vi.advanceTimersByTime(250)
      return looks > before
    })
  }
  for (let round = 0; round < 5; round++) await lookedAgain()
  expect(told).toEqual([calm])
  pulse = { ...calm, trouble: new KeywrightError('STORE_UNAVAILABLE', 'the store is away') }
  for (let round = 0; round < 3; round++) await lookedAgain()
  pulse = calm
  for (let round = 0; round < 3; round++) await lookedAgain()
  expect(told.map(({ trouble }) => trouble?.code ?? null)).toEqual([null, 'STORE_UNAVAILABLE', null])
})

test('looks do not pile up behind one that takes long, and nothing is told after the end', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const gate = Promise.withResolvers<void>()
  let looks = 0
  const live = createLive({
    pulse: async () => {
      looks++
      await gate.promise
      return { revision: looks, keys: 0, usage: 0, calls: 0, others: 0, lastSeq: 0, trouble: null }
    },
    watch: () => () => undefined,
  })
  const told = listening(live)
  vi.advanceTimersByTime(10_000)
  expect(looks).toBe(1)
  live.close()
  gate.resolve()
  vi.advanceTimersByTime(10_000)
  await Promise.resolve()
  await Promise.resolve()
  expect([looks, told]).toEqual([1, []])
})
