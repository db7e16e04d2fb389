// Counts of a process as rows, in the order in which every node writes them, so that no two wait for each other. Pure.

import type { Calls, Delta, KeyDelta } from '../../src/domain/delta.ts'
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
const MAX_BLOCK = 2_000

const emptyRows = (): FreshRows => ({ keyIds: [], kinds: [], names: [], minutes: [], codes: [], calls: [], ats: [] })

type Put = (kind: Kind, name: string, minute: number, code: number, calls: number, at: number | null) => void

/** The same order on every node is all that it needs. */
export const keyIdsOf = (deltas: readonly Delta[]): string[] => [...new Set(deltas.flatMap(({ keys }) => [...keys.keys()]))].sort()

const byMinute = (deltas: readonly Delta[]): readonly Delta[] => deltas.toSorted((a, b) => a.minute - b.minute)

/** Rows of the keys, sorted by key, kind, name, minute and code; a key's rows may lie in two blocks. */
export function* freshBlocks(deltas: readonly Delta[], keyIds: readonly string[]): Generator<FreshRows> {
  const minutes = byMinute(deltas)
  let block = emptyRows()
  for (const keyId of keyIds) {
    const put: Put = (kind, name, minute, code, calls, at) => push(block, keyId, kind, name, minute, code, calls, at)
    const counted = minutes.flatMap(({ minute, keys }) => {
      const key = keys.get(keyId)
      return key === undefined ? [] : [{ minute, key }]
    })
    for (const { minute, key } of counted) putTotal(put, minute, key)
    putNamed(
      put,
      'secret',
      counted.map(({ minute, key }) => [minute, key.secrets]),
    )
    putNamed(
      put,
      'scope',
      counted.map(({ minute, key }) => [minute, key.scopes]),
    )
    if (block.keyIds.length < MAX_BLOCK) continue
    yield block
    block = emptyRows()
  }
  if (block.keyIds.length > 0) yield block
}

function putTotal(put: Put, minute: number, { counts, lastAt }: KeyDelta): void {
  for (let code = 0; code < counts.length; code++) {
    const calls = counts[code] as number
    if (calls > 0) put('total', '', minute, code, calls, code === ACCEPTED ? lastAt : null)
  }
}

function putNamed(put: Put, kind: Kind, minutes: readonly (readonly [minute: number, ReadonlyMap<string, Calls>])[]): void {
  const names = new Set<string>()
  for (const [, calls] of minutes) for (const name of calls.keys()) names.add(name)
  for (const name of [...names].sort()) {
    for (const [minute, calls] of minutes) {
      const known = calls.get(name)
      if (known !== undefined) put(kind, name, minute, ACCEPTED, known.count, known.lastAt)
    }
  }
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
export const firstUseOf = (deltas: readonly Delta[], keyId: string): number | null =>
  byMinute(deltas).reduce<number | null>((first, { keys }) => first ?? keys.get(keyId)?.lastAt ?? null, null)

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
