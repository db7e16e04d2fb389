// Usage: what verifications count, how counts are merged and answered. Pure; bucket numbers are whole periods since 1970.

import type { Admission } from './admissions.ts'
import type { Calls, KeyDelta } from './delta.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from './time.ts'
import type { VerdictCode } from './verdict.ts'
import { VERDICT_CODES } from './verdict.ts'

export const MAX_EXERCISED_SCOPES = 200

/** Resolutions of a series: how long a bucket is and how many are kept. */
export const RESOLUTIONS = {
  minute: { ms: MINUTE_MS, kept: 120 },
  hour: { ms: HOUR_MS, kept: 168 },
  day: { ms: DAY_MS, kept: 90 },
} as const
export type Resolution = keyof typeof RESOLUTIONS
const RESOLUTION_NAMES = Object.keys(RESOLUTIONS) as Resolution[]

export const WINDOWS = {
  '1h': { resolution: 'minute', buckets: 60 },
  '24h': { resolution: 'hour', buckets: 24 },
  '7d': { resolution: 'hour', buckets: 168 },
  '30d': { resolution: 'day', buckets: 30 },
} as const satisfies Record<string, { resolution: Resolution; buckets: number }>
export type UsageWindow = keyof typeof WINDOWS

/** `[bucket, calls by code in the order of VERDICT_CODES…]`, trailing zeros left out; ascending, no bucket twice. */
type Bucket = readonly [bucket: number, ...counts: number[]]
export type Series = Readonly<Record<Resolution, readonly Bucket[]>>

/** Calls of one key, one secret or one scope. `lastAt` is milliseconds since 1970. */
export interface Tally {
  readonly counts: readonly number[]
  readonly lastAt: number | null
  readonly series: Series
}

export interface KeyUsage {
  readonly total: Tally
  /** Accepted calls by shortId and by required scope. */
  readonly secrets: Readonly<Record<string, Tally>>
  readonly scopes: Readonly<Record<string, Tally>>
  /** Calls that processes admitted in the key's limits and that may still be inside a window. */
  readonly admissions: Readonly<Record<string, SharedLimit>>
}

/** Usage as it is asked of many keys at once: calls within one window, and when secrets and scopes were used last. */
export interface UsageGlance {
  readonly total: Pick<Tally, 'lastAt' | 'series'>
  readonly secrets: Readonly<Record<string, Pick<Tally, 'lastAt'>>>
  readonly scopes: Readonly<Record<string, Pick<Tally, 'lastAt'>>>
}

export interface SharedLimit {
  readonly windowMs: number
  readonly calls: readonly Admission[]
}

export const EMPTY_SERIES: Series = { minute: [], hour: [], day: [] }
export const EMPTY_TALLY: Tally = { counts: [], lastAt: null, series: EMPTY_SERIES }
export const EMPTY_KEY_USAGE: KeyUsage = { total: EMPTY_TALLY, secrets: {}, scopes: {}, admissions: {} }

export const CODE_INDEX = Object.fromEntries(VERDICT_CODES.map((code, index) => [code, index])) as Record<VerdictCode, number>
export const ACCEPTED = CODE_INDEX.VALID

export const addCounts = (a: readonly number[], b: readonly number[]): number[] => {
  const sum = a.slice()
  for (let index = 0; index < b.length; index++) sum[index] = (sum[index] ?? 0) + (b[index] as number)
  while (sum.at(-1) === 0) sum.pop()
  return sum
}

/** The same that may be written to: nobody else holds it. Only buckets are never changed but replaced. */
type Own<T> = T extends Bucket | KeyUsage['admissions'] ? T : T extends object ? { -readonly [N in keyof T]: Own<T[N]> } : T

const ownSeries = ({ minute, hour, day }: Series): Own<Series> => ({ minute: minute.slice(), hour: hour.slice(), day: day.slice() })

const ownTally = ({ counts, lastAt, series }: Tally): Own<Tally> => ({ counts: counts.slice(), lastAt, series: ownSeries(series) })

