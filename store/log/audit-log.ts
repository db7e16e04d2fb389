// The audit log on disk: its head, what lies behind an anchor, and appending. Only the holder of the store's lock comes here.

import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, rename, stat, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Actor, Anchor, AuditRecord, Entry, Head } from '../../src/domain/audit.ts'
import { chainLines, EMPTY_HEAD, parseRecord, sha256 } from '../../src/domain/audit.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { syncFolder, writeAll } from '../durable.ts'
import { errnoOf, faultAt } from '../faults.ts'
import { linesBackward, linesForward } from './read.ts'
import { finishedSegments, segmentPath } from './segments.ts'
import type { LogTail } from './tail.ts'
import { readTail } from './tail.ts'

export const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

interface Known {
  readonly inode: number
  size: number
  head: Head
  records: AuditRecord[]
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
  /** Cuts a torn last line and keeps it beside the log. */
  readonly cutTorn: (torn: Buffer) => Promise<void>
  readonly close: () => Promise<void>
}

export function openAuditLog(path: string, segmentBytes: number): AuditLog {
  let known: Known | null = null
  let file: FileHandle | null = null

  const closeFile = async () => {
    const closing = file
    file = null
    await closing?.close()
  }

  const statOrNull = async () => {
    try {
      return await stat(path)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null
      throw faultAt('AUDIT_UNAVAILABLE', 'reading the audit log', path, error)
    }
  }

  /** Reads on from where this process stood. Null when that can't be done and the end must be read anew. */
  const readOn = async (from: Known): Promise<{ torn: Buffer | null } | null> => {
    for await (const line of linesForward(path, from.size)) {
      if (!line.isWhole) return { torn: Buffer.from(line.bytes) }
      const record = parseRecord(line.bytes)
      if (typeof record === 'string' || record.seq !== from.head.seq + 1 || record.prev !== from.head.hash) return null
      from.records.push(record)
      from.head = { seq: record.seq, hash: record.hash, at: record.at }
      from.size = line.end
    }
    return { torn: null }
  }

  const refresh = async (anchor: Anchor): Promise<LogTail> => {
    const status = await statOrNull()
    if (known !== null && status !== null && known.inode === status.ino && status.size >= known.size && known.head.seq >= anchor.seq) {
      const isCovered = known.records.length === 0 ? known.head.seq === anchor.seq : (known.records[0] as AuditRecord).seq <= anchor.seq + 1
      if (isCovered) {
        const read = await readOn(known)
        if (read !== null) {
          known.records = known.records.filter(({ seq }) => seq > anchor.seq)
          return { records: known.records, head: known.head, torn: read.torn, broken: null }
        }
      }
    }
    await closeFile()
    const tail = await readTail(path, anchor)
    known =
      tail.broken !== null || status === null
        ? null
        : { inode: status.ino, size: status.size - (tail.torn?.length ?? 0), head: tail.head, records: [...tail.records] }
    return tail
  }

  const openForAppend = async (): Promise<FileHandle> => {
    await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE })
    const opened = await open(path, 'a', FILE_MODE)
    await syncFolder(dirname(path))
    return opened
  }

  /** The head for a new segment, where the active file is full or was just finished. */
  const beginSegment = async (head: Head, { actor, at }: Entry): Promise<{ lines: string; head: Head } | null> => {
    const status = await statOrNull()
    if (status !== null && status.size < segmentBytes) return null
    if (status === null)
      return head.seq === 0 || finishedSegments(path).length === 0 ? null : chainLines(head, [{ actor, at, action: 'log.segment' }])
    const first = await firstRecord(path)
    if (first === null) return null
    await closeFile()
    await rename(path, segmentPath(path, first.seq))
    return chainLines(head, [{ actor, at, action: 'log.segment' }])
  }

  const append = async (entries: readonly Entry[]): Promise<Head> => {
    const before = known?.head ?? EMPTY_HEAD
    let size = -1
    try {
      const segment = await beginSegment(before, entries[0] as Entry)
      const made = chainLines(segment?.head ?? before, entries)
      file ??= await openForAppend()
      const status = await file.stat()
      size = status.size
      const bytes = Buffer.from((segment?.lines ?? '') + made.lines)
      await writeAll(file, bytes)
      await file.datasync()
      known = { inode: status.ino, size: size + bytes.length, head: made.head, records: [...(known?.records ?? []), ...recordsOf(bytes)] }
      return made.head
    } catch (error) {
      known = null
      const isCut = size < 0 || (await isCutBack(path, size))
      await closeFile().catch(() => undefined)
      const fault = faultAt('AUDIT_UNAVAILABLE', 'writing the audit log', path, error)
      if (isCut) throw fault
      throw new KeywrightError('AUDIT_UNAVAILABLE', `${fault.message}; its half-written records could not be cut off either`, {
        hint: 'make the audit log writable; the next change will repair it',
        cause: error,
      })
    }
  }

  const cutTorn = async (torn: Buffer): Promise<void> => {
    try {
      await keepAside(`${path}.torn`, torn)
      const status = await stat(path)
      await truncate(path, status.size - torn.length)
    } catch (error) {
      throw faultAt('AUDIT_UNAVAILABLE', 'repairing the audit log', path, error)
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
      for await (const line of linesBackward(path)) {
        if (!line.isWhole) await cutTorn(Buffer.from(line.bytes))
        break
      }
      known = { inode: 0, size: 0, head, records: [] }
      return append([entry])
    },
    head: () => known?.head ?? EMPTY_HEAD,
    cutTorn,
    close: closeFile,
  }
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

const MAX_ASIDE = 1000

/** Writes bytes to a new file beside the log: `.torn`, or `.torn.2` and so on where there is one already. */
async function keepAside(path: string, bytes: Buffer): Promise<void> {
  for (let number = 1; number <= MAX_ASIDE; number++) {
    let side: FileHandle
    try {
      side = await open(number === 1 ? path : `${path}.${number}`, 'wx', FILE_MODE)
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') continue
      throw error
    }
    try {
      await writeAll(side, bytes)
      await side.sync()
    } finally {
      await side.close()
    }
    return
  }
  throw new KeywrightError(
    'AUDIT_UNAVAILABLE',
    `there are ${MAX_ASIDE} torn lines beside ${path}; look why the log breaks so often, and move them away`,
  )
}

async function firstRecord(path: string): Promise<AuditRecord | null> {
  for await (const line of linesForward(path)) {
    const record = line.isWhole ? parseRecord(line.bytes) : 'is not a record'
    return typeof record === 'string' ? null : record
  }
  return null
}

/** What is kept of a torn line on the log. */
export function tornEntry(torn: Buffer, actor: Actor, at: string): Entry {
  return { actor, at, action: 'log.repair', after: { length: torn.length, digest: sha256(torn) } }
}
