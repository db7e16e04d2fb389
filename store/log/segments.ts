// The files of one log: the active one and the finished segments beside it, in the order of their records.

import { readdirSync, statSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { TrailFile } from '../../src/domain/audit-trail.ts'
import { errnoOf } from '../faults.ts'
import type { Source } from './read.ts'
import { openIfThere } from './read.ts'

/** The name of the finished segment that begins with that seq: `security-audit.<first seq>.log`. */
export function segmentName(logPath: string, firstSeq: number): string {
  return `${basename(logPath, '.log')}.${firstSeq}.log`
}

export function segmentPath(logPath: string, firstSeq: number): string {
  return join(dirname(logPath), segmentName(logPath, firstSeq))
}

/** The name of a log's file, and the seq that it must begin with by its name. */
export function trailFile(logPath: string, source: Source): TrailFile {
  if (typeof source !== 'string') return { name: basename(logPath), firstSeq: null }
  const name = basename(source)
  return { name, firstSeq: Number(/\.(\d+)\.log$/.exec(name)?.[1]) }
}

/** Paths of the finished segments, oldest first. */
export function finishedSegments(logPath: string): string[] {
  const stem = `${basename(logPath, '.log')}.`
  let names: string[]
  try {
    names = readdirSync(dirname(logPath))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
  return names
    .flatMap((name) => {
      const firstSeq = name.startsWith(stem) && name.endsWith('.log') ? name.slice(stem.length, -'.log'.length) : ''
      return /^[1-9]\d{0,15}$/.test(firstSeq) ? [{ firstSeq: Number(firstSeq), path: join(dirname(logPath), name) }] : []
    })
    .sort((a, b) => a.firstSeq - b.firstSeq)
    .map(({ path }) => path)
}

/** All files of a log at one moment: the finished segments, oldest first, and the active file, held open. */
export interface LogFiles {
  readonly finished: readonly string[]
  readonly active: FileHandle | null
}

/**
 * Opens the active file before it lists the segments. A segment that is finished in between is the file that is open,
 * by its inode: it is neither missed nor read twice. The caller closes `active`.
 */
export async function openLogFiles(logPath: string): Promise<LogFiles> {
  const active = await openIfThere(logPath)
  if (active === null) return { finished: finishedSegments(logPath), active }
  const { ino } = await active.stat()
  return { finished: finishedSegments(logPath).filter((path) => statSync(path, { throwIfNoEntry: false })?.ino !== ino), active }
}
