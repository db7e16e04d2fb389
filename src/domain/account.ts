// What is held of the limits of one key while they are in use. Only shapes; domain/limiter.ts decides.

import type { LimitState, RateLimit } from './limit.ts'

/** A limit of one key that calls were taken from, or asked for; one object, since each that is met in no order is waited for. */
export interface Held extends LimitState {
  readonly name: string
  /** Admitted here and not yet told to the others; and those on their way to them. */
  unshared: number
  onTheWay: number
  /** When the last of them was, rounded up to a whole millisecond: a number without a box of its own. */
  unsharedAt: number
  /** False once it was forgotten: nobody may take calls from it any more. */
  isKnown: boolean
}

/** All limits of one key that are in use here. */
export interface Account {
  readonly keyId: string
  readonly held: Held[]
  /** The limits that were asked for last, and what is held of each. */
  limits: readonly RateLimit[]
  asked: readonly Held[]
  /** False once it was forgotten: what was kept of it elsewhere is of no use any more. */
  isKnown: boolean
}

export const newAccount = (keyId: string, held: Held[]): Account => ({ keyId, held, limits: [], asked: [], isKnown: true })

/** Where a caller that always asks for the same limits keeps the account, so that its next call need not look it up. */
export interface AccountHolder {
  account: Account | null
  /** The one limit of those that have one: without a way through the account, which is one more object that is waited for. */
  onlyHeld: Held | null
}
