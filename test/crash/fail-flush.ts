// A process in which every file-system call of a flush fails once, each in turn and with each error; it tells what went wrong.

import { ApiKeyManager, KeywrightError } from '../../src/index.ts'
import type { Plan } from './faults.ts'
import { arm, disarm } from './faults.ts'
import { copyFolder, storeIn, withManager } from './scenarios.ts'

const MOST_CALLS = 200
/** More tell no more; and where a fault leaves the lock held, each costs ten seconds. */
const MOST_PROBLEMS = 4
const CALLS = 3
const [, , folder = '', template = ''] = process.argv
const problems: string[] = []
let tried = 0
let folders = 0
let token = ''
await withManager(template, async (manager) => {
  ;({ token } = await manager.generateApiKey({ userId: 'ann' }))
  // A usage file that is there already, with the counts of another key.
  const other = await manager.generateApiKey({ userId: 'bob' })
  await manager.validateApiKey(other.token)
})

/** Accepted and refused calls, a flush with one fault, and one without: everything is counted and recorded once. */
async function tryFault(plan: Plan): Promise<boolean> {
  const path = `${folder}/${++folders}`
  copyFolder(template, path)
  let now = Date.now()
  const manager = await ApiKeyManager.open({ store: storeIn(path), flushIntervalMs: 60_000, clock: () => now, onWarning: () => undefined })
  for (let call = 0; call < CALLS; call++) {
    await manager.validateApiKey(token)
    await manager.validateApiKey(token, { environment: 'test' })
  }
  // Over the end of an hour, so that calls are summed up as well.
  now += 2 * 3_600_000
  arm(plan)
  const error: unknown = await manager.flush().then(
    () => null,
    (reason: unknown) => reason,
  )
  const calls = disarm()
  const said = error === null ? 'flushed' : error instanceof KeywrightError ? error.code : `untyped ${String(error)}`
  const wrong = (what: string): void => {
    problems.push(`${plan.fate}${plan.isHalf ? ' half-way' : ''} at call ${plan.at}, ${calls[plan.at - 1]}: ${said}; ${what}`)
  }
  if (error !== null && !(error instanceof KeywrightError)) wrong('the error has no type')
  await manager.flush().catch((problem: unknown) => wrong(`the next flush failed: ${String(problem)}`))
  await manager.close()
  const reader = await ApiKeyManager.open({ store: storeIn(path), readOnly: true })
  const { usageCount, refused } = await reader.getUsageStats({ userId: 'ann' })
  if (usageCount !== CALLS || refused.FORBIDDEN !== CALLS) wrong(`counted ${usageCount} accepted and ${refused.FORBIDDEN} refused`)
  const recorded = { 'validate.first-use': 0, 'validate.refused': 0, 'validate.summary': 0 }
  for await (const { action } of reader.auditRecords({ action: 'validate', userId: 'ann' })) recorded[action as keyof typeof recorded]++
  if (Object.values(recorded).some((times) => times !== 1)) wrong(`recorded ${JSON.stringify(recorded)}`)
  if (!(await reader.verifyAudit()).ok) wrong('the log is not proven')
  await reader.close()
  return calls.length >= plan.at
}

// Once without a fault, so that all modules are loaded: their files are not the store's.
await tryFault({ at: MOST_CALLS, calls: 'all', fate: 'EIO', isHalf: false })
for (const fate of ['EIO', 'ENOSPC'] as const) {
  for (const isHalf of [false, true]) {
    for (let at = 1; at <= MOST_CALLS; at++) {
      if (problems.length >= MOST_PROBLEMS || !(await tryFault({ at, calls: isHalf ? 'writing' : 'all', fate, isHalf }))) break
      tried++
    }
  }
}
process.stdout.write(`${JSON.stringify({ tried, problems })}\n`)
process.exit(0)
