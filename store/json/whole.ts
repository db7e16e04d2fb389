// An embedded store as a whole: read as one moment has it, and put together anew out of another. Opens no store.

import type { Anchor } from '../../src/domain/audit.ts'
import { EMPTY_ANCHOR, parseRecord } from '../../src/domain/audit.ts'
import type { Warn } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { shellWord } from '../../src/domain/text.ts'
import { isoFrom } from '../../src/domain/time.ts'
import type { Draw } from '../../src/domain/token.ts'
import { EMPTY_KEY_USAGE } from '../../src/domain/usage.ts'
import { faultAt } from '../faults.ts'
import { linesBackward, linesForward } from '../log/read.ts'
import type { KeyedUsage, Source, Whole } from '../whole.ts'
import type { KeyFile } from './key-file.ts'
import { createKeyFile } from './key-file.ts'
import { DEFAULT_BRAND } from './key-lines.ts'
import type { Lock } from './lock.ts'
import { createLock } from './lock.ts'
import type { Paths } from './paths.ts'
import type { Still } from './proof.ts'
import { look, lookWithoutLock } from './proof.ts'
import { receiveFiles } from './receive.ts'
import type { UsageFile } from './usage-file.ts'
import { createUsageFile } from './usage-file.ts'
import type { UsageDocument } from './usage-text.ts'
import { EMPTY_USAGE, parseUsage } from './usage-text.ts'

/** What is handed on at once: so many lines, or so many bytes of them. */
const MAX_LINES = 2_000
const MAX_BYTES = 2 * 1024 * 1024

export interface WholeFilesOptions {
  readonly paths: Paths
  readonly pid: number
  readonly host: string
  readonly wall: () => number
  readonly draw: Draw
  readonly warn: Warn
}

/** The files of a store, opened to be read or written as a whole. */
export interface StoreFiles {
  readonly paths: Paths
  readonly keyFile: KeyFile
  readonly usageFile: UsageFile
  readonly lock: Lock
}

interface Moment {
  readonly still: Still
  readonly usage: UsageDocument
}

export function wholeFiles(options: WholeFilesOptions): Whole {
  const { paths } = options
  return {
    name: paths.keys,
    flag: paths.keys,
    async read(work) {
      const files = openFiles(options)
      try {
        const moment = await momentOf(files)
        try {
          return await work(await sourceOf(moment, paths))
        } finally {
          await moment.still.log.active?.close()
        }
      } finally {
        files.keyFile.close()
        files.usageFile.close()
      }
    },
    async receive(work) {
      const files = openFiles(options)
      try {
        return await receiveFiles(files, work)
      } finally {
        files.keyFile.close()
        files.usageFile.close()
      }
    },
  }
}

function openFiles({ paths, pid, host, wall, draw, warn }: WholeFilesOptions): StoreFiles {
  const notSynced = (problem: unknown): void =>
    warn({ code: 'FOLDER_NOT_SYNCED', message: `the folder of ${paths.keys} could not be synced: ${String(problem)}` })
  return {
    paths,
    keyFile: createKeyFile({ path: paths.keys, brand: DEFAULT_BRAND, draw, onAdopted: () => undefined, onWarning: notSynced }),
    usageFile: createUsageFile(paths.usage, draw, () => undefined),
    lock: createLock({
      path: paths.lock,
      holder: () => ({ pid, host, since: isoFrom(wall()) }),
      onWaiting: (message) => warn({ code: 'WAITING', message }),
    }),
  }
}

