// Changes of many keys at once: in one transaction, slice by slice, which takes the time that it takes while it gets on.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { changeOf } from '../../src/domain/change.ts'
import type { Key } from '../../src/domain/key.ts'
import { ACTOR, errorOf, NOBODY, NOON, newKey, openStoreNamed, outcomeOf, refTo } from '../store/harness.ts'
import type { MigratedServer } from './harness.ts'
import { openManagerAtUrl, startMigrated } from './harness.ts'

const MANY = 3_000
/** How often it is looked whether other work of the process has its turn. */
const TURN_MS = 10

let server: MigratedServer
beforeAll(async () => {
  server = await startMigrated()
})
afterAll(() => server.remove())

test('a change of many keys is made whole although it takes longer than any wait; another node is refused in time meanwhile', async () => {
  const { name, url } = await server.fresh()
  const store = await openStoreNamed(url)
  const other = await openManagerAtUrl(url)
  const keys = Array.from({ length: MANY }, (_, index) => newKey({ userId: index % 2 === 0 ? 'even' : `odd${index}` }).key)
  const births = keys.map((key) => changeOf('key.generate', null, key, { reason: null }))
  await store.transact({ actor: ACTOR, targets: NOBODY, decide: () => ({ at: NOON, changes: births, answer: null }) })
  expect((await store.pulse()).keys).toBe(MANY)

  // Each statement is far within its time, all of them together are beyond every deadline.
  await server.admin(
    name,
    `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
     CREATE TRIGGER slow AFTER UPDATE ON keywright.keys FOR EACH STATEMENT EXECUTE FUNCTION slow();`,
  )
  let turns = 0
  let isDone = false
  const turn = (): void => {
    turns++
    if (!isDone) setTimeout(turn, TURN_MS)
  }
  const decided = Promise.withResolvers<void>()
  const begin = performance.now()
  const revoking = store.transact({
    actor: ACTOR,
    targets: { filter: {} },
    decide({ targets }) {
      turns = 0
      decided.resolve()
      const changes = (targets as readonly Key[]).map((key) =>
        changeOf('key.revoke', key, { ...key, name: 'changed', revision: key.revision + 1 }, { reason: null }),
      )
      return { at: NOON, changes, answer: targets.map((key) => key?.id) }
    },
  })
  setTimeout(turn, TURN_MS)
  await decided.promise
  const asked = performance.now()
  const refused = await errorOf(other.addScopeToKey((keys[0] as Key).id, 'read'))
  expect(`${refused.code} ${refused.message}`).toContain('STORE_BUSY')
  expect(performance.now() - asked).toBeLessThan(10_000)
  expect(await revoking).toEqual(keys.map(({ id }) => id))
  isDone = true
  expect(performance.now() - begin).toBeGreaterThan(10_000)
  expect(turns).toBeGreaterThan(20)

  await server.admin(name, 'DROP FUNCTION slow CASCADE')
  const [row] = await server.admin(name, "SELECT count(*)::int AS keys FROM keywright.keys WHERE name = 'changed'")
  expect(row).toEqual({ keys: MANY })
  expect(await other.verifyAudit()).toMatchObject({ ok: true, problems: [] })

  const some = keys.slice(0, 600)
  await store.transact({
    actor: ACTOR,
    targets: { refs: some.map(refTo) },
    decide({ targets }) {
      const purges = (targets as readonly Key[]).flatMap((key) => outcomeOf('key.purge', key, null).changes)
      return { at: NOON, changes: purges, answer: null }
    },
  })
  expect((await store.pulse()).keys).toBe(MANY - some.length)
  const [owners] = await server.admin(name, 'SELECT count(*)::int AS owners, sum(keys)::int AS keys FROM keywright.owners')
  expect(owners).toEqual({ owners: 1 + (MANY - some.length) / 2, keys: MANY - some.length })
  expect(await other.verifyAudit()).toMatchObject({ ok: true, problems: [] })
}, 90_000)
