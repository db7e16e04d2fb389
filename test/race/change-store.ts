// A process that makes its changes in a store as fast as it can: one scope each, spread over the keys that it is given.

import { ApiKeyManager } from '../../src/index.ts'

const [, , store = '', name = '', changes = '', ...ids] = process.argv
const manager = await ApiKeyManager.open({ store, actor: name })
// All begin together.
process.stdout.write('ready\n')
await new Promise((resolve) => process.stdin.once('data', resolve))
for (let change = 0; change < Number(changes); change++) {
  const id = ids[change % ids.length] as string
  const key = await manager.addScopeToKey(id, `${name}:${change}`)
  if (!key.scopes.includes(`${name}:${change}`)) throw new Error(`${name}: the answer lacks change ${change}`)
}
await manager.close()
process.stdin.destroy()
