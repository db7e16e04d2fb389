// The three roles on a real server: what each may do works, and what it may not is refused, whichever way it is tried.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Entry } from '../../src/domain/audit.ts'
import { chainLines } from '../../src/domain/audit.ts'
import { ApiKeyManager } from '../../src/index.ts'
import { createPostgresAudit } from '../../store/postgres/audit-port.ts'
import { connectDatabase } from '../../store/postgres/connection.ts'
import { FUNCTIONS, ROLES, rolesSql, TABLES } from '../../store/postgres/roles.ts'
import { tidyUsage } from '../../store/postgres/usage-tidy.ts'
import { ACTOR } from '../store/harness.ts'
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

  test('an operator edits by SQL what lies beside a line: an auditor finds it, and an operator writes it anew', async () => {
    expect(
      await tried('a_operator', `UPDATE keywright.keys SET name = 'x'; DELETE FROM keywright.secrets; DELETE FROM keywright.owners`),
    ).toBe(null)
    const { ok, problems } = await opened('a_auditor', (manager) => manager.verifyAudit())
    expect([ok, problems.map((one) => one.keyId)]).toEqual([false, [keyId, undefined]])
    const connection = connectDatabase(as('a_operator'), 'tests')
    try {
      const clocks = { wall: Date.now, uptime: () => performance.now() }
      const audit = createPostgresAudit({ database: connection, isReadOnly: false, clocks })
      await audit.acceptLoss(ACTOR, 'edited by hand')
      expect((await audit.verify({})).report).toMatchObject({ ok: true, problems: [] })
    } finally {
      await connection.close()
    }
    await opened('a_operator', async (manager) => expect(await manager.validateApiKey(token)).toMatchObject({ valid: true }))
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

  /** With a login of its own: the same role, taken by a superuser, is the superuser's still. */
  const saidTo = async (login: string, sql: string, values: readonly unknown[] = []): Promise<string | null> => {
    const connection = connectDatabase(as(login), 'tests')
    try {
      await connection.query(sql, values)
      return null
    } catch (error) {
      return (error as { code: string }).code
    } finally {
      await connection.close()
    }
  }

  test('a verifier puts nothing on the log but records of verifications behind its end', async () => {
    const [head] = await server.admin(database, 'SELECT seq::integer, hash, at FROM keywright.head')
    const end = head as { seq: number; hash: string; at: string }
    const actor = { name: 'the boss', osUser: 'x', host: 'x', via: 'cli' } as const
    const entry: Entry = { actor, at: new Date().toISOString(), action: 'validate.first-use', keyId }
    const lineOf = (from: typeof end, ...entries: readonly Entry[]): readonly string[] => chainLines(from, entries).lines.trim().split('\n')
    const good = lineOf(end, entry)
    const forged: readonly (readonly string[])[] = [
      lineOf(end, { ...entry, action: 'key.revoke' }),
      lineOf(end, { ...entry, action: 'audit.accept-loss' }),
      lineOf(end, { ...entry, base: 1 }),
      lineOf(end, { ...entry, digest: 'x' }),
      lineOf({ ...end, seq: end.seq + 1 }, entry),
      lineOf({ ...end, hash: '0'.repeat(64) }, entry),
      lineOf({ ...end, at: '2020-01-01T00:00:00.000Z' }, { ...entry, at: '2020-01-01T00:00:00.000Z' }),
      lineOf(end, entry, { ...entry, action: 'key.revoke' }),
      good.map((line) => line.replace('the boss', 'the chief')),
      good.map((line) => line.replace('"action":', '"action":"key.revoke","action":')),
      good.map((line) => `${line} `),
      [...good, ...good],
    ]
    for (const lines of forged) expect(await saidTo('a_verifier', 'SELECT keywright.note($1)', [lines]), lines[0]).toBe('23514')
    const others = [
      `INSERT INTO keywright.audit (seq, at, line) VALUES (900000, now(), '{"seq":900000}')`,
      'UPDATE keywright.head SET seq = seq',
      'UPDATE keywright.head SET hash = hash',
      'UPDATE keywright.head SET at = at',
      'SELECT keywright.make_month(now())',
    ]
    for (const sql of others) expect(await saidTo('a_verifier', sql), sql).toBe('42501')
    expect(await saidTo('a_verifier', 'SELECT keywright.note($1)', [good])).toBe(null)
    await opened('a_auditor', async (manager) => expect(await manager.verifyAudit()).toMatchObject({ ok: true }))
  })

  test('only the owner has months of the log made in which nothing can be written now', async () => {
    const monthAt = (sql: string): string => `SELECT keywright.make_month(${sql})`
    for (const sql of [`'1999-01-01Z'`, `'2100-01-01Z'`, `now() + interval '70 days'`])
      expect(await saidTo('a_operator', monthAt(sql)), sql).toBe('22008')
    expect(await saidTo('a_operator', monthAt(`date_trunc('month', now(), 'UTC') + interval '32 days'`))).toBe(null)
    expect(await saidTo('postgres', monthAt(`'1999-01-01Z'`))).toBe(null)
  })

  test('before any role is there, functions are called by their owner alone', async () => {
    const { name } = await server.fresh()
    const open = await server.admin(
      name,
      `SELECT proname FROM pg_proc p WHERE pronamespace = 'keywright'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')`,
    )
    expect(open).toEqual([])
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
