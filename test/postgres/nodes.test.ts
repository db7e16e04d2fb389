// Many nodes, one database: processes of their own, killed, cut off, and a server that dies and comes back. Nothing is lost or let in.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ApiKeyManager } from '../../src/index.ts'
import { startChild } from '../store/children.ts'
import { expectCode, until } from '../store/harness.ts'
import type { MigratedServer } from './harness.ts'
import { openManagerAtUrl, startMigrated } from './harness.ts'

const NODES = 3
const changeStore = new URL('../race/change-store.ts', import.meta.url)
const verifyTokens = new URL('../race/verify-tokens.ts', import.meta.url)
const takeLimit = new URL('./take-limit.ts', import.meta.url)

let server: MigratedServer
beforeAll(async () => {
  server = await startMigrated()
})
afterAll(() => server.remove())

async function expectProven(manager: ApiKeyManager): Promise<void> {
  expect(await manager.verifyAudit()).toMatchObject({ ok: true, problems: [] })
}

const scopesOf = async (manager: ApiKeyManager, id: string): Promise<readonly string[]> => (await manager.getApiKey(id))?.scopes ?? []

/** Ends every connection but the one that asks, as an operator or a failover does. */
const cutAll = (name: string) =>
  server.admin(
    name,
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  )

test('three processes make changes in the same keys: none is lost, and the chain is single', async () => {
  const { url } = await server.fresh()
  const manager = await openManagerAtUrl(url)
  const ids = await Promise.all(['ann', 'bob'].map(async (userId) => (await manager.generateApiKey({ userId })).key.id))
  const changes = 20
  const children = Array.from({ length: NODES }, (_, node) => startChild(changeStore, { args: [url, `n${node}`, `${changes}`, ...ids] }))
  for (const child of children) expect(await child.line()).toBe('ready')
  for (const child of children) child.say('go')
  await Promise.all(children.map((child) => child.done()))
  const all = (await Promise.all(ids.map((id) => scopesOf(manager, id)))).flat()
  expect(new Set(all).size).toBe(NODES * changes)
  await expectProven(manager)
})

test('what was answered before a node was killed is there, and the others go on', async () => {
  const { url } = await server.fresh()
  const manager = await openManagerAtUrl(url)
  const { key } = await manager.generateApiKey({ userId: 'ann' })
  for (let round = 0; round < 2; round++) {
    const child = startChild(changeStore, { args: [url, `r${round}`, '100000', key.id] })
    expect(await child.line()).toBe('ready')
    child.say('go')
    await until('the node has changed something', async () =>
      (await scopesOf(manager, key.id)).some((scope) => scope.startsWith(`r${round}:`)),
    )
    child.kill()
    await child.ended
    const before = await scopesOf(manager, key.id)
    await manager.addScopeToKey(key.id, `own:${round}`)
    // As they were made, without a gap.
    const made = (await scopesOf(manager, key.id)).filter((scope) => scope.startsWith(`r${round}:`))
    expect(made).toEqual(made.map((_, index) => `r${round}:${index}`).sort())
    expect(made.length).toBeGreaterThanOrEqual(before.filter((scope) => scope.startsWith(`r${round}:`)).length)
  }
  await expectProven(manager)
})

test('a key revoked on one node is refused on another that does nothing but verify', async () => {
  const { url } = await server.fresh()
  const manager = await openManagerAtUrl(url)
  const made = await Promise.all(Array.from({ length: 3 }, () => manager.generateApiKey({ userId: 'ann' })))
  const child = startChild(verifyTokens, { args: [url, ...made.map(({ token }) => token)] })
  for (const { key } of made) {
    expect(await child.line()).toBe('valid')
    await manager.revokeApiKey(key.id, { reason: 'leaked' })
    expect(await child.line()).toMatch(/^REVOKED /)
  }
  await child.done()
})

test('a key that was unknown is valid everywhere right after its birth', async () => {
  const { url } = await server.fresh()
  const [one, other] = [await openManagerAtUrl(url), await openManagerAtUrl(url)]
  const { token } = await one.generateApiKey({ userId: 'ann' })
  await until('the other node knows it', async () => (await other.validateApiKey(token)).valid)
})

