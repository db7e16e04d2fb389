// The audit side of the embedded store: streaming, proving, and accepting a loss.

import type { KeyObject } from 'node:crypto'
import type { Actor, Anchor, Entry } from '../../src/domain/audit.ts'
import { EMPTY_ANCHOR } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import { brokenLog } from '../../src/domain/disagreement.ts'
import type { AcceptedLoss, AuditPort, VerifyOptions, Warn } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { nothingLost, unsigned } from '../audit-refusals.ts'
import { faultAt } from '../faults.ts'
import { readPublicKey } from '../log/audit-key.ts'
import type { SignedCheckpoints } from '../log/checkpoint-check.ts'
import { readCheckpoints } from '../log/checkpoint-check.ts'
import { readEnd } from '../log/end.ts'
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
  /** The key that signs; null where there is none. */
  readonly signingKey: () => KeyObject | null
  readonly publicKeyFile: string | undefined
  readonly warn: Warn
}

export function createAuditPort(dependencies: AuditDependencies): AuditPort {
  const { store, lock, prepare, isReadOnly, vouch, signingKey, publicKeyFile, warn } = dependencies
  const { log, checkpoints, keyFile } = store
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

  const check = (moment: Still, options: VerifyOptions, checkpointed: SignedCheckpoints | null = null): Promise<Proven> =>
    prove(moment, vouchedBy(moment, places), places, options, checkpointed)

  const head = async (): Promise<Anchor> => {
    try {
      const { seq, hash, problem } = await readEnd(log.path)
      if (problem !== null) throw brokenLog({ kind: 'line-garbled', before: null, problem }, places)
      return seq === null || hash === null ? EMPTY_ANCHOR : { seq, hash }
    } catch (error) {
      throw faultAt('AUDIT_UNAVAILABLE', 'reading the audit log', log.path, error)
    }
  }

  /** What the checkpoints say, where there is a key that proves them. */
  const signed = ({ publicKeyFile: given = publicKeyFile }: VerifyOptions): SignedCheckpoints | null =>
    given === undefined ? null : readCheckpoints(store.checkpointsPath, readPublicKey(given))

  const noteVerification = async (actor: Actor, report: AuditReport): Promise<void> => {
    if (!keyFile.exists()) return
    await lock.hold(async (wasAbandoned) => {
      await prepare(wasAbandoned)
      await settle(store, actor, 'note')
      const { ok, records } = report
      await log.append([{ actor, at: store.now(), action: 'audit.verify', after: { ok, records } }])
      await store.sink?.offer()
    })
  }

  return {
    records: (filter, options) => auditRecords(log.path, filter, options, (message) => warn({ code: 'SEGMENT_MISSING', message })),

    page: (query) => auditPage(log.path, query),
    timeline: (range) => auditTimeline(log.path, range),

    head,
    async signedHead() {
      const key = signingKey()
      if (key === null) throw unsigned()
      const anchor = await head()
      return { ...anchor, note: await checkpoints.sign(anchor, key) }
    },

    async verify(options) {
      const checkpointed = signed(options)
      const { report, head: last } = await check(await still(), options, checkpointed)
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
        const { report, head, lost } = await check(moment, {})
        if (report.ok) throw nothingLost()
        const loss = { lostFrom: lost?.from ?? null, lostTo: lost?.to ?? null }
        const { document } = moment.lines
        const entry: Entry = {
          actor,
          at: store.now(),
          action: 'audit.accept-loss',
          reason,
          after: { keys: document.keys.length, digest: allKeysDigest(moment.lines), ...loss },
        }
        // What was signed of lost records would give the log the lie for ever.
        const putBack = report.firstBad === null ? null : checkpoints.setAside()
        const next = await log.appendBehind(head, entry).catch((error: unknown) => {
          putBack?.()
          throw error
        })
        await vouch()
        await writeDocument(store, document.keys, next)
        await store.sink?.offer()
        await checkpoints.afterChanges()
        return { ...loss, seq: next.seq }
      })
    },
  }
}
