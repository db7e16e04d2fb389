// The store in PostgreSQL joins the contract: each test on a database of its own.

import { afterAll, beforeAll } from 'vitest'
import { storeContract } from '../store/contract.ts'
import { openStoreNamed } from '../store/harness.ts'
import { startMigrated } from './harness.ts'

let server: Awaited<ReturnType<typeof startMigrated>>
beforeAll(async () => {
  server = await startMigrated()
})
afterAll(() => server.remove())

storeContract('in PostgreSQL', async (clock) => {
  const { name, url } = await server.fresh()
  return {
    store: await openStoreNamed(url, { clock }),
    reopen: () => openStoreNamed(url, { clock, seed: 'again' }),
    async tamper(change) {
      for (const { id, line } of await server.admin(name, 'SELECT id, line FROM keywright.keys'))
        await server.admin(name, 'UPDATE keywright.keys SET line = $2 WHERE id = $1', [id, change(String(line))])
    },
  }
})
