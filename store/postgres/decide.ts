// What waits together is decided one after the other under the locked head, the later ones seeing what the earlier ones changed, and written.

import type { Anchor, Entry } from '../../src/domain/audit.ts'
import { sha256 } from '../../src/domain/audit.ts'
import type { Change } from '../../src/domain/change.ts'
import type { Hashing } from '../../src/domain/hashing.ts'
import type { Key } from '../../src/domain/key.ts'
import { keyLine } from '../../src/domain/key.ts'
import type { Facts, Outcome, Targets } from '../../src/domain/ports.ts'
import { resolveRefs } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { agreedHead } from './audit-port.ts'
import type { Queryable } from './connection.ts'
import type { Deadline } from './deadline.ts'
import { STEP_MS } from './deadline.ts'
import type { Draft } from './draft.ts'
import { createDraft } from './draft.ts'
import { inOrder, LOCK_WAIT_MS, lockHead, readHead, sendRecords } from './head.ts'
import { selectTargets } from './key-list.ts'
import type { Pause } from './slices.ts'
import { inSlices, nextTurn } from './slices.ts'
import type { Waiter } from './waiting.ts'
import { isBig } from './waiting.ts'
import { writeKeys } from './write-keys.ts'

/** The server says that the head is held before the time is over, so that it is known why. */
const SAID_SOONER_MS = 300

/** What decisions hang on, beside the keys. */
export interface Surroundings {
  /** How a message names the database. */
  readonly name: string
  readonly hashing: Hashing
  /** The brand of new tokens; of the store when not given. */
  readonly brand: string | undefined
  readonly wall: () => number
}

/** What one waiter's decision came to. */
type Decided = { readonly waiter: Waiter; readonly answer: unknown } | { readonly waiter: Waiter; readonly error: unknown }

/** A commit: what is told of it, and the record that it ends with, by which it is found again when its answer was lost. */
export interface Commit {
  readonly decided: readonly Decided[]
  readonly last: Anchor | null
  readonly keyIds: readonly string[]
}

/**
 * A big change holds the head for as long as it gets on: others of this process and other nodes wait for it meanwhile, each
 * until its own deadline, and are then told STORE_BUSY.
 */
export async function decideTogether(tx: Queryable, batch: readonly Waiter[], deadline: Deadline, around: Surroundings): Promise<Commit> {
  const { pause } = deadline
  // The server hears nothing while many keys are decided on.
  if (batch.some(isBig)) await tx.query("SELECT set_config('idle_in_transaction_session_timeout', $1, true)", [`${STEP_MS}ms`])
  const refs = batch.flatMap(({ transaction: { targets } }) => ('refs' in targets ? targets.refs : []))
  // Sent together: the server reads the keys when it has the lock.
  const locked = lockHead(tx, Math.min(LOCK_WAIT_MS, deadline.left() - SAID_SOONER_MS))
  const draft = await inOrder(locked, createDraft(tx, refs, pause))
  const head = await locked
  // A log whose end is not what the head says takes no record more.
  await agreedHead(tx, head, around.name)
  const decided: Decided[] = []
  const entries: Entry[] = []
  for (const waiter of batch) {
    const { actor, targets, decide } = waiter.transaction
    const facts = await factsOf(tx, draft, { targets, brand: head.brand, pause }, around)
    let outcome: Outcome<unknown>
    try {
      outcome = decide(facts)
    } catch (error) {
      decided.push({ waiter, error })
      continue
    }
    const at = isoFrom(outcome.at)
    for await (const changes of inSlices<Change>(outcome.changes, pause)) {
      for (const { key, ...change } of changes) {
        const digest = key === null ? null : sha256(keyLine(key))
        entries.push({ ...change, actor, at, base: head.keysAnchor.seq, digest })
        draft.set(change.keyId, key)
      }
    }
    decided.push({ waiter, answer: outcome.answer })
  }
  if (entries.length === 0) return { decided, last: null, keyIds: [] }
  const { end: last, written } = await sendRecords(tx, head, entries, pause)
  const changed = draft.changed()
  await inOrder(written, writeKeys(tx, { head, last, brand: around.brand ?? head.brand, changed }, pause))
  return { decided, last: { seq: last.seq, hash: last.hash }, keyIds: changed.map(({ id }) => id) }
}

/** What a decision would look at now. In a transaction, which sees one moment. */
export async function lookAt(tx: Queryable, targets: Targets, around: Surroundings): Promise<Facts> {
  const draft = await createDraft(tx, 'refs' in targets ? targets.refs : [], nextTurn)
  return factsOf(tx, draft, { targets, brand: (await readHead(tx)).brand, pause: nextTurn }, around)
}

interface Question {
  readonly targets: Targets
  readonly brand: string
  readonly pause: Pause
}

async function factsOf(tx: Queryable, draft: Draft, { targets, brand, pause }: Question, around: Surroundings): Promise<Facts> {
  const found =
    'refs' in targets
      ? resolveRefs(targets.refs, around.hashing, draft.find)
      : await selectTargets(tx, targets.filter, around.wall(), pause)
  if ('filter' in targets) for await (const keys of inSlices(found as readonly Key[], pause)) draft.know(keys)
  // Of all ids there are 62^12: the database refuses one that another key has, and it is drawn again.
  return { brand: around.brand ?? brand, targets: found, isTaken: draft.isTaken }
}
