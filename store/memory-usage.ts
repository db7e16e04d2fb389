// Usage of the store in memory: counts and limits, handed over from the meter to the totals with their records. Keeps nothing.

import type * as audit from '../src/domain/audit.ts'
import type { Delta } from '../src/domain/delta.ts'
import { NO_KEY } from '../src/domain/delta.ts'
import type { Key } from '../src/domain/key.ts'
import { createLimiter } from '../src/domain/limiter.ts'
import type { RefusalSum } from '../src/domain/meter.ts'
import { createMeter, deltasOf } from '../src/domain/meter.ts'
import { overviewOf } from '../src/domain/overview.ts'
import type { UsagePort, UsageSelector } from '../src/domain/ports.ts'
import type { LastUsed } from '../src/domain/selection.ts'
import type { Overview } from '../src/domain/stats.ts'
import { isRefusing } from '../src/domain/stats.ts'
import { HOUR_MS, isoFrom, MINUTE_MS } from '../src/domain/time.ts'
import type { KeyUsage, UsageWindow } from '../src/domain/usage.ts'
import { ACCEPTED, addAlive, addDelta, EMPTY_KEY_USAGE, EMPTY_SERIES, sumUsages } from '../src/domain/usage.ts'
import type { MemoryStoreOptions } from './memory.ts'
import type { Append } from './memory-log.ts'

export interface MemoryUsage {
  readonly port: UsagePort
  readonly lastUsed: LastUsed
  /** Another number whenever a last use may be another. */
  readonly changes: () => number
  readonly flushes: () => number
  /** Verifications that were handed over. */
  readonly calls: () => number
  readonly end: () => Promise<void>
}

const SELF_BYTES = 4

/** Counts and limits: what is flushed moves from the meter to the totals, with its records. */
export function createUsage({ actor, clocks, draw }: MemoryStoreOptions, keys: ReadonlyMap<string, Key>, append: Append): MemoryUsage {
  const meter = createMeter()
  const limiter = createLimiter(clocks, Buffer.from(draw(SELF_BYTES)).toString('hex'), () => [])
  const totals = new Map<string, KeyUsage>()
  const totalOf = (keyId: string): KeyUsage => totals.get(keyId) ?? EMPTY_KEY_USAGE
  let flushes = 0
  let calls = 0
  let alive = EMPTY_SERIES
  let aliveSince = clocks.wall()
  let summedUpUntil = Math.floor(clocks.wall() / HOUR_MS) * HOUR_MS

  const withPending = (pending: readonly Delta[], keyId: string): KeyUsage =>
    pending.reduce((usage, { minute, keys: deltas }) => {
      const delta = deltas.get(keyId)
      return delta === undefined ? usage : addDelta(usage, delta, minute, clocks.wall())
    }, totalOf(keyId))

  const idsOf = (selector: UsageSelector): Iterable<string> => {
    if (selector === 'store') return new Set([NO_KEY, ...totals.keys(), ...meter.pending().flatMap((delta) => [...delta.keys.keys()])])
    if ('keyId' in selector) return [selector.keyId]
    return [...keys.values()].filter(({ userId }) => userId === selector.userId).map(({ id }) => id)
  }

  const note = (action: audit.Action, keyId: string, after: audit.Entry['after'] = null): audit.Entry => {
    const userId = keys.get(keyId)?.userId ?? null
    return { actor, at: isoFrom(clocks.wall()), action, keyId, userId, after }
  }

  const refusal = ({ keyId, userId, code, count, since }: RefusalSum): audit.Entry => {
    const after = { count, since: isoFrom(since) }
    const said = { actor, at: isoFrom(clocks.wall()), action: 'validate.refused', outcome: 'refused' } as const
    return { ...said, keyId, userId, reason: code ?? 'OTHERS', after }
  }

  /** One record for each key and hour of accepted calls, a minute after the hour has ended. */
  const summaries = (now: number): audit.Entry[] => {
    const from = summedUpUntil
    summedUpUntil = Math.max(from, Math.floor((now - MINUTE_MS) / HOUR_MS) * HOUR_MS)
    return [...totals].flatMap(([keyId, { total }]) =>
      total.series.hour.flatMap(([hour, count = 0]) => {
        const isDue = keyId !== NO_KEY && count > 0 && hour * HOUR_MS >= from && hour * HOUR_MS < summedUpUntil
        return isDue ? [note('validate.summary', keyId, { count, since: isoFrom(hour * HOUR_MS) })] : []
      }),
    )
  }

  const beat = (): void => {
    alive = addAlive(alive, aliveSince, clocks.wall())
    aliveSince = clocks.wall()
  }

  const flush = async (isEnd: boolean): Promise<void> => {
    const now = clocks.wall()
    const counted = meter.take(now, isEnd)
    const { refusals } = counted
    const deltas = deltasOf(counted)
    const firstUses: audit.Entry[] = []
    for (const { minute, keys: counts } of deltas) {
      for (const [keyId, delta] of counts) {
        const isFirstUse = (totalOf(keyId).total.counts[ACCEPTED] ?? 0) === 0 && delta.lastAt !== null
        if (isFirstUse) firstUses.push(note('validate.first-use', keyId, { at: isoFrom(delta.lastAt as number) }))
        totals.set(keyId, addDelta(totalOf(keyId), delta, minute, now))
        calls += delta.counts.reduce((sum, count) => sum + count, 0)
      }
    }
    meter.settle()
    flushes++
    // Nobody else is there to be told of what was admitted.
    limiter.unshared()
    limiter.settle()
    limiter.sweep()
    beat()
    append([...firstUses, ...refusals.map(refusal), ...summaries(now)])
  }

  const overview = (selector: UsageSelector, window: UsageWindow, at: number): Overview => {
    const pending = meter.pending()
    const selected = Array.from(idsOf(selector), (keyId) => [keyId, withPending(pending, keyId).total] as const)
    return overviewOf(selected, addAlive(alive, aliveSince, at), window, at)
  }
  const port: UsagePort = {
    count: meter.count,
    take: limiter.take,
    read: (selector, at) => {
      const pending = meter.pending()
      const usages = Array.from(idsOf(selector), (keyId) => withPending(pending, keyId))
      return { usage: sumUsages(usages), alive: addAlive(alive, aliveSince, at) }
    },
    readEach: (keyIds, _, at) => {
      const pending = meter.pending()
      return { usages: new Map(keyIds.map((keyId) => [keyId, withPending(pending, keyId)])), alive: addAlive(alive, aliveSince, at) }
    },
    refusing: (code, window, at) => {
      const pending = meter.pending()
      const ids = [...idsOf('store')].filter((keyId) => keyId !== NO_KEY)
      return new Set(ids.filter((keyId) => isRefusing(withPending(pending, keyId).total, code, window, at)))
    },
    overview,
    overviewEach: (userIds, window, at) => new Map(userIds.map((userId) => [userId, overview({ userId }, window, at)])),
    flush: () => flush(false),
    heartbeat: async () => beat(),
  }
  return {
    port,
    lastUsed: (keyId) => withPending(meter.pending(), keyId).total.lastAt,
    changes: meter.counted,
    flushes: () => flushes,
    calls: () => calls,
    end: () => flush(true),
  }
}
