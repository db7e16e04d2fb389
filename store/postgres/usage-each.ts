// Reading the usage of many keys at once, each by itself: what one window needs of it, in one transaction however many they are.

import type { KeyUsage, Series, Tally, UsageWindow } from '../../src/domain/usage.ts'
import { EMPTY_SERIES, RESOLUTIONS, WINDOWS } from '../../src/domain/usage.ts'
import { isText } from './key-filter.ts'
import type { Part, Question } from './usage-read.ts'
import { seenAt, tallyOf } from './usage-read.ts'
import type { Kind } from './usage-rows.ts'

export interface EachQuestion extends Pick<Question, 'database' | 'node' | 'at'> {
  readonly keyIds: readonly string[]
  readonly window: UsageWindow
}

export interface FoundEach {
  /** The last batch of this process that is in it. */
  readonly flushes: number
  readonly alive: Series
  /** Of secrets and scopes only the last use, and no counts of all time. Those that were never counted are left out. */
  readonly usages: ReadonlyMap<string, KeyUsage>
}

type OfKey<T> = T & { readonly key_id: string }

/** $1: keys; $2, $3: the span and its first bucket. */
const SUMS = `SELECT c.key_id, c.span, c.bucket, c.code, sum(c.calls)::bigint AS calls
  FROM keywright.counted c
  WHERE c.key_id = ANY($1::text[]) AND c.kind = 'total' AND c.span = $2 AND c.bucket >= $3
  GROUP BY c.key_id, c.span, c.bucket, c.code ORDER BY c.key_id, c.bucket`

const LAST_USES = `SELECT c.key_id, c.kind, c.name, max(c.at) AS at
  FROM keywright.used c WHERE c.key_id = ANY($1::text[]) GROUP BY c.key_id, c.kind, c.name`

export function findEach({ database, node, keyIds, window, at }: EachQuestion): Promise<FoundEach> {
  const { resolution, buckets } = WINDOWS[window]
  const first = Math.floor(at / RESOLUTIONS[resolution].ms) - buckets + 1
  const ids = keyIds.filter(isText)
  return database.transaction(
    async (tx) => {
      const [moment, parts, uses] = await Promise.all([
        seenAt(tx, { node, at }),
        tx.query<OfKey<Part>>(SUMS, [ids, resolution, first]),
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
