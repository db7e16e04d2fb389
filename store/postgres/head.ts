// The end of the chain: one row, locked by whoever appends, so that the chain stays single across machines.

import type { Anchor, Entry, Head } from '../../src/domain/audit.ts'
import { chainLines } from '../../src/domain/audit.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import type { Queryable } from './connection.ts'
import { PREPARED } from './connection.ts'
import { sqlStateOf } from './server-faults.ts'
import type { Pause } from './slices.ts'
import { inSlices, nextTurn } from './slices.ts'

/** The head as it is locked: the last record, the last change of a key, and what else one row knows of the store. */
export interface LockedHead extends Head {
  readonly brand: string
  /** The record of the last change: what the keys are vouched for by. */
  readonly keysAnchor: Anchor
  readonly keys: number
  readonly summarisedUntil: number
}

interface HeadRow {
  readonly brand: string
  readonly seq: number
  readonly hash: string
  readonly at: string | null
  readonly keys_seq: number
  readonly keys_hash: string
  readonly keys: number
  readonly summarised_until: number
}

/** How long a change waits for the others: less than it waits for any answer, so that it hears what it waited for. */
export const LOCK_WAIT_MS = 4_000

const STATEMENT_TIMEOUT = '57014'

const HEAD = 'SELECT brand, seq, hash, at, keys_seq, keys_hash, keys, summarised_until FROM keywright.head'

function headOf(row: HeadRow | undefined): LockedHead {
  if (row === undefined)
    throw new KeywrightError('STORE_CORRUPT', 'the row of keywright.head is gone, which everything else hangs on', {
      hint: 'restore it from a backup',
    })
  return {
    brand: row.brand,
    seq: row.seq,
    hash: row.hash,
    at: row.at,
    keysAnchor: { seq: row.keys_seq, hash: row.keys_hash },
    keys: row.keys,
    summarisedUntil: row.summarised_until,
  }
}

export async function readHead(database: Queryable): Promise<LockedHead> {
  const [row] = await database.query<HeadRow>(HEAD)
  return headOf(row)
}

/** Waits until nobody else appends; held until the transaction ends. */
export async function lockHead(tx: Queryable, waitMs = LOCK_WAIT_MS): Promise<LockedHead> {
  // None at all would be for ever.
  const wait = `${Math.max(1, Math.ceil(waitMs))}ms`
  try {
    const [, [row]] = await Promise.all([
      tx.query("SELECT set_config('lock_timeout', $1, true)", [wait], PREPARED),
      tx.query<HeadRow>(`${HEAD} FOR UPDATE`, [], PREPARED),
    ])
    return headOf(row)
  } catch (error) {
    // Who waits behind others who wait has a lock's time for each, and a statement's time in all.
    throw sqlStateOf(error) === STATEMENT_TIMEOUT ? headIsHeld(error) : error
  }
}

function headIsHeld(cause: unknown): KeywrightError {
  return new KeywrightError('STORE_BUSY', 'another node has been changing the store for too long', {
    hint: 'try again; see who with: SELECT * FROM pg_stat_activity',
    cause,
  })
}

/** Appends records behind the locked head, and answers the new one. The caller's transaction makes it true. */
export async function appendRecords(tx: Queryable, head: Head, entries: readonly Entry[]): Promise<Head> {
  const { end, written } = await sendRecords(tx, head, entries, nextTurn)
  await written
  return end
}

/** The same without waiting for the last answers, which `written` is: what comes next need not wait for them either. */
export async function sendRecords(
  tx: Queryable,
  head: Head,
  entries: readonly Entry[],
  pause: Pause,
): Promise<{ readonly end: Head; readonly written: Promise<unknown> }> {
  let end: Head = { seq: head.seq, hash: head.hash, at: head.at }
  let inserted: Promise<unknown> = Promise.resolve()
  for await (const some of inSlices(entries, pause)) {
    await inserted
    const made = chainLines(end, some)
    inserted = expected(insertLines(tx, made.lines.split('\n').slice(0, -1), end.at))
    end = made.head
  }
  const moved = tx.query('UPDATE keywright.head SET seq = $1, hash = $2, at = $3', [end.seq, end.hash, end.at], PREPARED)
  return { end, written: expected(inOrder(inserted, moved)) }
}

/** Of statements that were sent together, the first that failed says why: the server answers the others that the transaction is over. */
export async function inOrder<T>(first: Promise<unknown>, second: Promise<T>): Promise<T> {
  expected(second)
  await first
  return second
}

/** It may fail before anyone waits for it, who is told of that all the same. */
function expected<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

const INSERT = 'INSERT INTO keywright.audit (seq, at, line) SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[])'

const monthOf = (at: string): string => at.slice(0, 7)

/**
 * Puts lines of the log into their months' partitions. Their seqs and times are those that they say. `after`: the time of the
 * record before them, whose month is there.
 */
export async function insertLines(tx: Queryable, lines: readonly string[], after: string | null): Promise<void> {
  const seqs: number[] = []
  const times: string[] = []
  for (const line of lines) {
    const { seq, at } = JSON.parse(line) as { seq: number; at: string }
    seqs.push(seq)
    times.push(at)
  }
  const months = new Set(times.map(monthOf))
  if (after !== null) months.delete(monthOf(after))
  for (const month of months) await tx.query('SELECT keywright.make_month($1)', [`${month}-01T00:00:00Z`])
  await tx.query(INSERT, [seqs, times, lines], PREPARED)
}
