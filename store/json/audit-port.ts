// The audit side of the embedded store: streaming, proving, and accepting a loss.

import type { Actor, Entry, Head } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import type { AcceptedLoss, AuditPort, VerifyOptions } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { auditPage } from '../log/page.ts'
import { auditRecords } from '../log/records.ts'
import { auditTimeline } from '../log/timeline.ts'
import type { Committing } from './commit.ts'
import { placesOf, settle, writeDocument } from './commit.ts'
import type { Lock } from './lock.ts'
import type { Proven, Still } from './proof.ts'
import { allKeysDigest, look, lookWithoutLock, prove, vouchedBy } from './proof.ts'

export interface AuditDependencies {
  readonly store: Committing
  readonly lock: Lock
  readonly prepare: (wasAbandoned: boolean) => Promise<void>
  readonly isReadOnly: boolean
  /** Under the lock, after a loss was accepted: lets the usage file vouch for the new head. */
  readonly vouch: () => Promise<void>
}

export function createAuditPort({ store, lock, prepare, isReadOnly, vouch }: AuditDependencies): AuditPort {
  const { log, keyFile } = store
  const places = placesOf(store)

  const still = async (): Promise<Still> => {
    // Proving is reading: a store that is not there is not given a lock file.
    if (isReadOnly || !keyFile.exists()) return lookWithoutLock(keyFile, places)
    try {
      return await lock.hold(async (wasAbandoned) => {
        await prepare(wasAbandoned)
        return look(keyFile, places)
      })
    } catch (error) {
      // Where the lock can't be opened nothing can be changed either.
      if (error instanceof KeywrightError && error.code === 'STORE_BUSY') throw error
      return lookWithoutLock(keyFile, places)
    }
  }

  const check = (moment: Still, options: VerifyOptions): Promise<Proven> => prove(moment, vouchedBy(moment, places), places, options)

  const noteVerification = async (actor: Actor, report: AuditReport): Promise<void> => {
    if (!keyFile.exists()) return
    await lock.hold(async (wasAbandoned) => {
      await prepare(wasAbandoned)
      await settle(store, actor)
      const { ok, records } = report
      await log.append([{ actor, at: store.now(), action: 'audit.verify', after: { ok, records } }])
      await store.sink?.offer()
    })
  }

  return {
    records: (filter, options) => auditRecords(log.path, filter, options),

    page: (query) => auditPage(log.path, query),
    timeline: (range) => auditTimeline(log.path, range),

    async verify(options) {
      const { report, head: last } = await check(await still(), options)
      const head = { seq: last.seq, hash: last.hash }
      if (options.actor === undefined || isReadOnly || !report.ok) return { report, head }
      try {
        await noteVerification(options.actor, report)
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        const notes = [...report.notes, `the verification could not be put on the log: ${why}`]
        return { report: { ...report, notes }, head }
      }
      return { report, head }
    },

    async acceptLoss(actor, reason): Promise<AcceptedLoss> {
      // Of a store that is not there nothing can be lost: it gets no lock file either.
      if (!keyFile.exists() && !keyFile.refresh() && (await check(await look(keyFile, places), {})).report.ok) throw nothingLost()
      return lock.hold(async (wasAbandoned) => {
        await prepare(wasAbandoned)
        const moment = await look(keyFile, places)
        const { report, head } = await check(moment, {})
        if (report.ok) throw nothingLost()
        const loss = extentOf(moment, report, head)
        const { document } = moment.lines
        const entry: Entry = {
          actor,
          at: store.now(),
          action: 'audit.accept-loss',
          reason,
          after: { keys: document.keys.length, digest: allKeysDigest(moment.lines), ...loss },
        }
        const next = await log.appendBehind(head, entry)
        await vouch()
        await writeDocument(store, document.keys, next)
        await store.sink?.offer()
        return { ...loss, seq: next.seq }
      })
    },
  }
}

function nothingLost(): KeywrightError {
  return new KeywrightError('INVALID_INPUT', 'nothing is lost: the log and the store agree', {
    hint: 'see for yourself with: keywright audit verify',
  })
}

/** The first and last seq that are known to be lost: records that are gone, or changes that the store has not seen. */
function extentOf({ lines, usageAnchor }: Still, report: AuditReport, head: Head): { lostFrom: number | null; lostTo: number | null } {
  const anchor = Math.max(lines.document.audit.seq, usageAnchor?.seq ?? 0)
  if (anchor > head.seq) return { lostFrom: report.firstBad ?? head.seq + 1, lostTo: anchor }
  const missing = report.problems.flatMap(({ seq }) => (seq === undefined ? [] : [seq]))
  if (missing.length > 0) return { lostFrom: Math.min(...missing), lostTo: Math.max(...missing) }
  return { lostFrom: null, lostTo: null }
}
