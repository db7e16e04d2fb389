// The proof of an embedded store: what stood in its files at one moment, and the run of the check over the log. Never writes.

import { statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Anchor, Head } from '../../src/domain/audit.ts'
import { parseRecord, sha256 } from '../../src/domain/audit.ts'
import type { AuditReport, Vouched } from '../../src/domain/audit-check.ts'
import { createAuditCheck } from '../../src/domain/audit-check.ts'
import { expectedBy } from '../../src/domain/audit-expected.ts'
import { originOf } from '../../src/domain/checkpoint.ts'
import type { StorePlaces } from '../../src/domain/disagreement.ts'
import type { VerifyOptions } from '../../src/domain/ports.ts'
import type { SeqRange } from '../../src/domain/problem-list.ts'
import { faultAt } from '../faults.ts'
import type { SignedCheckpoints } from '../log/checkpoint-check.ts'
import { withCheckpoints } from '../log/checkpoint-check.ts'
import { blocksForward } from '../log/read.ts'
import type { LogFiles } from '../log/segments.ts'
import { openLogFiles, segmentName, trailFile } from '../log/segments.ts'
import type { KeyFile } from './key-file.ts'
import type { KeyLines } from './key-lines.ts'
import { readUsageAnchor } from './usage-file.ts'

/** How often a store that changes all the time is looked at for a quiet moment. */
const MAX_LOOKS = 100

const NEWLINE = 10
/** How often a long verification tells of its progress. */
const RECORDS_PER_PROGRESS = 10_000

/** What stood in the files at one moment. Who holds it closes its log. */
export interface Still {
  readonly lines: KeyLines
  readonly usageAnchor: Anchor | null
  readonly log: LogFiles
  readonly activeBytes: number
}

/** What the files hold now; a moment only while the lock is held. */
export async function look(keyFile: KeyFile, { usage, log }: StorePlaces): Promise<Still> {
  const lines = keyFile.wholeLines()
  // What vouches is read before the log, which may only grow meanwhile.
  const usageAnchor = readUsageAnchor(usage)
  const files = await openLogFiles(log)
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
export async function lookWithoutLock(keyFile: KeyFile, places: StorePlaces): Promise<Still> {
  for (let looks = 1; ; looks++) {
    keyFile.refresh()
    const moment = await look(keyFile, places)
    if (!keyFile.refresh() || looks === MAX_LOOKS) return moment
    await moment.log.active?.close()
  }
}

export interface Proven {
  readonly report: AuditReport
  /** The last record that is whole and in its place. */
  readonly head: Head
  /** The records that are lost, if that is accepted. */
  readonly lost: SeqRange | null
}

/** Runs the check over the log of a moment, and closes it. `checkpointed`: signed checkpoints, which the log must agree with too. */
export async function prove(
  moment: Still,
  vouched: Omit<Vouched, 'expected'>,
  { log }: StorePlaces,
  { onProgress, signal, expect }: VerifyOptions,
  checkpointed: SignedCheckpoints | null = null,
): Promise<Proven> {
  const expected = [...expectedBy(expect), ...(checkpointed?.expected ?? [])]
  const run = createAuditCheck({ ...vouched, expected }, (seq) => segmentName(log, seq))
  const { finished, active } = moment.log
  const totalBytes = finished.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), moment.activeBytes)
  let nextProgress = RECORDS_PER_PROGRESS
  let bytesRead = 0
  let firstHash = ''
  try {
    signal?.throwIfAborted()
    for (const source of [...finished, ...(active === null ? [] : [active])]) {
      run.enter(trailFile(log, source))
      for await (const lines of blocksForward(source, 0, source === active ? moment.activeBytes : undefined)) {
        const { bytes } = lines.block ?? lines.piece
        if (firstHash === '') firstHash = hashIn(bytes.subarray(0, lines.block === null ? undefined : bytes.indexOf(NEWLINE)))
        if (lines.block !== null) run.addLines(lines.block)
        else if (lines.piece.isWhole) run.add(bytes)
        else run.addTorn(bytes, source === active)
        bytesRead += bytes.length
        signal?.throwIfAborted()
        if (run.records() < nextProgress) continue
        nextProgress += RECORDS_PER_PROGRESS
        onProgress?.({ records: run.records(), bytes: bytesRead, totalBytes })
      }
    }
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw faultAt('AUDIT_UNAVAILABLE', 'reading the audit log', log, error)
  } finally {
    await active?.close()
  }
  const report = run.finish()
  const head = run.head()
  const proven = { report, head, lost: run.lost() }
  if (checkpointed === null) return proven
  return { ...proven, report: withCheckpoints(report, checkpointed, head, originOf(basename(log, '.log'), firstHash)) }
}

function hashIn(line: Buffer): string {
  const record = parseRecord(line)
  return typeof record === 'string' ? '' : record.hash
}

export function vouchedBy({ lines, usageAnchor }: Still, { keys, usage }: StorePlaces): Omit<Vouched, 'expected'> {
  const { document, bytes, starts, ends } = lines
  return {
    anchors: [{ by: keys, anchor: document.audit }, ...(usageAnchor === null ? [] : [{ by: usage, anchor: usageAnchor }])],
    keyDigests: new Map(document.keys.map(({ id }, index) => [id, sha256(bytes.subarray(starts[index], ends[index]))])),
    allKeysDigest: allKeysDigest(lines),
    seenSeq: document.audit.seq,
  }
}

/** SHA-256 of all key lines joined by newlines. */
export function allKeysDigest({ document, bytes, starts, ends }: KeyLines): string {
  return sha256(document.keys.map((_, index) => bytes.toString('utf8', starts[index], ends[index])).join('\n'))
}
