// Full and read-only file systems, files that may not grow: a clear error, nothing lost, and the next change works when there is room again.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ApiKeyManager, KeywrightError } from '../../src/index.ts'
import type { Scenario } from '../../test/crash/scenarios.ts'
import { copyFolder, SCENARIOS, storedKeys, storeIn, withManager } from '../../test/crash/scenarios.ts'
import { placeAt } from '../../test/store/place.ts'
import { startProcess } from '../../test/store/processes.ts'
import { aftermathOfChild, judged } from '../aftermath.ts'
import type { Row, Storm, Wrong } from '../storm.ts'
import { upTo } from '../storm.ts'

const DISK_BYTES = 256 * 1024
const DISK_SECONDS = 120
const BLOCK_BYTES = 256
const smallDisk = fileURLToPath(new URL('../children/small-disk.ts', import.meta.url))
const changeAtWord = new URL('../children/change-at-word.ts', import.meta.url)

/** A mount in a name space of its own ends with the process that has it. */
const WITH_DISK = `mount -t tmpfs -o size=${DISK_BYTES},mode=700 storm "$1" && shift && exec "$@"`

interface Tried {
  readonly what: string
  readonly isRefused: boolean
  readonly problems: readonly string[]
}

/** What one scenario came to, in a process with a small disk. */
function onSmallDisk(storm: Storm, scenario: Scenario, template: string): Tried[] {
  const disk = storm.newFolder()
  const program = [process.execPath, smallDisk, disk, template, scenario.name, String(storm.size(24, 10))]
  const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', WITH_DISK, 'sh', disk, ...program], {
    encoding: 'utf8',
    timeout: DISK_SECONDS * 1000,
  })
  if (status !== 0) throw new Error(`the process with the small disk ended with ${status}: ${stderr}`)
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Tried)
}

function whyNoDisk(storm: Storm): string | null {
  const { status, error, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', WITH_DISK, 'sh', storm.newFolder(), 'true'], {
    encoding: 'utf8',
  })
  return status === 0 ? null : `no file system of a small size can be mounted here: ${error?.message ?? stderr.trim()}`
}

async function disks(storm: Storm): Promise<void> {
  const trials = storm.trials('scenarios of a change with 0, 1, 2 … free pages on the disk, and on one that is read-only')
  const why = whyNoDisk(storm)
  if (why !== null) return trials.leaveOut(why)
  let [changes, refused] = [0, 0]
  await trials.each(
    storm.shuffled(SCENARIOS).slice(0, storm.size(SCENARIOS.length, 1)),
    async (scenario, wrong) => {
      const template = storm.newFolder()
      await scenario.prepare(template)
      for (const { what, isRefused, problems } of onSmallDisk(storm, scenario, template)) {
        changes++
        if (isRefused) refused++
        for (const problem of problems) wrong(`${what}: ${problem}`)
      }
    },
    { name: ({ name }) => name },
  )
  trials.measured('changes', changes, '')
  trials.measured('refused', refused, '')
  if (refused === 0) throw new Error('no change was refused')
}

/** One change in a process whose files may not grow beyond so many bytes; it may be refused or die. */
async function tryLimit(storm: Storm, scenario: Scenario, template: string, bytes: number, wrong: Wrong): Promise<void> {
  const folder = storm.newFolder()
  copyFolder(template, folder)
  const child = startProcess(changeAtWord, { args: [folder, scenario.name] })
  await child.line()
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(child.pid), `--fsize=${bytes}:`], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  child.say('go')
  await child.ended
  const [, answer = 'died'] = child.lines
  if (answer.startsWith('untyped')) wrong(`the error has no type: ${answer}`)
  for (const problem of await aftermathOfChild(scenario, folder, answer === 'acknowledged')) wrong(problem)
}

async function limits(storm: Storm): Promise<void> {
  const trials = storm.trials('a change in a process whose files may not grow (RLIMIT_FSIZE)')
  if (spawnSync('prlimit', ['--version']).status !== 0) return trials.leaveOut('prlimit is not installed')
  const scenario = SCENARIOS.find(({ name }) => name === 'an edit') as Scenario
  const template = storm.newFolder()
  await scenario.prepare(template)
  const most = placeAt(template).text().length + 4 * BLOCK_BYTES
  const sizes = storm.shuffled(Array.from(upTo(Math.ceil(most / BLOCK_BYTES)), (block) => block * BLOCK_BYTES))
  await trials.each(sizes.slice(0, storm.size(sizes.length, 3)), (bytes, wrong) => tryLimit(storm, scenario, template, bytes, wrong), {
    name: (bytes) => `${bytes} bytes`,
  })
}

async function fullDevice(storm: Storm): Promise<void> {
  const trials = storm.trials('a log on /dev/full')
  await trials.each([storm.newFolder()], async (folder, wrong) => {
    await withManager(folder, (manager) => manager.generateApiKey({ userId: 'ann' }))
    const manager = await ApiKeyManager.open({ store: storeIn(folder), auditLog: '/dev/full', insecure: true, onWarning: () => undefined })
    const error: unknown = await manager.generateApiKey({ userId: 'bob' }).then(
      () => null,
      (reason: unknown) => reason,
    )
    if (!(error instanceof KeywrightError)) wrong(`it answered ${String(error)}`)
    await manager.close().catch(() => undefined)
    if (storedKeys(folder).length !== 1) wrong('the store is another one')
    judged(folder, 'afterwards').forEach(wrong)
  })
}

export const diskRows: readonly Row[] = [
  {
    name: 'disks',
    about: 'disk full, read-only, files that may not grow: a clear error, nothing lost',
    lines: 3,
    async run(storm) {
      await disks(storm)
      await limits(storm)
      await fullDevice(storm)
    },
  },
]
