// The three roles on a real server: what each may do works, and what it may not is refused, whichever way it is tried.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ApiKeyManager } from '../../src/index.ts'
import { connectDatabase } from '../../store/postgres/connection.ts'
import { FUNCTIONS, ROLES, rolesSql, TABLES } from '../../store/postgres/roles.ts'
import { tidyUsage } from '../../store/postgres/usage-tidy.ts'
import type { MigratedServer } from './harness.ts'
import { startMigrated } from './harness.ts'

let server: MigratedServer
let database: string
let token: string
let keyId: string

const as = (login: string): string => server.url(database, login)
const LOGINS = ROLES.map(({ name }) => name.replace('keywright_', 'a_'))

const opened = async <T>(login: string, work: (manager: ApiKeyManager) => Promise<T>): Promise<T> => {
  const manager = await ApiKeyManager.open({ store: as(login), actor: login, onWarning: () => undefined })
  try {
    return await work(manager)
  } finally {
    await manager.close()
  }
}

/** Runs SQL as one of the logins: the SQLSTATE of its refusal, or null. */
async function tried(login: string, sql: string): Promise<string | null> {
  try {
    await server.admin(database, `SET ROLE ${login}; ${sql}`)
    return null
  } catch (error) {
    return (error as { code: string }).code
  }
}

beforeAll(async () => {
  server = await startMigrated()
  database = (await server.fresh()).name
  await server.admin(database, rolesSql())
  for (const [index, { name }] of ROLES.entries())
    await server.admin(database, `CREATE ROLE ${LOGINS[index]} LOGIN; GRANT ${name} TO ${LOGINS[index]}`)
  const made = await opened('a_operator', (manager) =>
    manager.generateApiKey({ userId: 'ann', rateLimits: [{ name: 'default', limit: 100, windowSeconds: 60 }] }),
  )
  token = made.token
  keyId = made.key.id
}, 60_000)
afterAll(() => server.remove())

describe('what each role may do', () => {
  test('an operator: every change, list, count and proof', async () => {
    await opened('a_operator', async (manager) => {
      const { key } = await manager.generateApiKey({ userId: 'bob', scopes: ['read:a'] })
      await manager.rotateApiKey(key.id, {})
      await manager.revokeApiKey(key.id, { reason: 'over' })
      await manager.purge({ olderThanSeconds: 0 })
      expect(await manager.validateApiKey(token)).toMatchObject({ valid: true })
      expect(await manager.listApiKeys()).toMatchObject({ total: 1 })
      expect(await manager.verifyAudit()).toMatchObject({ ok: true, notes: [] })
    })
  })

  test('a verifier: verdicts, counts, first uses and refusals', async () => {
    const other = await opened('a_operator', (manager) => manager.generateApiKey({ userId: 'eve' }))
    await opened('a_verifier', async (manager) => {
      expect(await manager.validateApiKey(other.token)).toMatchObject({ valid: true })
      expect(await manager.validateApiKey('nonsense')).toMatchObject({ valid: false })
    })
    await opened('a_auditor', async (manager) => {
      expect(await manager.getKeyUsageStats(other.key.id)).toMatchObject({ usageCount: 1 })
    })
    const records = await server.admin(database, `SELECT action FROM keywright.audit WHERE key_id = $1 ORDER BY seq`, [other.key.id])
    expect(records.map(({ action }) => action)).toEqual(['key.generate', 'validate.first-use'])
  })

  test('a verifier tidies counts, limits and purged keys away', async () => {
    const connection = connectDatabase(as('a_verifier'), 'tests')
    try {
      const later = Date.now() + 40 * 86_400_000
      await tidyUsage({ database: connection, now: later, limitsNow: later })
      expect(await connection.query('SELECT 1 FROM keywright.fresh')).toEqual([])
    } finally {
      await connection.close()
    }
  })

  test('an auditor: lists, usage, the log and its proof', async () => {
    await opened('a_auditor', async (manager) => {
      expect((await manager.listApiKeys({ search: 'ann' })).total).toBe(1)
      expect((await manager.listUsers({ search: 'an' })).total).toBe(1)
      expect(await manager.verifyAudit()).toMatchObject({ ok: true })
    })
  })
})

