// Reading the usage of many keys or owners at once, each by itself: what one window needs of it, in one transaction however many they are.

import type { Delta } from '../../src/domain/delta.ts'
import { NO_KEY } from '../../src/domain/delta.ts'
import { isWithin } from '../../src/domain/stats.ts'
import type { KeyUsage, Series, Tally, UsageWindow } from '../../src/domain/usage.ts'
import { ACCEPTED, CODE_INDEX, EMPTY_SERIES, EMPTY_TALLY, RESOLUTIONS, WINDOWS } from '../../src/domain/usage.ts'
import type { RefusedCode } from '../../src/domain/verdict.ts'
import { isText } from './key-filter.ts'
import { WHOLE_STORE } from './schema.ts'
import type { Part, Question } from './usage-read.ts'
import { seenAt, tallyOf } from './usage-read.ts'
import type { Kind } from './usage-rows.ts'
import { pendingTally } from './usage-rows.ts'

export interface EachQuestion extends Pick<Question, 'database' | 'node' | 'at'> {
  readonly keyIds: readonly string[]
  readonly window: UsageWindow | null
}

export interface FoundEach {
  /** The last batch of this process that is in it. */
  readonly flushes: number
  readonly alive: Series
  /** Of secrets and scopes only the last use, and no counts of all time. Those that were never counted are left out. */
  readonly usages: ReadonlyMap<string, KeyUsage>
}

type OfKey<T> = T & { readonly key_id: string }

/** The span of a window and its first bucket. */
function bucketsOf(window: UsageWindow, at: number): readonly [span: string, first: number] {
  const { resolution, buckets } = WINDOWS[window]
  return [resolution, Math.floor(at / RESOLUTIONS[resolution].ms) - buckets + 1]
}

/** $1: keys; $2, $3: the span and its first bucket. */
const SUMS = `SELECT c.key_id, c.span, c.bucket, c.code, sum(c.calls)::bigint AS calls
  FROM keywright.counted c
  WHERE c.key_id = ANY($1::text[]) AND c.kind = 'total' AND c.span = $2 AND c.bucket >= $3
  GROUP BY c.key_id, c.span, c.bucket, c.code ORDER BY c.key_id, c.bucket`

const LAST_USES = `SELECT c.key_id, c.kind, c.name, max(c.at) AS at
  FROM keywright.used c WHERE c.key_id = ANY($1::text[]) GROUP BY c.key_id, c.kind, c.name`

export function findEach({ database, node, keyIds, window, at }: EachQuestion): Promise<FoundEach> {
  const ids = keyIds.filter(isText)
  return database.transaction(
    async (tx) => {
      const [moment, parts, uses] = await Promise.all([
        seenAt(tx, { node, at }),
        window === null ? [] : tx.query<OfKey<Part>>(SUMS, [ids, ...bucketsOf(window, at)]),
        tx.query<OfKey<{ kind: Kind; name: string; at: number }>>(LAST_USES, [ids]),
      ])
      const partsOf = Map.groupBy(parts, ({ key_id }) => key_id)
      const usesOf = Map.groupBy(uses, ({ key_id }) => key_id)
      const usages = new Map<string, KeyUsage>()
      for (const keyId of new Set([...partsOf.keys(), ...usesOf.keys()])) {
        const tallies: Readonly<Record<Kind, Record<string, Tally>>> = { total: {}, secret: {}, scope: {} }
        for (const { kind, name, at: lastAt } of usesOf.get(keyId) ?? []) tallies[kind][name] = { counts: [], lastAt, series: EMPTY_SERIES }
        const total = tallyOf(partsOf.get(keyId) ?? [], tallies.total['']?.lastAt ?? null)
        usages.set(keyId, { total, secrets: tallies.secret, scopes: tallies.scope, admissions: {} })
      }
      return { ...moment, usages }
    },
    { isSnapshot: true },
  )
}

