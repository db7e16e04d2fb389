// Processes that are killed again and again while they change one store, and the death of who holds the lock.

import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startChild } from '../store/children.ts'
import { newPlace, openManagerAt, seededRandom } from '../store/harness.ts'

const STORM_MS = 5_000
const WORKERS = 3
const SEED = 'storm 1'

test('a storm of kills: nothing acknowledged is missing, and the log is proven', async () => {
  const place = newPlace()
  const random = seededRandom(SEED)
  const counts = new Map<string, number>()
  const made = new Set<string>()
  const revokedUpTo = new Map<string, number>()
  let kills = 0
  let end = 0
  /** One worker after the other under one name; each is killed after some acknowledgements, wherever it then is. */
  const reign = async (name: string): Promise<void> => {
    while (performance.now() < end) {
      const child = startChild(new URL('./storm-worker.ts', import.meta.url), { args: [place.keys, name], env })
      const acknowledgements = 1 + Math.floor(random() * 20)
      for (let heard = 0; heard < acknowledgements; heard++) await child.line()
      for (let turns = Math.floor(random() * 8); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
      child.kill()
      expect(await child.ended).toBe('SIGKILL')
      kills++
      for (const line of child.lines) {
        const [what, id = '', number] = line.split(' ')
        if (what === 'count' || what === 'begun') counts.set(id, Math.max(Number(number), counts.get(id) ?? 0))
        else if (what === 'made') made.add(id)
        else if (what === 'revoked') revokedUpTo.set(name, Number(id))
      }
    }
  }
  const env = { NODE_COMPILE_CACHE: `${place.folder}/compiled` }
  await startChild(new URL('./storm-worker.ts', import.meta.url), { args: [place.keys, 'rehearsal', 'once'], env }).done()
  const manager = await openManagerAt(place)
  end = performance.now() + STORM_MS
  await Promise.all(Array.from({ length: WORKERS }, (_, index) => reign(`worker${index}`)))
  await manager.generateApiKey({ userId: 'last' })
  console.log(`seed "${SEED}": ${kills} kills, ${counts.size} counters, ${made.size} keys made`)
  for (const [id, count] of counts) {
    const kept = Number((await manager.getApiKey(id))?.metadata['count'])
    // What was being made when the process died may be there as well.
    expect(kept).toBeGreaterThanOrEqual(count)
    expect(kept).toBeLessThanOrEqual(count + 1)
  }
  for (const id of made) {
    const key = await manager.getApiKey(id)
    const [worker = ''] = key?.userId.split('-') ?? []
    if (Number(key?.name) <= (revokedUpTo.get(worker) ?? 0)) expect(key?.status).toBe('revoked')
    else expect(key).not.toBeNull()
  }
  expect(await manager.verifyAudit()).toMatchObject({ ok: true, firstBad: null, problems: [] })
  expect(readdirSync(place.folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  expect(kills).toBeGreaterThan(WORKERS)
})

test('a killed holder of the lock keeps nobody waiting: the kernel lets go', async () => {
  const place = newPlace()
  const manager = await openManagerAt(place)
  const { key } = await manager.generateApiKey({ userId: 'ann' })
  const waits: number[] = []
  for (const name of ['one', 'two', 'three']) {
    const child = startChild(new URL('../store/hold-lock.ts', import.meta.url), { args: [place.lock] })
    expect(await child.line()).toBe('held')
    const change = manager.updateApiKey(key.id, { name })
    await new Promise((resolve) => setImmediate(resolve))
    const killedAt = performance.now()
    child.kill()
    expect(await change).toMatchObject({ name })
    waits.push(performance.now() - killedAt)
  }
  console.log(`after the death of the lock's holder the next change was made within ${waits.map((wait) => wait.toFixed(1)).join(', ')} ms`)
  // What is promised is 100 ms, and the bench measures it; here it is only not the end of a timeout.
  expect(Math.max(...waits)).toBeLessThan(1900)
  expect(await manager.verifyAudit()).toMatchObject({ ok: true })
})
