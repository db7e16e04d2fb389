// The last whole record of a log, read anew only when the log is another than before. Never writes.

import { statSync } from 'node:fs'
import type { LineProblem } from '../../src/domain/audit.ts'
import { parseRecord } from '../../src/domain/audit.ts'
import type { Version } from '../version.ts'
import { isVersion, versionOf } from '../version.ts'
import { allBackward } from './tail.ts'

/** `seq` and `hash` null: there is no record. `problem`: why the last line is none. */
export interface LogEnd {
  readonly seq: number | null
  readonly hash: string | null
  readonly problem: LineProblem | null
}

export function createLogEnd(path: string): () => Promise<LogEnd> {
  let version: Version | null = null
  let end: LogEnd = { seq: null, hash: null, problem: null }

  return async () => {
    const status = statSync(path, { throwIfNoEntry: false })
    if (status !== undefined && version !== null && isVersion(version, status)) return end
    version = null
    end = await readEnd(path)
    // What was written since the look is found by the next: it is another version.
    if (status !== undefined) version = versionOf(status, () => undefined)
    return end
  }
}

/** Reads the end of a log. A line that is not finished is torn or just being written, and no record yet. */
export async function readEnd(path: string): Promise<LogEnd> {
  for await (const { bytes, isWhole } of allBackward(path)) {
    if (!isWhole) continue
    const record = parseRecord(bytes)
    if (typeof record === 'string') return { seq: null, hash: null, problem: record }
    return { seq: record.seq, hash: record.hash, problem: null }
  }
  return { seq: null, hash: null, problem: null }
}
