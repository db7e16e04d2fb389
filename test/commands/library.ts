// A library door on a store of its own, with a clock that stands still and known randomness.

import type { AuditRecord } from '../../src/domain/audit.ts'
import type { KeyView } from '../../src/domain/key.ts'
import type { ApiKeyManager, GenerateInput, OpenOptions } from '../../src/index.ts'
import { manualClock, newPlace, openManagerAt, seededDraw } from '../store/harness.ts'

export const HOUR = 3_600_000
export const DAY = 24 * HOUR
export const REASON = { reason: 'a test' }

export async function openLibrary(options: OpenOptions = {}) {
  const place = newPlace()
  const clock = manualClock()
  const manager = await openManagerAt(place, { clock: clock.now, entropy: seededDraw('library'), ...options })
  const records = (): AuditRecord[] => (place.files().includes('logs/security-audit.log') ? place.records() : [])
  return {
    place,
    clock,
    manager,
    /** All records of the log, in order. */
    records,
    /** That long from now, as an ISO text. */
    inMs: (ms: number): string => new Date(clock.now() + ms).toISOString(),
    make: (input: Partial<GenerateInput> = {}) => manager.generateApiKey({ userId: 'user1', ...input }),
    see: async (id: string): Promise<KeyView> => (await manager.getApiKey(id)) as KeyView,
    /** The records that a deed leaves behind. */
    recordsOf: async (deed: () => Promise<unknown>): Promise<AuditRecord[]> => {
      const before = records().length
      await deed()
      return records().slice(before)
    },
  }
}

export type Library = Awaited<ReturnType<typeof openLibrary>>

type Operation = (manager: ApiKeyManager, key: string) => Promise<unknown>

/** Every change of one key that the library knows, by its name; each would change a key made by `richKey`. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  updateApiKey: (manager, key) => manager.updateApiKey(key, { name: 'another' }),
  addScopeToKey: (manager, key) => manager.addScopeToKey(key, 'write'),
  removeScopeFromKey: (manager, key) => manager.removeScopeFromKey(key, 'read'),
  setScopes: (manager, key) => manager.setScopes(key, ['admin']),
  disableApiKey: (manager, key) => manager.disableApiKey(key, REASON),
  enableApiKey: (manager, key) => manager.enableApiKey(key, REASON),
  rotateApiKey: (manager, key) => manager.rotateApiKey(key),
  endGrace: (manager, key) => manager.endGrace(key),
  extendGrace: (manager, key) => manager.extendGrace(key, { until: '2027-01-01' }),
  revokeApiKey: (manager, key) => manager.revokeApiKey(key, REASON),
}
