// The limits of many keys: decides all of a key's limits at once, and shares what it admitted with other processes.

import type { Admission } from './admissions.ts'
import { SETTLED } from './admissions.ts'
import type { LimitState, RateLimit } from './limit.ts'
import { absorb, admit, carryOver, createLimit, used, waitMs, wholeAt } from './limit.ts'
import { isoFrom } from './time.ts'
import type { LimitVerdict } from './verdict.ts'

export interface LimitDecision {
  readonly isAllowed: boolean
  /** The first limit that refused. */
  readonly refusedBy: string | null
  readonly limits: readonly LimitVerdict[]
}

/** Wall time for what is stored and told, monotonic time for windows; milliseconds. */
export interface Clocks {
  readonly wall: () => number
  readonly monotonic: () => number
}

interface Held {
  readonly name: string
  state: LimitState
  /** Admitted here and not yet told to the others. */
  unshared: number
  unsharedAt: number
}

/** Limits that an application makes up by call and not by key; the least recently made is forgotten first. */
const MAX_HELD_PER_KEY = 32

/** Limits that an application makes up by call have names that a key's own can't have. */
export const AD_HOC = 'call:'
/** More than clocks drift apart, and less than anyone would set one by. */
const MAX_DRIFT_MS = 2_000

const isAdHoc = (name: string): boolean => name.startsWith(AD_HOC)

export interface Unshared {
  readonly keyId: string
  readonly name: string
  readonly windowMs: number
  readonly at: number
  readonly count: number
}

export interface Limiter {
  readonly take: (keyId: string, limits: readonly RateLimit[], isPeek: boolean) => LimitDecision
  readonly isUnshared: () => boolean
  /** Hands over what was admitted and not yet shared, and forgets it. */
  readonly unshared: () => Unshared[]
  /** Takes back what could not be shared. */
  readonly giveBack: (admitted: readonly Unshared[]) => void
  /**
   * Counts what others admitted behind a seq, for limits that are in use here. Null: what was seen before is not known any
   * more, and the limits are made anew from all admissions.
   */
  readonly learn: (keyId: string, admissions: (name: string) => readonly Admission[], afterSeq: number | null) => void
  /** The keys that have limits in use here. */
  readonly keyIds: () => Iterable<string>
  /** Forgets limits that are whole again. */
  readonly sweep: () => void
}

/**
 * A limiter for one process. `known` answers what other processes have admitted when a limit is met for the first time.
 * The property holds for everything admitted here and learned from others.
 */
