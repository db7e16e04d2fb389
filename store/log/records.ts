// Streams records across the segments of a log: forwards, from the end, or on and on as they are written.

import type { FSWatcher } from 'node:fs'
import { statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { AuditFilter, AuditRecord } from '../../src/domain/audit.ts'
import { matchesRecord, parseRecord } from '../../src/domain/audit.ts'
import { errnoOf, faultAt } from '../faults.ts'
import { headOf } from './bisect.ts'
import type { OnGap } from './gaps.ts'
import { createGaps } from './gaps.ts'
import { linesBackward, linesForward } from './read.ts'
import { openLogFiles } from './segments.ts'

/** How often a follower looks where the system tells of no change. */
const FOLLOW_POLL_MS = 1000

/** The record of a line that is whole, matches its hash and passes the filter. A broken line is the business of `audit verify`. */
function wanted(bytes: Buffer, isWhole: boolean, filter: AuditFilter): AuditRecord | null {
  if (!isWhole) return null
  const record = parseRecord(bytes)
  return typeof record !== 'string' && matchesRecord(record, filter) ? record : null
}

/** `onGap`: told of each file that is missing where it is come to. */
export async function* auditRecords(
  path: string,
  filter: AuditFilter,
  options: { reverse?: boolean; follow?: AbortSignal },
  onGap: OnGap,
): AsyncGenerator<AuditRecord> {
  try {
    if (options.follow !== undefined) yield* followed(path, filter, options.follow)
    else if (options.reverse === true) yield* backward(path, filter, onGap)
    else yield* forward(path, filter, onGap)
  } catch (error) {
    throw faultAt('AUDIT_UNAVAILABLE', 'reading the audit log', path, error)
  }
}

async function* backward(path: string, filter: AuditFilter, onGap: OnGap): AsyncGenerator<AuditRecord> {
  const { finished, active } = await openLogFiles(path)
  const gaps = createGaps(path, finished, true, onGap)
  try {
    for (const source of [...(active === null ? [] : [active]), ...finished.toReversed()]) {
      gaps.enter(source)
      for await (const { bytes, isWhole } of linesBackward(source)) {
        gaps.see(bytes)
        const record = wanted(bytes, isWhole, filter)
        if (record !== null) yield record
        // Log time never goes back, so that nothing older can match.
        else if (filter.since !== undefined && isBefore(bytes, filter.since)) return
      }
    }
    gaps.finish()
  } finally {
    await active?.close()
  }
}

function isBefore(bytes: Buffer, since: number): boolean {
  const head = headOf(bytes)
  return head !== null && head.at < since
}

async function* forward(path: string, filter: AuditFilter, onGap: OnGap): AsyncGenerator<AuditRecord> {
  const { finished, active } = await openLogFiles(path)
  const gaps = createGaps(path, finished, false, onGap)
  try {
    for (const source of [...finished, ...(active === null ? [] : [active])]) {
      gaps.enter(source)
      for await (const { bytes, isWhole } of linesForward(source)) {
        gaps.see(bytes)
        const record = wanted(bytes, isWhole, filter)
        if (record !== null) yield record
      }
    }
  } finally {
    await active?.close()
  }
}

/** All records, then new ones until the signal. Goes on across changes of segment: nothing is missed, nothing told twice. */
async function* followed(path: string, filter: AuditFilter, signal: AbortSignal): AsyncGenerator<AuditRecord> {
  const news = createBell(path, signal)
  let lastSeq = 0
  let files = await openLogFiles(path)
  let position = 0
  const unseen = (bytes: Buffer): AuditRecord | null => {
    const record = parseRecord(bytes)
    if (typeof record === 'string' || record.seq <= lastSeq) return null
    lastSeq = record.seq
    return matchesRecord(record, filter) ? record : null
  }
  try {
    while (!signal.aborted) {
      // Asked before reading: what is written to a file until it is finished is read from it below.
      const isFinished = files.active !== null && inodeOf(path) !== (await files.active.stat()).ino
      for (const source of files.finished) {
        for await (const { bytes, isWhole } of linesForward(source)) {
          const record = isWhole ? unseen(bytes) : null
          if (record !== null) yield record
        }
      }
      files = { ...files, finished: [] }
      if (files.active !== null) {
        for await (const { bytes, isWhole, end } of linesForward(files.active, position)) {
          if (!isWhole) break
          position = end
          const record = unseen(bytes)
          if (record !== null) yield record
        }
      }
      if (isFinished || (files.active === null && inodeOf(path) !== null)) {
        await files.active?.close()
        files = await openLogFiles(path)
        position = 0
      } else await news.rung()
    }
  } finally {
    news.close()
    await files.active?.close()
  }
}

function inodeOf(path: string): number | null {
  try {
    return statSync(path).ino
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw error
  }
}

/** Something to wait for: rings when the folder of the log changes, after a while at the latest, and when the signal comes. */
function createBell(path: string, signal: AbortSignal): { rung: () => Promise<void>; close: () => void } {
  let isRung = false
  let wake: () => void = () => undefined
  const ring = (): void => {
    isRung = true
    wake()
  }
  let watcher: FSWatcher | null = null
  try {
    watcher = watch(dirname(path), (_, name) => {
      if (name === null || name === basename(path)) ring()
    })
    watcher.on('error', () => undefined)
  } catch {
    // Where nothing can be watched, looking once a second must do.
  }
  const poll = setInterval(ring, FOLLOW_POLL_MS)
  signal.addEventListener('abort', ring)
  return {
    async rung() {
      if (!isRung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      isRung = false
    },
    close() {
      watcher?.close()
      clearInterval(poll)
      signal.removeEventListener('abort', ring)
    },
  }
}
