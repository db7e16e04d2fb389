// Every file-system call of a change and of a flush failing once: by a hand laid on Node's own calls, and by the kernel.

import { FAIL_EACH, FAIL_FLUSH, outcomeOf } from '../../test/crash/outcome.ts'
import type { Scenario } from '../../test/crash/scenarios.ts'
import { copyFolder, SCENARIOS, storedKeys, withManager } from '../../test/crash/scenarios.ts'
import { aftermathOfChild, judged } from '../aftermath.ts'
import type { Row, Storm, Wrong } from '../storm.ts'
import type { SystemCall } from '../strace.ts'
import { changeTraced, systemCallsOf, whyNoStrace } from '../strace.ts'
import { prepared } from './kills.ts'

const ERRNOS = ['EIO', 'ENOSPC', 'EACCES'] as const
const AT_ONCE = 2
const SHORT_SCENARIOS = 1

async function errorsByHand(storm: Storm): Promise<void> {
  const changes = storm.trials('scenarios of a change, each call failing with EIO, ENOSPC, EACCES, writes half-way too')
  let calls = 0
  const tryAll = async (script: URL, prepare: Scenario['prepare'], wrong: Wrong, ...more: string[]): Promise<void> => {
    const { tried, problems } = await outcomeOf(script, storm.newFolder(), prepare, ...more)
    calls += tried
    problems.forEach(wrong)
  }
  await changes.each(
    storm.shuffled(SCENARIOS).slice(0, storm.size(SCENARIOS.length, SHORT_SCENARIOS)),
    (scenario, wrong) => tryAll(FAIL_EACH, scenario.prepare, wrong, scenario.name),
    { name: ({ name }) => name },
  )
  changes.measured('calls that failed', calls, '')
  if (calls === 0) throw new Error('no call was made to fail')
  if (storm.isShort) return
  const flushes = storm.trials('a flush, each call failing with EIO and ENOSPC')
  calls = 0
  await flushes.each([FAIL_FLUSH], (script, wrong) => tryAll(script, async () => undefined, wrong))
  flushes.measured('calls that failed', calls, '')
}

interface Failing {
  readonly call: SystemCall
  readonly errno: (typeof ERRNOS)[number]
}

/** One change with one error: refused with a code and not there, or acknowledged and there; and the next one works in the same process. */
async function tryError(storm: Storm, scenario: Scenario, template: string, { call, errno }: Failing, wrong: Wrong): Promise<boolean> {
  const folder = storm.newFolder()
  copyFolder(template, folder)
  const { answer, next, how, isMet } = await changeTraced(folder, scenario.name, call, `error=${errno}`)
  if (how !== 0 || answer === null) {
    // One that missed the store met the write that wakes libuv's loop, as the trace says, and libuv aborts: a death like any other.
    if (isMet || how !== 'SIGABRT') wrong(`the process ended with ${how}`)
    for (const problem of await aftermathOfChild(scenario, folder, answer === 'acknowledged')) wrong(problem)
    return isMet
  }
  if (answer.startsWith('untyped')) wrong(`the error has no type: ${answer}`)
  const expected =
    answer === 'acknowledged'
      ? [scenario.after]
      : answer.includes('may still be redone')
        ? [scenario.before, scenario.after]
        : [scenario.before]
  const seen = scenario.state(storedKeys(folder))
  if (!expected.includes(seen)) wrong(`it answered ${answer}, and the state is "${seen}"`)
  if (next !== 'acknowledged') wrong(`after ${answer} the next change answered ${next}`)
  judged(folder, 'afterwards').forEach(wrong)
  await withManager(folder, async (manager) => {
    if (!(await manager.verifyAudit()).ok) wrong('audit verify does not accept')
  })
  return isMet
}

async function errorsByKernel(storm: Storm): Promise<void> {
  const trials = storm.trials('a change, each system call on the store failing with EIO, ENOSPC, EACCES (strace)')
  const why = whyNoStrace()
  if (why !== null) return trials.leaveOut(why)
  const cases = await prepared<Failing>(storm, async (scenario, template) => {
    const folder = storm.newFolder()
    copyFolder(template, folder)
    const calls = await systemCallsOf(folder, scenario.name)
    // A close that is made to fail does not close, unlike one that fails: it would keep the lock.
    return calls.filter(({ name }) => name !== 'close').flatMap((call) => ERRNOS.map((errno) => ({ call, errno })))
  })
  let [met, all] = [0, 0]
  await trials.each(
    cases,
    async ({ scenario, template, at }, wrong) => {
      all++
      if (await tryError(storm, scenario, template, at, wrong)) met++
    },
    {
      atOnce: AT_ONCE,
      name: ({ scenario, at: { call, errno } }) => `${scenario.name}, ${errno} at ${call.name} ${call.when} of the ${call.thread} thread`,
    },
  )
  // The n-th call of a thread is not always the same: it is counted how often the error met the store's files.
  trials.measured('met a call on the store', met, '')
  if (met * 2 < all) throw new Error(`only ${met} of ${all} errors met a call on the store`)
}

const about = 'every file-system call failing once with EIO, ENOSPC, EACCES'

export const errorRows: readonly Row[] = [
  { name: 'errors', about, lines: 2, run: errorsByHand },
  { name: 'kernel-errors', about, run: errorsByKernel },
]
