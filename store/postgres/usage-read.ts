// Reading usage: sums that the database makes, each read at one moment; what this process has not written is added by the caller.

import type { UsageSelector } from '../../src/domain/ports.ts'
import type { KeyCalls } from '../../src/domain/stats.ts'
import { OVERVIEW_KEYS } from '../../src/domain/stats.ts'
import type { KeyUsage, Resolution, Series, Tally, UsageWindow } from '../../src/domain/usage.ts'
import { ACCEPTED, CODE_INDEX, RESOLUTIONS, WINDOWS } from '../../src/domain/usage.ts'
import type { Database, Queryable } from './connection.ts'
import { WHOLE_STORE } from './schema.ts'
import type { Kind } from './usage-rows.ts'

/** What one moment of the database holds. */
interface Moment {
  /** The last batch of this process that is in it. */
  readonly flushes: number
  readonly alive: Series
  /** Whether a key that this process has counted is one of those asked for. */
  readonly isSelected: (keyId: string) => boolean
}

export interface FoundUsage extends Moment {
  readonly usage: KeyUsage
}

export interface FoundOverview extends Moment {
  readonly total: Tally
  /** The keys with the most calls of either kind, and those that this process has counted. */
  readonly calls: readonly KeyCalls[]
}

export interface Question {
  readonly database: Database
  /** The row of this process, where it has one. */
  readonly node: string | null
  readonly selector: UsageSelector
  /** Keys that this process has counted and may not have written. */
  readonly pendingIds: readonly string[]
  readonly at: number
}

type Scope = 'store' | 'key' | 'user'

/** $1: the key or the owner, null for the whole store. */
const OF_USER = 'c.key_id = ANY(ARRAY(SELECT id FROM keywright.keys WHERE user_id = $1))'
const TOTAL_OF: Readonly<Record<Scope, string>> = {
  store: `$1::text IS NULL AND c.key_id = '${WHOLE_STORE}'`,
  key: 'c.key_id = $1',
  user: OF_USER,
}
const KEYS_OF: Readonly<Record<Scope, string>> = {
  store: `$1::text IS NULL AND c.key_id NOT IN ('', '${WHOLE_STORE}')`,
  key: 'c.key_id = $1',
  user: OF_USER,
}

const scopeOf = (selector: UsageSelector): readonly [scope: Scope, name: string | null] =>
  selector === 'store' ? ['store', null] : 'keyId' in selector ? ['key', selector.keyId] : ['user', selector.userId]

export interface Part {
  readonly kind: Kind
  readonly name: string
  readonly span: string
  readonly bucket: number
  readonly code: number
  readonly calls: number
}

/** Rows of some spans, each from its first bucket on: $2 and $3. */
const sumsOf = (which: string, kinds: string): string => `
  SELECT c.kind, c.name, c.span, c.bucket, c.code, sum(c.calls)::bigint AS calls
  FROM unnest($2::text[], $3::bigint[]) AS s (span, first)
  JOIN keywright.counted c ON c.span = s.span AND c.bucket >= s.first
  WHERE ${which} AND ${kinds}
  GROUP BY c.kind, c.name, c.span, c.bucket, c.code ORDER BY c.bucket`

/** Sums of secrets and scopes over spans from a first to a last bucket: of many keys nobody loads all buckets. */
const windowsOf = (which: string): string => `
  SELECT c.kind, c.name, s.place, sum(c.calls)::bigint AS calls
  FROM unnest($2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS s (span, first, last, place)
  JOIN keywright.counted c ON c.span = s.span AND c.bucket BETWEEN s.first AND s.last
  WHERE ${which} AND c.kind <> 'total' GROUP BY c.kind, c.name, s.place`

const lastUsesOf = (which: string): string =>
  `SELECT c.kind, c.name, max(c.at) AS at FROM keywright.used c WHERE ${which} GROUP BY c.kind, c.name`

const LAST_USE_OF: Readonly<Record<Scope, string>> = {
  // Apart from the others: an index has the answer.
  store: `SELECT max(c.at) AS at FROM keywright.last_use c WHERE c.kind = 'total' AND c.name = '' AND $1::text IS NULL`,
  key: `SELECT c.at FROM keywright.last_use c WHERE c.kind = 'total' AND c.name = '' AND c.key_id = $1`,
  user: `SELECT max(c.at) AS at FROM keywright.last_use c WHERE c.kind = 'total' AND c.name = '' AND ${OF_USER}`,
}

