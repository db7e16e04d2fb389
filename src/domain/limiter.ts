// The limits of many keys: decides all of a key's limits at once, and shares what it admitted with other processes.

import type { Account, AccountHolder, Held } from './account.ts'
import { newAccount } from './account.ts'
import type { Admission } from './admissions.ts'
import { SETTLED } from './admissions.ts'
import { createStepWatch } from './clock-step.ts'
import type { RateLimit } from './limit.ts'
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

/** Limits that an application makes up by call and not by key; the least recently made is forgotten first. */
const MAX_HELD_PER_KEY = 32

/** Limits that an application makes up by call have names that a key's own can't have. */
export const AD_HOC = 'call:'

const isAdHoc = (name: string): boolean => name.startsWith(AD_HOC)

export interface Unshared {
  readonly keyId: string
  readonly name: string
  readonly windowMs: number
  readonly at: number
  readonly count: number
}

export interface Limiter {
  readonly take: (keyId: string, limits: readonly RateLimit[], isPeek: boolean, holder?: AccountHolder) => LimitDecision
  readonly isUnshared: () => boolean
  /** Hands over what was admitted and not yet shared: from then on it is on its way. */
  readonly unshared: () => Unshared[]
  /** What was handed over last is where the others look. */
  readonly settle: () => void
  /** Takes back what could not be shared. */
  readonly giveBack: (admitted: readonly Unshared[]) => void
  /**
   * Counts what others admitted behind a seq, for limits that are in use here. Null: what was seen before is not known any
   * more, and the limits are made anew from all admissions.
   */
  readonly learn: (admissions: (keyId: string, name: string) => readonly Admission[], afterSeq: number | null) => void
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
  const keys = new Map<string, Account>()

  const absorbAdmissions = (held: Held, admissions: readonly Admission[], now: number) => {
    const wallNow = clocks.wall()
    for (const { at, count } of admissions) {
      const age = Math.max(0, wallNow - at)
      if (age < held.windowMs) absorb(held, count, Math.ceil(now - age))
    }
  }

  const meet = ({ keyId, held: ofKey }: Account, { name, limit, windowSeconds }: RateLimit, now: number): Held => {
    const held: Held = { name, ...createLimit(limit, windowSeconds), unshared: 0, onTheWay: 0, unsharedAt: 0, isKnown: true }
    absorbAdmissions(held, known(keyId, name), now)
    if (ofKey.length >= MAX_HELD_PER_KEY) {
      const oldest = Math.max(
        0,
        ofKey.findIndex((one) => isAdHoc(one.name)),
      )
      for (const one of ofKey.splice(oldest, 1)) one.isKnown = false
    }
    ofKey.push(held)
    return held
  }

  /** The state of a limit, with what is left of it under a changed limit or window. */
  const holdOf = (account: Account, limit: RateLimit, now: number): Held => {
    const place = account.held.findIndex(({ name }) => name === limit.name)
    const held = account.held[place]
    if (held === undefined) return meet(account, limit, now)
    if (held.limit === limit.limit && held.windowMs === limit.windowSeconds * 1000) return held
    // Another object: whoever holds this one asked for other limits.
    held.isKnown = false
    const next = { ...held, ...carryOver(held, limit.limit, limit.windowSeconds), isKnown: true }
    account.held[place] = next
    return next
  }

  /** The limit as the others know it, with what they don't know yet. */
  const makeAnew = (held: Held, all: readonly Admission[], now: number): void => {
    const { limit, windowMs } = held
    Object.assign(held, createLimit(limit, windowMs / 1000))
    absorbAdmissions(held, all, now)
    const own = held.unshared + held.onTheWay
    if (own > 0 && now - held.unsharedAt < windowMs) absorb(held, own, held.unsharedAt)
  }

  const hasStepped = createStepWatch(clocks)

  const accountOf = (keyId: string): Account => {
    let account = keys.get(keyId)
    if (account === undefined) {
      account = newAccount(keyId, [])
      keys.set(keyId, account)
    }
    return account
  }

  /** What is held of each of these limits. */
  const askedOf = (account: Account, limits: readonly RateLimit[], now: number): readonly Held[] => {
    // The same list as the last time: the key is the same, and so are its limits.
    if (account.limits !== limits) {
      account.asked = limits.map((limit) => holdOf(account, limit, now))
      account.limits = limits
    }
    return account.asked
  }

