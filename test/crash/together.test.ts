// Changes that wait together are one commit: counted by the calls that a process makes.

import { expect, test } from 'vitest'
import { startChild } from '../store/children.ts'
import { newPlace } from '../store/harness.ts'

const WAITING = 128

test('128 changes that wait together are one append, synced once, and one new keys.json, synced once', async () => {
  const place = newPlace()
  const child = startChild(new URL('./change-together.ts', import.meta.url), { args: [place.folder, String(WAITING)] })
  const calls = JSON.parse(await child.line()) as string[]
  await child.done()
  const times = (name: string): number => calls.filter((call) => call === name).length
  // The records; the new file, its name, and the folder that holds that.
  const durable = ['datasync', 'sync', 'rename', 'fsync']
  expect(durable.map((name) => [name, times(name)])).toEqual(durable.map((name) => [name, 1]))
  const changes = place.records().filter(({ action }) => action === 'key.update')
  expect(changes).toHaveLength(WAITING)
  expect(new Set(changes.map(({ base }) => base))).toEqual(new Set([1]))
})
