// Usage out of many counts at once: the same as adding them one after the other, without a copy of everything for each. Pure.

import type { KeyDelta } from '../domain/delta.ts'
import { MINUTE_MS } from '../domain/time.ts'
import type { KeyUsage, Resolution, Series, Tallies, Tally } from '../domain/usage.ts'
import { EMPTY_KEY_USAGE, RESOLUTIONS } from '../domain/usage.ts'

/** What was counted of one key within one minute. */
export interface MinuteDelta extends KeyDelta {
  readonly minute: number
}

interface Counted {
  readonly minute: number
  readonly counts: readonly number[]
  readonly lastAt: number | null
}

/** The usage of a key as it is seen at `now`, from counts in the order of time. */
export function usageFrom(deltas: readonly MinuteDelta[], now: number): KeyUsage {
  return {
    ...EMPTY_KEY_USAGE,
    total: tallyFrom(deltas, now),
    secrets: talliesFrom(deltas, ({ secrets }) => secrets, now),
    scopes: talliesFrom(deltas, ({ scopes }) => scopes, now),
  }
}

function talliesFrom(deltas: readonly MinuteDelta[], callsOf: (delta: MinuteDelta) => KeyDelta['secrets'], now: number): Tallies {
  const byName = new Map<string, Counted[]>()
  for (const delta of deltas) {
    for (const [name, { count, lastAt }] of callsOf(delta)) {
      const counted = byName.get(name) ?? []
      counted.push({ minute: delta.minute, counts: [count], lastAt })
      byName.set(name, counted)
    }
  }
  return Object.fromEntries([...byName].map(([name, counted]) => [name, tallyFrom(counted, now)]))
}

function tallyFrom(counted: readonly Counted[], now: number): Tally {
  const sums: number[] = []
  let last: number | null = null
  for (const { counts, lastAt } of counted) {
    addInPlace(sums, counts, 0)
    if (lastAt !== null) last = Math.max(lastAt, last ?? 0)
  }
  return { counts: sums, lastAt: last, series: seriesFrom(counted, now) }
}

/** Adds counts to numbers that begin behind an offset. */
function addInPlace(sums: number[], counts: readonly number[], offset: number): void {
  for (let index = 0; index < counts.length; index++) sums[index + offset] = (sums[index + offset] ?? 0) + (counts[index] ?? 0)
}

/** A series out of counts in the order of time; their trailing zeros are left out already. */
export function seriesFrom(counted: readonly Pick<Counted, 'minute' | 'counts'>[], now: number): Series {
  const series = {} as Record<Resolution, [number, ...number[]][]>
  for (const name of Object.keys(RESOLUTIONS) as Resolution[]) {
    const { ms, kept } = RESOLUTIONS[name]
    const first = Math.floor(now / ms) - kept + 1
    const buckets: [number, ...number[]][] = []
    for (const { minute, counts } of counted) {
      const bucket = Math.floor((minute * MINUTE_MS) / ms)
      if (bucket < first) continue
      let last = buckets.at(-1)
      if (last?.[0] !== bucket) {
        last = [bucket]
        buckets.push(last)
      }
      addInPlace(last, counts, 1)
    }
    series[name] = buckets
  }
  return series
}
