// One flush: counts, last uses, the time alive and the records that go with them, in one transaction that can be sent again.

import type { Actor, Entry, Head } from '../../src/domain/audit.ts'
import { NO_KEY } from '../../src/domain/delta.ts'
import type { Counted, RefusalSum } from '../../src/domain/meter.ts'
import { isoFrom, MINUTE_MS } from '../../src/domain/time.ts'
import { ACCEPTED, addAlive, EMPTY_SERIES, RESOLUTIONS } from '../../src/domain/usage.ts'
import type { Database, Queryable } from './connection.ts'
import { isWorthAnotherTry } from './connection.ts'
import { appendRecords, lockHead } from './head.ts'
import { WHOLE_STORE } from './schema.ts'
import type { FreshRows } from './usage-rows.ts'
import { firstUseOf, freshBlocks, keyIdsOf, lastUseBlocks, storeRows } from './usage-rows.ts'

/** What one process hands over together. Whether its number is on the process's row tells whether that happened. */
export interface Batch {
  readonly number: number
  readonly counted: Counted
}

export type Summary = 'hour' | 'day' | 'off'

export interface FlushInput {
  readonly database: Database
  /** The process's row. */
  readonly node: string
  readonly pid: number
  readonly actor: Actor
  readonly summary: Summary
  readonly batch: Batch
  readonly aliveSince: number
  readonly now: number
}

/** How long after its end an hour is summed up, so that every process has handed its counts over. */
const SUMMARY_DELAY_MS = MINUTE_MS
/** Records that are chained and sent at once: other work of this process has its turn in between. */
const MAX_RECORDS = 200
const MAX_TRIES = 4

/** A batch that was written already changes no row: its answer was lost, not its commit. */
const CLAIM = `INSERT INTO keywright.nodes AS n (id, host, pid, seen_at, flushes) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, flushes = excluded.flushes WHERE n.flushes < excluded.flushes
  RETURNING 1`

const ADD_FRESH = `INSERT INTO keywright.fresh AS f (key_id, kind, name, minute, code, calls, at)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::smallint[], $6::bigint[], $7::double precision[])
  ON CONFLICT (key_id, kind, name, minute, code) DO UPDATE SET calls = f.calls + excluded.calls, at = greatest(f.at, excluded.at)`

/** Answers the keys that had no accepted call before: a row that replaced none has no xmax. */
const ADD_LAST_USE = `WITH put AS (
    INSERT INTO keywright.last_use AS l (key_id, kind, name, at)
    SELECT key_id, 'total', '', at FROM unnest($1::text[], $2::double precision[]) AS new (key_id, at)
    ON CONFLICT (key_id, kind, name) DO UPDATE SET at = excluded.at WHERE l.at < excluded.at
    RETURNING l.key_id, l.xmax = 0 AS is_first)
  SELECT key_id FROM put WHERE is_first`

const ADD_ALIVE = `INSERT INTO keywright.alive (span, bucket) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING`

/** Calls of each key in the periods to be summed up. */
const DUE = `SELECT c.key_id, k.user_id, c.bucket, sum(c.calls)::bigint AS calls
  FROM keywright.counted c LEFT JOIN keywright.keys k ON k.id = c.key_id
  WHERE c.kind = 'total' AND c.span = $1 AND c.bucket >= $2 AND c.bucket < $3 AND c.code = $4 AND c.key_id NOT IN ($5, $6)
  GROUP BY c.key_id, k.user_id, c.bucket ORDER BY c.bucket, c.key_id`

/**
 * Writes a batch, unless it was written before. Rows are locked in the same order by every node, the head after all of them:
 * a change, which locks the head first, touches no usage.
 */
export async function writeBatch(input: FlushInput): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      return await input.database.transaction((tx) => writeIn(tx, input))
    } catch (error) {
      if (tried >= MAX_TRIES || !isWorthAnotherTry(error)) throw error
    }
  }
}

async function writeIn(tx: Queryable, input: FlushInput): Promise<void> {
  const { node, pid, actor, now, batch } = input
  const claimed = await tx.query(CLAIM, [node, actor.host, pid, now, batch.number])
  if (claimed.length === 0) return
  const { deltas, refusals } = batch.counted
  const keyIds = keyIdsOf(deltas)
  for (const block of freshBlocks(deltas, keyIds)) await addFresh(tx, block)
  const firstUsed: string[] = []
  for (const { keyIds: ids, ats } of lastUseBlocks(deltas, keyIds))
    firstUsed.push(...(await tx.query<{ key_id: string }>(ADD_LAST_USE, [ids, ats])).map(({ key_id }) => key_id))
  await addAliveness(tx, input)
  await addFresh(tx, storeRows(deltas))
  const [head] = await tx.query<{ summarised_until: number }>('SELECT summarised_until FROM keywright.head')
  const isDue = isSummaryDue(head?.summarised_until ?? 0, input)
  if (firstUsed.length > 0 || refusals.length > 0 || isDue) await record(tx, input, firstUsed, await ownersOf(tx, firstUsed))
}

