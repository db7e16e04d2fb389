// Usage of the embedded store: counts and limits in memory, merged into the usage file now and then, learned from other processes.

import { basename } from 'node:path'
import { Low } from 'lowdb'
import type { Admission } from '../../src/domain/admissions.ts'
import type { Entry } from '../../src/domain/audit.ts'
import type { LimitDecision, Unshared } from '../../src/domain/limiter.ts'
import { createLimiter } from '../../src/domain/limiter.ts'
import type { Counted } from '../../src/domain/meter.ts'
import { createMeter } from '../../src/domain/meter.ts'
import type { UsagePort } from '../../src/domain/ports.ts'
import { othersSeen } from '../../src/domain/presence.ts'
import type { LastUsed } from '../../src/domain/selection.ts'
import type { Series } from '../../src/domain/usage.ts'
import { addAlive } from '../../src/domain/usage.ts'
import { faultAt } from '../faults.ts'
import type { Committing } from './commit.ts'
import type { Lock } from './lock.ts'
import { createNoteSettling } from './settle-notes.ts'
import type { JsonStoreOptions } from './store.ts'
import { createUsageFile } from './usage-file.ts'
import type { Merged } from './usage-flush.ts'
import { mergeUsage } from './usage-flush.ts'
import { createUsageReading } from './usage-read.ts'
import type { UsageAnchor, UsageDocument } from './usage-text.ts'
import { EMPTY_USAGE } from './usage-text.ts'

/** How old the knowledge of what other processes admitted may be when a limit is decided. */
const FRESH_MS = 100
const SELF_BYTES = 4
/** After so long without a look, admissions may have been joined that were never seen one by one. */
const FORGOTTEN_MS = 5_000
/** Records that wait for a broken log to be accepted; older ones are forgotten. */
const MAX_OWED = 10_000

type Reason = 'flush' | 'heartbeat' | 'end'

const UNLIMITED: LimitDecision = Object.freeze({ isAllowed: true, refusedBy: null, limits: Object.freeze([]) as readonly [] })

interface Dependencies {
  readonly options: JsonStoreOptions
  readonly committing: Committing
  readonly prepare: (wasAbandoned: boolean) => Promise<void>
  readonly lock: Lock
}

export interface UsageSeen {
  readonly audit: UsageAnchor
  readonly calls: number
  readonly versions: number
  readonly others: number
}

export interface JsonUsage {
  readonly port: UsagePort
  readonly lastUsed: LastUsed
  /** Another number whenever a last use may be another. */
  readonly changes: () => number
  readonly refresh: () => void
  /** The same where that was too long ago at a moment of the store's uptime. */
  readonly freshen: (uptime: number) => void
  /** Looks for news of the file; a few words on what it holds. */
  readonly seen: () => UsageSeen
  /** Under the lock: lets the file, where there is one, vouch for the log as it is after an accepted loss. */
  readonly vouch: () => Promise<void>
  /** The last flush: refusals of the current minute are recorded too. */
  readonly end: () => Promise<void>
}