const ownTallies = (tallies: Tallies): Own<Tallies> =>
  Object.fromEntries(Object.entries(tallies).map(([name, tally]) => [name, ownTally(tally)]))

/** One that may be counted in. */
export type OwnUsage = Own<KeyUsage>

export const ownUsage = ({ total, secrets, scopes, admissions }: KeyUsage): OwnUsage => ({
  total: ownTally(total),
  secrets: ownTallies(secrets),
  scopes: ownTallies(scopes),
  admissions,
})

function addToBucket(bucket: Bucket, counts: readonly number[]): Bucket {
  const sum = bucket.slice()
  for (let index = 0; index < counts.length; index++) sum[index + 1] = (sum[index + 1] ?? 0) + (counts[index] as number)
  while (sum.length > 1 && sum.at(-1) === 0) sum.pop()
  return sum as unknown as Bucket
}

function countInSeries(series: Own<Series>, minute: number, counts: readonly number[], now: number): void {
  for (const name of RESOLUTION_NAMES) {
    const { ms, kept } = RESOLUTIONS[name]
    const buckets = series[name]
    const bucket = Math.floor((minute * MINUTE_MS) / ms)
    let at = buckets.length
    while (at > 0 && (buckets[at - 1] as Bucket)[0] > bucket) at--
    const known = buckets[at - 1]
    if (known?.[0] === bucket) buckets[at - 1] = addToBucket(known, counts)
    else buckets.splice(at, 0, addToBucket([bucket], counts))
    const first = Math.floor(now / ms) - kept + 1
    const outdated = buckets.findIndex(([one]) => one >= first)
    if (outdated !== 0) buckets.splice(0, outdated < 0 ? buckets.length : outdated)
  }
}

/** Adds counts of the minute to a series, and forgets buckets that are too old to be kept at `now`. */
export function addToSeries(series: Series, minute: number, counts: readonly number[], now: number): Series {
  const sum = ownSeries(series)
  countInSeries(sum, minute, counts, now)
  return sum
}

/** The series without buckets that are too old to be kept at `now`. */
function trimSeries(series: Series, now: number): Series {
  const next = {} as Record<Resolution, readonly Bucket[]>
  for (const name of RESOLUTION_NAMES) {
    const first = Math.floor(now / RESOLUTIONS[name].ms) - RESOLUTIONS[name].kept + 1
    next[name] = series[name].filter(([bucket]) => bucket >= first)
  }
  return next
}

const trimTallies = (tallies: Tallies, now: number): Tallies =>
  Object.fromEntries(Object.entries(tallies).map(([name, tally]) => [name, { ...tally, series: trimSeries(tally.series, now) }]))

/** The usage without buckets that are too old to be kept. */
export function trimmed(usage: KeyUsage, now: number): KeyUsage {
  return {
    ...usage,
    total: { ...usage.total, series: trimSeries(usage.total.series, now) },
    secrets: trimTallies(usage.secrets, now),
    scopes: trimTallies(usage.scopes, now),
  }
}

function countInTally(tally: Own<Tally>, minute: number, counts: readonly number[], lastAt: number | null, now: number): void {
  tally.counts = addCounts(tally.counts, counts)
  if (lastAt !== null) tally.lastAt = Math.max(lastAt, tally.lastAt ?? 0)
  countInSeries(tally.series, minute, counts, now)
}

export type Tallies = Readonly<Record<string, Tally>>

/** Counts in tallies of one's own; answers them, or others where a name is new. */
function countInTallies(tallies: Own<Tallies>, added: ReadonlyMap<string, Calls>, minute: number, now: number, most: number): Own<Tallies> {
  let all = tallies
  for (const [name, { count, lastAt }] of added) {
    if (!Object.hasOwn(all, name)) all = withTally(all, name, most)
    countInTally(all[name] as Own<Tally>, minute, [count], lastAt, now)
  }
  return all
}

function withTally(tallies: Own<Tallies>, name: string, most: number): Own<Tallies> {
  const next = new Map(Object.entries(tallies))
  if (next.size >= most) dropLeastRecent(next)
  return Object.fromEntries(next.set(name, ownTally(EMPTY_TALLY)))
}

