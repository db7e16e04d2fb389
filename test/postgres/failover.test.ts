// What a node believes when its server is another one all of a sudden, or somebody lies to it; and that it keeps nothing alive.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { startChild } from '../store/children.ts'
import { until } from '../store/harness.ts'
import type { MigratedServer } from './harness.ts'
import { openManagerAtUrl, startMigrated } from './harness.ts'

let server: MigratedServer
beforeAll(async () => {
  server = await startMigrated()
})
afterAll(() => server.remove())

/** Ends every connection to a database, but the one that asks. */
const cut = (name: string) =>
  server.admin('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()', [name])

/** Lets another database answer under the name of one, as a replica does that was made the primary. */
async function failOver(name: string, other: string): Promise<void> {
  await server.admin('postgres', `ALTER DATABASE "${name}" ALLOW_CONNECTIONS false`)
  await cut(name)
  await cut(other)
  await server.admin('postgres', `ALTER DATABASE "${name}" RENAME TO "${name}_before"`)
  await server.admin('postgres', `ALTER DATABASE "${other}" RENAME TO "${name}"`)
}

test.each([
  { what: 'older', further: 0 },
  { what: 'of the same number', further: 1 },
  { what: 'further on', further: 5 },
])('a new primary whose head is $what: what it revoked is refused, and what it lost is unknown', async ({ further }) => {
  const { name, url } = await server.fresh()
  const first = await openManagerAtUrl(url)
  const { token, key } = await first.generateApiKey({ userId: 'ann' })
  await first.close()
  await server.create(`${name}_replica`, name)
  const node = await openManagerAtUrl(url)
  // Two changes that the replica never had.
  const lost = await node.generateApiKey({ userId: 'lost' })
  await node.updateApiKey(lost.key.id, { name: 'lost' })
  for (const one of [token, lost.token]) expect((await node.validateApiKey(one)).code).toBe('VALID')
  const replica = await openManagerAtUrl(server.url(`${name}_replica`))
  await replica.revokeApiKey(key.id, { reason: 'leaked' })
  for (let change = 0; change < further; change++)
    await replica.updateApiKey(key.id, { name: `${change}` }).catch(() => replica.generateApiKey({ userId: 'other' }))
  await replica.close()
  await failOver(name, `${name}_replica`)
  await until('the node hears the new primary', async () => (await node.validateApiKey(token).catch(() => null))?.code === 'REVOKED')
  expect((await node.validateApiKey(lost.token)).code).toBe('NOT_FOUND')
})

test('false news make a node read again, and neither deaf nor silent', async () => {
  const { name, url } = await server.fresh()
  const [node, other] = [await openManagerAtUrl(url), await openManagerAtUrl(url)]
  const { token, key } = await other.generateApiKey({ userId: 'ann' })
  await until('it is known', async () => (await node.validateApiKey(token)).valid)
  const told: number[] = []
  node.subscribe(({ revision }) => told.push(revision))
  for (const lie of ['{"revision":9007199254740991,"keyIds":[]}', 'nonsense', '{"revision":-1,"keyIds":{}}', ''])
    await server.admin(name, 'SELECT pg_notify($1, $2)', ['keywright', lie])
  await other.revokeApiKey(key.id, { reason: 'leaked' })
  await until('it is refused', async () => (await node.validateApiKey(token)).code === 'REVOKED')
  await until('who subscribed is told', () => told.includes(2))
})

test('an open manager keeps no process alive, and closes in one that does nothing else', async () => {
  const { url } = await server.fresh()
  for (const how of ['left', 'closed']) {
    const child = startChild(new URL('./idle-node.ts', import.meta.url), { args: [url, how] })
    expect(await child.line()).toBe('open')
    expect(await child.ended).toBe(0)
  }
})

test('with maxStaleMs 0 nothing is trusted without a look, and keys are valid all the same', async () => {
  const { url } = await server.fresh()
  const manager = await openManagerAtUrl(url, { maxStaleMs: 0 })
  const { token } = await manager.generateApiKey({ userId: 'ann' })
  for (let call = 0; call < 5; call++) expect((await manager.validateApiKey(token)).code).toBe('VALID')
})
