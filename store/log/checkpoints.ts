// The file of signed checkpoints beside the log: written now and then behind changes, under the lock. Never stops or undoes a change.

import type { KeyObject } from 'node:crypto'
import { createPublicKey } from 'node:crypto'
import { constants, existsSync, renameSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Anchor } from '../../src/domain/audit.ts'
import type { Checkpoint } from '../../src/domain/checkpoint.ts'
import { endOfNotes, parseNotes } from '../../src/domain/checkpoint.ts'
import type { Warn } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { openOrMake, syncFolder, writeAll } from '../durable.ts'
import { errnoOf, meaningOf } from '../faults.ts'
import type { AuditLog } from './audit-log.ts'
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
  /** Records were lost, and that was accepted: what was signed of them is kept under another name, and signing begins anew. */
  readonly setAside: () => void
  /** The note for a record; writes nothing. */
  readonly sign: (anchor: Anchor, key: KeyObject) => string
}

export function createCheckpoints({ path, log, key, now, warn }: CheckpointOptions): Checkpoints {
  const origin = `keywright/${encodeURIComponent(basename(log.path, '.log'))}`
  const publicKey = key === null ? null : createPublicKey(key)
  let lastAt = Number.NEGATIVE_INFINITY
  let signedSeq = 0
  let changedSeq = 0
  let signedSegments = 0
  let lastTrouble = ''

  const sign = ({ seq, hash }: Anchor, signing: KeyObject): string => signCheckpoint({ origin, seq, hash, at: isoFrom(now()) }, signing)

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
      const { seq, hash } = log.head()
      await append(file, sign({ seq, hash }, signing), endBehindNotes(size, tail))
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
        if (existsSync(`${path}.${number}`)) continue
        try {
          renameSync(path, `${path}.${number}`)
        } catch (error) {
          if (errnoOf(error) !== 'ENOENT') throw error
        }
        return
      }
      throw new KeywrightError('AUDIT_UNAVAILABLE', `there are ${MAX_ASIDE} old files beside ${path}; move them away`)
    },
    sign,
  }
}

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
