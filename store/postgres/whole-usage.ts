// The counts of a store in a database, key by key, as a copy takes them; and such counts as rows. Sums of the whole store are made anew.

import { NO_KEY } from '../../src/domain/delta.ts'
import type { KeyUsage, Resolution, SharedLimit, Tallies, Tally } from '../../src/domain/usage.ts'
import { EMPTY_TALLY, RESOLUTIONS, sumUsages } from '../../src/domain/usage.ts'
import type { KeyedUsage } from '../whole.ts'
import type { Queryable } from './connection.ts'
import { WHOLE_STORE } from './schema.ts'

const KEYS_AT_ONCE = 100
const SPANS = Object.keys(RESOLUTIONS) as Resolution[]

/** All that anything is counted for: what names no key first, then keys in the order of their birth, then purged ones. */
const COUNTED_KEYS = `SELECT found.key_id FROM (
    SELECT key_id FROM keywright.usage UNION SELECT key_id FROM keywright.fresh
    UNION SELECT key_id FROM keywright.last_use UNION SELECT key_id FROM keywright.limits) AS found
  LEFT JOIN keywright.keys k ON k.id = found.key_id
  WHERE found.key_id <> '${WHOLE_STORE}' ORDER BY found.key_id <> '${NO_KEY}', k.place, found.key_id`

const CALLS = `SELECT key_id, kind, name, span, bucket, code, sum(calls)::bigint AS calls FROM keywright.counted
  WHERE key_id = ANY($1) GROUP BY key_id, kind, name, span, bucket, code ORDER BY key_id, kind, name, span, bucket, code`
const LAST_USES = `SELECT key_id, kind, name, max(at) AS at FROM keywright.used WHERE key_id = ANY($1)
  GROUP BY key_id, kind, name ORDER BY key_id, kind, name`
const LIMITS = `SELECT key_id, name, until, calls::double precision[] AS calls, whole_at FROM keywright.limits
  WHERE key_id = ANY($1) AND cardinality(until) > 0 ORDER BY key_id, name`

interface CallsRow {
  readonly key_id: string
  readonly kind: 'total' | 'secret' | 'scope'
  readonly name: string
  readonly span: Resolution | 'ever'
  readonly bucket: number
  readonly code: number
  readonly calls: number
}

interface LastUseRow extends Pick<CallsRow, 'key_id' | 'kind' | 'name'> {
  readonly at: number
}

interface LimitRow {
  readonly key_id: string
  readonly name: string
  readonly until: readonly number[]
  readonly calls: readonly number[]
  readonly whole_at: number
}

export async function* usagePages(tx: Queryable): AsyncGenerator<readonly KeyedUsage[]> {
  const ids = (await tx.query<{ key_id: string }>(COUNTED_KEYS)).map(({ key_id }) => key_id)
  for (let from = 0; from < ids.length; from += KEYS_AT_ONCE) {
    const some = ids.slice(from, from + KEYS_AT_ONCE)
    const calls = Map.groupBy(await tx.query<CallsRow>(CALLS, [some]), ({ key_id }) => key_id)
    const lastUses = Map.groupBy(await tx.query<LastUseRow>(LAST_USES, [some]), ({ key_id }) => key_id)
    const limits = Map.groupBy(await tx.query<LimitRow>(LIMITS, [some]), ({ key_id }) => key_id)
    yield some.map((keyId) => ({ keyId, usage: usageOf(calls.get(keyId) ?? [], lastUses.get(keyId) ?? [], limits.get(keyId) ?? []) }))
  }
}

function usageOf(calls: readonly CallsRow[], lastUses: readonly LastUseRow[], limits: readonly LimitRow[]): KeyUsage {
  const tallies = (kind: CallsRow['kind']): Tallies => {
    const rows = Map.groupBy(
      calls.filter((row) => row.kind === kind),
      ({ name }) => name,
    )
    const lastAts = new Map(lastUses.flatMap(({ kind: of, name, at }) => (of === kind ? [[name, at]] : [])))
    const names = new Set([...lastAts.keys(), ...rows.keys()])
    return Object.fromEntries([...names].map((name) => [name, tallyOf(rows.get(name) ?? [], lastAts.get(name) ?? null)]))
  }
  return {
    total: tallies('total')[''] ?? EMPTY_TALLY,
    secrets: tallies('secret'),
    scopes: tallies('scope'),
    admissions: Object.fromEntries(limits.map((row) => [row.name, admissionsOf(row)])),
  }
}

