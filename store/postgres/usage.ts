// Usage of a store in PostgreSQL: counts in memory, handed over in batches that the database knows by number, and read back with them.

import type { Actor } from '../../src/domain/audit.ts'
import type { Delta } from '../../src/domain/delta.ts'
import { NO_KEY } from '../../src/domain/delta.ts'
import type { Counted } from '../../src/domain/meter.ts'
import { createMeter, deltasOf, oneEachMinute } from '../../src/domain/meter.ts'
import { overviewOf } from '../../src/domain/overview.ts'
import type { UsagePort, Warn } from '../../src/domain/ports.ts'
import type { LastUsed } from '../../src/domain/selection.ts'
import type { KeyCalls } from '../../src/domain/stats.ts'
import { isWithin, OVERVIEW_KEYS } from '../../src/domain/stats.ts'
import type { KeyUsage, UsageWindow } from '../../src/domain/usage.ts'
import { ACCEPTED, addAlive, addDelta, CODE_INDEX, EMPTY_KEY_USAGE, sumUsages } from '../../src/domain/usage.ts'
import type { StoreClocks } from '../json/store.ts'
import type { Database } from './connection.ts'
import { faultOf } from './connection.ts'
import { drawNode } from './nodes.ts'
import { findEach, findOwners, findRefusing, ownerTotals, pendingRefusing } from './usage-each.ts'
import type { Batch } from './usage-flush.ts'
import { writeBatch } from './usage-flush.ts'
import { createOwing } from './usage-notes.ts'
import type { FoundOverview, Question } from './usage-read.ts'
import { findOverview, findUsage } from './usage-read.ts'
import { keyIdsOf, lastUseOf, pendingTally } from './usage-rows.ts'
import type { Summary } from './usage-summary.ts'
import type { Reason } from './usage-upkeep.ts'
import { createUpkeep } from './usage-upkeep.ts'

export interface PostgresUsageOptions {
  readonly database: Database
  readonly actor: Actor
  /** What this process is told apart from others by. */
  readonly self: string
  readonly pid: number
  readonly clocks: StoreClocks
  readonly isReadOnly: boolean
  /** Over what time accepted calls are summed up on the log. */
  readonly summary?: Summary
  /** Whether the clocks are a test's: then limits go by them, and not by the server's. */
  readonly isClockGiven: boolean
  readonly warn: Warn
}

export interface PostgresUsage {
  readonly port: Omit<UsagePort, 'take'>
  /** When a key was used last, as far as this process knows and may not have written. */
  readonly pendingLastUsed: LastUsed
  /** Whether this process has counted what it may not have written. */
  readonly isPending: () => boolean
  /** Another number whenever a last use of this process may be another. */
  readonly changes: () => number
  /** The last flush: refusals of the current minute are recorded too. */
  readonly end: () => Promise<void>
}

