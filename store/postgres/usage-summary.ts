// Sums of accepted calls on the log, once a key and period across all nodes: slice by slice, so that no change waits for long.

import type { Actor, Entry } from '../../src/domain/audit.ts'
import { isoFrom, MINUTE_MS } from '../../src/domain/time.ts'
import { ACCEPTED, RESOLUTIONS } from '../../src/domain/usage.ts'
import type { Database, Queryable } from './connection.ts'
import { lockHead } from './head.ts'
import { WHOLE_STORE } from './schema.ts'
import { noteRecords } from './usage-notes.ts'
import { serverNow } from './usage-tidy.ts'

export type Summary = 'hour' | 'day' | 'off'

export interface Summing {
  readonly database: Database
  readonly actor: Actor
  readonly summary: Summary
  readonly now: number
  /** Whether the clocks are a test's: else the server's clock is a bound, so that no node sums up what has not been yet. */
  readonly isClockGiven: boolean
}

/** How long after its end an hour is summed up, so that every process has handed its counts over. */
const SUMMARY_DELAY_MS = MINUTE_MS
/** Records of one slice: as long as that takes, the head is held. */
const MAX_SLICE = 1_000
/** Two that sum up at once would do the same work. The number means nothing. */
const SUMMARY_LOCK = 7_203_116

/** Up to when calls are summed up; of the period that begins then, up to which key. */
interface Cursor {
  readonly until: number
  readonly key: string
}

/** Behind the cursor the first period in which anything was counted. */
const NEXT = `SELECT least(
  (SELECT min(bucket) FROM keywright.usage WHERE span = $1 AND bucket >= $2),
  (SELECT min(minute) / $3::bigint FROM keywright.fresh WHERE minute >= $2 * $3::bigint)) AS bucket`

/** The last key of a slice, found without adding anything up; none where the rest of the period is less than a slice. */
const SLICE_END = `SELECT key_id FROM keywright.usage
  WHERE span = $1 AND bucket = $2 AND kind = 'total' AND code = $3 AND key_id > $4 AND key_id <> $5
  ORDER BY key_id OFFSET $6 LIMIT 1`

/** Calls of each key of a slice. */
const DUE = `SELECT c.key_id, k.user_id, sum(c.calls)::bigint AS calls
  FROM keywright.counted c LEFT JOIN keywright.keys k ON k.id = c.key_id
  WHERE c.kind = 'total' AND c.span = $1 AND c.bucket = $2 AND c.code = $3 AND c.key_id > $4 AND c.key_id <> $5
    AND ($6::text IS NULL OR c.key_id <= $6)
  GROUP BY c.key_id, k.user_id ORDER BY c.key_id LIMIT $7`

interface Due {
  readonly key_id: string
  readonly user_id: string | null
  readonly calls: number
}

const periodOf = (summary: Summary): 'day' | 'hour' => (summary === 'day' ? 'day' : 'hour')

/** Up to when calls are to be summed up; that of a store that never did is now. */
function endOf(from: number, summary: Summary, now: number): number {
  const { ms } = RESOLUTIONS[periodOf(summary)]
  return Math.floor((from === 0 ? now : now - SUMMARY_DELAY_MS) / ms) * ms
}

export const isSummaryDue = (until: number, summary: Summary, now: number): boolean => endOf(until, summary, now) > until

/**
 * Writes one slice in a transaction of its own, and answers up to when all is summed up: null while there is more to do. Each
 * period's keys come in their order, and where the next slice begins is committed with the records: any node goes on there.
 */
export function sumUp(input: Summing): Promise<number | null> {
  return input.database.transaction(async (tx) => {
    const [lock] = await tx.query<{ is_ours: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS is_ours', [SUMMARY_LOCK])
    const from = await cursorOf(tx)
    // Another node is at it.
    if (lock?.is_ours !== true) return from.until
    const { summary } = input
    const now = input.isClockGiven ? input.now : Math.min(input.now, await serverNow(tx))
    const end = endOf(from.until, summary, now)
    if (end <= from.until) return from.until
    const isCounted = from.until > 0 && summary !== 'off'
    const { entries, next } = isCounted ? await sliceFrom(tx, from, end, { ...input, now }) : { entries: [], next: { until: end, key: '' } }
    // All that was read before: the head is held for the writing only.
    await noteRecords(tx, await lockHead(tx), entries, input.database.name)
    await tx.query('UPDATE keywright.head SET summarised_until = $1, summarised_key = $2', [next.until, next.key])
    return next.until >= end ? next.until : null
  })
}

async function cursorOf(tx: Queryable): Promise<Cursor> {
  const [row] = await tx.query<Cursor>('SELECT summarised_until AS until, summarised_key AS key FROM keywright.head')
  return row ?? { until: 0, key: '' }
}

interface Slice {
  readonly entries: readonly Entry[]
  readonly next: Cursor
}

async function sliceFrom(tx: Queryable, from: Cursor, end: number, { actor, now, summary }: Summing): Promise<Slice> {
  const span = periodOf(summary)
  const { ms } = RESOLUTIONS[span]
  const entries: Entry[] = []
  let next = from
  while (next.until < end && entries.length < MAX_SLICE) {
    const bucket = next.key === '' ? await nextBucket(tx, span, Math.ceil(next.until / ms)) : Math.floor(next.until / ms)
    if (bucket === null || bucket * ms >= end) return { entries, next: { until: end, key: '' } }
    const most = MAX_SLICE - entries.length
    const due = await dueAfter(tx, span, bucket, next.key, most)
    for (const { key_id, user_id, calls } of due) {
      const after = { count: calls, since: isoFrom(bucket * ms) }
      entries.push({ actor, at: isoFrom(now), action: 'validate.summary', keyId: key_id, userId: user_id, after })
    }
    const last = due.length < most ? undefined : due.at(-1)
    next = last === undefined ? { until: (bucket + 1) * ms, key: '' } : { until: bucket * ms, key: last.key_id }
  }
  return { entries, next }
}

async function nextBucket(tx: Queryable, span: 'day' | 'hour', from: number): Promise<number | null> {
  const [row] = await tx.query<{ bucket: number | null }>(NEXT, [span, from, RESOLUTIONS[span].ms / MINUTE_MS])
  return row?.bucket ?? null
}

async function dueAfter(tx: Queryable, span: string, bucket: number, key: string, most: number): Promise<readonly Due[]> {
  const [end] = await tx.query<{ key_id: string }>(SLICE_END, [span, bucket, ACCEPTED, key, WHOLE_STORE, most - 1])
  return tx.query<Due>(DUE, [span, bucket, ACCEPTED, key, WHOLE_STORE, end?.key_id ?? null, most])
}
