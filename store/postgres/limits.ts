// Limits that all nodes share: calls are admitted by one statement on the server, a few ahead where a node is busy, so that most
// calls need no round trip. Decides nothing that keywright.take has not granted.
//
// A grant is a lease: so many calls within so long. The server counts them as of the lease's end, which is never too early, so
// that no window of any node's calls, or of all together, holds more than the limit (docs: ARCHITECTURE, Many machines). What
// a killed node was granted counts; what a living one did not use is given back with its next question.

import type { RateLimit } from '../../src/domain/limit.ts'
import type { LimitDecision } from '../../src/domain/limiter.ts'
import type { MaybePromise } from '../../src/domain/ports.ts'
import { isoFrom, SECOND_MS } from '../../src/domain/time.ts'
import type { LimitVerdict } from '../../src/domain/verdict.ts'
import type { Database } from './connection.ts'
import { faultOf, isWorthAnotherTry, PREPARED } from './connection.ts'

/** A lease lasts for a twentieth of the shortest window, so that waiting for its end costs at most that part of a limit. */
const LEASE_PART = 20
const MAX_LEASE_MS = SECOND_MS
/** One for answers that are slower than that: longer than any statement takes. */
const MAX_SLOW_LEASE_MS = 5 * SECOND_MS
/** Shorter than its own round trip a lease would be over when it comes. */
const MIN_LEASE_MS = 50
/** An answer is quick that takes no more than this part of the lease. */
const QUICK_PART = 4
/** A lease is at most half of a group of src/domain/limit.ts: limits below 48 are taken one by one. */
const LEASES_PER_LIMIT = 48
/** Keys whose limits are remembered between calls; those not asked for for the longest time go first. */
const MAX_ACCOUNTS = 100_000
const MAX_WAITING = 10_000

const TAKE = 'SELECT * FROM keywright.take($1, $2, $3, $4, $5, $6, $7, $8, $9)'

interface Taken {
  readonly granted: number
  readonly at: number
  readonly used: readonly number[]
  readonly whole_in: readonly number[]
  readonly wait: readonly number[]
}

interface Waiter {
  readonly resolve: (decision: LimitDecision) => void
  readonly reject: (error: unknown) => void
}

/** What this node knows of one key's limits. */
interface Account {
  readonly keyId: string
  readonly limits: readonly RateLimit[]
  leaseMs: number
  readonly leastMs: number
  readonly mostAhead: number
  /** Calls that are granted and not used; until when (monotonic) they may be used here, and when the server counts them as used. */
  left: number
  endsAt: number
  until: number
  /** How many to ask for next time. */
  want: number
  /** What the server said last, and when (monotonic). */
  said: Taken | null
  saidAt: number
  /** Until when (monotonic) nothing can have become free. */
  refusedUntil: number
  waiting: Waiter[]
  isAsking: boolean
}

export interface SharedLimits {
  readonly take: (keyId: string, limits: readonly RateLimit[], isPeek: boolean) => MaybePromise<LimitDecision>
}

interface Dependencies {
  readonly database: Database
  readonly wall: () => number
  readonly monotonic: () => number
  /** For tests: the clock that limits go by, in milliseconds since 1970. Null: the server's, the same for all nodes. */
  readonly now: (() => number) | null
}

const UNLIMITED: LimitDecision = Object.freeze({ isAllowed: true, refusedBy: null, limits: Object.freeze([]) as readonly [] })

