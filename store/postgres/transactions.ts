// Changes: those that wait together are decided one after the other under the locked head, and committed in one transaction.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Anchor, Entry } from '../../src/domain/audit.ts'
import { parseRecord, sha256 } from '../../src/domain/audit.ts'
import type { Hashing } from '../../src/domain/hashing.ts'
import type { Key } from '../../src/domain/key.ts'
import { keyLine } from '../../src/domain/key.ts'
import type { Facts, Targets, Transaction } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { resolveRefs } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { agreedHead } from './audit-port.ts'
import type { Database, Queryable } from './connection.ts'
import { faultOf, isDisconnection, isUniqueViolation, isWorthAnotherTry } from './connection.ts'
import type { Draft } from './draft.ts'
import { createDraft } from './draft.ts'
import { appendRecords, lockHead, readHead } from './head.ts'
import { selectTargets } from './key-list.ts'
import { writeKeys } from './write-keys.ts'

/** Changes that one commit may hold together; more wait for the next. */
const MAX_TOGETHER = 256
/** How often a transaction is tried that got in another's way, and for how long one whose server went away. */
const MAX_TRIES = 5
const MAX_RETRY_MS = 8_000
const RETRY_AFTER_MS = 100
/** How long one waits for its turn behind other changes of this process. */
const GIVE_UP_AFTER_MS = 10_000

