// The audit log on disk: its head, what lies behind an anchor, and appending. Only the holder of the store's lock comes here.

import type { Stats } from 'node:fs'
import { constants, existsSync, fstatSync, statSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open, rename, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Anchor, AuditRecord, Entry, Head } from '../../src/domain/audit.ts'
import { chainLines, EMPTY_HEAD, parseRecord } from '../../src/domain/audit.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { makeFolder, NO_FOLLOW, openOrMake, syncFolder, writeAll } from '../durable.ts'
import { faultAt } from '../faults.ts'
import { firstRecord, linesBackward, linesForward } from './read.ts'
import { finishedSegments, segmentPath } from './segments.ts'
import type { LogTail } from './tail.ts'
import { readTail } from './tail.ts'
import { keepAside } from './torn.ts'

export const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024

/** What this process knows of the log; `inode` null while there is no active file. */
interface Known {
  readonly inode: number | null
  size: number
  head: Head
  /** Those behind the anchor. Parsed when they are asked for: what this process appended itself, nobody asks for but after a fault. */
  records: () => readonly AuditRecord[]
}

export interface AuditLog {
  readonly path: string
  /** Reads what is new. The anchor must be one that a file of the store vouches for. */
  readonly tailBehind: (anchor: Anchor) => Promise<LogTail>
  /** Appends and syncs; throws AUDIT_UNAVAILABLE and leaves the log as it was. Needs a `tailBehind` under the same lock. */
  readonly append: (entries: readonly Entry[]) => Promise<Head>
  /** Appends one record behind a head that was read from the log, whatever is wrong with the rest of it. */
  readonly appendBehind: (head: Head, entry: Entry) => Promise<Head>
  /** The last record, as of the last `tailBehind` or append. */
  readonly head: () => Head
  /** Keeps a torn last line beside the log and writes the entries in its place: at no moment does the log look whole without them. */
  readonly repair: (torn: Buffer, entries: readonly Entry[]) => Promise<Head>
  /** How many segments this process has finished. */
  readonly finishedSegments: () => number
  readonly close: () => Promise<void>
}