describe('what none may do', () => {
  const month = async (): Promise<string> => {
    const [row] = await server.admin(
      database,
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'keywright.audit'::regclass LIMIT 1`,
    )
    return row?.['name'] as string
  }

  test.each(LOGINS)('%s can not change or remove a record, by the log or by its month, nor alter a table', async (login) => {
    const partition = await month()
    const statements = [
      ...['keywright.audit', partition].flatMap((table) => [
        `UPDATE ${table} SET line = line`,
        `DELETE FROM ${table}`,
        `TRUNCATE ${table}`,
        `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
        `ALTER TABLE ${table} ADD COLUMN more text`,
        `DROP TABLE ${table}`,
      ]),
      `INSERT INTO ${partition} (seq, at, line) VALUES (99, now(), '{"seq":99}')`,
      `ALTER TABLE keywright.audit DETACH PARTITION ${partition}`,
      'DROP SCHEMA keywright CASCADE',
      'CREATE TABLE keywright.mine (a integer)',
      'TRUNCATE keywright.keys CASCADE',
      'DELETE FROM keywright.head',
      'TRUNCATE keywright.head',
      'UPDATE keywright.schema_version SET version = 9',
      'DELETE FROM keywright.schema_version',
      'CREATE OR REPLACE FUNCTION keywright.make_month(moment timestamptz) RETURNS void LANGUAGE sql AS $$ SELECT $$',
    ]
    for (const sql of statements) expect(await tried(login, sql), sql).toBe('42501')
  })

  test.each(['a_verifier', 'a_auditor'])('%s can not change a key, nor what vouches for it', async (login) => {
    const statements = [
      `UPDATE keywright.keys SET revoked_at = NULL`,
      `DELETE FROM keywright.keys`,
      `INSERT INTO keywright.keys SELECT * FROM keywright.keys`,
      `INSERT INTO keywright.secrets VALUES ('0123456789AB', '${keyId}')`,
      `DELETE FROM keywright.secrets`,
      `UPDATE keywright.owners SET keys = 0`,
      `UPDATE keywright.head SET keys_hash = hash`,
      `UPDATE keywright.head SET keys_seq = 0`,
      `UPDATE keywright.head SET brand = 'x'`,
    ]
    for (const sql of statements) expect(await tried(login, sql), sql).toBe('42501')
    await expect(opened(login, (manager) => manager.revokeApiKey(keyId, { reason: 'mine' }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      hint: expect.stringContaining('keywright migrate --roles'),
    })
  })

  test('an auditor can not write anything, nor call what writes', async () => {
    for (const table of TABLES.filter((one) => one !== 'counted' && one !== 'used'))
      expect(await tried('a_auditor', `DELETE FROM keywright.${table}`), table).toBe('42501')
    expect(await tried('a_auditor', `SELECT keywright.make_month(now())`)).toBe('42501')
    expect(await tried('a_auditor', `SELECT keywright.take('k', '{a}', '{1}', '{1}', 1, 0, 0, 0, NULL)`)).toBe('42501')
  })

  test('a login without a role sees nothing at all', async () => {
    await server.admin(database, 'CREATE ROLE a_stranger LOGIN')
    for (const sql of ['SELECT * FROM keywright.keys', 'SELECT keywright.make_month(now())'])
      expect(await tried('a_stranger', sql), sql).toBe('42501')
  })
})

describe('the SQL of the roles', () => {
  test('knows every table and view but the months of the log, and every function that is called', async () => {
    const rows = await server.admin(
      database,
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'keywright'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition`,
    )
    expect([...TABLES].sort()).toEqual(rows.map(({ name }) => name).sort())
    const functions = await server.admin(
      database,
      `SELECT proname AS name FROM pg_proc p WHERE pronamespace = 'keywright'::regnamespace AND prorettype <> 'trigger'::regtype
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')`,
    )
    expect([...FUNCTIONS].sort()).toEqual(functions.map(({ name }) => name).sort())
  })

  test('can be run again, and takes back what was given beside it', async () => {
    await server.admin(database, 'GRANT DELETE ON keywright.audit TO keywright_operator; GRANT SELECT ON keywright.keys TO PUBLIC')
    await server.admin(database, rolesSql())
    expect(await tried('a_operator', 'DELETE FROM keywright.audit')).toBe('42501')
    await opened('a_verifier', async (manager) => expect(await manager.validateApiKey(token)).toMatchObject({ valid: true }))
  })
})