export function createPostgresUsage(options: PostgresUsageOptions): PostgresUsage {
  const { database, actor, self, pid, clocks, isReadOnly, summary = 'hour', warn } = options
  const meter = createMeter()
  const owing = createOwing(warn)
  const upkeep = createUpkeep({ ...options, summary, owing, isEnding: () => isEnding })
  /** What the batches are numbered under: known before the first of them, and given to nobody else. */
  let node: string | null = null
  /** The number of the last batch that is known to be written. */
  let written = 0
  /** Sent, and not known to be written: sent again as it is, so that the database can tell that it was. */
  let sent: Batch | null = null
  /** Written while somebody read: what was read may be older. */
  let recent: readonly Batch[] = []
  const readers = new Set<{ readonly since: number }>()
  let aliveSince = clocks.wall()
  let flushing: Promise<void> = Promise.resolve()

  /** What is not in the database, as of a moment that holds this process's batches up to a number. */
  const missing = (from: number): readonly Delta[] => {
    const batches = [...recent, ...(sent === null ? [] : [sent])].filter(({ number }) => number > from)
    return [...batches.flatMap(({ counted }) => counted.deltas), ...meter.pending()]
  }

  /** Takes what is counted out of the meter: from here on it is a batch. */
  const take = (isEnd: boolean): Counted => {
    const counted = meter.take(clocks.wall(), isEnd)
    meter.settle()
    // One statement may not write a row twice.
    return { deltas: oneEachMinute(deltasOf(counted)), tabs: [], refusals: counted.refusals }
  }

  const send = async (batch: Batch): Promise<void> => {
    const now = clocks.wall()
    try {
      node ??= await drawNode(database, self)
      await writeBatch({ database, node, pid, actor, batch, owing, aliveSince, now })
    } catch (error) {
      // Giving back keeps what waits behind the batch within its bounds.
      meter.giveBack(take(false))
      throw faultOf(database.name, 'writing usage to', error)
    }
    owing.settle()
    written = batch.number
    sent = null
    aliveSince = now
    if (readers.size > 0) recent = [...recent, batch]
  }

  const flushNow = async (reason: Reason): Promise<void> => {
    if (isReadOnly) return
    if (sent !== null) await send(sent)
    const isDue = reason === 'heartbeat' || !owing.isEmpty()
    if (!meter.isEmpty() || isDue) {
      const counted = take(reason === 'end')
      if (counted.deltas.length > 0 || counted.refusals.length > 0 || isDue) {
        sent = { number: written + 1, counted }
        await send(sent)
      }
    }
  }

  const flush = (reason: Reason): Promise<void> => {
    const run = flushing.then(() => flushNow(reason))
    flushing = run.catch(() => undefined)
    return run
  }

  const underWay = new Set<Promise<void>>()
  let isEnding = false

  /** Keeps up behind the flush, and lets no other flush wait for that. */
  const flushAndKeepUp = async (reason: Reason): Promise<void> => {
    const run = flush(reason).then(() => upkeep(reason))
    underWay.add(run)
    await run.finally(() => underWay.delete(run))
  }

  /** Reads, and keeps what is written meanwhile until it is known whether it was read. */
  const reading = async <T>(read: () => Promise<T>): Promise<T> => {
    const reader = { since: written }
    readers.add(reader)
    try {
      return await read()
    } catch (error) {
      throw faultOf(database.name, 'reading usage from', error)
    } finally {
      readers.delete(reader)
      const oldest = Math.min(...[...readers].map(({ since }) => since))
      recent = recent.filter(({ number }) => number > oldest)
    }
  }

  const questionOf = (selector: Question['selector'], at: number): Question => {
    return { database, node, selector, pendingIds: keyIdsOf(missing(written)), at }
  }

  return {
    port: {
      count: isReadOnly ? () => undefined : meter.count,
      read: (selector, at) =>
        reading(async () => {
          const { usage, alive, flushes, isSelected } = await findUsage(questionOf(selector, at))
          const pending = missing(flushes)
          const isOne = selector !== 'store' && 'keyId' in selector
          return { usage: withPending(usage, pending, isSelected, isOne, clocks.wall()), alive: addAlive(alive, aliveSince, at) }
        }),
      readEach: (keyIds, window, at) =>
        reading(async () => {
          const { usages, alive, flushes } = await findEach({ database, node, keyIds, window, at })
          const pending = missing(flushes)
          const now = clocks.wall()
          const all = keyIds.map((keyId) => [keyId, withCalls(usages.get(keyId) ?? EMPTY_KEY_USAGE, pending, keyId, now)] as const)
          return { usages: new Map(all), alive: addAlive(alive, aliveSince, at) }
        }),
      refusing: (code, window, at) =>
        reading(async () => {
          const { ids, flushes } = await findRefusing({ database, node, code, window, at })
          return new Set([...ids, ...pendingRefusing(missing(flushes), code, window, at)])
        }),
      overview: (selector, window, at) =>
        reading(async () => {
          const question = questionOf(selector, at)
          const found = await findOverview(question, window)
          const pending = missing(found.flushes)
          const total = pendingTally(pending, found.isSelected, found.total, clocks.wall())
          // Under the id that is no key's: which keys are the busiest, the database has found.
          const sums = overviewOf([[NO_KEY, total]], addAlive(found.alive, aliveSince, at), window, at)
          return { ...sums, ...topOf(found, pending, question.pendingIds, window, at) }
        }),
      overviewEach: (userIds, window, at) =>
        reading(async () => {
          const found = await findOwners({ database, node, userIds, pendingIds: keyIdsOf(missing(written)), window, at })
          const alive = addAlive(found.alive, aliveSince, at)
          const totals = ownerTotals(found, userIds, missing(found.flushes), clocks.wall())
          return new Map(totals.map(([userId, total]) => [userId, overviewOf([[NO_KEY, total]], alive, window, at)]))
        }),
      flush: (isLast = false) => (isLast ? flush('end') : flushAndKeepUp('flush')),
      heartbeat: () => flushAndKeepUp('heartbeat'),
    },
    pendingLastUsed: (keyId) => lastUseOf(missing(written), keyId),
    isPending: () => sent !== null || meter.pending().length > 0,
    changes: () => meter.counted() + written,
    async end() {
      isEnding = true
      // What somebody else flushes and keeps up with has the database until it is done.
      await Promise.allSettled(underWay)
      await flushAndKeepUp('end')
    },
  }
}

