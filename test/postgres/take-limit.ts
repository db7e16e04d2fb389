// A node that asks for a key's limit as often as it can, for so long, and prints when each call was admitted.

import { ApiKeyManager } from '../../src/index.ts'

const [, , store = '', token = '', milliseconds = ''] = process.argv
const manager = await ApiKeyManager.open({ store })
await manager.validateApiKey(token, { peek: true })
process.stdout.write('ready\n')
await new Promise((resolve) => process.stdin.once('data', resolve))
const admitted: number[] = []
for (const end = performance.now() + Number(milliseconds); performance.now() < end; ) {
  // The call passes between the two: it is counted where that is hardest, at the later.
  if ((await manager.validateApiKey(token)).valid) admitted.push(performance.timeOrigin + performance.now())
  else await new Promise((resolve) => setTimeout(resolve, 1))
}
process.stdout.write(`${JSON.stringify(admitted)}\n`)
await manager.close()
process.stdin.destroy()