function dropLeastRecent(tallies: Map<string, Own<Tally>>): void {
  let oldest: string | null = null
  for (const [name, { lastAt }] of tallies) if (oldest === null || (lastAt ?? 0) < (tallies.get(oldest)?.lastAt ?? 0)) oldest = name
  if (oldest !== null) tallies.delete(oldest)
}

export const MAX_COUNTED_SECRETS = 32

/** The total of a key with a minute's calls added. */
export function addToTotal(total: Tally, { counts, lastAt }: KeyDelta, minute: number, now: number): Tally {
  const sum = ownTally(total)
  countInTally(sum, minute, counts, lastAt, now)
  return sum
}

/** The usage of a key with a minute's calls added. */
export function addDelta(usage: KeyUsage, delta: KeyDelta, minute: number, now: number): KeyUsage {
  return countIn(ownUsage(usage), delta, minute, now)
}

/**
 * The same in place, for a usage that nobody else holds, as a flush parses it. Copies of many keys, one after the other, are
 * garbage that the engine may take for lasting: it then moves them all into the old heap, while everything waits.
 */
export function countIn(usage: OwnUsage, delta: KeyDelta, minute: number, now: number): OwnUsage {
  countInTally(usage.total, minute, delta.counts, delta.lastAt, now)
  usage.secrets = countInTallies(usage.secrets, delta.secrets, minute, now, MAX_COUNTED_SECRETS)
  usage.scopes = countInTallies(usage.scopes, delta.scopes, minute, now, MAX_EXERCISED_SCOPES)
  return usage
}

/** A sum over buckets and totals, for an owner or the whole store. */
function sumTallies(tallies: readonly Tally[]): Tally {
  const series = {} as Record<Resolution, Bucket[]>
  for (const name of RESOLUTION_NAMES) {
    const sums = new Map<number, readonly number[]>()
    for (const tally of tallies)
      for (const [bucket, ...counts] of tally.series[name]) sums.set(bucket, addCounts(sums.get(bucket) ?? [], counts))
    series[name] = [...sums].sort(([a], [b]) => a - b).map(([bucket, counts]) => [bucket, ...counts])
  }
  return {
    counts: tallies.reduce<readonly number[]>((sum, tally) => addCounts(sum, tally.counts), []),
    lastAt: tallies.reduce<number | null>(
      (last, { lastAt }) => (lastAt === null || (last !== null && last > lastAt) ? last : lastAt),
      null,
    ),
    series,
  }
}

function sumByName(all: readonly Tallies[]): Tallies {
  const grouped = Map.groupBy(
    all.flatMap((tallies) => Object.entries(tallies)),
    ([name]) => name,
  )
  return Object.fromEntries([...grouped].map(([name, entries]) => [name, sumTallies(entries.map(([, tally]) => tally))]))
}

/** The usages of several keys as one. */
export function sumUsages(usages: readonly KeyUsage[]): KeyUsage {
  if (usages.length === 1) return usages[0] as KeyUsage
  return {
    total: sumTallies(usages.map((usage) => usage.total)),
    secrets: sumByName(usages.map((usage) => usage.secrets)),
    scopes: sumByName(usages.map((usage) => usage.scopes)),
    admissions: {},
  }
}

/** Marks the minutes from `since` to `now` as covered by a living process; a longer silence than `MAX_SPAN_MS` is no cover. */
export function addAlive(alive: Series, since: number, now: number): Series {
  const last = Math.floor(now / MINUTE_MS)
  let next = alive
  for (let minute = now - since > MAX_SPAN_MS ? last : Math.floor(since / MINUTE_MS); minute <= last; minute++) {
    if (next.minute.at(-1)?.[0] !== minute) next = addToSeries(next, minute, [], now)
  }
  return next
}

/** A process that wrote nothing for longer was stopped or asleep. */
const MAX_SPAN_MS = 3 * MINUTE_MS
