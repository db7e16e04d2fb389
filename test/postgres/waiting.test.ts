// How long changes and closing wait: each says no within ten seconds and why, whatever holds the head, and nothing that was answered with no happens.

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { KeywrightError } from '../../src/domain/refusal.ts'
import { ApiKeyManager } from '../../src/index.ts'
import { SILENT_MS } from '../../store/postgres/closing.ts'
import { connectDatabase } from '../../store/postgres/connection.ts'
import type { Cut } from '../../storm/link.ts'
import { linkTo } from '../../storm/link.ts'
import { errorOf } from '../store/harness.ts'
import type { MigratedServer } from './harness.ts'
import { openManagerAtUrl, startMigrated } from './harness.ts'

const WITHIN_MS = 10_000

let server: MigratedServer
beforeAll(async () => {
  server = await startMigrated()
})
afterAll(() => server.remove())

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

interface Refused {
  readonly ms: number
  readonly error: KeywrightError
}

/** Changes a key that many milliseconds from now, which must fail. */
async function refusedAfter(manager: ApiKeyManager, id: string, ms: number): Promise<Refused> {
  await pause(ms)
  const begin = performance.now()
  const error = await errorOf(manager.addScopeToKey(id, `after:${ms}`))
  return { ms: performance.now() - begin, error }
}

test('while somebody else holds the head each change is refused in time as one that waited; afterwards changes are made again', async () => {
  const { url } = await server.fresh()
  const manager = await openManagerAtUrl(url)
  const { key } = await manager.generateApiKey({ userId: 'ann' })
  const holder = connectDatabase(url, 'holder')
  const release = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  const holding = holder.transaction(async (tx) => {
    await tx.query("SET LOCAL idle_in_transaction_session_timeout = '1min'")
    await tx.query('SELECT * FROM keywright.head FOR UPDATE')
    held.resolve()
    await release.promise
  })
  await held.promise
  const refused = await Promise.all([0, 1_000, 3_000].map((ms) => refusedAfter(manager, key.id, ms)))
  for (const { ms, error } of refused) {
    expect(error.message).toContain('another node has been changing the store for too long')
    expect(error.code).toBe('STORE_BUSY')
    expect(ms).toBeLessThan(WITHIN_MS)
  }
  const patient = manager.addScopeToKey(key.id, 'patient')
  await pause(5_000)
  release.resolve()
  await holding
  await patient
  await manager.addScopeToKey(key.id, 'new')
  expect((await manager.getApiKey(key.id))?.scopes).toEqual(['new', 'patient'])
  await holder.close()
}, 60_000)

test('while the server answers nothing each change is refused in time, and none of them happens afterwards', async () => {
  const { name, url } = await server.fresh()
  const manager = await openManagerAtUrl(url)
  const { key } = await manager.generateApiKey({ userId: 'ann' })
  // A statement that takes for ever, from within: nothing is locked that anyone waits for.
  await server.admin(
    name,
    `CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(4); RETURN NEW; END $$;
     CREATE TRIGGER stall BEFORE UPDATE ON keywright.keys FOR EACH STATEMENT EXECUTE FUNCTION stall();
     CREATE TRIGGER stall BEFORE UPDATE ON keywright.head FOR EACH STATEMENT EXECUTE FUNCTION stall();`,
  )
  const refused = await Promise.all([0, 1_000, 3_000].map((ms) => refusedAfter(manager, key.id, ms)))
  for (const { ms, error } of refused) {
    expect(['STORE_UNAVAILABLE', 'STORE_BUSY']).toContain(error.code)
    expect(ms).toBeLessThan(WITHIN_MS)
  }
  await server.admin(name, 'DROP FUNCTION stall CASCADE')
  await manager.addScopeToKey(key.id, 'new')
  expect((await manager.getApiKey(key.id))?.scopes).toEqual(['new'])
  expect(await manager.verifyAudit()).toMatchObject({ ok: true })
}, 60_000)

/** Less than one statement may take. */
const SOON_MS = 2 * SILENT_MS

/** A manager that reaches the server through a link, with a key whose token it has accepted and counted. */
async function linked() {
  const { name, url } = await server.fresh()
  const link = await linkTo(server.port)
  onTestFinished(link.close)
  const warnings: string[] = []
  const manager = await ApiKeyManager.open({
    store: url.replace(`:${server.port}/`, `:${link.port}/`),
    onWarning: ({ message }) => void warnings.push(message),
  })
  const { key, token } = await manager.generateApiKey({ userId: 'ann' })
  await manager.validateApiKey(token)
  return { name, url, link, manager, key, warnings }
}

test.each(['silent', 'deaf'] satisfies Cut[])(
  'closing gives a server up that is %s, and says that counts could not be saved',
  async (how) => {
    const { link, manager, key } = await linked()
    link.cut(how)
    const change = errorOf(manager.addScopeToKey(key.id, 'late'))
    const begin = performance.now()
    const error = await errorOf(manager.close())
    expect(performance.now() - begin).toBeLessThan(SOON_MS)
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('nobody answers there') })
    expect((await change).code).toMatch(/^(?:CLOSED|STORE_UNAVAILABLE)$/)
    expect(performance.now() - begin).toBeLessThan(SOON_MS)
  },
)

test('closing fails at nothing where all was saved before the server fell silent', async () => {
  const { link, manager } = await linked()
  await manager.flush()
  link.cut('silent')
  const begin = performance.now()
  await manager.close()
  expect(performance.now() - begin).toBeLessThan(SOON_MS)
})

test('closing waits for a server that is slow and answers: what it was asked for is done, and counts are saved', async () => {
  const { name, url, manager, key, warnings } = await linked()
  await server.admin(
    name,
    `CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(${(1.5 * SILENT_MS) / 1000}); RETURN NEW; END $$;
     CREATE TRIGGER stall BEFORE UPDATE ON keywright.keys FOR EACH STATEMENT EXECUTE FUNCTION stall();`,
  )
  const change = manager.addScopeToKey(key.id, 'late')
  const begin = performance.now()
  await manager.close()
  expect(performance.now() - begin).toBeGreaterThan(SILENT_MS)
  expect((await change).scopes).toEqual(['late'])
  expect(warnings).toEqual([])
  const other = await openManagerAtUrl(url)
  expect((await other.getUsageStats()).usageCount).toBe(1)
})
