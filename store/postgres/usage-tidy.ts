// Housekeeping of usage, once a minute by one node at a time: folds fresh counts, forgets what is too old. Small steps, each of its own.

import { NO_KEY } from '../../src/domain/delta.ts'
import { DAY_MS, MINUTE_MS } from '../../src/domain/time.ts'
import type { Resolution } from '../../src/domain/usage.ts'
import { MAX_COUNTED_SECRETS, MAX_EXERCISED_SCOPES, RESOLUTIONS } from '../../src/domain/usage.ts'
import type { Database, Queryable } from './connection.ts'
import { WHOLE_STORE } from './schema.ts'

/** Rows of one step: no statement holds others up for longer than a moment. */
const MAX_ROWS = 5_000
/** Keys of one step: each has rows for some hundred periods, of several secrets and scopes. */
const MAX_PURGED = 100
/** Steps of one kind in one go; the rest is for the next. */
const MAX_STEPS = 200
/** Two that tidy at once would do the same work. The number means nothing. */
const TIDY_LOCK = 7_203_115
/** Longer than any process can be in doubt whether its last counts were written. */
const NODE_KEPT_MS = DAY_MS
/** How long counts of a purged key may come late. */
const PURGED_KEPT = '1 hour'
/** A limit that has just become whole may be asked for again right now. */
const WHOLE_SINCE_MS = MINUTE_MS

/**
 * Moves counts of minutes that have ended, and sums them up by minute, hour, day and for all time. A row that some node adds to
 * right now is left for the next time; one that it adds to a moment later is made anew.
 */
const FOLD = `WITH due AS (
    SELECT key_id, kind, name, minute, code FROM keywright.fresh WHERE minute < $1
    ORDER BY key_id, kind, name, minute, code LIMIT $2 FOR UPDATE SKIP LOCKED),
  taken AS (
    DELETE FROM keywright.fresh f USING due d
    WHERE (f.key_id, f.kind, f.name, f.minute, f.code) = (d.key_id, d.kind, d.name, d.minute, d.code) RETURNING f.*),
  folded AS (
    INSERT INTO keywright.usage AS u (key_id, kind, name, span, bucket, code, calls)
    SELECT t.key_id, t.kind, t.name, s.span, CASE s.span WHEN 'ever' THEN 0 ELSE t.minute / s.minutes END AS period, t.code, sum(t.calls)
    FROM taken t, (VALUES ('ever', 1), ('minute', 1), ('hour', 60), ('day', 1440)) AS s (span, minutes)
    GROUP BY t.key_id, t.kind, t.name, s.span, period, t.code ORDER BY t.key_id, t.kind, t.name, s.span, period, t.code
    ON CONFLICT (key_id, kind, name, span, bucket, code) DO UPDATE SET calls = u.calls + excluded.calls),
  used AS (
    INSERT INTO keywright.last_use AS l (key_id, kind, name, at)
    SELECT key_id, kind, name, max(at) FROM taken WHERE kind <> 'total' AND at IS NOT NULL
    GROUP BY key_id, kind, name ORDER BY key_id, kind, name
    ON CONFLICT (key_id, kind, name) DO UPDATE SET at = excluded.at WHERE l.at < excluded.at
    RETURNING l.key_id, l.xmax = 0 AS is_new)
  SELECT (SELECT count(*) FROM taken) AS moved, ARRAY(SELECT DISTINCT key_id FROM used WHERE is_new) AS grown`

/** Of keys with a new secret or scope: what is beyond those that are kept, the least recent first. */
const DROP_LEAST_RECENT = `WITH ranked AS (
    SELECT key_id, kind, name, row_number() OVER (PARTITION BY key_id, kind ORDER BY at DESC, name) AS place
    FROM keywright.last_use WHERE key_id = ANY($1) AND kind <> 'total'),
  gone AS (
    DELETE FROM keywright.last_use l USING ranked r
    WHERE (l.key_id, l.kind, l.name) = (r.key_id, r.kind, r.name) AND r.place > CASE r.kind WHEN 'secret' THEN $2::integer ELSE $3::integer END
    RETURNING l.key_id, l.kind, l.name)
  DELETE FROM keywright.usage u USING gone g WHERE (u.key_id, u.kind, u.name) = (g.key_id, g.kind, g.name)`

/** The store's totals keep the calls of a key that was purged. */
const FOLD_PURGED = `WITH due AS (
    SELECT p.key_id FROM keywright.purged p
    WHERE p.at < clock_timestamp() - $3::interval OR EXISTS (SELECT FROM keywright.usage u WHERE u.key_id = p.key_id)
      OR EXISTS (SELECT FROM keywright.last_use l WHERE l.key_id = p.key_id)
    LIMIT $1),
  gone AS (
    DELETE FROM keywright.usage u WHERE u.key_id IN (SELECT key_id FROM due) RETURNING u.*),
  forgotten AS (
    DELETE FROM keywright.last_use l WHERE l.key_id IN (SELECT key_id FROM due) RETURNING l.*),
  dropped AS (
    DELETE FROM keywright.purged p WHERE p.key_id IN (SELECT key_id FROM due) AND p.at < clock_timestamp() - $3::interval),
  used AS (
    INSERT INTO keywright.last_use AS l (key_id, kind, name, at)
    SELECT $2, 'total', '', max(at) FROM forgotten WHERE kind = 'total' HAVING count(*) > 0
    ON CONFLICT (key_id, kind, name) DO UPDATE SET at = greatest(l.at, excluded.at)),
  kept AS (
    INSERT INTO keywright.usage AS u (key_id, kind, name, span, bucket, code, calls)
    SELECT $2, 'total', '', span, bucket, code, sum(calls) FROM gone WHERE kind = 'total'
    GROUP BY span, bucket, code ORDER BY span, bucket, code
    ON CONFLICT (key_id, kind, name, span, bucket, code) DO UPDATE SET calls = u.calls + excluded.calls)
  SELECT count(*) AS keys FROM due`

