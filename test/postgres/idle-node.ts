// A process that opens a store in a database, says so, and has nothing more to do.

import { ApiKeyManager } from '../../src/index.ts'

const [, , store = '', how = ''] = process.argv
const manager = await ApiKeyManager.open({ store })
process.stdout.write('open\n')
process.stdin.destroy()
if (how === 'closed') await manager.close()
