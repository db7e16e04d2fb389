// A real PostgreSQL server whose new databases have the tables of a store. Knows no test runner: benchmarks and storms use it too.

import { connectDatabase } from '../../store/postgres/connection.ts'
import { migrate } from '../../store/postgres/migrate.ts'
import type { PostgresServer, ServerOptions } from './server.ts'
import { startPostgres } from './server.ts'

const TEMPLATE = 'migrated'

export interface MigratedServer extends PostgresServer {
  /** A database of its own with empty tables. */
  readonly fresh: () => Promise<{ readonly name: string; readonly url: string }>
}

export async function startMigrated(options?: ServerOptions): Promise<MigratedServer> {
  const server = await startPostgres(options)
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
