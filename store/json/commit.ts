// The commit protocol of the embedded store: settle what died before, append the records, replace keys.json. Always under the lock.

import type { Low } from 'lowdb'
import type { Actor, Anchor, AuditRecord, Entry, Head } from '../../src/domain/audit.ts'
import { sha256 } from '../../src/domain/audit.ts'
import type { Change } from '../../src/domain/change.ts'
import type { StorePlaces } from '../../src/domain/disagreement.ts'
import { brokenLog, byUsage } from '../../src/domain/disagreement.ts'
import type { Key } from '../../src/domain/key.ts'
import { keyLine } from '../../src/domain/key.ts'
import { planRecovery, redoAll } from '../../src/domain/recovery.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { faultAt, meaningOf } from '../faults.ts'
import type { AuditLog } from '../log/audit-log.ts'
import type { Checkpoints } from '../log/checkpoints.ts'
import type { LogTail } from '../log/tail.ts'
import { tornEntry } from '../log/torn.ts'
import type { SinkFeed } from '../sink/feed.ts'
import type { KeyFile } from './key-file.ts'
import { assertReadable } from './key-file.ts'
import type { StoreDocument } from './key-lines.ts'
import { FORMAT } from './key-lines.ts'
import { readUsageAnchor } from './usage-file.ts'

/** How often keys.json may be replaced by something else while it is settled. */
const MAX_LOOKS = 3

export interface Committing {
  readonly keyFile: KeyFile
  readonly low: Low<StoreDocument>
  readonly log: AuditLog
  /** Null where the log has no sink. */
  readonly sink: SinkFeed | null
  readonly checkpoints: Checkpoints
  readonly checkpointsPath: string
  readonly usagePath: string
  readonly keysPath: string
  readonly brand: string | undefined
  readonly now: () => string
}

/** The log behind the newest anchor that can be trusted: what the next record follows. */
async function tailOf(store: Committing): Promise<LogTail> {
  const { keyFile, log, usagePath } = store
  const keysAnchor = keyFile.lines().document.audit
  const usageAnchor = readUsageAnchor(usagePath)
  // Where counts were flushed behind the last change, everything up to there is settled, unless keys.json is an older one.
  const isUsageNewer = usageAnchor !== null && usageAnchor.seq > keysAnchor.seq && usageAnchor.keysSeq <= keysAnchor.seq
  const tail = await log.tailBehind(isUsageNewer ? usageAnchor : keysAnchor)
  const { broken } = tail
  if (broken !== null) throw brokenLog(isUsageNewer ? byUsage(broken) : broken, placesOf(store))
  if (usageAnchor !== null && tail.head.seq < usageAnchor.seq)
    throw brokenLog({ kind: 'log-cut', seq: tail.head.seq, vouched: usageAnchor.seq, by: 'usage' }, placesOf(store))
  return tail
}

/** The files, for a message about them. */
export function placesOf({ keysPath, usagePath, log }: Committing): StorePlaces {
  return { keys: keysPath, usage: usagePath, log: log.path }
}

/**
 * Brings log and store together after a death in the middle of a commit, as 3-storage's table says. Throws AUDIT_BROKEN
 * where that needs an operator. Afterwards the log's head can be appended to, and the keys are the ones that it agrees with.
 * Before a change the sink must have all of the log; notes stand without it.
 */
export async function settle(store: Committing, actor: Actor, before: 'change' | 'note'): Promise<void> {
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const settled = await settleOnce(store, actor, before)
    // Who puts another file in place asks no lock; what is decided next must not be decided on that one unseen.
    if (store.keyFile.lines().document === settled) return
  }
  throw new KeywrightError('STORE_UNAVAILABLE', `${store.keysPath} is replaced again and again by something that takes no lock`, {
    hint: 'look what else writes there',
  })
}

/** Answers what the log was found to agree with, or was brought to. */
async function settleOnce(store: Committing, actor: Actor, before: 'change' | 'note'): Promise<StoreDocument> {
  const { keyFile, log, sink } = store
  let { document } = keyFile.lines()
  const tail = await tailOf(store)
  const plan = planRecovery(document.audit, tail.records, tail.torn !== null)
  if (plan.kind === 'broken') throw brokenLog(plan.disagreement, placesOf(store))
  // What a dead process left is at the sink before it takes effect, and a sink that is still dead refuses before the log is written.
  if (before === 'change' || plan.kind === 'recover' || tail.torn !== null) await sink?.bring()
  const note = { actor, at: store.now() }
  const redone = plan.kind === 'recover' ? plan.redo : []
  const keys = redoneKeys(store, redone)
  const repairs: Entry[] = tail.torn === null ? [] : [tornEntry(tail.torn, actor, note.at)]
  if (plan.kind === 'recover')
    repairs.push({ ...note, action: 'store.recover', after: { redone: redone.map(({ seq }) => seq), rolledBack: plan.rollBack } })
  if (repairs.length === 0) return document
  const head = tail.torn === null ? await log.append(repairs) : await log.repair(tail.torn, repairs)
  if (redone.length > 0) {
    await writeDocument(store, keys, head)
    document = keyFile.lines().document
  }
  await sink?.bring()
  return document
}

