// Puts a store together out of another one, file by file: the log's segments, the counts, and keys.json as the last. Under the lock.

import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { rename, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Anchor } from '../../src/domain/audit.ts'
import { EMPTY_ANCHOR, parseRecord } from '../../src/domain/audit.ts'
import type { Key } from '../../src/domain/key.ts'
import { makeFolder, openOrMake, syncFolder, writeAll } from '../durable.ts'
import { faultAt } from '../faults.ts'
import { firstRecord, linesBackward } from '../log/read.ts'
import { finishedSegments, segmentPath } from '../log/segments.ts'
import type { Receiver, Source } from '../whole.ts'
import { notEmpty } from '../whole.ts'
import { assertReadable } from './key-file.ts'
import { FORMAT } from './key-lines.ts'
import { usageLine } from './usage-text.ts'
import type { StoreFiles } from './whole.ts'

const SEGMENT_ACTION = '"action":"log.segment"'

export async function receiveFiles<T>(files: StoreFiles, work: (receiver: Receiver) => Promise<T>): Promise<T> {
  const { paths, lock } = files
  await writing(paths.log, () => makeFolder(dirname(paths.log)))
  return lock.hold(async () => {
    const end = await endOf(files)
    const log = createLogWriter(paths.log)
    try {
      return await work({
        end,
        append: (lines) => writing(paths.log, () => log.append(lines)),
        async finish(source) {
          await writing(paths.log, log.sync)
          await writeUsage(files, source)
          await writeKeys(files, source)
        },
      })
    } finally {
      await log.close()
    }
  })
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw faultAt('STORE_UNAVAILABLE', 'writing', path, error)
  }
}

/** The last record that an interrupted copy left; a line that it could not finish is cut. Throws where anything else is there. */
async function endOf({ paths, keyFile, usageFile }: StoreFiles): Promise<Anchor> {
  keyFile.refresh()
  const { keys, audit } = keyFile.lines().document
  if (keys.length > 0) throw notEmpty(paths.keys, keys.length === 1 ? '1 key' : `${keys.length} keys`)
  if (audit.seq > 0) throw notEmpty(paths.keys, `the end of a log of ${audit.seq} records`)
  const end = await writing(paths.log, () => endOfLog(paths.log))
  usageFile.refresh()
  const trouble = usageFile.trouble()
  if (trouble !== null) throw trouble
  const usage = usageFile.document()
  // Counts are written at the end: those of an interrupted copy vouch for the end of its log.
  const isOurs = usage.audit.seq === end.seq && usage.audit.hash === end.hash && end.seq > 0
  if (usageFile.isGarbled() || (usage.lines.size > 0 && !isOurs)) throw notEmpty(paths.keys, `the counts ${paths.usage}`)
  return end
}

async function endOfLog(path: string): Promise<Anchor> {
  for (const source of [path, ...finishedSegments(path).toReversed()]) {
    for await (const { bytes, isWhole, end } of linesBackward(source)) {
      if (!isWhole) {
        await truncate(source, end - bytes.length)
        continue
      }
      const record = parseRecord(bytes)
      if (typeof record !== 'string') return { seq: record.seq, hash: record.hash }
      throw notEmpty(source, 'a line that is no record')
    }
  }
  return EMPTY_ANCHOR
}

interface LogWriter {
  readonly append: (lines: readonly string[]) => Promise<void>
  readonly sync: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Writes lines into the very segments that they stood in: one begins with each record that says so. */
function createLogWriter(path: string): LogWriter {
  let file: FileHandle | null = null

  const close = async (): Promise<void> => {
    const closing = file
    file = null
    await closing?.close()
  }

  const sync = async (): Promise<void> => {
    if (file === null) return
    await file.datasync()
    await syncFolder(dirname(path))
  }

  const write = async (lines: readonly string[]): Promise<void> => {
    if (lines.length === 0) return
    file ??= (await openOrMake(path, constants.O_WRONLY | constants.O_APPEND)).file
    await writeAll(file, Buffer.from(`${lines.join('\n')}\n`))
  }

  const finishSegment = async (): Promise<void> => {
    await sync()
    await close()
    const first = await firstRecord(path)
    if (first !== null) await rename(path, segmentPath(path, first.seq))
  }

  return {
    async append(lines) {
      let written = 0
      for (const [index, line] of lines.entries()) {
        if (!isSegmentBegin(line)) continue
        await write(lines.slice(written, index))
        await finishSegment()
        written = index
      }
      await write(lines.slice(written))
    },
    sync,
    close,
  }
}

function isSegmentBegin(line: string): boolean {
  if (!line.includes(SEGMENT_ACTION)) return false
  const record = parseRecord(Buffer.from(line))
  return typeof record !== 'string' && record.action === 'log.segment'
}

async function writeUsage({ paths, usageFile }: StoreFiles, source: Source): Promise<void> {
  const lines = new Map<string, string>()
  let calls = 0
  for await (const usages of source.usage()) {
    for (const { keyId, usage } of usages) {
      lines.set(keyId, usageLine(usage))
      for (const count of usage.total.counts) calls += count
    }
  }
  const { head, keysAnchor, alive, summarisedUntil } = source
  const isCounted = lines.size > 0 || summarisedUntil > 0 || alive.day.length > 0
  if (!isCounted) return
  const audit = { seq: head.seq, hash: head.hash, keysSeq: keysAnchor.seq }
  await writing(paths.usage, () => usageFile.write({ audit, seq: FIRST_WRITE, summarisedUntil, calls, processes: {}, alive, lines }))
}

const FIRST_WRITE = 1

async function writeKeys({ paths, keyFile }: StoreFiles, source: Source): Promise<void> {
  const keys: Key[] = []
  let bytes = 0
  for await (const lines of source.keys()) {
    for (const line of lines) {
      bytes += Buffer.byteLength(line)
      keys.push(JSON.parse(line) as Key)
    }
    assertReadable(bytes, paths.keys)
  }
  const { brand, keysAnchor } = source
  const audit = { seq: keysAnchor.seq, hash: keysAnchor.hash }
  await writing(paths.keys, () => keyFile.write({ format: FORMAT, brand, audit, keys }))
}
