// SIGKILL at the file-system calls of a change: by a hand laid on Node's own calls, and by the kernel at each system call.

import { join } from 'node:path'
import type { Kill } from '../../test/crash/killing.ts'
import { killOnce, killsAt } from '../../test/crash/killing.ts'
import type { Scenario } from '../../test/crash/scenarios.ts'
import { copyFolder, SCENARIOS } from '../../test/crash/scenarios.ts'
import { aftermathOf } from '../aftermath.ts'
import type { Row, Storm } from '../storm.ts'
import { measureSpread } from '../storm.ts'
import type { SystemCall } from '../strace.ts'
import { changeTraced, systemCallsOf, whyNoStrace } from '../strace.ts'

const AT_ONCE = 2
const SHORT_SCENARIOS = 1
const SHORT_KILLS = 4

/** The scenarios of this run, each with its files made once and what its rehearsal showed. */
export async function prepared<T>(
  storm: Storm,
  rehearse: (scenario: Scenario, template: string) => Promise<readonly T[]>,
): Promise<{ scenario: Scenario; template: string; at: T }[]> {
  const cases: { scenario: Scenario; template: string; at: T }[] = []
  for (const scenario of storm.shuffled(SCENARIOS).slice(0, storm.size(SCENARIOS.length, SHORT_SCENARIOS))) {
    const template = storm.newFolder()
    await scenario.prepare(template)
    for (const at of await rehearse(scenario, template)) cases.push({ scenario, template, at })
  }
  return storm.shuffled(cases).slice(0, storm.size(cases.length, SHORT_KILLS))
}

async function killsByHand(storm: Storm): Promise<void> {
  const trials = storm.trials('a change killed at each of its writing calls, and half-way through each write')
  const env = { NODE_COMPILE_CACHE: join(storm.newFolder(), 'compiled') }
  const recoveries: number[] = []
  const cases = await prepared<Kill>(storm, async (scenario, template) => {
    const { calls } = await killOnce(scenario, template, storm.newFolder(), env, { at: 0, half: '' })
    return killsAt(calls ?? [])
  })
  await trials.each(
    cases,
    async ({ scenario, template, at }, wrong) => {
      const { calls, problems, recoveryMs } = await killOnce(scenario, template, storm.newFolder(), env, at)
      recoveries.push(recoveryMs)
      if (calls !== null) wrong('it was not killed')
      problems.forEach(wrong)
    },
    { atOnce: AT_ONCE, name: ({ scenario, at }) => `${scenario.name}, call ${at.at} ${at.half}` },
  )
  measureSpread(trials, 'the next change, with its repairs', recoveries, 'ms')
}

async function killsByKernel(storm: Storm): Promise<void> {
  const trials = storm.trials('a change killed by the kernel at each system call on the store (strace)')
  const why = whyNoStrace()
  if (why !== null) return trials.leaveOut(why)
  const recoveries: number[] = []
  const cases = await prepared<SystemCall>(storm, async (scenario, template) => {
    const folder = storm.newFolder()
    copyFolder(template, folder)
    return systemCallsOf(folder, scenario.name)
  })
  await trials.each(
    cases,
    async ({ scenario, template, at }, wrong) => {
      const folder = storm.newFolder()
      copyFolder(template, folder)
      const { answer, how } = await changeTraced(folder, scenario.name, at, 'signal=KILL')
      if (how !== 'SIGKILL') wrong(`it was not killed, but ended with ${how}`)
      const { problems, recoveryMs } = await aftermathOf(scenario, folder, answer === 'acknowledged')
      recoveries.push(recoveryMs)
      problems.forEach(wrong)
    },
    { atOnce: AT_ONCE, name: ({ scenario, at }) => `${scenario.name}, ${at.name} ${at.when} of the ${at.thread} thread` },
  )
  measureSpread(trials, 'the next change, with its repairs', recoveries, 'ms')
}

const about = 'SIGKILL at every file-system call of a change, each in turn'

export const killRows: readonly Row[] = [
  { name: 'kills', about, run: killsByHand },
  { name: 'kernel-kills', about, run: killsByKernel },
]
