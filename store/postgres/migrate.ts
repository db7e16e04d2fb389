// Brings the tables of a database to this program's version, in one transaction; and says what a database's version means.

import { KeywrightError } from '../../src/domain/refusal.ts'
import type { Database, Queryable } from './connection.ts'
import { faultOf } from './connection.ts'
import type { Migration } from './schema.ts'
import { MIGRATIONS, SCHEMA_VERSION } from './schema.ts'

/** Two that migrate at once come one after the other. The number means nothing. */
const MIGRATION_LOCK = 7_203_114
/** Building an index over many keys takes a while. */
const MIGRATION_MS = 3_600_000

/** Functions work with the rights of their owner, and a new one may be called by anybody: whoever is given a role may (roles.ts). */
const CALLED_BY_NOBODY = `DO $$
DECLARE one regprocedure;
BEGIN
  FOR one IN
    SELECT p.oid::regprocedure FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'keywright'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', one);
  END LOOP;
END $$`

/** The version of the tables; 0 where there are none. */
export async function schemaVersion(database: Queryable): Promise<number> {
  const [found] = await database.query<{ is_there: boolean }>(`SELECT to_regclass('keywright.schema_version') IS NOT NULL AS is_there`)
  if (found?.is_there !== true) return 0
  const [row] = await database.query<{ version: number }>('SELECT coalesce(max(version), 0) AS version FROM keywright.schema_version')
  return row?.version ?? 0
}

/** Throws STORE_FORMAT unless the tables are of this program's version. */
export async function assertMigrated(database: Database): Promise<void> {
  const version = await schemaVersion(database).catch((error: unknown) => {
    throw faultOf(database.name, 'opening', error)
  })
  if (version > SCHEMA_VERSION) throw newerSchema(database.name, version)
  if (version === SCHEMA_VERSION) return
  const what = version === 0 ? 'has no tables of Keywright yet' : `has tables of version ${version}, this program needs ${SCHEMA_VERSION}`
  throw new KeywrightError('STORE_FORMAT', `${database.name} ${what}`, { hint: 'make them with: keywright migrate' })
}

function newerSchema(name: string, version: number): KeywrightError {
  return new KeywrightError('STORE_FORMAT', `${name} has tables of version ${version}, this program knows ${SCHEMA_VERSION}`, {
    hint: 'use a newer Keywright; see what it knows with: keywright migrate --dry-run',
  })
}

export interface MigrationPlan {
  readonly from: number
  readonly to: number
  readonly steps: readonly Pick<Migration, 'version' | 'about'>[]
}

/** Applies what is missing, all of it or nothing; with `isDryRun` only says what that would be. */
export async function migrate(database: Database, isDryRun: boolean): Promise<MigrationPlan> {
  try {
    return await database.transaction(
      async (tx) => {
        await tx.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
        await assertServer(tx, database.name)
        const from = await schemaVersion(tx)
        if (from > SCHEMA_VERSION) throw newerSchema(database.name, from)
        const missing = MIGRATIONS.filter(({ version }) => version > from)
        if (!isDryRun) {
          for (const { version, about, sql } of missing) {
            await tx.query(sql)
            await tx.query('INSERT INTO keywright.schema_version (version, about) VALUES ($1, $2)', [version, about])
          }
          if (missing.length > 0) await tx.query(CALLED_BY_NOBODY)
        }
        return { from, to: SCHEMA_VERSION, steps: missing.map(({ version, about }) => ({ version, about })) }
      },
      { answerMs: MIGRATION_MS },
    )
  } catch (error) {
    throw faultOf(database.name, 'migrating', error)
  }
}

const MIN_SERVER = 140_000

async function assertServer(tx: Queryable, name: string): Promise<void> {
  const [row] = await tx.query<{ version: string; encoding: string }>(
    `SELECT current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding`,
  )
  if (Number(row?.version) < MIN_SERVER)
    throw new KeywrightError('STORE_FORMAT', `${name} runs PostgreSQL ${row?.version}; Keywright needs 14 or newer`, {
      hint: 'give the address of a newer server',
    })
  if (row?.encoding !== 'UTF8')
    throw new KeywrightError('STORE_FORMAT', `${name} keeps texts as ${row?.encoding}; Keywright needs UTF8`, {
      hint: 'create a database with: createdb --encoding=UTF8 --template=template0 NAME',
    })
}
