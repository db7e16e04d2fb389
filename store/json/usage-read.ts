// Reading usage of the embedded store: what the file holds with what this process has not written yet. Never writes, never throws.

import type { Delta, KeyDelta } from '../../src/domain/delta.ts'
import { NO_KEY } from '../../src/domain/delta.ts'
import type { Meter } from '../../src/domain/meter.ts'
import { overviewOf } from '../../src/domain/overview.ts'
import type { UsageSelector } from '../../src/domain/ports.ts'
import type { LastUsed } from '../../src/domain/selection.ts'
import type { Overview } from '../../src/domain/stats.ts'
import { isRefusing } from '../../src/domain/stats.ts'
import type { KeyUsage, Series, Tally, UsageWindow } from '../../src/domain/usage.ts'
import { addDelta, addToTotal, EMPTY_KEY_USAGE, sumUsages } from '../../src/domain/usage.ts'
import type { RefusedCode } from '../../src/domain/verdict.ts'
import type { KeyFile } from './key-file.ts'
import type { UsageFile } from './usage-file.ts'
import { createTurns } from './usage-flush.ts'

export interface UsageReading {
  readonly usage: (selector: UsageSelector) => KeyUsage
  readonly each: (keyIds: readonly string[]) => Promise<ReadonlyMap<string, KeyUsage>>
  readonly refusing: (code: RefusedCode, window: UsageWindow, at: number) => Promise<ReadonlySet<string>>
  readonly overview: (selector: UsageSelector, alive: Series, window: UsageWindow, at: number) => Overview
  readonly lastUsed: LastUsed
}

interface Dependencies {
  readonly file: UsageFile
  readonly meter: Meter
  readonly keyFile: KeyFile
  readonly now: () => number
  readonly uptime: () => number
}

export function createUsageReading({ file, meter, keyFile, now, uptime }: Dependencies): UsageReading {
  /** What is added to a key's usage, minute by minute. */
  const withPending = <T>(pending: readonly Delta[], keyId: string, from: T, add: (to: T, delta: KeyDelta, minute: number) => T): T => {
    let sum = from
    for (const { minute, keys } of pending) {
      const delta = keys.get(keyId)
      if (delta !== undefined) sum = add(sum, delta, minute)
    }
    return sum
  }

  const usageOf = (pending: readonly Delta[], keyId: string): KeyUsage =>
    withPending(pending, keyId, file.usageOf(keyId), (usage, delta, minute) => addDelta(usage, delta, minute, now()))

  const totalOf = (pending: readonly Delta[], keyId: string): Tally =>
    withPending(pending, keyId, file.totalOf(keyId), (total, delta, minute) => addToTotal(total, delta, minute, now()))

  const idsOf = (selector: UsageSelector, pending: readonly Delta[]): readonly string[] => {
    if (selector === 'store')
      return [...new Set([...file.document().lines.keys(), NO_KEY, ...pending.flatMap(({ keys }) => [...keys.keys()])])]
    if ('keyId' in selector) return [selector.keyId]
    return keyFile.lines().document.keys.flatMap(({ userId, id }) => (userId === selector.userId ? [id] : []))
  }

  return {
    usage(selector) {
      const pending = meter.pending()
      const ids = idsOf(selector, pending)
      return ids.length === 0 ? EMPTY_KEY_USAGE : sumUsages(ids.map((keyId) => usageOf(pending, keyId)))
    },
    async each(keyIds) {
      const usages = new Map<string, KeyUsage>()
      const turn = createTurns(uptime)
      let pending = meter.pending()
      for (const keyId of keyIds) {
        usages.set(keyId, usageOf(pending, keyId))
        const others = turn()
        if (others === undefined) continue
        await others
        // What was pending may have been written meanwhile.
        pending = meter.pending()
      }
      return usages
    },
    async refusing(code, window, at) {
      const found = new Set<string>()
      const turn = createTurns(uptime)
      const pending = meter.pending()
      for (const keyId of idsOf('store', pending)) {
        if (keyId !== NO_KEY && isRefusing(totalOf(pending, keyId), code, window, at)) found.add(keyId)
        const others = turn()
        if (others !== undefined) await others
      }
      return found
    },
    overview(selector, alive, window, at) {
      const pending = meter.pending()
      const totals = idsOf(selector, pending).map((keyId) => [keyId, totalOf(pending, keyId)] as const)
      return overviewOf(totals, alive, window, at)
    },
    lastUsed: (keyId) =>
      withPending(meter.pending(), keyId, file.lastUseOf(keyId), (last, { lastAt }) =>
        lastAt === null ? last : Math.max(lastAt, last ?? 0),
      ),
  }
}
