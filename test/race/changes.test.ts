// Many processes, one store: nothing is lost, nobody reads half a file.

import { readFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startChild } from '../store/children.ts'
import { linesOf, newPlace, openManagerAt } from '../store/harness.ts'
import { expectProven } from '../store/story.ts'

const PROCESSES = 6
const CHANGES = 40

test('six processes make forty changes each: all 240 are on file and on the log, and readers see whole versions only', async () => {
  const place = newPlace()
  const manager = await openManagerAt(place)
  const keys = await Promise.all(Array.from({ length: PROCESSES }, (_, index) => manager.generateApiKey({ userId: `u${index}` })))
  const ids = keys.map(({ key }) => key.id)
  const children = Array.from({ length: PROCESSES }, (_, index) =>
    startChild(new URL('./change-store.ts', import.meta.url), { args: [place.keys, `p${index}`, `${CHANGES}`, ...ids] }),
  )
  for (const child of children) expect(await child.line()).toBe('ready')
  for (const child of children) child.say('go')
  let isDone = false
  const done = Promise.all(children.map((child) => child.done())).finally(() => {
    isDone = true
  })
  let versions = 0
  for (let last = 0; !isDone; await nextTurn()) {
    const document = JSON.parse(readFileSync(place.keys, 'utf8')) as {
      audit: { seq: number }
      keys: { scopes: string[]; revision: number }[]
    }
    const scopes = document.keys.reduce((sum, key) => sum + key.scopes.length, 0)
    // Each version is one commit or more further on, and whole: what its anchor counts, its keys hold.
    expect(document.audit.seq).toBeGreaterThanOrEqual(last)
    expect(scopes).toBe(document.audit.seq - PROCESSES)
    if (document.audit.seq > last) versions++
    last = document.audit.seq
    expect((await manager.listApiKeys()).total).toBe(PROCESSES)
  }
  await done
  const expected = Array.from({ length: PROCESSES }, (_, process) =>
    Array.from({ length: CHANGES }, (_, change) => `p${process}:${change}`),
  ).flat()
  const { keys: listed } = await (await openManagerAt(place)).listApiKeys()
  expect(listed.flatMap(({ scopes }) => scopes).sort()).toEqual(expected.sort())
  expect(listed.reduce((sum, { revision }) => sum + revision, 0)).toBe(PROCESSES + PROCESSES * CHANGES)
  const records = place.records().filter(({ action }) => action === 'key.scope.add')
  expect(records).toHaveLength(PROCESSES * CHANGES)
  expect(new Set(records.map(({ actor }) => actor.name)).size).toBe(PROCESSES)
  expect(linesOf(place.text(place.log))).toHaveLength(PROCESSES + PROCESSES * CHANGES)
  await expectProven(manager)
  expect(versions).toBeGreaterThan(1)
})

test('changes of two managers in one process are as safe as those of two processes', async () => {
  const place = newPlace()
  const managers = await Promise.all([1, 2, 3].map(() => openManagerAt(place)))
  const [first] = managers
  const { key } = (await first?.generateApiKey({ userId: 'ann' })) ?? {}
  await Promise.all(
    managers.flatMap((manager, index) =>
      Array.from({ length: 30 }, (_, change) => manager.addScopeToKey(key?.id ?? '', `m${index}:${change}`)),
    ),
  )
  for (const manager of managers) expect((await manager.getApiKey(key?.id ?? ''))?.revision).toBe(91)
  for (const manager of managers) await expectProven(manager)
})

test('the first change of all, made by six processes at once: one store, every key in it', async () => {
  const place = newPlace()
  const managers = await Promise.all(Array.from({ length: 6 }, () => openManagerAt(place)))
  await Promise.all(managers.map((manager, index) => manager.generateApiKey({ userId: `u${index}` })))
  for (const manager of managers) expect((await manager.listUsers()).total).toBe(6)
  await expectProven(await openManagerAt(place))
})