/** The usage with counts that the database did not have. */
function withPending(
  usage: KeyUsage,
  pending: readonly Delta[],
  isSelected: (keyId: string) => boolean,
  isOne: boolean,
  now: number,
): KeyUsage {
  const ids = keyIdsOf(pending).filter(isSelected)
  const [only] = ids
  if (only === undefined) return usage
  return isOne
    ? withCalls(usage, pending, only, now)
    : sumUsages([usage, ...ids.map((keyId) => withCalls(EMPTY_KEY_USAGE, pending, keyId, now))])
}

/** The usage of one key with its calls among those. */
function withCalls(usage: KeyUsage, pending: readonly Delta[], keyId: string, now: number): KeyUsage {
  return pending.reduce((sum, { minute, keys }) => {
    const delta = keys.get(keyId)
    return delta === undefined ? sum : addDelta(sum, delta, minute, now)
  }, usage)
}

/** The busiest keys: those that the database found, and those with counts that it did not have. */
function topOf(
  { calls, isSelected }: FoundOverview,
  pending: readonly Delta[],
  pendingIds: readonly string[],
  window: UsageWindow,
  at: number,
): { readonly busiest: readonly KeyCalls[]; readonly limited: readonly KeyCalls[] } {
  const all = new Map(calls.map((one) => [one.keyId, one]))
  // Of a key that was counted for the first time since, the database was not asked.
  const asked = new Set(pendingIds)
  for (const { minute, keys } of pending) {
    if (!isWithin(minute, window, at)) continue
    for (const [keyId, { counts }] of keys) {
      if (keyId === NO_KEY || !isSelected(keyId) || !(asked.has(keyId) || all.has(keyId))) continue
      const known = all.get(keyId) ?? { keyId, accepted: 0, rateLimited: 0 }
      const accepted = known.accepted + (counts[ACCEPTED] ?? 0)
      all.set(keyId, { keyId, accepted, rateLimited: known.rateLimited + (counts[CODE_INDEX.RATE_LIMITED] ?? 0) })
    }
  }
  const top = (kind: 'accepted' | 'rateLimited'): readonly KeyCalls[] =>
    [...all.values()]
      .filter((one) => one[kind] > 0)
      .sort((a, b) => b[kind] - a[kind] || (a.keyId < b.keyId ? -1 : 1))
      .slice(0, OVERVIEW_KEYS)
  return { busiest: top('accepted'), limited: top('rateLimited') }
}