interface Waiting {
  readonly transaction: Transaction<unknown>
  readonly since: number
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

export interface Transactions {
  readonly look: (targets: Targets) => Promise<Facts>
  readonly run: <T>(transaction: Transaction<T>) => Promise<T>
  /** Ends when nothing waits any more. */
  readonly idle: () => Promise<void>
}

interface Dependencies {
  readonly database: Database
  readonly hashing: Hashing
  /** The brand of new tokens; of the store when not given. */
  readonly brand: string | undefined
  readonly wall: () => number
  readonly uptime: () => number
  /** Writes out what was counted, where a decision depends on it. */
  readonly settleUse: () => Promise<void>
  /** Told of each commit: its revision and whose keys it changed. */
  readonly onCommitted: (revision: number, keyIds: readonly string[]) => void
}

/** What one waiter's decision came to. */
type Decided = { readonly waiter: Waiting; readonly answer: unknown } | { readonly waiter: Waiting; readonly error: unknown }

/** A commit: what is told of it, and the record that it ends with, by which it is found again when its answer was lost. */
interface Commit {
  readonly decided: readonly Decided[]
  readonly last: Anchor | null
  readonly keyIds: readonly string[]
}

export function createTransactions({ database, hashing, brand, wall, uptime, settleUse, onCommitted }: Dependencies): Transactions {
  let waiting: Waiting[] = []
  let worker: Promise<void> | null = null

  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = takeBatch()
      try {
        const { decided, last, keyIds } = await commitTogether(batch)
        if (last !== null) onCommitted(last.seq, keyIds)
        for (const one of decided) {
          if ('error' in one) one.waiter.reject(one.error)
          else one.waiter.resolve(one.answer)
        }
      } catch (error) {
        const fault = faultOf(database.name, 'changing', error)
        for (const { reject } of batch) reject(fault)
      }
      const late = waiting.filter(({ since }) => uptime() - since > GIVE_UP_AFTER_MS)
      waiting = waiting.filter((waiter) => !late.includes(waiter))
      for (const { reject } of late) reject(new KeywrightError('STORE_BUSY', `${database.name} is busy with other changes of this process`))
    }
    // Here and not when the promise settles: who comes in between starts a new worker.
    worker = null
  }

  /** Those at the front that name their keys; or the first alone, where it asks the database which keys it is about. */
  const takeBatch = (): readonly Waiting[] => {
    const end = waiting.findIndex(({ transaction }) => 'filter' in transaction.targets)
    const count = end === 0 ? 1 : Math.min(end < 0 ? waiting.length : end, MAX_TOGETHER)
    const batch = waiting.slice(0, count)
    waiting = waiting.slice(count)
    return batch
  }

  /** Tries until it is known that the batch was committed, or that nothing of it was and another try would do no better. */
  const commitTogether = async (batch: readonly Waiting[]): Promise<Commit> => {
    const begin = uptime()
    for (let tried = 1; ; tried++) {
      let made: Commit | null = null
      let isCommitting = false
      try {
        if (batch.some(({ transaction }) => 'filter' in transaction.targets)) await settleUse()
        return await database.transaction(
          async (tx) => {
            made = await decideTogether(tx, batch)
            return made
          },
          {
            onCommitting: () => {
              isCommitting = true
            },
          },
        )
      } catch (error) {
        const isLost = isDisconnection(error)
        const isOver = isLost ? uptime() - begin > MAX_RETRY_MS : tried >= MAX_TRIES
        if (isLost && isCommitting) {
          const { last } = made as unknown as Commit
          // Nothing is done twice and nobody is left in doubt: the log says whether it happened.
          if (last === null || (await wasCommitted(last, begin, error))) return made as unknown as Commit
        } else if (isOver || !(isLost || isWorthAnotherTry(error) || isUniqueViolation(error))) throw error
        if (isLost) await sleep(RETRY_AFTER_MS)
      }
    }
  }

  /** Whether a commit whose answer was lost happened. The head's lock is waited for: nobody is at it any more then. */
  const wasCommitted = async ({ seq, hash }: Anchor, begin: number, cause: unknown): Promise<boolean> => {
    for (;;) {
      try {
        return await database.transaction(async (tx) => {
          await lockHead(tx)
          const [row] = await tx.query<{ line: string }>('SELECT line FROM keywright.audit WHERE seq = $1', [seq])
          const record = row === undefined ? null : parseRecord(Buffer.from(row.line))
          return record !== null && typeof record !== 'string' && record.hash === hash
        })
      } catch (error) {
        if (!isDisconnection(error) || uptime() - begin > MAX_RETRY_MS) throw unknownEnd(database.name, seq, cause)
        await sleep(RETRY_AFTER_MS)
      }
    }
  }

  /** Under the head's lock: decides for each, the later ones seeing what the earlier ones changed, and writes it all. */
  const decideTogether = async (tx: Queryable, batch: readonly Waiting[]): Promise<Commit> => {
    const head = await lockHead(tx)
    const targets = batch.map(({ transaction }) => transaction.targets)
    const refs = targets.flatMap((one) => ('refs' in one ? one.refs : []))
    // A log whose end is not what the head says takes no record more.
    const [draft] = await Promise.all([createDraft(tx, refs), agreedHead(tx, head, database.name)])
    const decided: Decided[] = []
    const entries: Entry[] = []
    for (const [index, waiter] of batch.entries()) {
      const { transaction } = waiter
      const facts = await factsOf(tx, draft, targets[index] as Targets, head.brand)
      try {
        const { at, changes, answer } = transaction.decide(facts)
        for (const { key, ...change } of changes) {
          const digest = key === null ? null : sha256(keyLine(key))
          entries.push({ ...change, actor: transaction.actor, at: isoFrom(at), base: head.keysAnchor.seq, digest })
          draft.set(change.keyId, key)
        }
        decided.push({ waiter, answer })
      } catch (error) {
        decided.push({ waiter, error })
      }
    }
    if (entries.length === 0) return { decided, last: null, keyIds: [] }
    const last = await appendRecords(tx, head, entries)
    const changed = draft.changed()
    await writeKeys(tx, { head, last, brand: brand ?? head.brand, changed })
    return { decided, last: { seq: last.seq, hash: last.hash }, keyIds: changed.map(({ id }) => id) }
  }

  const factsOf = async (db: Queryable, draft: Draft, targets: Targets, storeBrand: string): Promise<Facts> => {
    const found = 'refs' in targets ? resolveRefs(targets.refs, hashing, draft.find) : await selectTargets(db, targets.filter, wall())
    if ('filter' in targets) draft.know(found as readonly Key[])
    // Of all ids there are 62^12: the database refuses one that another key has, and it is drawn again.
    return { brand: brand ?? storeBrand, targets: found, isTaken: draft.isTaken }
  }

  return {
    async look(targets) {
      try {
        if ('filter' in targets) await settleUse()
        const draft = await createDraft(database, 'refs' in targets ? targets.refs : [])
        return await factsOf(database, draft, targets, (await readHead(database)).brand)
      } catch (error) {
        throw faultOf(database.name, 'reading', error)
      }
    },
    run<T>(transaction: Transaction<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        waiting.push({
          transaction: transaction as Transaction<unknown>,
          since: uptime(),
          resolve: resolve as (answer: unknown) => void,
          reject,
        })
        worker ??= work()
      })
    },
    async idle() {
      while (worker !== null) await worker
    },
  }
}

function unknownEnd(name: string, seq: number, cause: unknown): KeywrightError {
  return new KeywrightError('STORE_UNAVAILABLE', `${name} went away while a change was being committed: whether it happened is not known`, {
    hint: `once the server answers, look whether record ${seq} is that change, with: keywright audit list`,
    cause,
  })
}
