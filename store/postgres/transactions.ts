// Changes: those that wait together are committed in one transaction, and tried again while their time lasts.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Anchor } from '../../src/domain/audit.ts'
import { parseRecord } from '../../src/domain/audit.ts'
import type { Facts, Targets, Transaction } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import type { Database } from './connection.ts'
import { faultOf, isDisconnection, isUniqueViolation, isWorthAnotherTry } from './connection.ts'
import type { Deadline } from './deadline.ts'
import { createDeadline, STEP_MS } from './deadline.ts'
import type { Commit, Surroundings } from './decide.ts'
import { decideTogether, lookAt } from './decide.ts'
import { lockHead } from './head.ts'
import { sqlStateOf } from './server-faults.ts'
import type { Waiter } from './waiting.ts'
import { createQueue, isBig } from './waiting.ts'

/** How often a transaction is tried that got in another's way. */
const MAX_COLLISIONS = 5
const RETRY_AFTER_MS = 100
/** How long the log is asked whether a commit happened, where no time is left; and after a big batch, which has had more. */
const LAST_LOOK_MS = 400
const LAST_LOOK_BIG_MS = 5_000

export interface Transactions {
  readonly look: (targets: Targets) => Promise<Facts>
  readonly run: <T>(transaction: Transaction<T>) => Promise<T>
  /** Ends when nothing waits any more. */
  readonly idle: () => Promise<void>
}

interface Dependencies extends Omit<Surroundings, 'name'> {
  readonly database: Database
  readonly uptime: () => number
  /** Writes out what was counted, where a decision depends on it. */
  readonly settleUse: () => Promise<void>
  /** Told of each commit: its revision and whose keys it changed. */
  readonly onCommitted: (revision: number, keyIds: readonly string[]) => void
}

export function createTransactions({ database, uptime, settleUse, onCommitted, ...rest }: Dependencies): Transactions {
  const around: Surroundings = { ...rest, name: database.name }
  /** Why the last attempt failed; null after one that did not. */
  let trouble: KeywrightError | null = null
  const queue = createQueue(uptime, () => trouble ?? stillBusy(database.name))
  let worker: Promise<void> | null = null

  const work = async (): Promise<void> => {
    while (!queue.isEmpty()) {
      const batch = queue.take()
      try {
        const { decided, last, keyIds } = await commitTogether(batch)
        trouble = null
        if (last !== null) onCommitted(last.seq, keyIds)
        for (const one of decided) {
          if ('error' in one) one.waiter.reject(one.error)
          else one.waiter.resolve(one.answer)
        }
      } catch (error) {
        await failed(batch, error)
      }
    }
    // Here and not when the promise settles: who comes in between starts a new worker.
    worker = null
  }

  /** Nothing of it happened: those for whom another try may do better go back, and meet whoever came meanwhile. */
  const failed = async (batch: readonly Waiter[], error: unknown): Promise<void> => {
    const fault = faultOf(database.name, 'changing', error)
    const isHindered = isDisconnection(error) || fault.code === 'STORE_BUSY'
    const isCollision = isWorthAnotherTry(error) || isUniqueViolation(error)
    trouble = isHindered ? fault : null
    const again: Waiter[] = []
    for (const waiter of batch) {
      const collisions = waiter.collisions + (isCollision ? 1 : 0)
      if (isHindered || (isCollision && collisions < MAX_COLLISIONS)) again.push({ ...waiter, collisions })
      else waiter.reject(fault)
    }
    queue.putBack(again, fault)
    if (isHindered) await sleep(RETRY_AFTER_MS)
  }

  /** One attempt. Ends when it is known that the batch was committed, or that nothing of it was. */
  const commitTogether = async (batch: readonly Waiter[]): Promise<Commit> => {
    const deadline = createDeadline(Math.min(...batch.map(({ until }) => until)), uptime)
    let made: Commit | null = null
    let isCommitting = false
    const attempt = async (): Promise<Commit> => {
      if (batch.some(({ transaction }) => 'filter' in transaction.targets)) await settleUse().catch(rethrowCause)
      deadline.check()
      return database.transaction(
        async (tx) => {
          made = await deadline.within(decideTogether(tx, batch, deadline, around))
          return made
        },
        {
          connectMs: deadline.left(),
          ...(batch.some(isBig) ? { answerMs: STEP_MS } : {}),
          onCommitting: () => {
            deadline.check()
            isCommitting = true
          },
        },
      )
    }
    try {
      return await deadline.within(attempt())
    } catch (error) {
      // Only the server itself can say that it did not commit.
      if (!isCommitting || (sqlStateOf(error) !== null && !isDisconnection(error))) throw error
      const { last } = made as unknown as Commit
      // Nothing is done twice and nobody is left in doubt: the log says whether it happened.
      if (last === null || (await wasCommitted(last, deadline, error))) return made as unknown as Commit
      throw error
    } finally {
      deadline.end()
    }
  }

  /** Whether a commit whose answer was lost happened. The head's lock is waited for: nobody is at it any more then. */
  const wasCommitted = async ({ seq, hash }: Anchor, deadline: Deadline, cause: unknown): Promise<boolean> => {
    const until = uptime() + Math.max(deadline.isMoved() ? LAST_LOOK_BIG_MS : deadline.left(), LAST_LOOK_MS)
    for (;;) {
      const limit = createDeadline(until, uptime)
      try {
        const looking = database.transaction(
          async (tx) => {
            await limit.within(lockHead(tx))
            const [row] = await limit.within(tx.query<{ line: string }>('SELECT line FROM keywright.audit WHERE seq = $1', [seq]))
            const record = row === undefined ? null : parseRecord(Buffer.from(row.line))
            return record !== null && typeof record !== 'string' && record.hash === hash
          },
          { connectMs: limit.left() },
        )
        return await limit.within(looking)
      } catch (error) {
        if (!isDisconnection(error) || until - uptime() < RETRY_AFTER_MS) throw unknownEnd(database.name, seq, cause)
        await sleep(RETRY_AFTER_MS)
      } finally {
        limit.end()
      }
    }
  }

  return {
    async look(targets) {
      try {
        if ('filter' in targets) await settleUse()
        return await database.transaction((tx) => lookAt(tx, targets, around), { isSnapshot: true })
      } catch (error) {
        throw faultOf(database.name, 'reading', error)
      }
    },
    run<T>(transaction: Transaction<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        queue.add({ transaction: transaction as Transaction<unknown>, resolve: resolve as (answer: unknown) => void, reject })
        worker ??= work()
      })
    },
    async idle() {
      while (worker !== null) await worker
    },
  }
}

/** Of a connection that was lost, so that it is tried again. */
function rethrowCause(error: unknown): never {
  throw error instanceof KeywrightError && isDisconnection(error.cause) ? error.cause : error
}

function stillBusy(name: string): KeywrightError {
  return new KeywrightError('STORE_BUSY', `${name} is busy with other changes of this process, which came first`, {
    hint: 'try again; a change of many keys is over sooner in parts',
  })
}

function unknownEnd(name: string, seq: number, cause: unknown): KeywrightError {
  return new KeywrightError('STORE_UNAVAILABLE', `${name} went away while a change was being committed: whether it happened is not known`, {
    hint: `once the server answers, look whether record ${seq} is that change, with: keywright audit list`,
    cause,
  })
}
