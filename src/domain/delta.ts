// What one process has counted of verifications and not yet merged: calls by minute and key. Pure.

import { ACCEPTED, CODE_INDEX, MAX_EXERCISED_SCOPES } from './usage.ts'
import type { VerdictCode } from './verdict.ts'
import { VERDICT_CODES } from './verdict.ts'

/** Accepted calls and when the last of them was. */
export interface Calls {
  count: number
  lastAt: number
}

/** Calls of one key counted within one minute and not yet merged. */
export interface KeyDelta {
  readonly counts: number[]
  readonly secrets: Map<string, Calls>
  readonly scopes: Map<string, Calls>
  /** When the last accepted call was. */
  lastAt: number | null
}

/** Calls counted within one minute, by key id; those that name no key under `NO_KEY`. */
export interface Delta {
  readonly minute: number
  readonly keys: Map<string, KeyDelta>
}

export const NO_KEY = ''

export function createDelta(minute: number): Delta {
  return { minute, keys: new Map() }
}

export function keyDeltaOf(delta: Delta, keyId: string): KeyDelta {
  let key = delta.keys.get(keyId)
  if (key === undefined) {
    key = { counts: VERDICT_CODES.map(() => 0), secrets: new Map(), scopes: new Map(), lastAt: null }
    delta.keys.set(keyId, key)
  }
  return key
}

/** Counts one verdict. */
export function count(delta: Delta, keyId: string, code: VerdictCode, at: number, shortId: string | null, scopes: readonly string[]): void {
  const key = keyDeltaOf(delta, keyId)
  const index = CODE_INDEX[code]
  key.counts[index] = (key.counts[index] as number) + 1
  if (index !== ACCEPTED) return
  key.lastAt = Math.max(key.lastAt ?? 0, at)
  if (shortId !== null) addCalls(key.secrets, shortId, 1, at)
  for (const scope of scopes) addCalls(key.scopes, scope, 1, at)
}

export function addCalls(calls: Map<string, Calls>, name: string, count: number, lastAt: number): void {
  const known = calls.get(name)
  if (known === undefined) {
    // An application may ask for another scope with every call: no more wait than will be kept, the first met is forgotten first.
    if (calls.size >= MAX_EXERCISED_SCOPES) calls.delete(calls.keys().next().value as string)
    calls.set(name, { count, lastAt })
  } else {
    known.count += count
    known.lastAt = Math.max(known.lastAt, lastAt)
  }
}
