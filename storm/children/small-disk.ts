// A process with a small disk of its own: fills it to the last pages, makes it read-only, and says for each trial what was wrong.

import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { ApiKeyManager, KeywrightError } from '../../src/index.ts'
import { copyFolder, scenarioOf, storedKeys, storeIn } from '../../test/crash/scenarios.ts'
import { judged } from '../aftermath.ts'

const [, , disk = '', template = '', name = '', most = '0'] = process.argv
const scenario = scenarioOf(name)
const folder = `${disk}/store`
const filler = `${disk}/filler`

/** Leaves so many pages of the disk free. */
function fill(pages: number): void {
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(filler, Buffer.alloc(Math.max(0, bavail - pages) * bsize))
}

function remount(mode: 'ro' | 'rw'): void {
  const { status, stderr } = spawnSync('mount', ['-o', `remount,${mode}`, disk], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}

/** One change while the disk is out of order, and the next when it is well again. */
async function tryChange(what: string, spoil: () => void, mend: () => void): Promise<void> {
  const problems: string[] = []
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { mode: 0o700 })
  copyFolder(template, folder)
  const manager = await ApiKeyManager.open({ store: storeIn(folder), actor: 'child', onWarning: () => undefined })
  spoil()
  const error: unknown = await scenario.change(manager).then(
    () => null,
    (reason: unknown) => reason,
  )
  const said = error instanceof KeywrightError ? `${error.code} ${error.message}` : String(error)
  if (error !== null && !(error instanceof KeywrightError)) problems.push(`the error has no type: ${said}`)
  const expected =
    error === null ? [scenario.after] : said.includes('may still be redone') ? [scenario.before, scenario.after] : [scenario.before]
  const check = (when: string): void => {
    const seen = scenario.state(storedKeys(folder))
    if (!expected.includes(seen)) problems.push(`it answered ${said}; ${when} the state is "${seen}"`)
  }
  check('at once')
  problems.push(...judged(folder, 'at once'))
  await manager.listApiKeys().catch((problem: unknown) => problems.push(`reading failed: ${String(problem)}`))
  mend()
  await manager.generateApiKey({ userId: 'next' }).catch((problem: unknown) => problems.push(`the next change failed: ${String(problem)}`))
  check('after the next change')
  if (!(await manager.verifyAudit()).ok) problems.push('audit verify does not accept')
  await manager.close()
  problems.push(...judged(folder, 'after the next change'))
  process.stdout.write(`${JSON.stringify({ what, isRefused: error !== null, problems })}\n`)
}

for (let pages = 0; pages <= Number(most); pages++)
  await tryChange(
    `${pages} pages free`,
    () => fill(pages),
    () => rmSync(filler),
  )
await tryChange(
  'read-only',
  () => remount('ro'),
  () => remount('rw'),
)
process.exit(0)
