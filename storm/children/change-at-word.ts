// A process that is warm and waits for a word; then it makes one change, and the next one, and says what came of each.

import { mkdirSync, writeSync } from 'node:fs'
import { ApiKeyManager, KeywrightError } from '../../src/index.ts'
import { scenarioOf, storeIn, withManager } from '../../test/crash/scenarios.ts'

const [, , folder = '', name = ''] = process.argv
const scenario = scenarioOf(name)
const say = (line: string): void => void writeSync(1, `${line}\n`)
const outcomeOf = (change: Promise<unknown>): Promise<string> =>
  change.then(
    () => 'acknowledged',
    (error: unknown) => (error instanceof KeywrightError ? `${error.code} ${error.message}` : `untyped ${String(error)}`),
  )

// Once elsewhere, so that modules are loaded and the pool has its thread: their files are not the store's.
mkdirSync(`${folder}-warm`, { mode: 0o700 })
await withManager(`${folder}-warm`, async (manager) => {
  await manager.generateApiKey({ userId: 'ann' })
  await manager.verifyAudit()
})
const manager = await ApiKeyManager.open({ store: storeIn(folder), actor: 'child', onWarning: () => undefined })
say('ready')
await new Promise((resolve) => process.stdin.once('data', resolve))
say((await outcomeOf(scenario.change(manager))).replaceAll('\n', ' '))
say((await outcomeOf(manager.generateApiKey({ userId: 'next' }))).replaceAll('\n', ' '))
process.exit(0)
