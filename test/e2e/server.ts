// A server under load: verifies tokens over and over until it is told to stop, and then says what it answered and when last VALID.
// Started by servers.test.ts with the store's path; tokens come on standard input, a line each, then an empty line.

import { createInterface } from 'node:readline'
import { ApiKeyManager } from '../../src/index.ts'

const LEAST_CALLS = 100_000
const CALLS_PER_TURN = 200

const tokens: string[] = []
let isStopped = false
const manager = await ApiKeyManager.open({ store: process.argv[2] as string, actor: 'server' })
const counts: Record<string, number> = {}
const lastValid: Record<string, number> = {}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'stop') isStopped = true
  else if (line !== '') tokens.push(line)
  else void serve()
}

async function serve(): Promise<void> {
  console.log('ready')
  let calls = 0
  while (!isStopped || calls < LEAST_CALLS) {
    const token = tokens[calls % tokens.length] as string
    const { code } = await manager.validateApiKey(token, { requiredScope: 'read:users' })
    counts[code] = (counts[code] ?? 0) + 1
    if (code === 'VALID') lastValid[token.split('_').at(-2) as string] = Date.now()
    if (++calls % CALLS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await manager.close()
  console.log(JSON.stringify({ calls, counts, lastValid }))
  process.exit(0)
}