async function addFresh(tx: Queryable, { keyIds, kinds, names, minutes, codes, calls, ats }: FreshRows): Promise<void> {
  if (keyIds.length > 0) await tx.query(ADD_FRESH, [keyIds, kinds, names, minutes, codes, calls, ats])
}

async function addAliveness(tx: Queryable, { aliveSince, now }: FlushInput): Promise<void> {
  const alive = addAlive(EMPTY_SERIES, aliveSince, now)
  const periods = Object.entries(alive).flatMap(([span, buckets]) => buckets.map(([bucket]) => ({ span, bucket })))
  await tx.query(ADD_ALIVE, [periods.map(({ span }) => span), periods.map(({ bucket }) => bucket)])
}

async function ownersOf(tx: Queryable, keyIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (keyIds.length === 0) return new Map()
  const rows = await tx.query<{ id: string; user_id: string }>('SELECT id, user_id FROM keywright.keys WHERE id = ANY($1)', [keyIds])
  return new Map(rows.map(({ id, user_id }) => [id, user_id]))
}

type NoteAction = 'validate.first-use' | 'validate.summary'

function note(
  { actor, now }: FlushInput,
  action: NoteAction,
  keyId: string,
  userId: string | null,
  after: NonNullable<Entry['after']>,
): Entry {
  return { actor, at: isoFrom(now), action, keyId, userId, after }
}

function refusalEntry({ actor, now }: FlushInput, { keyId, userId, code, count, since }: RefusalSum): Entry {
  const after = { count, since: isoFrom(since) }
  const said = { actor, at: isoFrom(now), action: 'validate.refused', outcome: 'refused' } as const
  return { ...said, keyId, userId, reason: code ?? 'OTHERS', after }
}

const periodOf = (summary: Summary): 'day' | 'hour' => (summary === 'day' ? 'day' : 'hour')

/** Up to when calls are to be summed up; that of a store that never did is now. */
function summaryEnd(from: number, { now, summary }: FlushInput): number {
  const { ms } = RESOLUTIONS[periodOf(summary)]
  return Math.floor((from === 0 ? now : now - SUMMARY_DELAY_MS) / ms) * ms
}

const isSummaryDue = (from: number, input: FlushInput): boolean => summaryEnd(from, input) > from

/** Under the head's lock: what was counted goes on the log, and once across all nodes the sums of the periods that ended. */
async function record(tx: Queryable, input: FlushInput, firstUsed: readonly string[], owners: ReadonlyMap<string, string>): Promise<void> {
  const locked = await lockHead(tx)
  let head: Head = locked
  for (const entries of inBlocks(entriesOf(input, firstUsed, owners))) head = await appendRecords(tx, head, entries)
  const from = locked.summarisedUntil
  if (!isSummaryDue(from, input)) return
  const until = summaryEnd(from, input)
  if (from > 0 && input.summary !== 'off') {
    const due = await dueBetween(tx, input.summary, from, until)
    for (const entries of inBlocks(summaries(input, due))) head = await appendRecords(tx, head, entries)
  }
  await tx.query('UPDATE keywright.head SET summarised_until = $1', [until])
}

function* entriesOf(input: FlushInput, firstUsed: readonly string[], owners: ReadonlyMap<string, string>): Generator<Entry> {
  const { deltas, refusals } = input.batch.counted
  for (const keyId of firstUsed) {
    const at = firstUseOf(deltas, keyId) ?? input.now
    yield note(input, 'validate.first-use', keyId, owners.get(keyId) ?? null, { at: isoFrom(at) })
  }
  for (const sum of refusals) yield refusalEntry(input, sum)
}

interface Due {
  readonly key_id: string
  readonly user_id: string | null
  readonly bucket: number
  readonly calls: number
}

function dueBetween(tx: Queryable, summary: Summary, from: number, until: number): Promise<readonly Due[]> {
  const period = periodOf(summary)
  const { ms } = RESOLUTIONS[period]
  return tx.query<Due>(DUE, [period, Math.ceil(from / ms), until / ms, ACCEPTED, NO_KEY, WHOLE_STORE])
}

function* summaries(input: FlushInput, due: readonly Due[]): Generator<Entry> {
  const { ms } = RESOLUTIONS[periodOf(input.summary)]
  for (const { key_id, user_id, bucket, calls } of due)
    yield note(input, 'validate.summary', key_id, user_id, { count: calls, since: isoFrom(bucket * ms) })
}

/** As many as are made and sent while a verification waits. */
function* inBlocks(entries: Iterable<Entry>): Generator<readonly Entry[]> {
  let block: Entry[] = []
  for (const entry of entries) {
    block.push(entry)
    if (block.length < MAX_RECORDS) continue
    yield block
    block = []
  }
  if (block.length > 0) yield block
}
