// Usage at a glance: one pass over the totals of many keys, without an object for a bucket. Pure; counts as `usageStats` does.

import { NO_KEY } from './delta.ts'
import type { KeyCalls, Overview } from './stats.ts'
import { OVERVIEW_KEYS } from './stats.ts'
import { isoFrom } from './time.ts'
import type { Resolution, Series, Tally, UsageWindow } from './usage.ts'
import { ACCEPTED, CODE_INDEX, RESOLUTIONS, WINDOWS } from './usage.ts'
import { VERDICT_CODES } from './verdict.ts'

/** The sums of some buckets, the last of which is the current one. */
interface Columns {
  readonly resolution: Resolution
  readonly first: number
  /** Calls by bucket and code, all codes of a bucket side by side. */
  readonly calls: Float64Array
  /** Whether a bucket is known, with calls or without. */
  readonly isKnown: Uint8Array
}

const CODES = VERDICT_CODES.length
const RATE_LIMITED = CODE_INDEX.RATE_LIMITED

function createColumns(resolution: Resolution, buckets: number, at: number): Columns {
  const first = Math.floor(at / RESOLUTIONS[resolution].ms) - buckets + 1
  return { resolution, first, calls: new Float64Array(buckets * CODES), isKnown: new Uint8Array(buckets) }
}

/** Adds the buckets of a series that are among the columns. */
function addSeries({ resolution, first, calls, isKnown }: Columns, series: Series): void {
  const buckets = series[resolution]
  for (let index = buckets.length - 1; index >= 0; index--) {
    const bucket = buckets[index] as (typeof buckets)[number]
    const column = bucket[0] - first
    // Ascending: all that come before are older still.
    if (column < 0) return
    if (column >= isKnown.length) continue
    isKnown[column] = 1
    const from = column * CODES - 1
    for (let code = Math.min(CODES, bucket.length - 1); code > 0; code--)
      calls[from + code] = (calls[from + code] as number) + (bucket[code] as number)
  }
}

/** Calls of one code, by bucket; null where nobody was there to count. */
const callsByBucket = ({ calls, isKnown }: Columns, code: number): (number | null)[] =>
  Array.from(isKnown, (known, column) => (known === 0 ? null : (calls[column * CODES + code] as number)))

function sumOfCode({ calls }: Columns, code: number): number {
  let sum = 0
  for (let place = code; place < calls.length; place += CODES) sum += calls[place] as number
  return sum
}

/** The keys with the most calls of a kind. */
function createTop(kind: 'accepted' | 'rateLimited'): { add: (calls: KeyCalls) => void; keys: () => readonly KeyCalls[] } {
  let top: KeyCalls[] = []
  const compare = (a: KeyCalls, b: KeyCalls): number => b[kind] - a[kind] || (a.keyId < b.keyId ? -1 : 1)
  return {
    add(calls) {
      const least = top[OVERVIEW_KEYS - 1]
      if (calls[kind] === 0 || (least !== undefined && compare(calls, least) > 0)) return
      top = [...top, calls].sort(compare).slice(0, OVERVIEW_KEYS)
    },
    keys: () => top,
  }
}

/** Calls of one code in the buckets of a series that are among the columns. */
function callsWithin({ resolution, first, isKnown }: Columns, series: Series, code: number): number {
  const buckets = series[resolution]
  let sum = 0
  for (let index = buckets.length - 1; index >= 0; index--) {
    const bucket = buckets[index] as (typeof buckets)[number]
    const column = bucket[0] - first
    if (column < 0) break
    if (column < isKnown.length) sum += bucket[code + 1] ?? 0
  }
  return sum
}

/** The overview of the keys with these totals, each once; `NO_KEY` stands for calls that name no key. */
export function overviewOf(
  totals: Iterable<readonly [keyId: string, total: Tally]>,
  alive: Series,
  window: UsageWindow,
  at: number,
): Overview {
  const { resolution, buckets } = WINDOWS[window]
  const columns = createColumns(resolution, buckets, at)
  const hours = createColumns('hour', RESOLUTIONS.hour.kept, at)
  const [busiest, limited] = [createTop('accepted'), createTop('rateLimited')]
  let last: number | null = null
  for (const [keyId, { series, lastAt }] of totals) {
    addSeries(columns, series)
    addSeries(hours, series)
    if (lastAt !== null && (last === null || lastAt > last)) last = lastAt
    if (keyId === NO_KEY) continue
    const calls = { keyId, accepted: callsWithin(columns, series, ACCEPTED), rateLimited: callsWithin(columns, series, RATE_LIMITED) }
    busiest.add(calls)
    limited.add(calls)
  }
  for (const [bucket] of alive[resolution]) if (bucket >= columns.first) columns.isKnown[bucket - columns.first] = 1
  return {
    usageCount: sumOfCode(columns, ACCEPTED),
    rateLimitedCount: sumOfCode(columns, RATE_LIMITED),
    refused: Object.fromEntries(
      VERDICT_CODES.flatMap((code, index) => (code === 'VALID' ? [] : [[code, sumOfCode(columns, index)] as const])),
    ),
    lastUsedAt: last === null ? null : isoFrom(last),
    series: {
      bucket: resolution,
      start: isoFrom(columns.first * RESOLUTIONS[resolution].ms),
      accepted: callsByBucket(columns, ACCEPTED),
      rateLimited: callsByBucket(columns, RATE_LIMITED),
    },
    busiest: busiest.keys(),
    limited: limited.keys(),
    hours: Array.from(hours.isKnown, (_, column) => [hours.first + column, callsOfBucket(hours, column)] as const).filter(
      ([, calls]) => calls > 0,
    ),
  }
}

/** Calls of any code in a bucket. */
function callsOfBucket({ calls }: Columns, column: number): number {
  return calls.subarray(column * CODES, (column + 1) * CODES).reduce((sum, count) => sum + count, 0)
}