test.each([
  { limit: 5, windowSeconds: 1 },
  { limit: 400, windowSeconds: 1 },
])('three nodes that saturate a limit of $limit/$windowSeconds s never admit more than it in any window, nor much less', async (limit) => {
  const { url } = await server.fresh()
  const manager = await openManagerAtUrl(url)
  const { token } = await manager.generateApiKey({ userId: 'ann', rateLimits: [{ name: 'default', ...limit }] })
  const milliseconds = 2_200
  const children = Array.from({ length: NODES }, () => startChild(takeLimit, { args: [url, token, `${milliseconds}`] }))
  for (const child of children) expect(await child.line()).toBe('ready')
  for (const child of children) child.say('go')
  const admitted = (await Promise.all(children.map(async (child) => JSON.parse(await child.line()) as number[])))
    .flat()
    .sort((a, b) => a - b)
  await Promise.all(children.map((child) => child.done()))
  const windowMs = limit.windowSeconds * 1000
  const tooClose = admitted.filter((at, index) => index >= limit.limit && at - (admitted[index - limit.limit] as number) < windowMs)
  // Three clocks that are read in three processes agree to a millisecond or so: the server's clock is what counts.
  expect(tooClose.filter((at) => at - (admitted[admitted.indexOf(at) - limit.limit] as number) < windowMs - 5)).toEqual([])
  // Two whole windows lie within that time, and 0.8 of each is promised.
  expect(admitted.length).toBeGreaterThanOrEqual(0.8 * 2 * limit.limit)
})

test('connections that are ended in the middle of changes cost no change and double none', async () => {
  const { name, url } = await server.fresh()
  const manager = await openManagerAtUrl(url)
  const { key } = await manager.generateApiKey({ userId: 'ann' })
  const changes = 30
  let isDone = false
  const cutting = (async () => {
    while (!isDone) {
      await cutAll(name)
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  })()
  const answered: string[] = []
  for (let change = 0; change < changes; change++) {
    await manager.addScopeToKey(key.id, `c:${change}`)
    answered.push(`c:${change}`)
  }
  isDone = true
  await cutting
  expect(await scopesOf(manager, key.id)).toEqual(answered.toSorted())
  await expectProven(manager)
})

test.each(['fast', 'immediate'] as const)(
  'a server that is stopped (%s) and started again has every change that was answered',
  async (mode) => {
    const { url } = await server.fresh()
    const manager = await openManagerAtUrl(url)
    const { key, token } = await manager.generateApiKey({ userId: 'ann' })
    const answered: string[] = []
    let isDone = false
    const changing = (async () => {
      for (let change = 0; !isDone; change++) {
        await manager.addScopeToKey(key.id, `c:${change}`)
        answered.push(`c:${change}`)
      }
    })()
    await until('changes are made', () => answered.length > 5)
    await server.stop(mode)
    await server.start()
    const before = answered.length
    await until('changes go on', () => answered.length > before + 5)
    isDone = true
    await changing
    expect(await scopesOf(manager, key.id)).toEqual(answered.toSorted())
    expect((await manager.validateApiKey(token)).valid).toBe(true)
    await expectProven(manager)
  },
)

test('without its connection a node trusts a key for a bounded time, then says that it can’t know; and knows again afterwards', async () => {
  const { url } = await server.fresh()
  const manager = await openManagerAtUrl(url, { maxStaleMs: 300 })
  const { token, key } = await manager.generateApiKey({ userId: 'ann' })
  expect((await manager.validateApiKey(token)).valid).toBe(true)
  await server.stop('fast')
  const cutAt = performance.now()
  let last = 0
  await until('it says so', async () => {
    try {
      const { valid } = await manager.validateApiKey(token)
      if (valid) last = performance.now()
      return false
    } catch (error) {
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' })
      return true
    }
  })
  expect(last - cutAt).toBeLessThan(1_000)
  await expectCode(manager.validateApiKey(token), 'STORE_UNAVAILABLE')
  await server.start()
  await until('it knows again', async () => (await manager.validateApiKey(token).catch(() => null))?.valid)
  await manager.revokeApiKey(key.id, { reason: 'leaked' })
  expect((await manager.validateApiKey(token)).code).toBe('REVOKED')
})

test('a revocation that a node was cut off from is refused as soon as it is connected again', async () => {
  const { name, url } = await server.fresh()
  const [node, admin] = [await openManagerAtUrl(url), await openManagerAtUrl(url)]
  const made = await Promise.all(Array.from({ length: 3 }, () => admin.generateApiKey({ userId: 'ann' })))
  for (const { token } of made) await until('it is known', async () => (await node.validateApiKey(token)).valid)
  for (const { token, key } of made) {
    await cutAll(name)
    await admin.revokeApiKey(key.id, { reason: 'leaked' })
    await until('it is refused', async () => (await node.validateApiKey(token).catch(() => null))?.code === 'REVOKED')
  }
})