export function openAuditLog(path: string, segmentBytes: number): AuditLog {
  let known: Known | null = null
  let file: FileHandle | null = null
  let finishedCount = 0

  const closeFile = async () => {
    const closing = file
    file = null
    await closing?.close()
  }

  const statOrNull = (): Stats | null => {
    try {
      return statSync(path, { throwIfNoEntry: false }) ?? null
    } catch (error) {
      throw faultAt('AUDIT_UNAVAILABLE', 'reading the audit log', path, error)
    }
  }

  /** Reads on from where this process stood. Null when that can't be done and the end must be read anew. */
  const readOn = async (from: Known): Promise<{ torn: Buffer | null } | null> => {
    const records = [...from.records()]
    from.records = () => records
    for await (const line of linesForward(path, from.size)) {
      if (!line.isWhole) return { torn: Buffer.from(line.bytes) }
      const record = parseRecord(line.bytes)
      if (typeof record === 'string' || record.seq !== from.head.seq + 1 || record.prev !== from.head.hash) return null
      records.push(record)
      from.head = { seq: record.seq, hash: record.hash, at: record.at }
      from.size = line.end
    }
    return { torn: null }
  }

  const refresh = async (anchor: Anchor): Promise<LogTail> => {
    const status = statOrNull()
    if (known !== null && status !== null && known.inode === status.ino && status.size >= known.size) {
      const read = status.size === known.size ? { torn: null } : await readOn(known)
      if (read !== null && isBehind(known, anchor)) {
        const records = known.head.seq === anchor.seq ? [] : known.records().filter(({ seq }) => seq > anchor.seq)
        known.records = () => records
        return { records, head: known.head, torn: read.torn, broken: null }
      }
    }
    await closeFile()
    const tail = await readTail(path, anchor)
    const size = (status?.size ?? 0) - (tail.torn?.length ?? 0)
    known = tail.broken !== null ? null : { inode: status?.ino ?? null, size, head: tail.head, records: () => tail.records }
    return tail
  }

  const openForAppend = async (): Promise<FileHandle> => {
    await makeFolder(dirname(path))
    const opened = await openOrMake(path, constants.O_WRONLY | constants.O_APPEND)
    // Also of a file that was there: who made it may have died before the folder was synced.
    await syncFolder(dirname(path))
    return opened.file
  }

  /** The record that begins a new segment, where the active file is full or was just finished; null where it goes on. */
  const beginSegment = async (head: Head, { actor, at }: Entry): Promise<{ lines: string; head: Head } | null> => {
    const status = statOrNull()
    if (status !== null && status.size > 0 && status.size < segmentBytes) return null
    if (status === null || status.size === 0) {
      const isFirst = head.seq === 0 || finishedSegments(path).length === 0
      return isFirst ? null : chainLines(head, [{ actor, at, action: 'log.segment' }])
    }
    const first = await firstRecord(path)
    if (first === null) return null
    const finished = segmentPath(path, first.seq)
    if (existsSync(finished))
      throw new KeywrightError(
        'AUDIT_UNAVAILABLE',
        `the segment ${finished} is there already; move it away and run: keywright audit verify`,
      )
    await closeFile()
    await rename(path, finished)
    finishedCount++
    return chainLines(head, [{ actor, at, action: 'log.segment' }])
  }

  /** Whatever failed: the log is cut back to where it ended, and looked at anew next time. */
  const failed = async (error: unknown, size: number, isWritten = false): Promise<KeywrightError> => {
    known = null
    const isCut = size < 0 || (await isCutBack(path, size))
    await closeFile().catch(() => undefined)
    const fault = faultAt('AUDIT_UNAVAILABLE', 'writing the audit log', path, error)
    if (isCut) return fault
    const left = isWritten
      ? 'its records could not be taken back, so that the change may still be redone'
      : 'its half-written records could not be cut off either'
    return new KeywrightError('AUDIT_UNAVAILABLE', `${fault.message}; ${left}`, {
      hint: isWritten
        ? 'make the audit log writable, then look at the key before you try again'
        : 'make the audit log writable; the next change will repair it',
      cause: error,
    })
  }

  const standing = (): Known => {
    if (known === null) throw new Error('the audit log was not looked at before appending to it')
    return known
  }

  const append = async (entries: readonly Entry[]): Promise<Head> => {
    const before = standing()
    let size = -1
    let isWritten = false
    try {
      const segment = await beginSegment(before.head, entries[0] as Entry)
      const made = chainLines(segment?.head ?? before.head, entries)
      file ??= await openForAppend()
      const status = fstatSync(file.fd)
      size = status.size
      const bytes = Buffer.from((segment?.lines ?? '') + made.lines)
      await writeAll(file, bytes)
      isWritten = true
      await file.datasync()
      known = { inode: status.ino, size: size + bytes.length, head: made.head, records: withAppended(before, bytes) }
      return made.head
    } catch (error) {
      throw await failed(error, size, isWritten)
    }
  }

  const repair = async (torn: Buffer, entries: readonly Entry[]): Promise<Head> => {
    const before = standing()
    try {
      await keepAside(`${path}.torn`, torn)
      const made = chainLines(before.head, entries)
      const bytes = Buffer.from(made.lines)
      const over = await open(path, constants.O_RDWR | NO_FOLLOW)
      try {
        const status = await over.stat()
        const begin = status.size - torn.length
        await writeAll(over, bytes, begin)
        await over.truncate(begin + bytes.length)
        await over.datasync()
        known = { inode: status.ino, size: begin + bytes.length, head: made.head, records: withAppended(before, bytes) }
      } finally {
        await over.close()
      }
      return made.head
    } catch (error) {
      throw await failed(error, -1)
    }
  }

  return {
    path,
    async tailBehind(anchor) {
      try {
        return await refresh(anchor)
      } catch (error) {
        known = null
        throw faultAt('AUDIT_UNAVAILABLE', 'reading the audit log', path, error)
      }
    },
    append,
    async appendBehind(head, entry) {
      await closeFile()
      known = { inode: null, size: 0, head, records: () => [] }
      for await (const line of linesBackward(path)) {
        if (!line.isWhole) return repair(Buffer.from(line.bytes), [entry])
        break
      }
      return append([entry])
    },
    head: () => known?.head ?? EMPTY_HEAD,
    repair,
    finishedSegments: () => finishedCount,
    close: closeFile,
  }
}

/** Whether the anchor is a place in the chain behind which everything is known. */
function isBehind({ head, records }: Known, anchor: Anchor): boolean {
  if (head.seq === anchor.seq) return head.hash === anchor.hash
  return records().some(({ seq, prev }) => seq === anchor.seq + 1 && prev === anchor.hash)
}

function withAppended({ records }: Known, lines: Buffer): () => readonly AuditRecord[] {
  return () => [...records(), ...recordsOf(lines)]
}

function recordsOf(lines: Buffer): AuditRecord[] {
  return lines
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditRecord)
}

async function isCutBack(path: string, size: number): Promise<boolean> {
  try {
    await truncate(path, size)
    return true
  } catch {
    return false
  }
}
