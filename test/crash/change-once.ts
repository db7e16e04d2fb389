// A process that makes one change, and is killed at the call that it is told; else it says so when the change is acknowledged.

import { writeSync } from 'node:fs'
import { ApiKeyManager } from '../../src/index.ts'
import { arm, disarm } from './faults.ts'
import { scenarioOf, storeIn } from './scenarios.ts'

const [, , folder = '', name = '', at = '0', half = ''] = process.argv
const scenario = scenarioOf(name)
const manager = await ApiKeyManager.open({ store: storeIn(folder), actor: 'child', onWarning: () => undefined })
arm({ at: Number(at), calls: 'writing', fate: 'kill', isHalf: half === 'half' })
await scenario.change(manager)
const calls = disarm()
writeSync(1, `acknowledged\n${calls.join(' ')}\n`)
process.exit(0)
