// What the tests on PostgreSQL share: a server whose new databases have the tables, and stores on them.

import { onTestFinished } from 'vitest'
import type { OpenOptions } from '../../src/index.ts'
import { ApiKeyManager } from '../../src/index.ts'

export type { MigratedServer } from './migrated.ts'
export { startMigrated } from './migrated.ts'

/** A manager on a database. Closed afterwards. */
export async function openManagerAtUrl(url: string, options: OpenOptions = {}): Promise<ApiKeyManager> {
  const manager = await ApiKeyManager.open({ store: url, actor: 'tester', onWarning: () => undefined, ...options })
  onTestFinished(() => manager.close().catch(() => undefined))
  return manager
}
