// A last line that was not finished: kept beside the log, and named on it.

import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Actor, Entry } from '../../src/domain/audit.ts'
import { sha256 } from '../../src/domain/audit.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { openNew, syncFolder, writeAll } from '../durable.ts'
import { errnoOf } from '../faults.ts'

const MAX_ASIDE = 1000

/** Writes bytes to a new file beside the log: `.torn`, or `.torn.2` and so on where there is one already. */
export async function keepAside(path: string, bytes: Buffer): Promise<void> {
  for (let number = 1; number <= MAX_ASIDE; number++) {
    let side: FileHandle
    try {
      side = await openNew(number === 1 ? path : `${path}.${number}`, constants.O_WRONLY)
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
    // Before the log is cut: else a power failure could leave the bytes in neither place.
    await syncFolder(dirname(path))
    return
  }
  throw new KeywrightError(
    'AUDIT_UNAVAILABLE',
    `there are ${MAX_ASIDE} torn lines beside ${path}; look why the log breaks so often, and move them away`,
  )
}

/** What is kept of a torn line on the log. */
export function tornEntry(torn: Buffer, actor: Actor, at: string): Entry {
  return { actor, at, action: 'log.repair', after: { length: torn.length, digest: sha256(torn) } }
}
