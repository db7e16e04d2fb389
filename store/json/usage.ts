// Usage of the embedded store: counts and limits in memory, merged into the usage file now and then, learned from other processes.

import { basename } from 'node:path'
import { Low } from 'lowdb'
import type { Entry } from '../../src/domain/audit.ts'
import type { Admission, LimitDecision } from '../../src/domain/limiter.ts'
import { createLimiter } from '../../src/domain/limiter.ts'
import { createMeter } from '../../src/domain/meter.ts'
import type { UsagePort, UsageSelector } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import type { LastUsed } from '../../src/domain/selection.ts'
import type { KeyUsage } from '../../src/domain/usage.ts'
import { addAlive, addDelta, EMPTY_KEY_USAGE, NO_KEY, sumUsages } from '../../src/domain/usage.ts'
import { faultAt } from '../faults.ts'
import type { Committing } from './commit.ts'
import { settle } from './commit.ts'
import type { Lock } from './lock.ts'
import type { JsonStoreOptions } from './store.ts'
import { createUsageFile } from './usage-file.ts'
import { mergeUsage } from './usage-flush.ts'

/** How old the knowledge of what other processes admitted may be when a limit is decided. */
const FRESH_MS = 100
const SELF_BYTES = 4

const UNLIMITED: LimitDecision = Object.freeze({ isAllowed: true, refusedBy: null, limits: Object.freeze([]) as readonly [] })

interface Dependencies {
  readonly options: JsonStoreOptions
  readonly committing: Committing
  readonly prepare: (wasAbandoned: boolean) => Promise<void>
  readonly lock: Lock
}

export interface JsonUsage {
  readonly port: UsagePort
  readonly lastUsed: LastUsed
  readonly refresh: () => void
  /** Rewrites the file so that it vouches for the log as it is after an accepted loss. */
  readonly vouch: () => Promise<void>
  /** The last flush: refusals of the current minute are recorded too. */
  readonly end: () => Promise<void>
}

export function createUsage({ options, committing, prepare, lock }: Dependencies): JsonUsage {
  const { paths, settings, clocks, draw, actor, isReadOnly } = options
  const { keyFile, log } = committing
  const file = createUsageFile(paths.usage, draw)
  const low = new Low(file, file.document())
  const self = Buffer.from(draw(SELF_BYTES)).toString('hex')
  const meter = createMeter()
  const noted = new Set<string>()
  let seenSeq = 0
  let aliveSince = clocks.wall()
  let checkedAt = Number.NEGATIVE_INFINITY
  let flushing: Promise<void> = Promise.resolve()

  const admissionsOf = (keyId: string, name: string): readonly Admission[] => {
    const { admissions } = file.usageOf(keyId)
    return Object.hasOwn(admissions, name) ? (admissions[name]?.calls ?? []) : []
  }
  const limiter = createLimiter(clocks, self, admissionsOf)

  const refresh = (): void => {
    checkedAt = clocks.uptime()
    if (!file.refresh()) return
    for (const keyId of limiter.keyIds()) limiter.learn(keyId, (name) => admissionsOf(keyId, name), seenSeq)
    seenSeq = file.document().seq
  }

  /** The usage of a key with what this process has not written yet. */
  const withPending = (keyId: string): KeyUsage => {
    let usage = file.usageOf(keyId)
    for (const { minute, keys } of meter.pending()) {
      const delta = keys.get(keyId)
      if (delta !== undefined) usage = addDelta(usage, delta, minute, clocks.wall())
    }
    return usage
  }

  const selected = (selector: UsageSelector): KeyUsage => {
    if (selector !== 'store' && 'keyId' in selector) return withPending(selector.keyId)
    if (selector === 'store') {
      const counted = new Set([...file.document().lines.keys(), NO_KEY, ...meter.pending().flatMap(({ keys }) => [...keys.keys()])])
      return sumUsages([...counted].map(withPending))
    }
    const owned = keyFile.lines().document.keys.filter(({ userId }) => userId === selector.userId)
    return owned.length === 0 ? EMPTY_KEY_USAGE : sumUsages(owned.map(({ id }) => withPending(id)))
  }

  /** Under the lock: merges, records, writes. */
  const write = async (
    counted: ReturnType<typeof meter.take>,
    admitted: ReturnType<typeof limiter.unshared>,
    isVouching: boolean,
  ): Promise<void> => {
    const isRecordable = isVouching || (await isSettled())
    refresh()
    const now = clocks.wall()
    const repairs: Entry[] = []
    if (file.isGarbled())
      repairs.push({ actor, at: committing.now(), action: 'usage.repair', after: { aside: basename(await file.setAside()) } })
    const summary = settings.validateSummary ?? 'hour'
    const { document, entries } = await mergeUsage({
      file,
      keyOf: keyFile.byId,
      counted,
      admitted,
      self,
      noted,
      aliveSince,
      now,
      summary,
      actor,
    })
    if (isRecordable && repairs.length + entries.length > 0) await log.append([...repairs, ...entries])
    else if (!isRecordable) meter.giveBack({ deltas: [], refusals: counted.refusals })
    const { seq, hash } = log.head()
    const audit = isRecordable ? { seq, hash, keysSeq: keyFile.lines().document.audit.seq } : file.document().audit
    low.data = { ...document, audit }
    try {
      await low.write()
    } catch (error) {
      throw faultAt('STORE_UNAVAILABLE', 'writing the usage file', paths.usage, error)
    }
    noted.clear()
    seenSeq = document.seq
    aliveSince = now
    limiter.sweep()
  }

  /** False when the log is broken: then counts are kept without records. */
  const isSettled = async (): Promise<boolean> => {
    try {
      await settle(committing, actor)
      return true
    } catch (error) {
      if (error instanceof KeywrightError && error.code === 'AUDIT_BROKEN') return false
      throw error
    }
  }

  const flushNow = async (reason: 'flush' | 'heartbeat' | 'vouch' | 'end'): Promise<void> => {
    if (isReadOnly) return
    const isForced = reason === 'vouch' || (reason === 'heartbeat' && keyFile.exists())
    if (meter.isEmpty() && !isForced) return
    const counted = meter.take(clocks.wall(), reason === 'end')
    if (counted.deltas.length === 0 && counted.refusals.length === 0 && !isForced) return
    const admitted = limiter.unshared()
    let isWritten = false
    try {
      if (keyFile.exists() || keyFile.refresh()) {
        await lock.hold(async (wasAbandoned) => {
          await prepare(wasAbandoned)
          await write(counted, admitted, reason === 'vouch')
          isWritten = true
        })
      }
    } finally {
      if (!isWritten) {
        meter.giveBack(counted)
        limiter.giveBack(admitted)
      }
    }
  }

  const flush = (reason: 'flush' | 'heartbeat' | 'vouch' | 'end'): Promise<void> => {
    const run = flushing.then(() => flushNow(reason))
    flushing = run.catch(() => undefined)
    return run
  }

  return {
    port: {
      count: meter.count,
      take(keyId, limits, isPeek) {
        if (limits.length === 0) return UNLIMITED
        if (clocks.uptime() - checkedAt >= FRESH_MS) refresh()
        return limiter.take(keyId, limits, isPeek)
      },
      read(selector, at) {
        refresh()
        return { usage: selected(selector), alive: addAlive(file.document().alive, aliveSince, at) }
      },
      flush: (isLast = false) => flush(isLast ? 'end' : 'flush'),
      heartbeat: () => flush('heartbeat'),
    },
    lastUsed: (keyId) => withPending(keyId).total.lastAt,
    refresh,
    vouch: () => flush('vouch'),
    end: () => flush('end'),
  }
}
