// A process that makes many changes at once, and says which writing calls that took.

import { writeSync } from 'node:fs'
import { ApiKeyManager } from '../../src/index.ts'
import { arm, disarm } from './faults.ts'
import { storeIn } from './scenarios.ts'

const [, , folder = '', count = '0'] = process.argv
const manager = await ApiKeyManager.open({ store: storeIn(folder), actor: 'child', onWarning: () => undefined })
const { key } = await manager.generateApiKey({ userId: 'ann' })
arm({ at: Number.POSITIVE_INFINITY, calls: 'writing', fate: 'EIO', isHalf: false })
await Promise.all(Array.from({ length: Number(count) }, (_, index) => manager.updateApiKey(key.id, { name: `name ${index}` })))
const calls = disarm()
writeSync(1, `${JSON.stringify(calls)}\n`)
process.exit(0)
