// A server that verifies the tokens from its standard input in turn, some two hundred calls a second, until it is told to stop.

import { createInterface } from 'node:readline'
import { ApiKeyManager } from '../../src/index.ts'

const TURN_MS = 10
const CALLS_PER_TURN = 2

const manager = await ApiKeyManager.open({ store: process.argv[2] as string, actor: 'server' })
const tokens: string[] = []
let timer: NodeJS.Timeout | undefined
let calls = 0

async function turn(): Promise<void> {
  for (let made = 0; made < CALLS_PER_TURN; made++) await manager.validateApiKey(tokens[calls++ % tokens.length])
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'stop') break
  if (line !== '') tokens.push(line)
  else {
    timer = setInterval(() => void turn(), TURN_MS)
    console.log('ready')
  }
}
clearInterval(timer)
// Calls that are on their way are counted before the store is closed.
await new Promise((resolve) => setImmediate(resolve))
await manager.close()
console.log(String(calls))
process.exit(0)
