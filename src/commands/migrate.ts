// migrate: brings the tables of a database to this version, or prints the SQL of its roles. Not on an opened store: there may be none yet.

import { optional } from '../domain/field.ts'
import * as kinds from '../domain/kinds.ts'
import type { Migrated } from '../domain/upkeep.ts'
import { defineUpkeep } from './command.ts'

/** The SQL that makes the roles. */
export interface Roles {
  readonly sql: string
}

export const migrate = defineUpkeep({
  words: 'migrate',
  summary: 'Make the tables of a store in PostgreSQL, or bring them to this version',
  notes: [
    'The store is the URL of a database: --store or KEYWRIGHT_STORE, as in postgres://USER@HOST:PORT/DATABASE; the password comes from',
    'PGPASSWORD or ~/.pgpass. All of a migration happens or nothing. Run it as a login that nothing else uses: it owns the tables. What',
    'other logins may do, --roles prints as SQL: keywright_verifier, keywright_operator and keywright_auditor. It asks no server:',
    '  keywright migrate --roles | psql DATABASE',
  ],
  fields: {
    dryRun: optional(kinds.flag, 'Dry run', 'show what would happen and change nothing', { flag: 'dry-run' }),
    roles: optional(kinds.flag, 'Roles', 'print the SQL that makes the roles, and do nothing', { flag: 'roles' }),
  },
  isWriting: ({ dryRun, roles }) => dryRun !== true && roles !== true,
  takesStore: true,
  async run({ dryRun, roles }, { upkeep, store }): Promise<Migrated | Roles> {
    if (roles === true) return { sql: await upkeep.roles() }
    return upkeep.migrate(store, dryRun === true)
  },
})