/** Each deletes at most $1 rows and answers them. */
const FORGET = {
  usage: `DELETE FROM keywright.usage WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM keywright.usage WHERE span = $2 AND bucket < $3 LIMIT $1)) RETURNING 1`,
  alive: `DELETE FROM keywright.alive WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM keywright.alive WHERE span = $2 AND bucket < $3 LIMIT $1)) RETURNING 1`,
  nodes: `DELETE FROM keywright.nodes WHERE seen_at < $2 AND id IN (
    SELECT id FROM keywright.nodes WHERE seen_at < $2 LIMIT $1) RETURNING 1`,
  limits: `DELETE FROM keywright.limits WHERE whole_at < coalesce($2, extract(epoch FROM clock_timestamp()) * 1000) - $3::double precision
    AND ctid = ANY(ARRAY(
      SELECT ctid FROM keywright.limits
      WHERE whole_at < coalesce($2, extract(epoch FROM clock_timestamp()) * 1000) - $3::double precision LIMIT $1)) RETURNING 1`,
} as const

export interface Tidying {
  readonly database: Database
  readonly now: number
  /** The time that limits are decided by; null: the server's clock. */
  readonly limitsNow: number | null
  /** Asked before each step, whether it shall be left for another time. */
  readonly isEnding?: () => boolean
}

/** Does what is due. A node whose clock is far ahead forgets no more than the server's clock lets it. */
export async function tidyUsage(tidying: Tidying): Promise<void> {
  const { database, now: own, limitsNow } = tidying
  const now = limitsNow ?? Math.min(own, await serverNow(database))
  await repeat(tidying, (tx) => foldOnce(tx, Math.floor(now / MINUTE_MS)))
  await repeat(tidying, foldPurged, MAX_PURGED)
  for (const [span, { ms, kept }] of Object.entries(RESOLUTIONS) as [Resolution, (typeof RESOLUTIONS)[Resolution]][]) {
    const first = Math.floor(now / ms) - kept + 1
    for (const table of ['usage', 'alive'] as const) await forget(tidying, FORGET[table], [span, first])
  }
  await forget(tidying, FORGET.nodes, [now - NODE_KEPT_MS])
  await forget(tidying, FORGET.limits, [limitsNow, WHOLE_SINCE_MS])
}

export async function serverNow(queryable: Queryable): Promise<number> {
  const [row] = await queryable.query<{ now: number }>('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS now')
  return row?.now ?? 0
}

/** One step of what is due most: for a process that is about to end. */
export async function foldSome(database: Database, now: number): Promise<void> {
  await once(database, (tx) => foldOnce(tx, Math.floor(now / MINUTE_MS)))
}

/** In a transaction of its own, unless another node tidies just now: null. */
function once<T>(database: Database, step: (tx: Queryable) => Promise<T>): Promise<T | null> {
  return database.transaction(async (tx) => {
    const [lock] = await tx.query<{ is_ours: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS is_ours', [TIDY_LOCK])
    return lock?.is_ours === true ? step(tx) : null
  })
}

/** Until less than a whole step was left to do. */
async function repeat(
  { database, isEnding = () => false }: Tidying,
  step: (tx: Queryable) => Promise<number>,
  most = MAX_ROWS,
): Promise<void> {
  for (let done = 0; done < MAX_STEPS && !isEnding(); done++) {
    const rows = await once(database, step)
    if (rows === null || rows < most) return
  }
}

const forget = (tidying: Tidying, sql: string, values: readonly unknown[]): Promise<void> =>
  repeat(tidying, async (tx) => (await tx.query(sql, [MAX_ROWS, ...values])).length)

async function foldPurged(tx: Queryable): Promise<number> {
  const [row] = await tx.query<{ keys: number }>(FOLD_PURGED, [MAX_PURGED, NO_KEY, PURGED_KEPT])
  return row?.keys ?? 0
}

async function foldOnce(tx: Queryable, minute: number): Promise<number> {
  const [row] = await tx.query<{ moved: number; grown: readonly string[] }>(FOLD, [minute, MAX_ROWS])
  const grown = (row?.grown ?? []).filter((keyId) => keyId !== WHOLE_STORE)
  if (grown.length > 0) await tx.query(DROP_LEAST_RECENT, [grown, MAX_COUNTED_SECRETS, MAX_EXERCISED_SCOPES])
  return row?.moved ?? 0
}