/** The keys with the recorded changes made again; each must come out with the digest that its record names. */
function redoneKeys(store: Committing, records: readonly AuditRecord[]): readonly Key[] {
  const draft = createDraft(store.keyFile)
  const failed = redoAll(records, draft)
  if (failed !== null) throw brokenLog(failed, placesOf(store))
  return draft.finish()
}

/** Replaces keys.json; its anchor names the record. */
export async function writeDocument(
  { keyFile, keysPath, low, brand }: Committing,
  keys: readonly Key[],
  { seq, hash }: Anchor,
): Promise<void> {
  const before = keyFile.lines().document
  low.data = { format: FORMAT, brand: brand ?? before.brand, audit: { seq, hash }, keys }
  try {
    await low.write()
  } catch (error) {
    low.data = before
    throw faultAt('STORE_UNAVAILABLE', 'writing the store', keysPath, error)
  }
}

/** A change with who makes it and when. */
export interface Pending extends Change {
  readonly actor: Actor
  readonly at: string
}

/**
 * Steps 4 and 5 of the protocol: the records, synced; then the new keys.json with its anchor. Our own log comes before the
 * sink: so a sink never holds what the log does not, whatever dies in between, and is made whole by reading on. The price of
 * a sink that fails is a rollback record, once: until both records are there, `settle` refuses before anything is written.
 */
export async function commit(store: Committing, changes: readonly Pending[], keys: readonly Key[]): Promise<void> {
  const { log, keyFile, sink } = store
  const { document, ends } = keyFile.lines()
  const base = document.audit.seq
  let bytes = ends.at(-1) ?? 0
  const entries = changes.map(({ key, ...change }): Entry => {
    const line = key === null ? null : keyLine(key)
    if (line !== null) bytes += Buffer.byteLength(line)
    return { ...change, base, digest: line === null ? null : sha256(line) }
  })
  assertReadable(bytes, store.keysPath)
  const head = await log.append(entries)
  try {
    await sink?.bring()
    await writeDocument(store, keys, head)
  } catch (error) {
    throw await rolledBack(store, changes, head, error as KeywrightError)
  }
  await store.checkpoints.afterChanges()
}

/** Takes the records of a commit back that could not be written, and answers the error for its callers. */
async function rolledBack(store: Committing, changes: readonly Pending[], head: Head, fault: KeywrightError): Promise<KeywrightError> {
  const { actor } = changes[0] as Pending
  const seqs = changes.map((_, index) => head.seq - changes.length + 1 + index)
  try {
    await store.log.append([{ actor, at: store.now(), action: 'store.rollback', after: { rolledBack: seqs } }])
    // A sink that has just failed is not asked again at once.
    if (fault.code !== 'AUDIT_UNAVAILABLE') await store.sink?.offer()
    return new KeywrightError(fault.code, `${fault.message}; nothing was changed`, {
      ...(fault.hint === undefined ? {} : { hint: fault.hint }),
      cause: fault.cause,
    })
  } catch (error) {
    return new KeywrightError(
      fault.code,
      `${fault.message}; the audit log could not be corrected (${meaningOf(error)}), so that the change may still be redone`,
      {
        hint: 'make room or mend the permissions, then look at the key before you try again',
        cause: error,
      },
    )
  }
}

/** The keys under changes that are being decided: reads see earlier ones. */
export interface Draft {
  readonly byId: (id: string) => Key | undefined
  readonly byShortId: (shortId: string) => Key | undefined
  readonly all: () => readonly Key[]
  readonly set: (id: string, key: Key | null) => void
  readonly finish: () => readonly Key[]
}

export function createDraft(keyFile: KeyFile): Draft {
  const { keys } = keyFile.lines().document
  const changed = new Map<string, Key | null>()
  const shortIds = new Map<string, string>()
  const byId = (id: string): Key | undefined => {
    const key = changed.get(id)
    return key === undefined ? keyFile.byId(id) : (key ?? undefined)
  }
  const finish = (): readonly Key[] => {
    if (changed.size === 0) return keys
    const next = keys.slice()
    let isShrunk = false
    for (const [id, key] of changed) {
      const position = keyFile.positionOf(id)
      if (key === null) isShrunk = true
      else if (position === undefined) next.push(key)
      else next[position] = key
    }
    return isShrunk ? next.filter(({ id }) => changed.get(id) !== null) : next
  }
  return {
    byId,
    byShortId(shortId) {
      const drafted = shortIds.get(shortId)
      if (drafted !== undefined) return byId(drafted)
      const key = keyFile.byShortId(shortId)
      return key === undefined ? undefined : byId(key.id)
    },
    all: finish,
    set(id, key) {
      changed.set(id, key)
      for (const { shortId } of key?.secrets ?? []) shortIds.set(shortId, id)
    },
    finish,
  }
}
