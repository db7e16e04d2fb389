// Upkeep of stores as wholes, by path or URL: migrating, printing the roles, copying. Opens none of them; what a kind needs is loaded late.

import type { Actor } from '../src/domain/audit.ts'
import type { Warn } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import type { Draw } from '../src/domain/token.ts'
import type { Copied, CopyRequest, Migrated, Upkeep } from '../src/domain/upkeep.ts'
import { trustedFiles } from './open.ts'
import { isDatabaseUrl } from './postgres/url.ts'
import type { Whole } from './whole.ts'

/** What upkeep must be given of the world. */
export interface UpkeepOptions {
  readonly isInsecureAllowed: boolean
  readonly actor: Actor
  readonly wall: () => number
  readonly draw: Draw
  readonly pid: number
  readonly warn: Warn
}

export function createUpkeep(options: UpkeepOptions): Upkeep {
  return {
    migrate: migrateDatabase,
    roles: async () => (await import('./rarely.ts')).rolesSql(),
    copy: (request) => copy(request, options),
  }
}

async function migrateDatabase(store: string | undefined, isDryRun: boolean): Promise<Migrated> {
  if (store === undefined || !isDatabaseUrl(store))
    throw new KeywrightError('INVALID_INPUT', 'the store is a file, which needs no migration', {
      field: 'store',
      hint: 'give the URL of a database: keywright migrate --store postgres://USER@HOST/DATABASE',
    })
  const { connectDatabase, migrate } = await import('./rarely.ts')
  const database = connectDatabase(store, 'keywright migrate')
  try {
    return { store: database.name, ...(await migrate(database, isDryRun)), dryRun: isDryRun }
  } finally {
    await database.close()
  }
}

async function copy({ from, to, signal, onProgress }: CopyRequest, options: UpkeepOptions): Promise<Copied> {
  const [source, receiver] = [await wholeOf(from, 'from', options), await wholeOf(to, 'to', options)]
  const { copyStore } = await import('./rarely.ts')
  return copyStore(source, receiver, { signal, onProgress })
}

async function wholeOf(store: string, field: 'from' | 'to', options: UpkeepOptions): Promise<Whole> {
  try {
    if (isDatabaseUrl(store)) return (await import('./rarely.ts')).wholeDatabase(store)
    const { isInsecureAllowed, actor, wall, draw, pid, warn } = options
    const { paths } = trustedFiles({ store, auditLog: undefined, isInsecureAllowed, warn })
    return (await import('./rarely.ts')).wholeFiles({ paths, pid, host: actor.host, wall, draw, warn })
  } catch (error) {
    if (!(error instanceof KeywrightError) || error.field !== 'store') throw error
    const { code, message, hint } = error
    throw new KeywrightError(code, `--${field}: ${message}`, { field, ...(hint === undefined ? {} : { hint }) })
  }
}