export function createSharedLimits({ database, wall, monotonic, now }: Dependencies): SharedLimits {
  let accounts = new Map<string, Account>()
  let older = new Map<string, Account>()

  const accountOf = (keyId: string, limits: readonly RateLimit[]): Account => {
    // The names too: a call may bring a limit of its own.
    const name = limits.length === 1 ? `${keyId} ${(limits[0] as RateLimit).name}` : keyId
    const known = accounts.get(name) ?? older.get(name)
    if (known !== undefined && isSame(known.limits, limits)) {
      accounts.set(name, known)
      return known
    }
    if (accounts.size >= MAX_ACCOUNTS / 2) {
      older = accounts
      accounts = new Map()
    }
    const account = newAccount(keyId, limits, now !== null)
    accounts.set(name, account)
    return account
  }

  const decisionOf = (account: Account, said: Taken, isAllowed: boolean, left: number): LimitDecision => {
    const { limits } = account
    const passed = monotonic() - account.saidAt
    const at = wall()
    let refusedBy: string | null = null
    const verdicts = limits.map((limit, index): LimitVerdict => {
      const [used = 0, whole = 0, wait = 0] = [said.used[index], said.whole_in[index], said.wait[index]]
      const isFull = !isAllowed && used >= limit.limit
      if (isFull) refusedBy ??= limit.name
      return {
        name: limit.name,
        limit: limit.limit,
        windowSeconds: limit.windowSeconds,
        remaining: Math.max(0, limit.limit - used + left),
        resetAt: isoFrom(at + Math.max(0, whole - passed)),
        retryAfterMs: isAllowed ? 0 : Math.ceil(Math.max(0, wait - passed)),
      }
    })
    return { isAllowed, refusedBy, limits: verdicts }
  }

  /** Asks the server for calls, or with `want` 0 for how things stand. */
  const ask = async (account: Account, want: number): Promise<void> => {
    const { keyId, limits, leaseMs } = account
    const asked = monotonic()
    const order = limits.map((_, index) => index).sort((a, b) => ((limits[a] as RateLimit).name < (limits[b] as RateLimit).name ? -1 : 1))
    const sorted = order.map((index) => limits[index] as RateLimit)
    const back = want > 0 ? account.left : 0
    if (want > 0) account.left = 0
    const values = [
      keyId,
      sorted.map(({ name }) => name),
      sorted.map(({ limit }) => limit),
      sorted.map(({ windowSeconds }) => windowSeconds * SECOND_MS),
      want,
      leaseMs,
      back,
      account.until,
      now?.() ?? null,
    ]
    const take = (): Promise<readonly Taken[]> => database.query<Taken>(TAKE, values, PREPARED)
    const [row] = await take().catch((error: unknown) => {
      if (isWorthAnotherTry(error)) return take()
      throw error
    })
    const { granted, at, used, whole_in, wait } = row as Taken
    const inOrder = (values: readonly number[]): number[] => limits.map((_, index) => values[order.indexOf(index)] as number)
    account.said = { granted, at, used: inOrder(used), whole_in: inOrder(whole_in), wait: inOrder(wait) }
    account.saidAt = monotonic()
    if (want === 0) return
    account.until = at + leaseMs
    account.endsAt = asked + leaseMs
    account.left = granted
    // The answer took longer than the lease lasts: the next one lasts as long as such an answer takes.
    const tookMs = account.saidAt - asked
    if (granted > 0 && tookMs >= leaseMs) account.leaseMs = Math.min(MAX_SLOW_LEASE_MS, 2 * tookMs)
    // Its length is what a lease costs of the limit: as soon as answers are quick again it is shorter again.
    else if (QUICK_PART * tookMs < leaseMs) account.leaseMs = Math.max(account.leastMs, leaseMs / 2)
    // Used up before its end: twice as many the next time. Given back: as many as were used.
    account.want = Math.min(account.mostAhead, back > 0 ? Math.max(1, account.want - back) : account.want * 2)
    if (granted === 0) account.refusedUntil = account.saidAt + Math.min(leaseMs, ...account.said.wait.filter((ms) => ms > 0))
  }

  const isUsable = (account: Account): boolean => account.left > 0 && monotonic() <= account.endsAt

  /** Serves all who wait, in the order in which they came, with one question after the other. */
  const serve = async (account: Account): Promise<void> => {
    account.isAsking = true
    try {
      while (account.waiting.length > 0) {
        await ask(account, Math.max(account.want, Math.min(account.waiting.length, Math.max(1, account.mostAhead))))
        const said = account.said as Taken
        // A lease that took longer to come than it lasts is of no use, and is given back with the next question.
        while (account.waiting.length > 0 && isUsable(account)) {
          account.left--
          account.waiting.shift()?.resolve(decisionOf(account, said, true, account.left))
        }
        if (said.granted === 0) for (const { resolve } of account.waiting.splice(0)) resolve(decisionOf(account, said, false, 0))
      }
    } catch (error) {
      const fault = faultOf(database.name, 'asking for a limit at', error)
      for (const { reject } of account.waiting.splice(0)) reject(fault)
    } finally {
      account.isAsking = false
    }
  }

  const peek = async (account: Account): Promise<LimitDecision> => {
    try {
      await ask(account, 0)
    } catch (error) {
      throw faultOf(database.name, 'asking for a limit at', error)
    }
    const said = account.said as Taken
    const left = isUsable(account) ? account.left : 0
    const isAllowed = account.limits.every(({ limit }, index) => (said.used[index] as number) - left < limit)
    return decisionOf(account, said, isAllowed, left)
  }

  return {
    take(keyId, limits, isPeek) {
      if (limits.length === 0) return UNLIMITED
      const account = accountOf(keyId, limits)
      if (isPeek) return peek(account)
      const { said } = account
      if (said !== null && account.waiting.length === 0) {
        if (isUsable(account)) {
          account.left--
          return decisionOf(account, said, true, account.left)
        }
        if (monotonic() < account.refusedUntil) return decisionOf(account, said, false, 0)
      }
      return new Promise((resolve, reject) => {
        if (account.waiting.length >= MAX_WAITING) return reject(faultOf(database.name, 'asking for a limit at', new Error('timeout')))
        account.waiting.push({ resolve, reject })
        if (!account.isAsking) void serve(account)
      })
    },
  }
}

function newAccount(keyId: string, limits: readonly RateLimit[], isTimeGiven: boolean): Account {
  const shortest = Math.min(...limits.map(({ windowSeconds }) => windowSeconds)) * SECOND_MS
  const smallest = Math.min(...limits.map(({ limit }) => limit))
  // Where a test's clock stands still, so does a lease: its calls are used at the moment of their grant.
  const leastMs = isTimeGiven ? 0 : Math.min(MAX_LEASE_MS, Math.max(MIN_LEASE_MS, shortest / LEASE_PART))
  return {
    keyId,
    limits,
    leaseMs: leastMs,
    leastMs,
    mostAhead: Math.max(1, Math.floor(smallest / LEASES_PER_LIMIT)),
    left: 0,
    endsAt: Number.NEGATIVE_INFINITY,
    until: 0,
    want: 1,
    said: null,
    saidAt: 0,
    refusedUntil: Number.NEGATIVE_INFINITY,
    waiting: [],
    isAsking: false,
  }
}

const isSame = (a: readonly RateLimit[], b: readonly RateLimit[]): boolean =>
  a === b ||
  (a.length === b.length &&
    a.every((one, index) => {
      const other = b[index] as RateLimit
      return one.name === other.name && one.limit === other.limit && one.windowSeconds === other.windowSeconds
    }))
