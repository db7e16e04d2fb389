// Transactions of the embedded store: changes that wait together are decided one after the other and committed as one.

import type { Hashing } from '../../src/domain/hashing.ts'
import type { Facts, Outcome, Targets, Transaction } from '../../src/domain/ports.ts'
import type { LastUsed } from '../../src/domain/selection.ts'
import { keyMatcher, resolveRefs } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import type { Committing, Draft, Pending } from './commit.ts'
import { commit, createDraft, settle } from './commit.ts'
import type { Lock } from './lock.ts'

/** Changes that one commit may hold together; more wait for the next. */
const MAX_TOGETHER = 1024

interface Waiting {
  readonly transaction: Transaction<unknown>
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

export interface Transactions {
  readonly look: (targets: Targets) => Facts
  readonly run: <T>(transaction: Transaction<T>) => Promise<T>
  /** Ends when nothing waits any more. */
  readonly idle: () => Promise<void>
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
          await prepare(wasAbandoned)
          await settle(store, (batch[0] as Waiting).transaction.actor, 'change')
          await commitTogether(batch)
        })
      } catch (error) {
        // A lock that can't be had fails everyone who waits for it.
        for (const { reject } of batch.length > 0 ? batch : waiting) reject(error)
        if (batch.length === 0) waiting = []
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
        waiting.push({ transaction, resolve: resolve as (answer: unknown) => void, reject })
        worker ??= work()
      })
    },
    idle: async () => {
      await worker
    },
  }
}
