// SIGKILL at every file-system call of a change, each in turn: the store is wholly before or after, and what was acknowledged is there.

import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inParallel, startChild } from '../store/children.ts'
import { newPlace, openManagerAt, placeAt } from '../store/harness.ts'
import type { Scenario } from './scenarios.ts'
import { copyFolder, SCENARIOS, storedKeys } from './scenarios.ts'

const AT_ONCE = 2

interface Kill {
  readonly at: number
  readonly half: '' | 'half'
}

type Env = Readonly<Record<string, string>>

/** Kills one change; answers the calls that it made when it lived to tell. */
async function killed(scenario: Scenario, template: string, folder: string, env: Env, { at, half }: Kill): Promise<string[] | null> {
  copyFolder(template, folder)
  const child = startChild(new URL('./change-once.ts', import.meta.url), { args: [folder, scenario.name, `${at}`, half], env })
  const how = await child.ended
  const isAcknowledged = child.lines[0] === 'acknowledged'
  if (how !== 'SIGKILL') await child.done()
  const seen = scenario.state(storedKeys(folder))
  expect([scenario.before, scenario.after]).toContain(seen)
  const manager = await openManagerAt(placeAt(folder))
  await manager.generateApiKey({ userId: 'next' })
  const settled = scenario.state(storedKeys(folder))
  expect(isAcknowledged ? [scenario.after] : [scenario.before, scenario.after]).toContain(settled)
  expect(await manager.verifyAudit()).toMatchObject({ ok: true, problems: [] })
  expect((await manager.listApiKeys({ userId: 'next' })).total).toBe(1)
  await manager.close()
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  return isAcknowledged ? (child.lines[1] ?? '').split(' ') : null
}

describe.each(SCENARIOS)('$name', (scenario) => {
  test('killed at any of its calls, it happened wholly or not at all', async () => {
    const place = newPlace()
    const template = join(place.folder, 'template')
    mkdirSync(template, { mode: 0o700 })
    // What the first child has compiled the others need not.
    const env = { NODE_COMPILE_CACHE: join(place.folder, 'compiled') }
    await scenario.prepare(template)
    let folders = 0
    const next = (): string => join(place.folder, `${++folders}`)
    const calls = (await killed(scenario, template, next(), env, { at: 0, half: '' })) ?? []
    expect(calls.length).toBeGreaterThan(5)
    const kills = calls.flatMap((call, index): Kill[] => [
      { at: index + 1, half: '' },
      ...(call.startsWith('write') ? [{ at: index + 1, half: 'half' } as const] : []),
    ])
    let deaths = 0
    await inParallel(kills, AT_ONCE, async (kill) => {
      const lived = await killed(scenario, template, next(), env, kill)
      if (lived === null) deaths++
    })
    expect(deaths).toBe(kills.length)
  })
})
