// Every file-system call of a change failing once: an error with a code, nothing half done, and the next change works.

import { expect, test } from 'vitest'
import { newPlace } from '../store/harness.ts'
import { FAIL_EACH, FAIL_FLUSH, outcomeOf } from './outcome.ts'
import { SCENARIOS } from './scenarios.ts'

test.each(SCENARIOS)('$name: each call failing once with EIO, ENOSPC, EACCES is refused with a code or does no harm', async (scenario) => {
  const { tried, problems } = await outcomeOf(FAIL_EACH, newPlace().folder, scenario.prepare, scenario.name)
  expect(problems).toEqual([])
  expect(tried).toBeGreaterThan(60)
})

test('a flush, each of its calls failing once: everything is counted once and recorded once', async () => {
  const { tried, problems } = await outcomeOf(FAIL_FLUSH, newPlace().folder, async () => undefined)
  expect(problems).toEqual([])
  expect(tried).toBeGreaterThan(30)
})
