// Every file-system call of a change failing once: an error with a code, nothing half done, and the next change works.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startChild } from '../store/children.ts'
import { newPlace } from '../store/harness.ts'
import { SCENARIOS } from './scenarios.ts'

interface Outcome {
  readonly tried: number
  readonly problems: readonly string[]
}

/** Runs a child on copies of a template, and hears what it found. */
async function outcomeOf(script: URL, prepare: (template: string) => Promise<void>, ...more: string[]): Promise<Outcome> {
  const { folder } = newPlace()
  const [template, copies] = [join(folder, 'template'), join(folder, 'copies')]
  for (const path of [template, copies]) mkdirSync(path, { mode: 0o700 })
  await prepare(template)
  const child = startChild(script, { args: [copies, template, ...more] })
  const outcome = JSON.parse(await child.line()) as Outcome
  await child.done()
  return outcome
}

test.each(SCENARIOS)('$name: each call failing once with EIO, ENOSPC, EACCES is refused with a code or does no harm', async (scenario) => {
  const { tried, problems } = await outcomeOf(new URL('./fail-each.ts', import.meta.url), scenario.prepare, scenario.name)
  expect(problems).toEqual([])
  expect(tried).toBeGreaterThan(60)
})

test('a flush, each of its calls failing once: everything is counted once and recorded once', async () => {
  const { tried, problems } = await outcomeOf(new URL('./fail-flush.ts', import.meta.url), async () => undefined)
  expect(problems).toEqual([])
  expect(tried).toBeGreaterThan(30)
})
