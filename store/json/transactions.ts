// Transactions of the embedded store: changes that wait together are decided one after the other and committed as one.

import type { Hashing } from '../../src/domain/hashing.ts'
import type { Facts, Outcome, Targets, Transaction } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import type { LastUsed } from '../../src/domain/selection.ts'
import { keyMatcher, resolveRefs } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import type { Committing, Draft, Pending } from './commit.ts'
import { commit, createDraft, settle } from './commit.ts'
import type { Lock } from './lock.ts'
import { GIVE_UP_AFTER_MS } from './lock.ts'

/** Changes that one commit may hold together; more wait for the next. */
const MAX_TOGETHER = 1024

interface Waiting {
  readonly transaction: Transaction<unknown>
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
  /** Told when it has waited for as long as anyone waits for the lock. */
  readonly late: Promise<'late'>
  readonly isLate: () => boolean
  /** It waits no longer. */
  readonly stop: () => void
}

export interface Transactions {
  readonly look: (targets: Targets) => Facts
  readonly run: <T>(transaction: Transaction<T>) => Promise<T>
  /** Ends when nothing waits any more. */
  readonly idle: () => Promise<void>
}

/** How long one waits, from now on. */
function createPatience(): Pick<Waiting, 'late' | 'isLate' | 'stop'> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>()
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    resolve('late')
  }, GIVE_UP_AFTER_MS)
  return { late, isLate: () => isLate, stop: () => clearTimeout(timer) }
}

export function createTransactions(
  store: Committing,
  lock: Lock,
  prepare: (wasAbandoned: boolean) => Promise<void>,
  now: () => number,
  lastUsed: LastUsed,
  hashing: Hashing,
): Transactions {
  let waiting: Waiting[] = []
  let worker: Promise<void> | null = null

  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      let batch: Waiting[] = []
      try {
        await lock.hold(async (wasAbandoned) => {
          batch = waiting.slice(0, MAX_TOGETHER)
          waiting = waiting.slice(MAX_TOGETHER)
          for (const { stop } of batch) stop()
          await prepare(wasAbandoned)
          await settle(store, (batch[0] as Waiting).transaction.actor, 'change')
          await commitTogether(batch)
        }, waiting[0]?.late)
      } catch (error) {
        // A lock that is not free in time fails those whose time is over; one that can't be had at all, everyone who waits for it.
        const isBusy = error instanceof KeywrightError && error.code === 'STORE_BUSY'
        const failed = batch.length > 0 ? batch : isBusy ? waiting.filter(({ isLate }) => isLate()) : waiting
        if (batch.length === 0) waiting = waiting.filter((waiter) => !failed.includes(waiter))
        for (const { stop, reject } of failed) {
          stop()
          reject(error)
        }
      }
    }
    // Here and not when the promise settles: who comes in between starts a new worker.
    worker = null
  }

  const commitTogether = async (batch: readonly Waiting[]): Promise<void> => {
    const draft = createDraft(store.keyFile)
    const changes: Pending[] = []
    const answers: { waiter: Waiting; answer: unknown }[] = []
    for (const waiter of batch) {
      const { actor, targets, decide } = waiter.transaction
      try {
        const outcome: Outcome<unknown> = decide(factsOf(draft, targets))
        for (const change of outcome.changes) {
          changes.push({ ...change, actor, at: isoFrom(outcome.at) })
          draft.set(change.keyId, change.key)
        }
        answers.push({ waiter, answer: outcome.answer })
      } catch (error) {
        waiter.reject(error)
      }
    }
    if (changes.length > 0) {
      try {
        await commit(store, changes, draft.finish())
      } catch (error) {
        for (const { waiter } of answers) waiter.reject(error)
        return
      }
    }
    for (const { waiter, answer } of answers) waiter.resolve(answer)
  }

  const factsOf = (draft: Draft, targets: Targets): Facts => ({
    brand: store.brand ?? store.keyFile.lines().document.brand,
    targets:
      'refs' in targets
        ? resolveRefs(targets.refs, hashing, (ref) =>
            ref.by === 'id' ? draft.byId(ref.id) : ref.by === 'secret' ? draft.byShortId(ref.shortId) : undefined,
          )
        : draft.all().filter(keyMatcher(targets.filter, now(), lastUsed)),
    isTaken: (id) => draft.byId(id) !== undefined || draft.byShortId(id) !== undefined,
  })

  return {
    look: (targets) => factsOf(createDraft(store.keyFile), targets),
    async run<T>(transaction: Transaction<T>): Promise<T> {
      if (!store.keyFile.exists() && !store.keyFile.refresh()) {
        // A store that is not there yet gets its first files with its first change, not with a "no".
        const { changes, answer } = transaction.decide(factsOf(createDraft(store.keyFile), transaction.targets))
        if (changes.length === 0) return answer
      }
      return new Promise<T>((resolve, reject) => {
        waiting.push({ transaction, resolve: resolve as (answer: unknown) => void, reject, ...createPatience() })
        worker ??= work()
      })
    },
    idle: async () => {
      await worker
    },
  }
}