  const verdictOn = (held: Held, isRefused: boolean, now: number, wall: number): LimitVerdict => ({
    name: held.name,
    limit: held.limit,
    windowSeconds: held.windowMs / 1000,
    remaining: Math.max(0, held.limit - used(held, now)),
    resetAt: isoFrom(Math.ceil(wall + wholeAt(held, now) - now)),
    retryAfterMs: isRefused ? Math.ceil(waitMs(held, now)) : 0,
  })

  /** At a whole millisecond, never too early: such a number lies in its object, any other in a box of its own. */
  const consume = (held: Held, now: number): void => {
    const at = Math.ceil(now)
    admit(held, at)
    held.unshared++
    held.unsharedAt = at
  }

  const decideOne = (held: Held, isPeek: boolean, now: number): LimitDecision => {
    const isAllowed = waitMs(held, now) === 0
    if (isAllowed && !isPeek) consume(held, now)
    return { isAllowed, refusedBy: isAllowed ? null : held.name, limits: [verdictOn(held, !isAllowed, now, clocks.wall())] }
  }

  return {
    take(keyId, limits, isPeek, holder) {
      const now = clocks.monotonic()
      const only = holder?.onlyHeld ?? null
      if (only?.isKnown) return decideOne(only, isPeek, now)
      let account = holder?.account ?? null
      if (account === null || !account.isKnown) {
        account = accountOf(keyId)
        if (holder !== undefined) holder.account = account
      }
      const asked = askedOf(account, limits, now)
      const [first] = asked
      if (asked.length === 1 && first !== undefined) {
        if (holder !== undefined) holder.onlyHeld = first
        return decideOne(first, isPeek, now)
      }
      const wall = clocks.wall()
      let refusedBy: string | null = null
      for (const held of asked) if (waitMs(held, now) > 0) refusedBy ??= held.name
      const isConsuming = refusedBy === null && !isPeek
      const verdicts: LimitVerdict[] = []
      for (const held of asked) {
        if (isConsuming) consume(held, now)
        verdicts.push(verdictOn(held, refusedBy !== null, now, wall))
      }
      return { isAllowed: refusedBy === null, refusedBy, limits: verdicts }
    },

    unshared() {
      const now = clocks.monotonic()
      const wall = clocks.wall()
      const admitted: Unshared[] = []
      for (const { keyId, held: ofKey } of keys.values()) {
        for (const held of ofKey) {
          if (held.unshared === 0) continue
          const { name } = held
          admitted.push({
            keyId,
            name,
            windowMs: held.windowMs,
            at: Math.ceil(wall - (now - held.unsharedAt)),
            count: held.unshared,
          })
          held.onTheWay += held.unshared
          held.unshared = 0
        }
      }
      return admitted
    },

    settle() {
      for (const { held: ofKey } of keys.values()) for (const held of ofKey) held.onTheWay = 0
    },

    giveBack(admitted) {
      const offset = clocks.monotonic() - clocks.wall()
      for (const { keyId, name, at, count } of admitted) {
        const held = keys.get(keyId)?.held.find((one) => one.name === name)
        if (held === undefined) continue
        held.unshared += count
        held.onTheWay = 0
        held.unsharedAt = Math.max(held.unsharedAt, at + offset)
      }
    },

    learn(admissions, afterSeq) {
      const now = clocks.monotonic()
      // After a step of the wall clock the times of admissions say nothing about their age: what is known here stays.
      const isAnew = afterSeq === null && !hasStepped()
      for (const { keyId, held: ofKey } of keys.values()) {
        for (const held of ofKey) {
          const all = admissions(keyId, held.name)
          const news = all.filter(({ seq, by }) => seq > (afterSeq ?? 0) && by !== self && by !== SETTLED)
          if (isAnew) makeAnew(held, all, now)
          else absorbAdmissions(held, news, now)
        }
      }
    },

    keyIds: () => keys.keys(),
    isUnshared: () => keys.values().some(({ held }) => held.some(({ unshared }) => unshared > 0)),

    sweep() {
      const now = clocks.monotonic()
      for (const [keyId, account] of keys) {
        const left = account.held.filter((held) => held.unshared > 0 || used(held, now) > 0)
        if (left.length > 0 && left.length === account.held.length) continue
        account.isKnown = false
        for (const held of account.held) held.isKnown = left.includes(held)
        if (left.length === 0) keys.delete(keyId)
        else keys.set(keyId, newAccount(keyId, left))
      }
    },
  }
}
