// The tables of a store in PostgreSQL, as numbered migrations. Data: store/postgres/migrate.ts applies them, docs and tests read them.

import { KEY_TABLES } from './tables/keys.ts'
import { LIMIT_TABLES } from './tables/limits.ts'
import { LOG_TABLES } from './tables/log.ts'
import { USAGE_TABLES } from './tables/usage.ts'

export interface Migration {
  readonly version: number
  /** What it brings, for who runs it. */
  readonly about: string
  readonly sql: string
}

/** The channel on which every change is told to every node. */
export const CHANNEL = 'keywright'

/** What the usage of the whole store is kept under, beside the keys; no key has such an id. */
export const WHOLE_STORE = '*'

/**
 * Texts are compared by their bytes (COLLATE "C"), so that ISO instants and cursors sort as they do in a file. A key and a
 * record are kept as the very line that keys.json and the log would hold: digests and hashes are those of the line, and the
 * columns beside it are what the database finds it by.
 */
const FIRST = [KEY_TABLES, LOG_TABLES, USAGE_TABLES, LIMIT_TABLES].join('\n')

export const MIGRATIONS: readonly Migration[] = [{ version: 1, about: 'keys, log, usage, limits and nodes', sql: FIRST }]

export const SCHEMA_VERSION = MIGRATIONS.length