function tallyOf(rows: readonly CallsRow[], lastAt: number | null): Tally {
  const countsIn = (these: readonly CallsRow[]): number[] => {
    const counts = Array.from<number>({ length: 1 + Math.max(-1, ...these.map(({ code }) => code)) }).fill(0)
    for (const { code, calls } of these) counts[code] = calls
    return counts
  }
  const seriesOf = (name: Resolution): Tally['series'][Resolution] =>
    [
      ...Map.groupBy(
        rows.filter(({ span }) => span === name),
        ({ bucket }) => bucket,
      ),
    ].map(([bucket, these]) => [bucket, ...countsIn(these)] as const)
  return {
    counts: countsIn(rows.filter(({ span }) => span === 'ever')),
    lastAt,
    series: { minute: seriesOf('minute'), hour: seriesOf('hour'), day: seriesOf('day') },
  }
}

/** Whoever admitted them is not known any more: processes of the copy have seen none of them. */
const BY_OTHERS = '*'
const FIRST_WRITE = 1

function admissionsOf({ until, calls, whole_at }: LimitRow): SharedLimit {
  return {
    windowMs: whole_at - (until.at(-1) as number),
    calls: until.map((at, index) => ({ seq: FIRST_WRITE, at, count: calls[index] as number, by: BY_OTHERS })),
  }
}

/** Columns of rows, as `unnest` takes them. */
export interface UsageRows {
  readonly calls: readonly [string[], string[], string[], string[], number[], number[], number[]]
  readonly lastUses: readonly [string[], string[], string[], number[]]
}

export function usageRows(usages: readonly KeyedUsage[]): UsageRows {
  const rows: UsageRows = { calls: [[], [], [], [], [], [], []], lastUses: [[], [], [], []] }
  for (const { keyId, usage } of usages) {
    addTally(rows, [keyId, 'total', ''], usage.total)
    for (const [name, tally] of Object.entries(usage.secrets)) addTally(rows, [keyId, 'secret', name], tally)
    for (const [name, tally] of Object.entries(usage.scopes)) addTally(rows, [keyId, 'scope', name], tally)
  }
  return rows
}

function addTally({ calls, lastUses }: UsageRows, of: readonly [keyId: string, kind: string, name: string], tally: Tally): void {
  const add = (span: string, bucket: number, counts: readonly number[]): void =>
    counts.forEach((count, code) => {
      if (count > 0) [...of, span, bucket, code, count].forEach((value, column) => void (calls[column] as unknown[]).push(value))
    })
  add('ever', 0, tally.counts)
  for (const span of SPANS) for (const [bucket, ...counts] of tally.series[span]) add(span, bucket, counts)
  if (tally.lastAt !== null) [...of, tally.lastAt].forEach((value, column) => void (lastUses[column] as unknown[]).push(value))
}

/** The whole store's total with those of more keys: its last use is that of its keys. */
export function addToStore(total: Tally, usages: readonly KeyedUsage[]): Tally {
  const all = [total, ...usages.map(({ usage }) => usage.total)].map((one) => ({ total: one, secrets: {}, scopes: {}, admissions: {} }))
  return { ...sumUsages(all).total, lastAt: null }
}

/** As many groups of calls as keywright.take keeps. */
const MAX_GROUPS = 64

/** What was admitted in a key's limits, as rows: groups of calls that count as of their last one, never too early. */
export function limitRows({ keyId, usage }: KeyedUsage): readonly LimitRow[] {
  return Object.entries(usage.admissions).flatMap(([name, { windowMs, calls }]) => {
    const groups = calls.map(({ at, count }) => ({ at, count })).sort((a, b) => a.at - b.at)
    while (groups.length > MAX_GROUPS) {
      const [older, newer] = groups as [(typeof groups)[number], (typeof groups)[number]]
      groups.splice(0, 2, { at: newer.at, count: older.count + newer.count })
    }
    const last = groups.at(-1)
    if (last === undefined) return []
    return [
      { key_id: keyId, name, until: groups.map(({ at }) => at), calls: groups.map(({ count }) => count), whole_at: last.at + windowMs },
    ]
  })
}