export function createUsage({ options, committing, prepare, lock }: Dependencies): JsonUsage {
  const { paths, settings, clocks, draw, actor, isReadOnly, warn } = options
  const { keyFile, log } = committing
  const meter = createMeter()
  const file = createUsageFile(paths.usage, draw, () => {
    meter.settle()
    limiter.settle()
  })
  const low = new Low(file, file.document())
  const self = Buffer.from(draw(SELF_BYTES)).toString('hex')
  const noted = new Set<string>()
  /** Records that the log could not take yet. */
  let owed: Entry[] = []
  /** Up to when calls are summed up on the log, though the file may not say so yet. */
  let summedUpUntil = 0
  let seenSeq = 0
  let aliveSince = clocks.wall()
  let checkedAt = Number.NEGATIVE_INFINITY
  let flushing: Promise<void> = Promise.resolve()

  const admissionsOf = (keyId: string, name: string): readonly Admission[] => {
    const admissions = file.admissionsOf(keyId)
    return Object.hasOwn(admissions, name) ? (admissions[name]?.calls ?? []) : []
  }
  const limiter = createLimiter(clocks, self, admissionsOf)

  /** Learns what other processes counted and admitted. After a long silence the limits are made anew from the file. */
  const refresh = (): void => {
    const silence = clocks.uptime() - checkedAt
    checkedAt = clocks.uptime()
    if (!file.refresh()) return
    const isAnew = silence >= FORGOTTEN_MS
    limiter.learn(admissionsOf, isAnew ? null : seenSeq)
    seenSeq = file.document().seq
  }

  const freshen = (uptime: number): void => {
    if (uptime - checkedAt >= FRESH_MS) refresh()
  }

  /** False while the log is broken: then counts are kept without records. */
  const isSettled = createNoteSettling(committing, actor, warn)
  const reading = createUsageReading({ file, meter, keyFile, now: clocks.wall, uptime: clocks.uptime })

  const writeUsage = async (document: UsageDocument): Promise<void> => {
    low.data = document
    try {
      await low.write()
    } catch (error) {
      throw faultAt('STORE_UNAVAILABLE', 'writing the usage file', paths.usage, error)
    }
    seenSeq = document.seq
  }

  /** Gives a garbled file another name; the record of that is owed until it is on the log. */
  const setAside = async (): Promise<void> => {
    const aside = basename(await file.setAside())
    owed.push({ actor, at: committing.now(), action: 'usage.repair', after: { aside } })
  }

  const merge = (counted: Counted, admitted: readonly Unshared[], now: number, isRecordable: boolean): Promise<Merged> =>
    mergeUsage({
      file,
      keyOf: keyFile.byId,
      counted,
      admitted,
      self,
      noted,
      summedUpUntil,
      isRecordable,
      aliveSince,
      now,
      uptime: clocks.uptime,
      summary: settings.validateSummary ?? 'hour',
      actor,
    })

  /** Under the lock: merges, records, writes. `onRecorded`: from then on the refusals are on the log. */
  const write = async (counted: Counted, admitted: readonly Unshared[], onRecorded: () => void): Promise<void> => {
    refresh()
    const trouble = file.trouble()
    if (trouble !== null) throw trouble
    const now = clocks.wall()
    // First of all: what a garbled file vouches for is no reason to call the log broken.
    if (file.isGarbled()) await setAside()
    let isRecordable = await isSettled()
    let { document, entries } = await merge(counted, admitted, now, isRecordable)
    if (file.isGarbled()) {
      // A line that nobody had asked for until now.
      await setAside()
      isRecordable = await isSettled()
      ;({ document, entries } = await merge(counted, admitted, now, isRecordable))
    }
    const records = [...owed, ...entries]
    if (!isRecordable) owed = records.slice(-MAX_OWED)
    else if (records.length > 0) {
      await log.append(records)
      owed = []
      summedUpUntil = document.summarisedUntil
      await committing.sink?.offer()
    }
    for (const { action, keyId } of entries) if (action === 'validate.first-use' && keyId != null) noted.add(keyId)
    onRecorded()
    const { seq, hash } = log.head()
    const audit = isRecordable ? { seq, hash, keysSeq: keyFile.lines().document.audit.seq } : file.document().audit
    await writeUsage({ ...document, audit })
    noted.clear()
    await committing.checkpoints.afterRecords()
    aliveSince = now
    limiter.sweep()
  }

  const flushNow = async (reason: Reason): Promise<void> => {
    const isBeating = reason === 'heartbeat' && keyFile.exists()
    const isIdle = !isBeating && owed.length === 0
    if (isReadOnly || (meter.isEmpty() && !limiter.isUnshared() && isIdle)) return
    let counted = meter.take(clocks.wall(), reason === 'end')
    const admitted = limiter.unshared()
    if (counted.deltas.length === 0 && counted.tabs.length === 0 && counted.refusals.length === 0 && admitted.length === 0 && isIdle) return
    let isWritten = false
    const onRecorded = (): void => {
      counted = { ...counted, refusals: [] }
    }
    try {
      if (keyFile.exists() || keyFile.refresh()) {
        await lock.hold(async (wasAbandoned) => {
          await prepare(wasAbandoned)
          await write(counted, admitted, onRecorded)
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

  const flush = (reason: Reason): Promise<void> => {
    const run = flushing.then(() => flushNow(reason))
    flushing = run.catch(() => undefined)
    return run
  }

  const fresh = <T>(at: number, read: (alive: Series) => T): T => {
    refresh()
    return read(addAlive(file.document().alive, aliveSince, at))
  }

  return {
    port: {
      count: isReadOnly ? () => undefined : meter.count,
      take(keyId, limits, isPeek, holder) {
        if (limits.length === 0) return UNLIMITED
        // With a credential, what others admitted was looked at when that was found.
        if (holder === undefined) freshen(clocks.uptime())
        return limiter.take(keyId, limits, isPeek, holder)
      },
      read: (selector, at) => fresh(at, (alive) => ({ usage: reading.usage(selector), alive })),
      readEach: (keyIds, _, at) => fresh(at, async (alive) => ({ usages: await reading.each(keyIds), alive })),
      refusing: (code, window, at) => fresh(at, () => reading.refusing(code, window, at)),
      overview: (selector, window, at) => fresh(at, (alive) => reading.overview(selector, alive, window, at)),
      overviewEach: (userIds, window, at) =>
        fresh(at, (alive) => new Map(userIds.map((userId) => [userId, reading.overview({ userId }, alive, window, at)]))),
      flush: (isLast = false) => flush(isLast ? 'end' : 'flush'),
      heartbeat: () => flush('heartbeat'),
    },
    lastUsed: reading.lastUsed,
    changes: () => file.versions() + meter.counted(),
    refresh,
    freshen,
    seen() {
      refresh()
      const { audit, calls, processes } = file.document()
      return { audit, calls, versions: file.versions(), others: othersSeen(processes, self, clocks.wall()) }
    },
    async vouch() {
      file.refresh()
      if (file.document() === EMPTY_USAGE) return
      const { seq, hash } = log.head()
      await writeUsage({ ...file.document(), audit: { seq, hash, keysSeq: keyFile.lines().document.audit.seq } })
    },
    async end() {
      await flush('end')
      file.close()
    },
  }
}
