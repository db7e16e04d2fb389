// The kernel's answer to who has given up: it must neither let two work at once nor keep the lock for nobody.

import { readdirSync, readlinkSync } from 'node:fs'
import { afterEach, expect, test, vi } from 'vitest'
import type { Lock } from '../../store/json/lock.ts'
import { createLock } from '../../store/json/lock.ts'
import { newPlace } from './harness.ts'

const lockAt = (path: string): Lock =>
  createLock({ path, holder: () => ({ pid: process.pid, host: 'here', since: '' }), onWaiting: () => undefined })

/** Holds a lock until it is told to let go. */
async function held(path: string): Promise<() => void> {
  let end: () => void = () => undefined
  await new Promise<void>((resolve) => {
    const holding = lockAt(path).hold(async () => {
      resolve()
      await new Promise<void>((letGo) => {
        end = letGo
      })
    })
    holding.catch(() => undefined)
  })
  return () => end()
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  )

/** Gives up once, waits again, and looks whether another can work at the same time. */
async function waitAgain(path: string): Promise<string[]> {
  const end = await held(path)
  const [lock, other] = [lockAt(path), lockAt(path)]
  const first = await codeOf(lock.hold(async () => undefined))
  let isInside = false
  let entered = 'alone'
  let probing: Promise<unknown> = Promise.resolve()
  const second = lock.hold(async () => {
    isInside = true
    probing = other.hold(async () => {
      if (isInside) entered = 'together'
    })
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    isInside = false
  })
  end()
  return [first, await codeOf(second), await codeOf(probing), entered]
}

/** Gives up for good, and looks whether others can work afterwards. */
async function giveUp(path: string): Promise<string[]> {
  const end = await held(path)
  const [lock, other] = [lockAt(path), lockAt(path)]
  const first = await codeOf(lock.hold(async () => undefined))
  // Behind the one that was given up in the kernel's queue.
  const second = other.hold(async () => undefined)
  end()
  return [first, await codeOf(second), await codeOf(other.hold(async () => undefined))]
}

// Ten seconds each: both at once.
let again: string[]
let given: string[]
test('who gives up a wait is told that the store is busy', async () => {
  ;[again, given] = await Promise.all([waitAgain(newPlace().lock), giveUp(newPlace().lock)])
  expect([again[0], given[0]]).toEqual(['STORE_BUSY', 'STORE_BUSY'])
})

test('a lock that is granted after its wait was given up guards who waits next', () => {
  expect(again.slice(1)).toEqual(['done', 'done', 'alone'])
})

test('a lock that is granted after its wait was given up for good is let go', () => {
  expect(given.slice(1)).toEqual(['done', 'done'])
})

afterEach(() => void vi.useRealTimers())

/** How often this process has a file open. */
const openings = (path: string): number =>
  readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === path
    } catch {
      return false
    }
  }).length

test.runIf(process.platform === 'linux')('a holder that never lets go costs who tries again and again no more than one wait', async () => {
  const { lock: path } = newPlace()
  const end = await held(path)
  const lock = lockAt(path)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  for (let tries = 0; tries < 5; tries++) {
    const tried = codeOf(lock.hold(async () => undefined))
    // The wait begins some turns after it was asked for.
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
    vi.advanceTimersByTime(10_000)
    expect(await tried).toBe('STORE_BUSY')
  }
  expect(openings(path)).toBe(2)
  vi.useRealTimers()
  end()
  expect(await codeOf(lock.hold(async () => undefined))).toBe('done')
  expect(openings(path)).toBe(0)
})
