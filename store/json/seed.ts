// Puts a whole store on disk at once: a log, the keys, the usage. For places that are fresh and that nobody else uses: takes no lock.

import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Head } from '../../src/domain/audit.ts'
import type { KeyUsage, Series } from '../../src/domain/usage.ts'
import type { StoreDocument } from './key-lines.ts'
import { composeLines, DEFAULT_BRAND, FORMAT } from './key-lines.ts'
import type { Paths } from './paths.ts'
import { usageBlocks, usageLine } from './usage-text.ts'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const BLOCK_BYTES = 64 * 1024

/** What was counted, up to the end of the log. */
export interface SeedUsage {
  readonly summarisedUntil: number
  readonly alive: Series
  readonly keys: Iterable<readonly [keyId: string, usage: KeyUsage]>
  readonly head: Head
}

/** Puts lines at the end of a log, or of a segment of one. */
export function seedLog(path: string, lines: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE })
  appendFileSync(path, lines, { mode: FILE_MODE })
}

/** Writes the keys, whose anchor names a record of the log, and the usage where there is some. */
export function seedStore(
  { keys: keysPath, usage: usagePath }: Paths,
  { keys, audit }: Pick<StoreDocument, 'keys' | 'audit'>,
  usage: SeedUsage | null,
): void {
  const document: StoreDocument = { format: FORMAT, brand: DEFAULT_BRAND, audit, keys }
  writeFileSync(keysPath, composeLines(document).bytes, { mode: FILE_MODE })
  if (usage === null) return
  const { summarisedUntil, alive, head } = usage
  const counts = [...usage.keys]
  const calls = counts.reduce((sum, [, { total }]) => total.counts.reduce((all, count) => all + count, sum), 0)
  const lines = new Map(counts.map(([keyId, kept]) => [keyId, usageLine(kept)]))
  const anchor = { seq: head.seq, hash: head.hash, keysSeq: audit.seq }
  const counted = { audit: anchor, seq: 1, summarisedUntil, calls, processes: {}, alive, lines }
  writeFileSync(usagePath, '', { mode: FILE_MODE })
  for (const block of usageBlocks(counted, Buffer.alloc(BLOCK_BYTES))) appendFileSync(usagePath, block)
}