/** $2, $3, $4: the span and its buckets; $5: keys that are answered in any case. */
const busiestOf = (which: string): string => `
  WITH of_key AS (
    SELECT c.key_id, coalesce(sum(c.calls) FILTER (WHERE c.code = ${ACCEPTED}), 0)::bigint AS accepted,
      coalesce(sum(c.calls) FILTER (WHERE c.code = ${CODE_INDEX.RATE_LIMITED}), 0)::bigint AS limited
    FROM keywright.counted c
    WHERE ${which} AND c.kind = 'total' AND c.span = $2 AND c.bucket BETWEEN $3 AND $4 AND c.code IN (${ACCEPTED}, ${CODE_INDEX.RATE_LIMITED})
    GROUP BY c.key_id)
  (SELECT * FROM of_key ORDER BY accepted DESC, key_id LIMIT ${OVERVIEW_KEYS})
  UNION (SELECT * FROM of_key ORDER BY limited DESC, key_id LIMIT ${OVERVIEW_KEYS})
  UNION (SELECT * FROM of_key WHERE key_id = ANY($5))`

const ALIVE = `SELECT a.span, a.bucket FROM unnest($1::text[], $2::bigint[]) AS s (span, first)
  JOIN keywright.alive a ON a.span = s.span AND a.bucket >= s.first ORDER BY a.bucket`

const SPANS = Object.keys(RESOLUTIONS) as Resolution[]
const lastOf = (span: Resolution, at: number): number => Math.floor(at / RESOLUTIONS[span].ms)
/** The oldest buckets that are kept. */
const firstsAt = (at: number): readonly number[] => SPANS.map((span) => lastOf(span, at) - RESOLUTIONS[span].kept + 1)

/** What one moment holds, whatever else is asked of it. */
export async function seenAt(tx: Queryable, { node: id, at }: Pick<Question, 'node' | 'at'>): Promise<Pick<Moment, 'flushes' | 'alive'>> {
  const [node] = await tx.query<{ flushes: number }>('SELECT flushes FROM keywright.nodes WHERE id = $1', [id])
  const periods = await tx.query<{ span: Resolution; bucket: number }>(ALIVE, [SPANS, firstsAt(at)])
  const alive = Object.fromEntries(
    SPANS.map((name) => [name, periods.flatMap(({ span, bucket }) => (span === name ? [[bucket] as const] : []))]),
  ) as unknown as Series
  return { flushes: node?.flushes ?? 0, alive }
}

async function momentOf(tx: Queryable, question: Question): Promise<Moment> {
  return { ...(await seenAt(tx, question)), isSelected: await selection(tx, question.selector, question.pendingIds) }
}

async function selection(tx: Queryable, selector: UsageSelector, pendingIds: readonly string[]): Promise<(keyId: string) => boolean> {
  if (selector === 'store') return () => true
  if ('keyId' in selector) return (keyId) => keyId === selector.keyId
  if (pendingIds.length === 0) return () => false
  const own = await tx.query<{ id: string }>('SELECT id FROM keywright.keys WHERE user_id = $1 AND id = ANY($2)', [
    selector.userId,
    pendingIds,
  ])
  const ids = new Set(own.map(({ id }) => id))
  return (keyId) => ids.has(keyId)
}

/** A tally out of rows in the order of their buckets. */
export function tallyOf(parts: readonly Pick<Part, 'span' | 'bucket' | 'code' | 'calls'>[], lastAt: number | null): Tally {
  const counts: number[] = []
  const series = Object.fromEntries(SPANS.map((span) => [span, [] as number[][]])) as Record<Resolution, number[][]>
  for (const { span, bucket, code, calls } of parts) {
    if (span === 'ever') {
      put(counts, code, calls)
      continue
    }
    const buckets = series[span as Resolution]
    if (buckets.at(-1)?.[0] !== bucket) buckets.push([bucket])
    put(buckets.at(-1) as number[], code + 1, calls)
  }
  return { counts, lastAt, series: series as unknown as Series }
}

/** Numbers before it that nobody has said are zero. */
function put(counts: number[], place: number, calls: number): void {
  while (counts.length < place) counts.push(0)
  counts[place] = calls
}

const nameOf = (kind: string, name: string): string => `${kind} ${name}`
const groupByName = (parts: readonly Part[]): ReadonlyMap<string, Part[]> => Map.groupBy(parts, ({ kind, name }) => nameOf(kind, name))