/** Keys and counts are in memory, and the log only grows: the lock is needed for no longer than it takes to look. */
async function momentOf({ paths, keyFile, usageFile, lock }: StoreFiles): Promise<Moment> {
  keyFile.refresh()
  if (!keyFile.exists())
    throw new KeywrightError('INVALID_INPUT', `there is no store ${paths.keys} that could be copied`, {
      field: 'from',
      hint: 'look whether the path is right',
    })
  const still = await lock
    .hold(async () => {
      keyFile.refresh()
      return { still: await look(keyFile, paths), usage: usageOf(usageFile, paths) }
    })
    .catch(async (error: unknown) => {
      // Where the lock can't be opened nothing can be changed either.
      if (error instanceof KeywrightError && error.code !== 'STORE_UNAVAILABLE') throw error
      return { still: await lookWithoutLock(keyFile, paths), usage: usageOf(usageFile, paths) }
    })
  return still
}

function usageOf(file: UsageFile, { usage, keys }: Paths): UsageDocument {
  file.refresh()
  const trouble = file.trouble()
  if (trouble !== null) throw trouble
  if (!file.isGarbled()) return file.document()
  throw new KeywrightError('STORE_CORRUPT', `the counts ${usage} can't be read`, {
    hint: `have them set aside and recorded, by any verification: keywright validate --store ${shellWord(keys)}; then copy again`,
  })
}

async function sourceOf({ still, usage }: Moment, paths: Paths): Promise<Source> {
  const { document, bytes, starts, ends } = still.lines
  const { usageAnchor } = still
  return {
    brand: document.brand,
    head: await lastRecord(still, paths),
    keysAnchor: document.audit,
    vouched: [
      { by: paths.keys, anchor: document.audit },
      ...(usageAnchor === null ? [] : [{ by: paths.usage, anchor: { seq: usageAnchor.seq, hash: usageAnchor.hash } }]),
    ],
    log: () => logOf(still, paths),
    async *keys() {
      for (let from = 0; from < starts.length; from += MAX_LINES)
        yield Array.from(starts.subarray(from, from + MAX_LINES), (start, index) => bytes.toString('utf8', start, ends[from + index]))
    },
    async *usage() {
      let batch: KeyedUsage[] = []
      for (const [keyId, line] of usage.lines) {
        batch.push({ keyId, usage: parseUsage(line) ?? EMPTY_KEY_USAGE })
        if (batch.length < MAX_LINES / 10) continue
        yield batch
        batch = []
      }
      if (batch.length > 0) yield batch
    },
    alive: usage.alive,
    summarisedUntil: usage === EMPTY_USAGE ? 0 : usage.summarisedUntil,
  }
}

async function* logOf({ log: { finished, active }, activeBytes }: Still, { log }: Paths): AsyncGenerator<readonly string[]> {
  let batch: string[] = []
  let size = 0
  try {
    for (const source of [...finished, ...(active === null ? [] : [active])]) {
      for await (const { bytes, isWhole } of linesForward(source, 0, source === active ? activeBytes : undefined)) {
        if (!isWhole) continue
        batch.push(bytes.toString('utf8'))
        size += bytes.length
        if (batch.length < MAX_LINES && size < MAX_BYTES) continue
        yield batch
        batch = []
        size = 0
      }
    }
  } catch (error) {
    throw faultAt('STORE_UNAVAILABLE', 'reading the audit log', log, error)
  }
  if (batch.length > 0) yield batch
}

/** The end of the log as it was at that moment. A line that is torn is one that a dead process left: it must be settled first. */
async function lastRecord({ log: { finished, active } }: Still, paths: Paths): Promise<Anchor> {
  for (const source of [...(active === null ? [] : [active]), ...finished.toReversed()]) {
    for await (const { bytes, isWhole } of linesBackward(source)) {
      if (!isWhole)
        throw new KeywrightError('STORE_UNAVAILABLE', `the last line of the log ${paths.log} was not finished`, {
          hint: `have it repaired with: keywright audit verify --store ${shellWord(paths.keys)}; then copy again`,
        })
      const record = parseRecord(bytes)
      if (typeof record === 'string') throw new KeywrightError('AUDIT_BROKEN', `the last line of the log ${paths.log} ${record}`)
      return { seq: record.seq, hash: record.hash }
    }
  }
  return EMPTY_ANCHOR
}
