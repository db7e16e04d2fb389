// What an examination has before its eyes: every file of a store, read as far as it can be. Never opens the store, never writes.

import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Head } from '../../src/domain/audit.ts'
import { parseRecord } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import { errnoOf } from '../faults.ts'
import type { KeyFile } from '../json/key-file.ts'
import { createKeyFile } from '../json/key-file.ts'
import type { KeyLines } from '../json/key-lines.ts'
import { DEFAULT_BRAND } from '../json/key-lines.ts'
import type { Paths } from '../json/paths.ts'
import { pathsOf, resolveStore } from '../json/paths.ts'
import type { Still } from '../json/proof.ts'
import { lookWithoutLock, prove, vouchedBy } from '../json/proof.ts'
import type { Settings } from '../json/settings.ts'
import { configPathOf, readSettings } from '../json/settings.ts'
import { readUsageAnchor } from '../json/usage-file.ts'
import type { UsageAnchor } from '../json/usage-text.ts'
import type { AuditKeyFiles } from '../log/audit-key.ts'
import type { Line } from '../log/read.ts'
import { linesBackward, linesForward } from '../log/read.ts'
import { finishedSegments, openLogFiles } from '../log/segments.ts'
import type { LogTail } from '../log/tail.ts'
import { readTail } from '../log/tail.ts'
import type { LockState } from './machine.ts'
import { lockStateOf } from './machine.ts'

/** What the door knows of the world. */
export interface Surroundings {
  readonly nodeVersion: string
  readonly platform: string
  /** Null where the system has no numbers for users. */
  readonly userId: number | null
  readonly now: number
  readonly auditKeys: AuditKeyFiles
  /** The address that the environment names, which wins over the settings. */
  readonly auditSink: string | undefined
  /** Opens the store as this process would, for reading, and closes it. */
  readonly tryToOpen: () => Promise<void>
}

/** What was asked for, or the error that was in its way. */
export type Tried<T> = { readonly value: T; readonly error: null } | { readonly value: null; readonly error: Error }

export async function tried<T>(work: () => T | Promise<T>): Promise<Tried<T>> {
  try {
    return { value: await work(), error: null }
  } catch (error) {
    return { value: null, error: error instanceof Error ? error : new Error(String(error)) }
  }
}

/** A file of the log: the seqs of its first and last record, null where there is none; and the length of a line that was not finished. */
export interface LogPart {
  readonly path: string
  readonly first: number | null
  readonly last: number | null
  readonly tornBytes: number
}

/** The log, read once from its begin to its end. */
export interface LogSeen {
  readonly report: AuditReport
  readonly head: Head
  readonly parts: readonly LogPart[]
}

export interface Scene {
  readonly surroundings: Surroundings
  /** The path as it was given. */
  readonly given: string
  readonly isInsecureAllowed: boolean
  readonly paths: Paths
  readonly config: string
  readonly settings: Tried<Settings>
  readonly lock: LockState
  /** Null in `value`: there is no keys.json. */
  readonly keys: Tried<{ readonly lines: KeyLines | null }>
  readonly usageAnchor: Tried<UsageAnchor | null>
  readonly log: Tried<LogSeen>
  /** What lies behind the anchors; null where the counts have none. */
  readonly keysTail: Tried<LogTail>
  readonly usageTail: Tried<LogTail | null>
}

export async function sceneOf(given: string, isInsecureAllowed: boolean, surroundings: Surroundings): Promise<Scene> {
  // Whose the links are is a check of its own.
  const keysPath = resolveStore(given, true)
  const settings = await tried(() => readSettings(keysPath))
  const paths = pathsOf(keysPath, settings.value?.auditLog)
  const lock = await lockStateOf(paths.lock)
  const keyFile = createKeyFile({
    path: paths.keys,
    brand: settings.value?.brand ?? DEFAULT_BRAND,
    draw: () => new Uint8Array(),
    onAdopted: () => undefined,
    onWarning: () => undefined,
  })
  try {
    const keys = await tried(() => {
      keyFile.refresh()
      return { lines: keyFile.exists() ? keyFile.wholeLines() : null }
    })
    const usageAnchor = await tried(() => readUsageAnchor(paths.usage))
    const log = await tried(() => logSeen(keyFile, paths, keys.error === null && usageAnchor.error === null))
    const { audit } = keyFile.lines().document
    return {
      surroundings,
      given,
      isInsecureAllowed,
      paths,
      config: configPathOf(keysPath),
      settings,
      lock,
      keys,
      usageAnchor,
      log,
      keysTail: keys.error === null ? await tried(() => readTail(paths.log, audit)) : keys,
      usageTail: await tried(() => (usageAnchor.value === null ? null : readTail(paths.log, usageAnchor.value))),
    }
  } finally {
    keyFile.close()
  }
}

/** The proof without the anchors, which are looked at by themselves; of the log alone where the keys can't be read. */
async function logSeen(keyFile: KeyFile, paths: Paths, areKeysKnown: boolean): Promise<LogSeen> {
  const moment = areKeysKnown ? await lookWithoutLock(keyFile, paths) : await lookAtLogAlone(keyFile, paths)
  const proven = await prove(moment, { ...vouchedBy(moment, paths), anchors: [] }, paths, {})
  const parts: LogPart[] = []
  for (const path of [...moment.log.finished, paths.log]) parts.push(await partOf(path))
  return { ...proven, parts }
}

async function lookAtLogAlone(keyFile: KeyFile, { log }: Paths): Promise<Still> {
  const files = await openLogFiles(log)
  const activeBytes = files.active === null ? 0 : (await files.active.stat()).size
  return { lines: keyFile.wholeLines(), usageAnchor: null, log: files, activeBytes }
}

async function partOf(path: string): Promise<LogPart> {
  let tornBytes = 0
  const seqOf = async (lines: AsyncGenerator<Line>): Promise<number | null> => {
    for await (const { bytes, isWhole } of lines) {
      if (!isWhole) {
        tornBytes = bytes.length
        continue
      }
      const record = parseRecord(bytes)
      return typeof record === 'string' ? null : record.seq
    }
    return null
  }
  const [first, last] = [await seqOf(linesForward(path)), await seqOf(linesBackward(path))]
  return { path, first, last, tornBytes }
}

/** The files of a store that are there, and the folders that they lie in. */
export function filesOf({ paths, config }: Scene): { readonly files: string[]; readonly folders: string[] } {
  const segments = segmentsIn(paths.log)
  const files = [paths.keys, paths.usage, paths.lock, paths.log, ...segments, config].filter(existing)
  const folders = [...new Set([dirname(paths.keys), dirname(paths.log)])].filter(existing)
  return { files, folders }
}

/** None where the folder can't be read, which is a finding by itself. */
function segmentsIn(log: string): string[] {
  try {
    return finishedSegments(log)
  } catch {
    return []
  }
}

export function existing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'EACCES') return false
    throw error
  }
}