export function findUsage(question: Question): Promise<FoundUsage> {
  const { database, selector, at } = question
  const [scope, name] = scopeOf(selector)
  return database.transaction(
    async (tx) => {
      const moment = await momentOf(tx, question)
      const kinds = scope === 'key' ? 'true' : `c.kind = 'total'`
      const parts = await tx.query<Part>(sumsOf(TOTAL_OF[scope], kinds), [name, ['ever', ...SPANS], [0, ...firstsAt(at)]])
      const uses = await tx.query<{ kind: string; name: string; at: number }>(lastUsesOf(KEYS_OF[scope]), [name])
      const lastUses = new Map(uses.map((use) => [nameOf(use.kind, use.name), use.at]))
      const grouped = groupByName(parts)
      const total = tallyOf(grouped.get(nameOf('total', '')) ?? [], lastUses.get(nameOf('total', '')) ?? null)
      const named = scope === 'key' ? grouped : groupByName(await windowSums(tx, scope, name, at))
      const tallies: Readonly<Record<Kind, Record<string, Tally>>> = { total: {}, secret: {}, scope: {} }
      for (const [known, own] of named) {
        const [{ kind, name: called }] = own as [Part, ...Part[]]
        tallies[kind][called] = tallyOf(own, lastUses.get(known) ?? null)
      }
      const { secret: secrets, scope: scopes } = tallies
      return { ...moment, usage: { total, secrets, scopes, admissions: {} } }
    },
    { isSnapshot: true },
  )
}

/** Buckets that stand for what lies between two windows: their sums are those of the windows. */
async function windowSums(tx: Queryable, scope: Scope, name: string | null, at: number): Promise<readonly Part[]> {
  const spans = spansBetween(at)
  const rows = await tx.query<{ kind: Kind; name: string; place: number; calls: number }>(windowsOf(KEYS_OF[scope]), [
    name,
    spans.map(({ span }) => span),
    spans.map(({ first }) => first),
    spans.map(({ last }) => last),
  ])
  return rows
    .map(({ place, ...row }) => ({
      ...row,
      place,
      span: spans[place - 1]?.span ?? '',
      bucket: spans[place - 1]?.last ?? 0,
      code: ACCEPTED,
    }))
    .toSorted((a, b) => a.bucket - b.bucket)
}

interface Stretch {
  readonly span: string
  readonly first: number
  readonly last: number
}

/** All time, and what each window has more than the next smaller one of its resolution. */
function spansBetween(at: number): readonly Stretch[] {
  const stretches: Stretch[] = [{ span: 'ever', first: 0, last: 0 }]
  for (const span of SPANS) {
    const sizes = Object.values(WINDOWS).flatMap(({ resolution, buckets }) => (resolution === span ? [buckets] : []))
    let last = lastOf(span, at)
    for (const buckets of sizes.sort((a, b) => a - b)) {
      const first = lastOf(span, at) - buckets + 1
      stretches.push({ span, first, last })
      last = first - 1
    }
  }
  return stretches
}

export function findOverview(question: Question, window: UsageWindow): Promise<FoundOverview> {
  const { database, selector, pendingIds, at } = question
  const [scope, name] = scopeOf(selector)
  const { resolution, buckets } = WINDOWS[window]
  const last = lastOf(resolution, at)
  return database.transaction(
    async (tx) => {
      const moment = await momentOf(tx, question)
      const spans = [...new Set<Resolution>([resolution, 'hour'])]
      const firsts = spans.map((span) => lastOf(span, at) - RESOLUTIONS[span].kept + 1)
      const parts = await tx.query<Part>(sumsOf(TOTAL_OF[scope], `c.kind = 'total'`), [name, spans, firsts])
      const [used] = await tx.query<{ at: number | null }>(LAST_USE_OF[scope], [name])
      const rows = await tx.query<{ key_id: string; accepted: number; limited: number }>(busiestOf(KEYS_OF[scope]), [
        name,
        resolution,
        last - buckets + 1,
        last,
        pendingIds,
      ])
      const calls = rows.map(({ key_id, accepted, limited }) => ({ keyId: key_id, accepted, rateLimited: limited }))
      return { ...moment, total: tallyOf(parts, used?.at ?? null), calls }
    },
    { isSnapshot: true },
  )
}
