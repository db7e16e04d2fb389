// What to do with records that the store does not vouch for yet: the commit protocol's recovery table as a pure plan.

import type { Anchor, AuditRecord } from './audit.ts'
import { isChangeRecord, namedSeqs, sha256 } from './audit.ts'
import { isRedoable, redo } from './change.ts'
import type { Disagreement } from './disagreement.ts'
import type { Key } from './key.ts'
import { keyLine } from './key.ts'

/** `broken`: the log and the store can't be brought together without an operator. */
export type RecoveryPlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'recover'; readonly redo: readonly AuditRecord[]; readonly rollBack: readonly number[] }
  | { readonly kind: 'broken'; readonly disagreement: Disagreement }

/** Change records that no rollback or recovery has undone. */
export function unresolvedChanges(tail: readonly AuditRecord[]): AuditRecord[] {
  const undone = new Set(tail.flatMap((record) => namedSeqs(record, 'rolledBack')))
  return tail.filter((record) => isChangeRecord(record) && !undone.has(record.seq))
}

/** The id of a bulk operation says how many records it has, so that one whose last records are lost can be told. */
export function batchId(count: number, drawn: string): string {
  return `batch_${count}_${drawn}`
}

function wholeBatches(records: readonly AuditRecord[]): (record: AuditRecord) => boolean {
  const found = new Map<unknown, number>()
  for (const { after } of records) found.set(after?.['batch'], (found.get(after?.['batch']) ?? 0) + 1)
  return ({ after }) => {
    const size = /^batch_(\d+)_/.exec(String(after?.['batch']))?.[1]
    return size === undefined || Number(size) === found.get(after?.['batch'])
  }
}

/**
 * The plan for the records behind the anchor. One commit that began at the anchor died half-way: its changes are redone
 * where their records hold all of them, so that a revocation can't be undone by putting the last file back. A key with a
 * change that can't be redone is rolled back wholly, and after a torn line everything is.
 */
export function planRecovery(anchor: Anchor, tail: readonly AuditRecord[], isTorn: boolean): RecoveryPlan {
  const unresolved = unresolvedChanges(tail)
  if (unresolved.length === 0) return { kind: 'none' }
  const stray = unresolved.find(({ base }) => base !== anchor.seq)
  if (stray !== undefined) {
    const { seq } = unresolved.at(-1) as AuditRecord
    return {
      kind: 'broken',
      disagreement: anchor.seq === 0 ? { kind: 'store-missing', seq } : { kind: 'store-older', seq, vouched: anchor.seq },
    }
  }
  // A repair that died before it could say what it rolled back leaves its record behind them.
  const isCut = isTorn || tail.some(({ action, seq }) => action === 'log.repair' && seq > (unresolved[0] as AuditRecord).seq)
  const isWhole = wholeBatches(unresolved)
  const lost = new Set(unresolved.filter((record) => isCut || !isRedoable(record) || !isWhole(record)).map(({ keyId }) => keyId))
  return {
    kind: 'recover',
    redo: unresolved.filter(({ keyId }) => !lost.has(keyId)),
    rollBack: unresolved.filter(({ keyId }) => lost.has(keyId)).map(({ seq }) => seq),
  }
}

/** The keys that recorded changes are made in again. */
interface RedoneKeys {
  readonly byId: (id: string) => Key | undefined
  readonly set: (id: string, key: Key | null) => void
}

/**
 * Makes recorded changes again; each must come out with the digest that its record names. Answers why not, or null when
 * all did.
 */
export function redoAll(records: readonly AuditRecord[], keys: RedoneKeys): Disagreement | null {
  for (const { seq, keyId: id, after, digest } of records) {
    const keyId = id as string
    const before = keys.byId(keyId)
    // A purge has no digest: its key is gone.
    const key = digest === null || after === null ? null : before === undefined ? undefined : redo(before, after)
    if (key === undefined || (key !== null && sha256(keyLine(key)) !== digest)) return { kind: 'change-not-redoable', seq, keyId }
    keys.set(keyId, key)
  }
  return null
}
