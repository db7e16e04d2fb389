// The kernel's lock: who holds it stands in its file, who waits is told, and nobody works without it.

import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createLock } from '../../store/json/lock.ts'
import { startChild } from './children.ts'
import { expectCode, newPlace, openManagerAt } from './harness.ts'
import { actions, expectProven } from './story.ts'

const lockAt = (path: string, onWaiting: (message: string) => void = () => undefined) =>
  createLock({ path, holder: () => ({ pid: process.pid, host: 'here', since: '2026-11-23T12:00:00.000Z' }), onWaiting })

/** Something that the test ends. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

describe('the lock', () => {
  test('names its holder while it is held, and nobody afterwards', async () => {
    const { lock: path } = newPlace()
    const lock = lockAt(path)
    const held = await lock.hold(async () => readFileSync(path, 'utf8'))
    expect(held).toBe(`{"pid":${process.pid},"host":"here","since":"2026-11-23T12:00:00.000Z"}`)
    expect(readFileSync(path, 'utf8')).toBe('')
  })

  test('one works at a time, whoever throws', async () => {
    const { lock: path } = newPlace()
    const [a, b] = [lockAt(path), lockAt(path)]
    let inside = 0
    const work = (number: number) => async (): Promise<void> => {
      inside++
      expect(inside).toBe(1)
      await new Promise((resolve) => setImmediate(resolve))
      inside--
      if (number % 3 === 0) throw new RangeError(`${number}`)
    }
    const all = await Promise.allSettled(Array.from({ length: 12 }, (_, number) => (number % 2 === 0 ? a : b).hold(work(number))))
    expect(all.map(({ status }) => status)).toEqual(all.map((_, number) => (number % 3 === 0 ? 'rejected' : 'fulfilled')))
  })

  test('a symbolic link in its place is refused: what it means is not emptied', async () => {
    const { folder, lock: path } = newPlace()
    const other = join(folder, 'diary')
    writeFileSync(other, 'dear diary')
    symlinkSync(other, path)
    await expectCode(
      lockAt(path).hold(async () => undefined),
      'STORE_UNAVAILABLE',
    )
    expect(readFileSync(other, 'utf8')).toBe('dear diary')
  })

  test('a holder that died is told of by the name it left', async () => {
    const place = newPlace()
    const child = startChild(new URL('./hold-lock.ts', import.meta.url), { args: [place.lock] })
    expect(await child.line()).toBe('held')
    const lock = lockAt(place.lock)
    const abandoned = lock.hold(async (wasAbandoned) => wasAbandoned)
    child.kill()
    expect(await abandoned).toBe(true)
    expect(await lock.hold(async (wasAbandoned) => wasAbandoned)).toBe(false)
  })

  test('a lock file that was removed while it was held is no lock any more: who waited takes the new one', async () => {
    const { lock: path } = newPlace()
    const [a, b, c] = [lockAt(path), lockAt(path), lockAt(path)]
    const [inside, end] = [gate(), gate()]
    const first = a.hold(async () => {
      inside.open()
      await end.opened
    })
    await inside.opened
    let isSecondInside = false
    let isThirdEarly = false
    let third: Promise<void> = Promise.resolve()
    const second = b.hold(async () => {
      isSecondInside = true
      third = c.hold(async () => {
        isThirdEarly = isSecondInside
      })
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
      isSecondInside = false
    })
    rmSync(path)
    end.open()
    await first
    await second
    await third
    expect(isThirdEarly).toBe(false)
  })
})

describe('who waits for long', () => {
  test('two that wait together are told of the holder once; who waits after them is told again', async () => {
    const { lock: path } = newPlace()
    const told: string[] = []
    const lock = lockAt(path, (message) => told.push(message))
    await lock.hold(async () => undefined)
    for (const times of [1, 2]) {
      const child = startChild(new URL('./hold-lock.ts', import.meta.url), { args: [path] })
      expect(await child.line()).toBe('held')
      const waits = [lock.hold(async () => undefined), lock.hold(async () => undefined)]
      // Later than the two that were set before it: a process fires its timers in their order.
      await new Promise((resolve) => setTimeout(resolve, 2_100))
      child.say('let go')
      await Promise.all(waits)
      expect(told).toHaveLength(times)
      expect(told.at(-1)).toContain(`process ${child.pid} on elsewhere`)
    }
  })

  test('who comes while another has waited for long waits its own ten seconds, and is served when the lock is free', async () => {
    const place = newPlace()
    const manager = await openManagerAt(place, { onWarning: () => undefined })
    const { key } = await manager.generateApiKey({ userId: 'ann' })
    const child = startChild(new URL('./hold-lock.ts', import.meta.url), { args: [place.lock] })
    await child.line()
    const first = manager.updateApiKey(key.id, { name: 'first' }).catch(({ code }: { code: string }) => code)
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    const second = manager.updateApiKey(key.id, { name: 'second' })
    expect(await first).toBe('STORE_BUSY')
    child.say('let go')
    expect(await second).toMatchObject({ name: 'second' })
    await child.done()
  })

  test('a change is told of the holder after 2 s, gives up with STORE_BUSY after 10 s and changes nothing; later ones go on', async () => {
    const place = newPlace()
    const warnings: string[] = []
    const manager = await openManagerAt(place, { onWarning: ({ code, message }) => warnings.push(`${code} ${message}`) })
    const { key } = await manager.generateApiKey({ userId: 'ann' })
    const before = place.text()
    const child = startChild(new URL('./hold-lock.ts', import.meta.url), { args: [place.lock] })
    await child.line()
    const name = `process ${child.pid} on elsewhere holds it since 2026-11-23T12:00:00.000Z`
    const busy = await expectCode(manager.updateApiKey(key.id, { name: 'first' }), 'STORE_BUSY')
    expect(busy.message).toContain(name)
    expect(warnings.filter((warning) => warning.startsWith('WAITING'))).toEqual([`WAITING waiting for ${place.lock}: ${name}`])
    expect((await manager.listApiKeys()).keys).toMatchObject([{ name: null }])
    expect(place.text()).toBe(before)
    const next = manager.updateApiKey(key.id, { name: 'second' })
    child.say('let go')
    await child.done()
    expect(await next).toMatchObject({ name: 'second', revision: 2 })
    expect(actions(place)).toEqual(['key.generate', 'key.update'])
    await expectProven(manager)
  })
})
