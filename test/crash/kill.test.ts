// SIGKILL at every file-system call of a change, each in turn: the store is wholly before or after, and what was acknowledged is there.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { newPlace } from '../store/harness.ts'
import { inParallel } from '../store/processes.ts'
import type { Kill } from './killing.ts'
import { killOnce, killsAt } from './killing.ts'
import { SCENARIOS } from './scenarios.ts'

const AT_ONCE = 2

describe.each(SCENARIOS)('$name', (scenario) => {
  test('killed at any of its calls, it happened wholly or not at all', async () => {
    const place = newPlace()
    const template = join(place.folder, 'template')
    mkdirSync(template, { mode: 0o700 })
    await scenario.prepare(template)
    let folders = 0
    const kill = async (one: Kill): Promise<readonly string[] | null> => {
      const { calls, problems } = await killOnce(scenario, template, join(place.folder, `${++folders}`), {}, one)
      expect(problems).toEqual([])
      return calls
    }
    const calls = (await kill({ at: 0, half: '' })) ?? []
    expect(calls.length).toBeGreaterThan(5)
    const kills = killsAt(calls)
    let deaths = 0
    await inParallel(kills, AT_ONCE, async (one) => {
      if ((await kill(one)) === null) deaths++
    })
    expect(deaths).toBe(kills.length)
  })
})
