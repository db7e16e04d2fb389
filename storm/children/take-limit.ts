// A node that asks for a key's limit as often as it can until it is told to end, or killed; and says of each call that was
// admitted between which two moments it was, in milliseconds since 1970.

import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiKeyManager } from '../../src/index.ts'

const [, , store = '', token = ''] = process.argv
const manager = await ApiKeyManager.open({ store, onWarning: () => undefined })
await manager.validateApiKey(token, { peek: true })
process.stdout.write('ready\n')
// Line by line: both words may come at once.
const words = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
await words.next()
let isOver = false
words.next().then(() => {
  isOver = true
})
const now = (): number => performance.timeOrigin + performance.now()
while (!isOver) {
  const before = now()
  const { valid } = await manager.validateApiKey(token)
  // At once, so that whoever is killed has said it.
  if (valid) writeSync(1, `${before} ${now()}\n`)
  else await sleep(1)
}
await manager.close()
process.stdin.destroy()
