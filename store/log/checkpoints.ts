// The file of signed checkpoints beside the log: written now and then behind changes, under the lock. Never stops or undoes a change.

import type { KeyObject } from 'node:crypto'
import { createPublicKey } from 'node:crypto'
import { constants, existsSync, renameSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Anchor } from '../../src/domain/audit.ts'
import type { Checkpoint } from '../../src/domain/checkpoint.ts'
import { endOfNotes, originOf, parseNotes } from '../../src/domain/checkpoint.ts'
import type { Warn } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { openOrMake, syncFolder, writeAll } from '../durable.ts'
import { errnoOf, meaningOf } from '../faults.ts'
import type { AuditLog } from './audit-log.ts'
import { holdsRecord } from './behind.ts'
import { firstRecord } from './read.ts'
import { finishedSegments } from './segments.ts'
import { isSignedWith, signCheckpoint } from './signed-note.ts'

/** Changes are signed at least so often. */
const CHECKPOINT_MS = 3_600_000
/** What is read of the file's end: the last note and more. */
const TAIL_BYTES = 8 * 1024
const MAX_ASIDE = 1000

export interface CheckpointOptions {
  readonly path: string
  readonly log: Pick<AuditLog, 'path' | 'head' | 'finishedSegments'>
  /** Null: nothing is signed. */
  readonly key: KeyObject | null
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly warn: Warn
}

/** Under the lock. None throws but `sign` and `setAside`. */
export interface Checkpoints {
  /** Changes are on the log and in the store: signs them where a segment was finished, or the last checkpoint is an hour old. */
  readonly afterChanges: () => Promise<void>
  /** Other records are on the log: signs where a segment was finished. */
  readonly afterRecords: () => Promise<void>
  /** Not under the lock, but with what takes it: signs changes of this process where the last checkpoint is an hour old. */
  readonly atEnd: (underLock: (work: () => Promise<void>) => Promise<void>) => Promise<void>
  /**
   * Records were lost, and that is accepted: what was signed of them is kept under another name, and signing begins anew. Answers
   * what puts it back, for the case that the loss can't be recorded.
   */
  readonly setAside: () => () => void
  /** The note for a record; writes nothing. */
  readonly sign: (anchor: Anchor, key: KeyObject) => Promise<string>
}

export function createCheckpoints({ path, log, key, now, warn }: CheckpointOptions): Checkpoints {
  const publicKey = key === null ? null : createPublicKey(key)
  let lastAt = Number.NEGATIVE_INFINITY
  let signedSeq = 0
  let changedSeq = 0
  let signedSegments = 0
  let lastTrouble = ''

  const sign = async ({ seq, hash }: Anchor, signing: KeyObject): Promise<string> => {
    const first = await firstRecord(finishedSegments(log.path)[0] ?? log.path)
    if (first === null) throw new Error('the log has no first record')
    return signCheckpoint({ origin: originOf(basename(log.path, '.log'), first.hash), seq, hash, at: isoFrom(now()) }, signing)
  }

  // A clock that was put back must not put the next checkpoint off.
  const isOld = (): boolean => Math.abs(now() - lastAt) >= CHECKPOINT_MS

  /** The newest checkpoint of this key, whichever process wrote it: a line that anyone could have put there puts nothing off. */
  const lastOwn = (tail: Buffer): Checkpoint | null =>
    parseNotes(tail).notes.findLast((note) => note.checkpoint !== null && publicKey !== null && isSignedWith(note, publicKey))
      ?.checkpoint ?? null

  const append = async (file: FileHandle, note: string, end: number): Promise<void> => {
    try {
      await file.truncate(end)
      await writeAll(file, Buffer.from(end === 0 ? note : `\n${note}`), end)
      await file.datasync()
    } catch (error) {
      await file.truncate(end).catch(() => undefined)
      throw error
    }
  }

  const write = async (signing: KeyObject, isSegment: boolean): Promise<void> => {
    const { file, isMade } = await openOrMake(path, constants.O_RDWR)
    try {
      const { size } = await file.stat()
      const tail = await readTail(file, size)
      const last = lastOwn(tail)
      if (last !== null) {
        lastAt = Date.parse(last.at)
        signedSeq = last.seq
      }
      if (!isSegment && !isOld()) return
      // A signature below a log that lost what was signed before would make the loss good.
      if (last !== null && !(await holdsRecord(log.path, last)))
        throw new Error(`the log does not hold seq ${last.seq}, which was signed; see keywright audit verify --public-key FILE`)
      const end = endBehindNotes(size, tail)
      if (end === 0 && !isUnfinished(tail)) throw new Error('what stands there is no checkpoint; move the file away')
      const { seq, hash } = log.head()
      await append(file, await sign({ seq, hash }, signing), end)
      if (isMade) await syncFolder(dirname(path))
      lastAt = now()
      signedSeq = seq
    } finally {
      await file.close()
    }
  }

  const warnOnce = (error: unknown): void => {
    const message = `the log's checkpoint could not be written to ${path}: ${meaningOf(error)}; the changes stand, unsigned`
    if (message !== lastTrouble) warn({ code: 'NOT_SIGNED', message })
    lastTrouble = message
  }

  const writeIfDue = async (isChange: boolean): Promise<void> => {
    if (key === null || log.head().seq === 0) return
    const segments = log.finishedSegments()
    const isSegment = segments !== signedSegments
    if (!isSegment && !(isChange && isOld())) return
    try {
      await write(key, isSegment)
      signedSegments = segments
      lastTrouble = ''
    } catch (error) {
      warnOnce(error)
    }
  }

  return {
    async afterChanges() {
      changedSeq = log.head().seq
      await writeIfDue(true)
    },
    afterRecords: () => writeIfDue(false),
    async atEnd(underLock) {
      if (key === null || changedSeq <= signedSeq || !isOld()) return
      await underLock(() => writeIfDue(true)).catch(warnOnce)
    },
    setAside() {
      lastAt = Number.NEGATIVE_INFINITY
      for (let number = 1; number <= MAX_ASIDE; number++) {
        const aside = `${path}.${number}`
        if (existsSync(aside)) continue
        try {
          renameSync(path, aside)
        } catch (error) {
          if (errnoOf(error) !== 'ENOENT') throw error
          return () => undefined
        }
        return () => renameSync(aside, path)
      }
      throw new KeywrightError('AUDIT_UNAVAILABLE', `there are ${MAX_ASIDE} old files beside ${path}; move them away`)
    },
    sign,
  }
}

/** Whether nothing stands there, or the begin of a first note, whose writer died. */
function isUnfinished(tail: Buffer): boolean {
  const begin = tail.subarray(0, ORIGIN_BEGIN.length)
  return begin.equals(ORIGIN_BEGIN.subarray(0, begin.length))
}

const ORIGIN_BEGIN = Buffer.from('keywright/')

/** Where the next note begins: what is left of one whose writer died is cut, since it would make the next one none. */
function endBehindNotes(size: number, tail: Buffer): number {
  const end = endOfNotes(tail)
  if (end > 0) return size - tail.length + end
  return tail.length === size ? 0 : size
}

async function readTail(file: FileHandle, size: number): Promise<Buffer> {
  const tail = Buffer.alloc(Math.min(TAIL_BYTES, size))
  for (let filled = 0; filled < tail.length; ) {
    const { bytesRead } = await file.read(tail, filled, tail.length - filled, size - tail.length + filled)
    if (bytesRead === 0) throw new Error('the checkpoints became shorter while they were read')
    filled += bytesRead
  }
  return tail
}
