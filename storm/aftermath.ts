// What must hold after a death or a fault in the middle of a change, by the manager and by the independent judge. Tells, throws nothing.

import { readdirSync } from 'node:fs'
import type { Scenario } from '../test/crash/scenarios.ts'
import { storedKeys, storeIn, withManager } from '../test/crash/scenarios.ts'
import { judgeStore } from './judge/judge.ts'

export interface Aftermath {
  readonly problems: readonly string[]
  /** How long the next change took, with all that it put right. */
  readonly recoveryMs: number
}

/** What the judge says of a store, as problems. */
export function judged(folder: string, when: string): string[] {
  const { wrong, wrongKeys } = judgeStore(storeIn(folder))
  return [
    ...wrong.map((one) => `${when} the judge says: ${one}`),
    ...wrongKeys.map((id) => `${when} the judge says: ${id} is not as the log has it`),
  ]
}

const NOT_ONCE = 'the next change is not there once'

/** Looks at a folder in which a change died; makes the next change and looks again. `isAcknowledged`: the caller had its answer. */
export async function aftermathOf(scenario: Scenario, folder: string, isAcknowledged: boolean): Promise<Aftermath> {
  const problems = judged(folder, 'after the death')
  const expect = (when: string, states: readonly string[]): void => {
    const seen = scenario.state(storedKeys(folder))
    if (!states.includes(seen)) problems.push(`${when} the state is "${seen}"`)
  }
  expect('after the death', [scenario.before, scenario.after])
  let recoveryMs = 0
  await withManager(folder, async (manager) => {
    const begun = performance.now()
    await manager.generateApiKey({ userId: 'next' })
    recoveryMs = performance.now() - begun
    expect('after the next change', isAcknowledged ? [scenario.after] : [scenario.before, scenario.after])
    const report = await manager.verifyAudit()
    if (!report.ok) problems.push(`audit verify says: ${JSON.stringify(report.problems)}`)
    if ((await manager.listApiKeys({ userId: 'next' })).total !== 1) problems.push(NOT_ONCE)
  })
  const left = readdirSync(folder).filter((name) => name.endsWith('.tmp'))
  if (left.length > 0) problems.push(`${left.join(', ')} stayed behind`)
  return { problems: [...problems, ...judged(folder, 'after the next change')], recoveryMs }
}

/** The same of a process that goes on with a change of its own, which may be there too. */
export async function aftermathOfChild(scenario: Scenario, folder: string, isAcknowledged: boolean): Promise<readonly string[]> {
  const state: Scenario['state'] = (keys) => scenario.state(keys.filter(({ userId }) => userId !== 'next'))
  const { problems } = await aftermathOf({ ...scenario, state }, folder, isAcknowledged)
  return problems.filter((problem) => problem !== NOT_ONCE)
}
