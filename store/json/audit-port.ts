// The audit side of the embedded store: streaming, proving, and accepting a loss.

import type { KeyObject } from 'node:crypto'
import { statSync } from 'node:fs'
import type { Actor, Anchor, Entry, Head } from '../../src/domain/audit.ts'
import { EMPTY_ANCHOR, sha256 } from '../../src/domain/audit.ts'
import type { AuditReport, Vouched } from '../../src/domain/audit-check.ts'
import { createAuditCheck } from '../../src/domain/audit-check.ts'
import { expectedBy } from '../../src/domain/audit-expected.ts'
import type { AcceptedLoss, AuditPort, VerifyOptions, Warn } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { faultAt } from '../faults.ts'
import { readPublicKey } from '../log/audit-key.ts'
import type { SignedCheckpoints } from '../log/checkpoint-check.ts'
import { readCheckpoints, withCheckpoints } from '../log/checkpoint-check.ts'
import { readEnd } from '../log/end.ts'
import { auditPage } from '../log/page.ts'
import { linesForward } from '../log/read.ts'
import { auditRecords } from '../log/records.ts'
import type { LogFiles } from '../log/segments.ts'
import { openLogFiles, segmentName, trailFile } from '../log/segments.ts'
import { auditTimeline } from '../log/timeline.ts'
import type { Committing } from './commit.ts'
import { brokenLog, settle, writeDocument } from './commit.ts'
import type { KeyLines } from './key-lines.ts'
import type { Lock } from './lock.ts'
import { readUsageAnchor } from './usage-file.ts'

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

/** How often a store that changes all the time is looked at for a quiet moment. */
const MAX_LOOKS = 100

/** How often a long verification tells of its progress. */
const RECORDS_PER_PROGRESS = 10_000

/** What stood in the files at one moment: nothing is changing while the lock is held. */
interface Still {
  readonly lines: KeyLines
  readonly usageAnchor: Anchor | null
  readonly log: LogFiles
  readonly activeBytes: number
}

export function createAuditPort(dependencies: AuditDependencies): AuditPort {
  const { store, lock, prepare, isReadOnly, vouch, signingKey, publicKeyFile, warn } = dependencies
  const { log, checkpoints, keyFile, keysPath, usagePath } = store

  const look = async (): Promise<Still> => {
    const lines = keyFile.wholeLines()
    // What vouches is read before the log, which may only grow meanwhile.
    const usageAnchor = readUsageAnchor(usagePath)
    const files = await openLogFiles(log.path)
    return {
      lines,
      usageAnchor,
      log: files,
      activeBytes: files.active === null ? 0 : (await files.active.stat()).size,
    }
  }

  /**
   * Where the lock can't be had: looks until no change was finished meanwhile. What one unfinished change has written by
   * then is told apart as such by the check.
   */
  const lookWithoutLock = async (): Promise<Still> => {
    for (let looks = 1; ; looks++) {
      keyFile.refresh()
      const moment = await look()
      if (!keyFile.refresh() || looks === MAX_LOOKS) return moment
      await moment.log.active?.close()
    }
  }

  const still = async (): Promise<Still> => {
    // Proving is reading: a store that is not there is not given a lock file.
    if (isReadOnly || !keyFile.exists()) return lookWithoutLock()
    try {
      return await lock.hold(async (wasAbandoned) => {
        await prepare(wasAbandoned)
        return look()
      })
    } catch (error) {
      // Where the lock can't be opened nothing can be changed either.
      if (error instanceof KeywrightError && error.code === 'STORE_BUSY') throw error
      return lookWithoutLock()
    }
  }

  const check = async (
    moment: Still,
    { onProgress, signal, expect }: VerifyOptions,
    checkpointed: SignedCheckpoints | null = null,
  ): Promise<{ report: AuditReport; head: Head }> => {
    const expected = [...expectedBy(expect), ...(checkpointed?.expected ?? [])]
    const run = createAuditCheck({ ...vouchedBy(moment, keysPath, usagePath), expected }, (seq) => segmentName(log.path, seq))
    const { finished, active } = moment.log
    const totalBytes = finished.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), moment.activeBytes)
    let records = 0
    let bytesRead = 0
    try {
      signal?.throwIfAborted()
      for (const source of [...finished, ...(active === null ? [] : [active])]) {
        run.enter(trailFile(log.path, source))
        for await (const { bytes, isWhole } of linesForward(source, 0, source === active ? moment.activeBytes : undefined)) {
          if (isWhole) run.add(bytes)
          else run.addTorn(bytes, source === active)
          bytesRead += bytes.length + 1
          signal?.throwIfAborted()
          if (++records % RECORDS_PER_PROGRESS !== 0) continue
          onProgress?.({ records, bytes: bytesRead, totalBytes })
        }
      }
    } catch (error) {
      if (signal?.aborted === true) throw error
      throw faultAt('AUDIT_UNAVAILABLE', 'reading the audit log', log.path, error)
    } finally {
      await active?.close()
    }
    const report = run.finish()
    return { report: checkpointed === null ? report : withCheckpoints(report, checkpointed, run.head()), head: run.head() }
  }

  const head = async (): Promise<Anchor> => {
    try {
      const { seq, hash, problem } = await readEnd(log.path)
      if (problem !== null) throw brokenLog(log.path, problem)
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
      await settle(store, actor)
      const { ok, records } = report
      await log.append([{ actor, at: store.now(), action: 'audit.verify', after: { ok, records } }])
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
      return { ...anchor, note: checkpoints.sign(anchor, key) }
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
      if (!keyFile.exists() && !keyFile.refresh() && (await check(await look(), {})).report.ok) throw nothingLost()
      return lock.hold(async (wasAbandoned) => {
        await prepare(wasAbandoned)
        const moment = await look()
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
        // What was signed of lost records would give the log the lie for ever.
        if (report.firstBad !== null) checkpoints.setAside()
        const next = await log.appendBehind(head, entry)
        await vouch()
        await writeDocument(store, document.keys, next)
        await checkpoints.afterChanges()
        return { ...loss, seq: next.seq }
      })
    },
  }
}

function unsigned(): KeywrightError {
  return new KeywrightError('INVALID_INPUT', 'there is no key to sign with', {
    field: 'signed',
    hint: 'set KEYWRIGHT_AUDIT_KEY_FILE to the path of an Ed25519 private key that is kept away from the store',
  })
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

function vouchedBy({ lines, usageAnchor }: Still, keysPath: string, usagePath: string): Vouched {
  const { document, bytes, starts, ends } = lines
  return {
    anchors: [{ by: keysPath, anchor: document.audit }, ...(usageAnchor === null ? [] : [{ by: usagePath, anchor: usageAnchor }])],
    keyDigests: new Map(document.keys.map(({ id }, index) => [id, sha256(bytes.subarray(starts[index], ends[index]))])),
    allKeysDigest: allKeysDigest(lines),
    seenSeq: document.audit.seq,
  }
}

/** SHA-256 of all key lines joined by newlines. */
function allKeysDigest({ document, bytes, starts, ends }: KeyLines): string {
  return sha256(document.keys.map((_, index) => bytes.toString('utf8', starts[index], ends[index])).join('\n'))
}
