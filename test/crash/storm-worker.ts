// A process that changes a store and verifies tokens until it is killed, and says what was acknowledged.

import { writeSync } from 'node:fs'
import { ApiKeyManager } from '../../src/index.ts'

const [, , store = '', name = '', isOnce = ''] = process.argv
const manager = await ApiKeyManager.open({ store, actor: name, flushIntervalMs: 20, onWarning: () => undefined })
const say = (line: string): void => void writeSync(1, `${line}\n`)
const own = (await manager.listApiKeys({ userId: name, sort: 'createdAt' })).keys[0]
const first = own ?? (await manager.generateApiKey({ userId: name, metadata: { count: '0' } })).key
let count = Number(first.metadata['count'])
say(`begun ${first.id} ${count}`)
// Nothing but a rehearsal, whose end leaves its compiled modules to those who will be killed.
if (isOnce === 'once') process.exit(0)
for (;;) {
  const next = `${++count}`
  // Two changes that may be one commit, and a key that is revoked in the end.
  const [edited, made] = await Promise.all([
    manager.updateApiKey(first.id, { metadata: { count: next } }),
    manager.generateApiKey({ userId: `${name}-made`, name: next }),
  ])
  say(`count ${edited.id} ${next}`)
  say(`made ${made.key.id}`)
  await manager.validateApiKey(made.token)
  if (count % 5 !== 0) continue
  await manager.revokeApiKeys({ userId: `${name}-made` }, { reason: next })
  say(`revoked ${next}`)
}