export function createLimiter(clocks: Clocks, self: string, known: (keyId: string, name: string) => readonly Admission[]): Limiter {
  const keys = new Map<string, Held[]>()

  const absorbAdmissions = (held: Held, admissions: readonly Admission[], now: number) => {
    const wallNow = clocks.wall()
    for (const { at, count } of admissions) {
      const age = Math.max(0, wallNow - at)
      if (age < held.state.windowMs) absorb(held.state, count, now - age)
    }
  }

  const meet = (ofKey: Held[], keyId: string, { name, limit, windowSeconds }: RateLimit, now: number): Held => {
    const held: Held = { name, state: createLimit(limit, windowSeconds), unshared: 0, unsharedAt: 0 }
    absorbAdmissions(held, known(keyId, name), now)
    if (ofKey.length >= MAX_HELD_PER_KEY)
      ofKey.splice(
        Math.max(
          0,
          ofKey.findIndex((one) => isAdHoc(one.name)),
        ),
        1,
      )
    ofKey.push(held)
    return held
  }

  /** The state of a limit, with what is left of it under a changed limit or window. */
  const holdOf = (ofKey: Held[], keyId: string, limit: RateLimit, now: number): Held => {
    for (const held of ofKey) {
      if (held.name !== limit.name) continue
      const { state } = held
      if (state.limit !== limit.limit || state.windowMs !== limit.windowSeconds * 1000)
        held.state = carryOver(state, limit.limit, limit.windowSeconds)
      return held
    }
    return meet(ofKey, keyId, limit, now)
  }

  let lookedAt = { wall: clocks.wall(), monotonic: clocks.monotonic() }

  const hasStepped = (now: number): boolean => {
    const wall = clocks.wall()
    const drift = Math.abs(wall - lookedAt.wall - (now - lookedAt.monotonic))
    lookedAt = { wall, monotonic: now }
    return drift > MAX_DRIFT_MS
  }

  const heldOf = (keyId: string): Held[] => {
    const known = keys.get(keyId)
    if (known !== undefined) return known
    const none: Held[] = []
    keys.set(keyId, none)
    return none
  }

  const verdictOn = (
    { name, limit, windowSeconds }: RateLimit,
    { state }: Held,
    wait: number,
    now: number,
    wall: number,
  ): LimitVerdict => ({
    name,
    limit,
    windowSeconds,
    remaining: Math.max(0, limit - used(state, now)),
    resetAt: isoFrom(wall + wholeAt(state, now) - now),
    retryAfterMs: Math.ceil(wait),
  })

  return {
    take(keyId, limits, isPeek) {
      const now = clocks.monotonic()
      const wall = clocks.wall()
      const ofKey = heldOf(keyId)
      let refusedBy: string | null = null
      for (const limit of limits) if (waitMs(holdOf(ofKey, keyId, limit, now).state, now) > 0) refusedBy ??= limit.name
      const isConsuming = refusedBy === null && !isPeek
      const verdicts: LimitVerdict[] = []
      for (const limit of limits) {
        const held = holdOf(ofKey, keyId, limit, now)
        const wait = waitMs(held.state, now)
        if (isConsuming) {
          admit(held.state, now)
          held.unshared++
          held.unsharedAt = now
        }
        verdicts.push(verdictOn(limit, held, wait, now, wall))
      }
      return { isAllowed: refusedBy === null, refusedBy, limits: verdicts }
    },

    unshared() {
      const now = clocks.monotonic()
      const wall = clocks.wall()
      const admitted: Unshared[] = []
      for (const [keyId, ofKey] of keys) {
        for (const held of ofKey) {
          if (held.unshared === 0) continue
          const { name } = held
          admitted.push({
            keyId,
            name,
            windowMs: held.state.windowMs,
            at: Math.ceil(wall - (now - held.unsharedAt)),
            count: held.unshared,
          })
          held.unshared = 0
        }
      }
      return admitted
    },

    giveBack(admitted) {
      const offset = clocks.monotonic() - clocks.wall()
      for (const { keyId, name, at, count } of admitted) {
        const held = keys.get(keyId)?.find((one) => one.name === name)
        if (held === undefined) continue
        held.unshared += count
        held.unsharedAt = Math.max(held.unsharedAt, at + offset)
      }
    },

    learn(keyId, admissions, afterSeq) {
      const now = clocks.monotonic()
      // After a step of the wall clock the times of admissions say nothing about their age: what is known here stays.
      const isAnew = afterSeq === null && !hasStepped(now)
      for (const held of keys.get(keyId) ?? []) {
        const all = admissions(held.name)
        if (isAnew) {
          const { limit, windowMs } = held.state
          held.state = createLimit(limit, windowMs / 1000)
          absorbAdmissions(held, all, now)
          if (held.unshared > 0) absorb(held.state, held.unshared, held.unsharedAt)
        } else {
          const news = all.filter(({ seq, by }) => seq > (afterSeq ?? 0) && by !== self && by !== SETTLED)
          absorbAdmissions(held, news, now)
        }
      }
    },

    keyIds: () => keys.keys(),
    isUnshared: () => [...keys.values()].some((ofKey) => ofKey.some(({ unshared }) => unshared > 0)),

    sweep() {
      const now = clocks.monotonic()
      for (const [keyId, ofKey] of keys) {
        const left = ofKey.filter(({ state, unshared }) => unshared > 0 || used(state, now) > 0)
        if (left.length === 0) keys.delete(keyId)
        else if (left.length < ofKey.length) keys.set(keyId, left)
      }
    },
  }
}
