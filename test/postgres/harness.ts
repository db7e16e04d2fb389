// What the tests on PostgreSQL share: a server whose new databases have the tables, and stores on them.

import { onTestFinished } from 'vitest'
import type { Store } from '../../src/domain/ports.ts'
import type { OpenOptions } from '../../src/index.ts'
import { ApiKeyManager } from '../../src/index.ts'
import { openStore } from '../../store/open.ts'
import { connectDatabase } from '../../store/postgres/connection.ts'
import { migrate } from '../../store/postgres/migrate.ts'
import type { StoreSetup } from '../store/harness.ts'
import { ACTOR, manualClock, seededDraw } from '../store/harness.ts'
import type { PostgresServer } from './server.ts'
import { startPostgres } from './server.ts'

const TEMPLATE = 'migrated'

export interface MigratedServer extends PostgresServer {
  /** A database of its own with empty tables. */
  readonly fresh: () => Promise<{ readonly name: string; readonly url: string }>
}

export async function startMigrated(settings?: readonly string[]): Promise<MigratedServer> {
  const server = await startPostgres(settings)
  const database = connectDatabase(await server.create(TEMPLATE), 'tests')
  await migrate(database, false)
  await database.close()
  let made = 0
  return {
    ...server,
    async fresh() {
      const name = `test_${made++}`
      return { name, url: await server.create(name, TEMPLATE) }
    },
  }
}

/** A manager on a database. Closed afterwards. */
export async function openManagerAtUrl(url: string, options: OpenOptions = {}): Promise<ApiKeyManager> {
  const manager = await ApiKeyManager.open({ store: url, actor: 'tester', onWarning: () => undefined, ...options })
  onTestFinished(() => manager.close().catch(() => undefined))
  return manager
}

/** The store of a database below the manager, with clocks that the test moves. Closed afterwards. */
export async function openStoreAtUrl(url: string, { clock = manualClock(), seed = 'store', ...setup }: StoreSetup = {}): Promise<Store> {
  const store = await openStore({
    store: url,
    auditLog: undefined,
    auditSink: undefined,
    brand: setup.brand,
    isReadOnly: setup.isReadOnly ?? false,
    isInsecureAllowed: false,
    actor: ACTOR,
    auditKeys: { signing: setup.signing, public: undefined },
    clocks: clock.clocks,
    isClockGiven: true,
    maxStaleMs: 5_000,
    draw: seededDraw(seed),
    pid: process.pid,
    warn: setup.warn ?? (() => undefined),
  })
  onTestFinished(() => store.close().catch(() => undefined))
  return store
}
