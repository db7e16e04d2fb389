// What a log says of the keys: the digest of each after the last change, commits that may still be taken back. Pure.

import type { AuditRecord } from './audit.ts'

interface Undo {
  readonly seq: number
  readonly keyId: string
  readonly digest: string | undefined
  /** How many keys the change added: 1, 0 or -1. */
  readonly born: number
}

export interface Replay {
  readonly digests: ReadonlyMap<string, string>
  /** How many keys there are, by the changes since the last accepted loss. */
  readonly keyCount: () => number
  readonly change: (record: Pick<AuditRecord, 'seq' | 'action' | 'keyId' | 'base' | 'digest'>) => void
  /** Takes changes of the last commit back. */
  readonly undo: (seqs: readonly number[]) => void
  /** The last commit: which seq of the store it goes out from, and its changes. */
  readonly commit: () => { readonly base: number; readonly seqs: readonly number[] }
  /** Forgets all; so many keys are there from now on, of which nothing is known. */
  readonly restart: (keys: number) => void
}

export function createReplay(): Replay {
  const digests = new Map<string, string>()
  let keyCount = 0
  let base = -1
  let undoable: Undo[] = []

  const setDigest = (keyId: string, digest: string | undefined): void => {
    if (digest === undefined) digests.delete(keyId)
    else digests.set(keyId, digest)
  }

  return {
    digests,
    keyCount: () => keyCount,
    change(record) {
      const keyId = record.keyId as string
      if (base !== record.base) {
        base = record.base as number
        undoable = []
      }
      const born = record.action === 'key.generate' ? 1 : record.action === 'key.purge' ? -1 : 0
      undoable.push({ seq: record.seq, keyId, digest: digests.get(keyId), born })
      setDigest(keyId, record.digest ?? undefined)
      keyCount += born
    },
    undo(seqs) {
      const undone = new Set(seqs)
      for (const { seq, keyId, digest, born } of undoable.toReversed()) {
        if (!undone.has(seq)) continue
        keyCount -= born
        setDigest(keyId, digest)
      }
      undoable = undoable.filter(({ seq }) => !undone.has(seq))
    },
    commit: () => ({ base, seqs: undoable.map(({ seq }) => seq) }),
    restart(keys) {
      digests.clear()
      base = -1
      undoable = []
      keyCount = keys
    },
  }
}
