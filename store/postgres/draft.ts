// The keys that a transaction is about, as they will be: those that were asked for, with what was changed since. Writes nothing.

import type { Key, KeyRef } from '../../src/domain/key.ts'
import type { Queryable } from './connection.ts'
import { keysOfRefs } from './key-list.ts'
import type { Pause } from './slices.ts'
import { inSlices } from './slices.ts'

/** A key before and after; null where it is not there. */
export interface ChangedKey {
  readonly id: string
  readonly before: Key | null
  readonly after: Key | null
}

export interface Draft {
  /** Takes in keys that a filter found. */
  readonly know: (found: readonly Key[]) => void
  readonly find: (ref: KeyRef) => Key | undefined
  /** Whether a key here has that id or shortId; of others the database knows. */
  readonly isTaken: (id: string) => boolean
  readonly set: (id: string, key: Key | null) => void
  /** Keys that are not as they were, in the order of their first change. */
  readonly changed: () => readonly ChangedKey[]
}

/** `refs`: whatever may be asked for. */
export async function createDraft(database: Queryable, refs: readonly KeyRef[], pause: Pause): Promise<Draft> {
  const keys = new Map<string, Key>()
  const byShortId = new Map<string, Key>()
  const before = new Map<string, Key | null>()

  const forget = (id: string): void => {
    for (const { shortId } of keys.get(id)?.secrets ?? []) byShortId.delete(shortId)
    keys.delete(id)
  }
  const put = (key: Key): void => {
    forget(key.id)
    keys.set(key.id, key)
    for (const { shortId } of key.secrets) byShortId.set(shortId, key)
  }

  const know = (found: readonly Key[]): void => found.forEach(put)
  for await (const some of inSlices(refs, pause)) know(await keysOfRefs(database, some))

  return {
    know,
    find: (ref) => (ref.by === 'id' ? keys.get(ref.id) : ref.by === 'secret' ? byShortId.get(ref.shortId) : undefined),
    isTaken: (id) => keys.has(id) || byShortId.has(id),
    set(id, key) {
      if (!before.has(id)) before.set(id, keys.get(id) ?? null)
      if (key === null) forget(id)
      else put(key)
    },
    changed: () => [...before].map(([id, was]) => ({ id, before: was, after: keys.get(id) ?? null })),
  }
}
