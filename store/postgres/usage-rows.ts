// Counts of a process as rows, in the order in which every node writes them, so that no two wait for each other. Pure.

import type { Delta, KeyDelta } from '../../src/domain/delta.ts'
import type { Tally } from '../../src/domain/usage.ts'
import { ACCEPTED, addCounts, addToTotal } from '../../src/domain/usage.ts'
import { WHOLE_STORE } from './schema.ts'

export type Kind = 'total' | 'secret' | 'scope'

/** Rows of one statement, column by column: as `unnest` takes them. */
export interface FreshRows {
  readonly keyIds: string[]
  readonly kinds: Kind[]
  readonly names: string[]
  readonly minutes: number[]
  readonly codes: number[]
  readonly calls: number[]
  readonly ats: (number | null)[]
}

export interface LastUses {
  readonly keyIds: string[]
  readonly ats: number[]
}

/** Rows of one statement: building and encoding them is well below what a verification may wait. */
const MAX_BLOCK = 600

const emptyRows = (): FreshRows => ({ keyIds: [], kinds: [], names: [], minutes: [], codes: [], calls: [], ats: [] })

/** The same order on every node is all that it needs. */
export const keyIdsOf = (deltas: readonly Delta[]): string[] => [...new Set(deltas.flatMap(({ keys }) => [...keys.keys()]))].sort()

const byMinute = (deltas: readonly Delta[]): readonly Delta[] => deltas.toSorted((a, b) => a.minute - b.minute)

/** What was counted of one key, by minute. */
type Minutes = readonly { readonly minute: number; readonly key: KeyDelta }[]

/** Rows of the keys, sorted by key, kind, name, minute and code. */
export function* freshBlocks(deltas: readonly Delta[], keyIds: readonly string[]): Generator<FreshRows> {
  const sorted = byMinute(deltas)
  let block = emptyRows()
  for (const keyId of keyIds) {
    const minutes: { minute: number; key: KeyDelta }[] = []
    for (const { minute, keys } of sorted) {
      const key = keys.get(keyId)
      if (key !== undefined) minutes.push({ minute, key })
    }
    for (const { minute, key } of minutes) pushTotal(block, keyId, minute, key)
    pushNamed(block, keyId, 'secret', minutes)
    pushNamed(block, keyId, 'scope', minutes)
    if (block.keyIds.length < MAX_BLOCK) continue
    yield block
    block = emptyRows()
  }
  if (block.keyIds.length > 0) yield block
}

function pushTotal(block: FreshRows, keyId: string, minute: number, { counts, lastAt }: KeyDelta): void {
  for (let code = 0; code < counts.length; code++) {
    const calls = counts[code] as number
    if (calls > 0) push(block, keyId, 'total', '', minute, code, calls, code === ACCEPTED ? lastAt : null)
  }
}

const NAMED = { secret: 'secrets', scope: 'scopes' } as const

function pushNamed(block: FreshRows, keyId: string, kind: keyof typeof NAMED, minutes: Minutes): void {
  for (const name of namesOf(kind, minutes)) {
    for (const { minute, key } of minutes) {
      const calls = key[NAMED[kind]].get(name)
      if (calls !== undefined) push(block, keyId, kind, name, minute, ACCEPTED, calls.count, calls.lastAt)
    }
  }
}

/** Almost always there is one minute, with one secret and one scope. */
function namesOf(kind: keyof typeof NAMED, minutes: Minutes): Iterable<string> {
  const first = minutes[0]?.key[NAMED[kind]]
  if (first !== undefined && minutes.length === 1 && first.size <= 1) return first.keys()
  const names = new Set<string>()
  for (const { key } of minutes) for (const name of key[NAMED[kind]].keys()) names.add(name)
  return [...names].sort()
}

function push(
  rows: FreshRows,
  keyId: string,
  kind: Kind,
  name: string,
  minute: number,
  code: number,
  calls: number,
  at: number | null,
): void {
  rows.keyIds.push(keyId)
  rows.kinds.push(kind)
  rows.names.push(name)
  rows.minutes.push(minute)
  rows.codes.push(code)
  rows.calls.push(calls)
  rows.ats.push(at)
}

/** What the whole store is counted under, by minute and code. */
export function storeRows(deltas: readonly Delta[]): FreshRows {
  const rows = emptyRows()
  for (const { minute, keys } of byMinute(deltas)) {
    let sum: readonly number[] = []
    for (const { counts } of keys.values()) sum = addCounts(sum, counts)
    sum.forEach((calls, code) => {
      if (calls > 0) push(rows, WHOLE_STORE, 'total', '', minute, code, calls, null)
    })
  }
  return rows
}

/** When keys were used last, in the order of their ids. */
export function* lastUseBlocks(deltas: readonly Delta[], keyIds: readonly string[]): Generator<LastUses> {
  let block: LastUses = { keyIds: [], ats: [] }
  for (const keyId of keyIds) {
    const last = lastUseOf(deltas, keyId)
    if (last === null) continue
    block.keyIds.push(keyId)
    block.ats.push(last)
    if (block.keyIds.length < MAX_BLOCK) continue
    yield block
    block = { keyIds: [], ats: [] }
  }
  if (block.keyIds.length > 0) yield block
}

/** When a key was used last, as far as these counts know. */
export function lastUseOf(deltas: readonly Delta[], keyId: string): number | null {
  let last: number | null = null
  for (const { keys } of deltas) {
    const at = keys.get(keyId)?.lastAt ?? null
    if (at !== null && (last === null || at > last)) last = at
  }
  return last
}

/** When the first of these minutes with an accepted call of the key had its last one. */
export function firstUseOf(deltas: readonly Delta[], keyId: string): number | null {
  let first: Delta | null = null
  for (const delta of deltas)
    if (typeof delta.keys.get(keyId)?.lastAt === 'number' && (first === null || delta.minute < first.minute)) first = delta
  return first?.keys.get(keyId)?.lastAt ?? null
}

/** The calls of some keys as one tally. */
export function pendingTally(deltas: readonly Delta[], isSelected: (keyId: string) => boolean, from: Tally, now: number): Tally {
  let sum = from
  for (const { minute, keys } of byMinute(deltas)) {
    let counts: readonly number[] = []
    let lastAt: number | null = null
    for (const [keyId, key] of keys) {
      if (!isSelected(keyId)) continue
      counts = addCounts(counts, key.counts)
      if (key.lastAt !== null) lastAt = Math.max(key.lastAt, lastAt ?? 0)
    }
    if (counts.length > 0) sum = addToTotal(sum, { counts: [...counts], lastAt, secrets: new Map(), scopes: new Map() }, minute, now)
  }
  return sum
}
