// One flush: counts, last uses, the time alive and the records that go with them, in one transaction that can be sent again.

import type { Actor, Entry } from '../../src/domain/audit.ts'
import type { Counted, RefusalSum } from '../../src/domain/meter.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { addAlive, EMPTY_SERIES } from '../../src/domain/usage.ts'
import type { Database, Queryable } from './connection.ts'
import { isWorthAnotherTry } from './connection.ts'
import { lockHead } from './head.ts'
import type { Owing } from './usage-notes.ts'
import { isBrokenLog, noteRecords } from './usage-notes.ts'
import type { FreshRows } from './usage-rows.ts'
import { firstUseOf, freshBlocks, keyIdsOf, lastUseBlocks, storeRows } from './usage-rows.ts'

/** What one process hands over together. Whether its number is on the process's row tells whether that happened. */
export interface Batch {
  readonly number: number
  readonly counted: Counted
}

export interface FlushInput {
  readonly database: Database
  /** The process's row. */
  readonly node: string
  readonly pid: number
  readonly actor: Actor
  readonly batch: Batch
  /** Records that the log could not take before: they come first. */
  readonly owing: Pick<Owing, 'begin' | 'leave'>
  readonly aliveSince: number
  readonly now: number
}

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
  const { node, pid, actor, now, batch, owing } = input
  const claimed = await tx.query(CLAIM, [node, actor.host, pid, now, batch.number])
  if (claimed.length === 0) return
  const owed = owing.begin()
  const { deltas } = batch.counted
  const keyIds = keyIdsOf(deltas)
  for (const block of freshBlocks(deltas, keyIds)) await addFresh(tx, block)
  const firstUsed: string[] = []
  for (const { keyIds: ids, ats } of lastUseBlocks(deltas, keyIds))
    firstUsed.push(...(await tx.query<{ key_id: string }>(ADD_LAST_USE, [ids, ats])).map(({ key_id }) => key_id))
  await addAliveness(tx, input)
  await addFresh(tx, storeRows(deltas))
  const entries = [...owed, ...entriesOf(input, firstUsed, await ownersOf(tx, firstUsed))]
  if (entries.length > 0) await record(tx, input, entries)
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

function refusalEntry({ actor, now }: FlushInput, { keyId, userId, code, count, since }: RefusalSum): Entry {
  const after = { count, since: isoFrom(since) }
  const said = { actor, at: isoFrom(now), action: 'validate.refused', outcome: 'refused' } as const
  return { ...said, keyId, userId, reason: code ?? 'OTHERS', after }
}

/** Under the head's lock. A log that is broken takes no record: they wait, and the counts are written all the same. */
async function record(tx: Queryable, { database, owing }: FlushInput, entries: readonly Entry[]): Promise<void> {
  try {
    await noteRecords(tx, await lockHead(tx), entries, database.name)
    owing.leave([], null)
  } catch (error) {
    if (!isBrokenLog(error)) throw error
    owing.leave(entries, error)
  }
}

function* entriesOf(input: FlushInput, firstUsed: readonly string[], owners: ReadonlyMap<string, string>): Generator<Entry> {
  const { actor, now, batch } = input
  for (const keyId of firstUsed) {
    const after = { at: isoFrom(firstUseOf(batch.counted.deltas, keyId) ?? now) }
    yield { actor, at: isoFrom(now), action: 'validate.first-use', keyId, userId: owners.get(keyId) ?? null, after }
  }
  for (const sum of batch.counted.refusals) yield refusalEntry(input, sum)
}
