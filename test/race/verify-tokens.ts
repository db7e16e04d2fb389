// A process that verifies one token after the other without giving timers a turn, until each is refused; and says when.

import { writeSync } from 'node:fs'
import { ApiKeyManager } from '../../src/index.ts'

const [, , store = '', ...tokens] = process.argv
const manager = await ApiKeyManager.open({ store })
const say = (line: string): void => void writeSync(1, `${line}\n`)
for (const token of tokens) {
  if (!(await manager.validateApiKey(token)).valid) throw new Error('the token is not valid yet')
  say('valid')
  let verdict = await manager.validateApiKey(token)
  while (verdict.valid) verdict = await manager.validateApiKey(token)
  say(`${verdict.code} ${Date.now()}`)
}
await manager.close()