/** $1, $2: the span and its first bucket; $3: the code. Refusals have an index of their own. */
const REFUSING = `SELECT DISTINCT c.key_id FROM keywright.counted c
  WHERE c.span = $1 AND c.bucket >= $2 AND c.code = $3 AND c.code <> ${ACCEPTED} AND c.kind = 'total' AND c.key_id NOT IN ('', '${WHOLE_STORE}')`

export interface RefusingQuestion extends Pick<Question, 'database' | 'node' | 'at'> {
  readonly code: RefusedCode
  readonly window: UsageWindow
}

/** The keys that refused a call so within a window. */
export function findRefusing({ database, node, code, window, at }: RefusingQuestion): Promise<{ flushes: number; ids: readonly string[] }> {
  return database.transaction(
    async (tx) => {
      const [{ flushes }, found] = await Promise.all([
        seenAt(tx, { node, at }),
        tx.query<{ key_id: string }>(REFUSING, [...bucketsOf(window, at), CODE_INDEX[code]]),
      ])
      return { flushes, ids: found.map(({ key_id }) => key_id) }
    },
    { isSnapshot: true },
  )
}

/** Those among counts that the database did not have. */
export function* pendingRefusing(pending: readonly Delta[], code: RefusedCode, window: UsageWindow, at: number): Generator<string> {
  for (const { minute, keys } of pending)
    if (isWithin(minute, window, at))
      for (const [keyId, { counts }] of keys) if (keyId !== NO_KEY && (counts[CODE_INDEX[code]] ?? 0) > 0) yield keyId
}

export interface OwnersQuestion extends Pick<Question, 'database' | 'node' | 'pendingIds' | 'at'> {
  readonly userIds: readonly string[]
  readonly window: UsageWindow
}

export interface FoundOwners {
  readonly flushes: number
  readonly alive: Series
  /** Calls within the window. Owners that were never counted are left out. */
  readonly totals: ReadonlyMap<string, Tally>
  /** Of the keys that this process has counted, whose each is: those of others are left out. */
  readonly ownerOf: ReadonlyMap<string, string>
}

/** $1: owners; $2, $3: the span and its first bucket. */
const OWNER_SUMS = `SELECT k.user_id, c.span, c.bucket, c.code, sum(c.calls)::bigint AS calls
  FROM keywright.keys k JOIN keywright.counted c ON c.key_id = k.id
  WHERE k.user_id = ANY($1::text[]) AND c.kind = 'total' AND c.span = $2 AND c.bucket >= $3
  GROUP BY k.user_id, c.span, c.bucket, c.code ORDER BY k.user_id, c.bucket`

const OWNERS = 'SELECT id, user_id FROM keywright.keys WHERE id = ANY($1::text[]) AND user_id = ANY($2::text[])'

/** One window of many owners at once. */
export function findOwners({ database, node, userIds, pendingIds, window, at }: OwnersQuestion): Promise<FoundOwners> {
  const users = userIds.filter(isText)
  return database.transaction(
    async (tx) => {
      const [moment, parts, owned] = await Promise.all([
        seenAt(tx, { node, at }),
        tx.query<Part & { readonly user_id: string }>(OWNER_SUMS, [users, ...bucketsOf(window, at)]),
        pendingIds.length === 0 ? [] : tx.query<{ id: string; user_id: string }>(OWNERS, [pendingIds, users]),
      ])
      const totals = new Map(
        Array.from(
          Map.groupBy(parts, ({ user_id }) => user_id),
          ([userId, own]) => [userId, tallyOf(own, null)],
        ),
      )
      return { ...moment, totals, ownerOf: new Map(owned.map(({ id, user_id }) => [id, user_id])) }
    },
    { isSnapshot: true },
  )
}

/** Each owner's calls, with those that the database did not have. */
export function ownerTotals(
  { totals, ownerOf }: FoundOwners,
  userIds: readonly string[],
  pending: readonly Delta[],
  now: number,
): (readonly [userId: string, total: Tally])[] {
  return userIds.map((userId) => {
    const isTheirs = (keyId: string): boolean => ownerOf.get(keyId) === userId
    return [userId, pendingTally(pending, isTheirs, totals.get(userId) ?? EMPTY_TALLY, now)]
  })
}
