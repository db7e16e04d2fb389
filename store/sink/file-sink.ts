// A sink that is a file, on another disk or in another folder: a copy of the log, in one piece. Only ever appends, so that the file may be append-only.

import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { dirname, isAbsolute, normalize } from 'node:path'
import { parseRecord } from '../../src/domain/audit.ts'
import { openOrMake, syncFolder, writeAll } from '../durable.ts'
import { loadLocks } from '../kernel-locks.ts'
import { linesBackward } from '../log/read.ts'
import type { Sink, SinkKind } from './sink.ts'

const SCHEME = 'file:'

export const FILE_SINK: SinkKind = {
  form: 'file:/PATH',
  open(address) {
    const path = fileOf(address)
    return path === null ? null : fileSink(path)
  },
}

/** The file that an address names; null where it names none. */
export function fileOf(address: string): string | null {
  const path = address.startsWith(SCHEME) ? address.slice(SCHEME.length) : ''
  return isAbsolute(path) && !path.endsWith('/') ? normalize(path) : null
}

function fileSink(path: string): Sink {
  /** Bytes of a line that was not finished, as of the last look: the begin of the next record, or else nothing of ours. */
  let torn = Buffer.alloc(0)

  return {
    async last() {
      torn = Buffer.alloc(0)
      const file = await openSink(path)
      try {
        const status = await file.stat()
        if (status.isFIFO() || status.isSocket()) throw new Error("it is no file, and can't be asked what it holds")
        for await (const { bytes, isWhole } of linesBackward(file)) {
          if (isWhole) {
            const record = parseRecord(bytes)
            if (typeof record === 'string') throw new Error(`its last line ${record}`)
            return { seq: record.seq, hash: record.hash }
          }
          torn = Buffer.from(bytes)
        }
        return null
      } finally {
        await file.close()
      }
    },
    async deliver(lines, signal) {
      // What a death or a full disk cut off is finished instead of cut away: an append-only file lets nobody cut.
      if (!lines.subarray(0, torn.length).equals(torn)) throw new Error('its last line is not finished, and is the begin of no record')
      const file = await openSink(path)
      try {
        signal.throwIfAborted()
        await writeAll(file, lines.subarray(torn.length))
        torn = Buffer.alloc(0)
        await file.datasync()
      } finally {
        await file.close()
      }
    },
  }
}

async function openSink(path: string): Promise<FileHandle> {
  const { file, isMade } = await openOrMake(path, constants.O_RDWR | constants.O_APPEND)
  try {
    if (isMade) await syncFolder(dirname(path))
    // A process that gave a slow disk up may still be writing, long after it let the store's lock go.
    const locks = await loadLocks()
    if (!locks.tryLock(file.fd)) throw new Error('another process has not ended writing to it')
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}
