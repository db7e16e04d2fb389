// The processes that work with a store, as each leaves a sign of itself: for the pulse. Writes nothing.

import { MINUTE_MS } from '../../src/domain/time.ts'
import type { Database, Queryable } from './connection.ts'
import { WHOLE_STORE } from './schema.ts'

/** Twice as long as a process that counts nothing stays silent, as in src/domain/presence.ts. */
const SEEN_MS = 2 * MINUTE_MS

/** A name for a process's row that no other ever had, however it drew its own part of it. */
export async function drawNode(database: Database, self: string): Promise<string> {
  const [row] = await database.query<{ id: string }>('SELECT gen_random_uuid() AS id')
  return `${self}.${row?.id}`
}

export interface UsagePulse {
  /** Verifications that were counted and written, of all time. */
  readonly calls: number
  /** Other processes that wrote counts or a sign of life within the last two minutes. */
  readonly others: number
  /** Another number whenever any process wrote. */
  readonly usage: number
}

const PULSE = `SELECT
  (SELECT coalesce(sum(calls), 0)::bigint FROM keywright.counted WHERE key_id = '${WHOLE_STORE}' AND kind = 'total' AND span = 'ever') AS calls,
  count(*) FILTER (WHERE split_part(id, '.', 1) <> $1 AND abs($2::double precision - seen_at) < $3) AS others,
  coalesce(sum(flushes), 0)::bigint AS usage
  FROM keywright.nodes`

export async function usagePulse(queryable: Queryable, self: string, now: number): Promise<UsagePulse> {
  const [row] = await queryable.query<UsagePulse>(PULSE, [self, now, SEEN_MS])
  return row ?? { calls: 0, others: 0, usage: 0 }
}
