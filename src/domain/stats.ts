// Statistics: what usage is answered as, for a window or for all time. Pure.

import { isoFrom, MINUTE_MS } from './time.ts'
import type { KeyUsage, Resolution, Series, Tallies, Tally, UsageWindow } from './usage.ts'
import { ACCEPTED, addCounts, CODE_INDEX, RESOLUTIONS, WINDOWS } from './usage.ts'
import type { RefusedCode, VerdictCode } from './verdict.ts'
import { VERDICT_CODES } from './verdict.ts'

/** What `stats --json` prints. A null in the series is a time in which no process was alive to count. */
export interface UsageStats {
  readonly usageCount: number
  readonly rateLimitedCount: number
  readonly refused: Readonly<Partial<Record<VerdictCode, number>>>
  readonly lastUsedAt: string | null
  readonly bySecret: Readonly<Record<string, number>>
  readonly byScope: Readonly<Record<string, { readonly count: number; readonly lastAt: string | null }>>
  readonly series: {
    readonly bucket: Resolution
    readonly start: string
    readonly accepted: readonly (number | null)[]
    readonly rateLimited: readonly (number | null)[]
  }
}

/** One key's calls within a window. */
export interface KeyCalls {
  readonly keyId: string
  readonly accepted: number
  readonly rateLimited: number
}

/** Usage at a glance, of a window. Counts and series are those of `usageStats` for the same selector and window. */
export interface Overview extends Pick<UsageStats, 'usageCount' | 'rateLimitedCount' | 'refused' | 'lastUsedAt' | 'series'> {
  /** The keys with the most accepted calls, and those with the most rate-limited ones; most first, none without a call. */
  readonly busiest: readonly KeyCalls[]
  readonly limited: readonly KeyCalls[]
  /** Calls of any code by hour, over all hours that are kept: `[hours since 1970, calls]`, ascending; for the heatmap. */
  readonly hours: readonly (readonly [hour: number, calls: number])[]
}

/** How many keys an overview names in each of its two lists. */
export const OVERVIEW_KEYS = 10

const isoOrNull = (ms: number | null): string | null => (ms === null ? null : isoFrom(ms))

/** The counts of a tally: all of them, or those of the window's buckets. */
const countsOf = (tally: Tally, window: UsageWindow | undefined, now: number): readonly number[] =>
  window === undefined ? tally.counts : countsWithin(tally, window, now)

/** The counts of the buckets within a window. */
export function countsWithin(tally: Pick<Tally, 'series'>, window: UsageWindow, now: number): readonly number[] {
  const { resolution, buckets } = WINDOWS[window]
  const last = Math.floor(now / RESOLUTIONS[resolution].ms)
  return tally.series[resolution]
    .filter(([bucket]) => bucket > last - buckets && bucket <= last)
    .reduce<readonly number[]>((sum, [, ...counts]) => addCounts(sum, counts), [])
}

/** Whether a minute, counted since 1970, lies in a bucket of the window. */
export function isWithin(minute: number, window: UsageWindow, now: number): boolean {
  const { resolution, buckets } = WINDOWS[window]
  const { ms } = RESOLUTIONS[resolution]
  const [bucket, last] = [Math.floor((minute * MINUTE_MS) / ms), Math.floor(now / ms)]
  return bucket > last - buckets && bucket <= last
}

/** Whether some call within the window got that answer. */
export const isRefusing = (tally: Pick<Tally, 'series'>, code: RefusedCode, window: UsageWindow, now: number): boolean =>
  (countsWithin(tally, window, now)[CODE_INDEX[code]] ?? 0) > 0

/**
 * Statistics over one usage. With a window the counts are the window's, else of all time; the series is the window's, else
 * the last hour's; its last bucket is the current one. `alive` tells in which buckets some process was there to count.
 */
export function usageStats(usage: KeyUsage, alive: Series, window: UsageWindow | undefined, now: number): UsageStats {
  const counts = countsOf(usage.total, window, now)
  return {
    usageCount: counts[ACCEPTED] ?? 0,
    rateLimitedCount: counts[CODE_INDEX.RATE_LIMITED] ?? 0,
    refused: Object.fromEntries(VERDICT_CODES.filter((code) => code !== 'VALID').map((code) => [code, counts[CODE_INDEX[code]] ?? 0])),
    lastUsedAt: isoOrNull(usage.total.lastAt),
    bySecret: within(
      usage.secrets,
      (tally) => countsOf(tally, window, now)[ACCEPTED] ?? 0,
      (tally) => tally,
    ),
    byScope: within(
      usage.scopes,
      (tally) => countsOf(tally, window, now)[ACCEPTED] ?? 0,
      (tally, { lastAt }) => ({ count: tally, lastAt: isoOrNull(lastAt) }),
    ),
    series: callSeries(usage.total, alive, window ?? '1h', now),
  }
}

/** The series of a window; its last bucket is the current one. */
export function callSeries(total: Pick<Tally, 'series'>, alive: Series, window: UsageWindow, now: number): UsageStats['series'] {
  const { resolution, buckets } = WINDOWS[window]
  const first = Math.floor(now / RESOLUTIONS[resolution].ms) - buckets + 1
  const calls = new Map(total.series[resolution].map(([bucket, ...byCode]) => [bucket, byCode]))
  const isAlive = new Set(alive[resolution].map(([bucket]) => bucket))
  const column = (code: VerdictCode) =>
    Array.from(
      { length: buckets },
      (_, index) => calls.get(first + index)?.[CODE_INDEX[code]] ?? (calls.has(first + index) || isAlive.has(first + index) ? 0 : null),
    )
  return {
    bucket: resolution,
    start: isoFrom(first * RESOLUTIONS[resolution].ms),
    accepted: column('VALID'),
    rateLimited: column('RATE_LIMITED'),
  }
}

function within<T>(tallies: Tallies, calls: (tally: Tally) => number, shape: (calls: number, tally: Tally) => T): Record<string, T> {
  const entries = Object.entries(tallies).flatMap(([name, tally]) =>
    calls(tally) > 0 ? [[name, shape(calls(tally), tally)] as const] : [],
  )
  return Object.fromEntries(entries)
}
