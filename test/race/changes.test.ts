// Many managers, one store: nothing is lost. Processes of their own are the storm's (storm/rows/processes.ts).

import { expect, test } from 'vitest'
import { newPlace, openManagerAt } from '../store/harness.ts'
import { expectProven } from '../store/story.ts'

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
