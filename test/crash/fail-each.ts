// A process in which every file-system call of a change fails once, each in turn and with each error; it tells what went wrong.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ApiKeyManager, KeywrightError } from '../../src/index.ts'
import type { Plan } from './faults.ts'
import { arm, disarm } from './faults.ts'
import type { Scenario } from './scenarios.ts'
import { copyFolder, logIn, scenarioOf, storedKeys, storeIn } from './scenarios.ts'

const MOST_CALLS = 200
/** More tell no more; and where a fault leaves the lock held, each costs ten seconds. */
const MOST_PROBLEMS = 4
/** `sink`: the name of a file sink that each store has in its folder; none when empty. */
const [, , folder = '', template = '', name = '', sink = ''] = process.argv
const scenario: Scenario = scenarioOf(name)
const problems: string[] = []
let tried = 0
let folders = 0

const open = (path: string): Promise<ApiKeyManager> =>
  ApiKeyManager.open({ store: storeIn(path), auditSink: sink && `file:${join(path, sink)}`, onWarning: () => undefined })

/** One change with one fault: refused with a typed error and not there, or acknowledged and there; and the next one works. */
async function tryFault(plan: Plan): Promise<boolean> {
  const path = `${folder}/${++folders}`
  copyFolder(template, path)
  const manager = await open(path)
  arm(plan)
  const error: unknown = await scenario.change(manager).then(
    () => null,
    (reason: unknown) => reason,
  )
  const calls = disarm()
  const isReached = calls.length >= plan.at
  const said = error === null ? 'acknowledged' : error instanceof KeywrightError ? error.code : `untyped ${String(error)}`
  const wrong = (what: string): void => {
    problems.push(`${plan.fate}${plan.isHalf ? ' half-way' : ''} at call ${plan.at}, ${calls[plan.at - 1]}: ${said}; ${what}`)
  }
  if (error !== null && !(error instanceof KeywrightError)) wrong('the error has no type')
  const mayBeRedone = error instanceof KeywrightError && error.message.includes('may still be redone')
  const check = (when: string): void => {
    const seen = scenario.state(storedKeys(path))
    const expected = error === null ? [scenario.after] : mayBeRedone ? [scenario.before, scenario.after] : [scenario.before]
    if (!expected.includes(seen)) wrong(`${when} the state is "${seen}"`)
  }
  check('at once')
  try {
    await manager.generateApiKey({ userId: 'next' })
    check('after the next change')
    const report = await manager.verifyAudit()
    if (!report.ok) wrong(`the log is not proven: ${JSON.stringify(report.problems)}`)
    await manager.close()
    const again = await open(path)
    if ((await again.listApiKeys({ userId: 'next' })).total !== 1) wrong('the next change is not there once')
    if (!(await again.verifyAudit()).ok) wrong('the log is not proven later')
    await again.close()
    if (sink !== '' && readFileSync(join(path, sink), 'utf8') !== readFileSync(logIn(path), 'utf8')) wrong('the sink is not the log')
  } catch (problem) {
    wrong(`the next change failed: ${String(problem)}`)
  }
  return isReached
}

// Once without a fault, so that all modules are loaded: their files are not the store's.
await tryFault({ at: MOST_CALLS, calls: 'all', fate: 'EIO', isHalf: false })
for (const fate of ['EIO', 'ENOSPC', 'EACCES'] as const) {
  // Permission is not denied half-way.
  for (const isHalf of fate === 'EACCES' ? [false] : [false, true]) {
    for (let at = 1; at <= MOST_CALLS; at++) {
      if (problems.length >= MOST_PROBLEMS || !(await tryFault({ at, calls: isHalf ? 'writing' : 'all', fate, isHalf }))) break
      tried++
    }
  }
}
process.stdout.write(`${JSON.stringify({ tried, problems })}\n`)
process.exit(0)
