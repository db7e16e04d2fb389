// keys.usage.json as lowdb sees it: one key a line, parsed only when it is asked for and written anew only when it changed.

import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import type { Adapter } from 'lowdb'
import type { KeywrightError } from '../../src/domain/refusal.ts'
import type { Draw } from '../../src/domain/token.ts'
import type { KeyUsage, OwnUsage, Tally } from '../../src/domain/usage.ts'
import { EMPTY_KEY_USAGE, ownUsage } from '../../src/domain/usage.ts'
import { replaceFile } from '../durable.ts'
import { errnoOf, faultAt } from '../faults.ts'
import type { Version } from '../version.ts'
import { isVersion, versionOf } from '../version.ts'
import type { UsageAnchor, UsageDocument } from './usage-text.ts'
import {
  EMPTY_USAGE,
  parseAdmissions,
  parseDocument,
  parseLastUse,
  parseTotal,
  parseUsage,
  parseUsageAnchor,
  usageBlocks,
} from './usage-text.ts'

/** What is composed and handed to the system at once. */
const BLOCK_BYTES = 256 * 1024
const MAX_USAGE_BYTES = 512 * 1024 * 1024

export interface UsageFile extends Adapter<UsageDocument> {
  /** Reads the file if it is another version than the known one. True when it was. Never throws: a garbled file reads as empty. */
  readonly refresh: () => boolean
  /** Why the file could not be read the last time; what was known then stays. */
  readonly trouble: () => KeywrightError | null
  readonly isGarbled: () => boolean
  readonly document: () => UsageDocument
  /** Rises with every other version that is known from then on. */
  readonly versions: () => number
  /** Remembered until the key's line changes. */
  readonly usageOf: (keyId: string) => KeyUsage
  /** What a line says, not remembered; empty where there is none, and where it is garbled, which `isGarbled` then tells. */
  readonly parse: (line: string | undefined) => OwnUsage
  /** The same without parsing what else there is of a key: for one look at many keys. */
  readonly totalOf: (keyId: string) => Tally
  readonly lastUseOf: (keyId: string) => number | null
  readonly admissionsOf: (keyId: string) => KeyUsage['admissions']
  /** Gives a garbled file a new name; answers that name. */
  readonly setAside: () => Promise<string>
  readonly close: () => void
}

/** `onWritten`: called in the moment from which on this process's own counts are in the document. */
export function createUsageFile(path: string, draw: Draw, onWritten: () => void): UsageFile {
  let version: Version | null = null
  let document = EMPTY_USAGE
  let isGarbled = false
  let isWriting = false
  let trouble: KeywrightError | null = null
  let versions = 0
  let block: Buffer | null = null
  const parsed = new Map<string, KeyUsage>()
  const totals = new Map<string, Tally>()
  const lastUses = new Map<string, number | null>()

  const adopt = (next: UsageDocument, nextVersion: Version | null): void => {
    for (const known of [parsed, totals, lastUses])
      for (const keyId of known.keys()) if (next.lines.get(keyId) !== document.lines.get(keyId)) known.delete(keyId)
    versions++
    document = next
    version?.release()
    version = nextVersion
  }

  const usageOf = (keyId: string): KeyUsage => {
    const known = parsed.get(keyId)
    if (known !== undefined) return known
    const line = document.lines.get(keyId)
    if (line === undefined) return EMPTY_KEY_USAGE
    const usage = parse(line)
    parsed.set(keyId, usage)
    return usage
  }

  const parse = (line: string | undefined): OwnUsage => {
    const usage = line === undefined ? null : parseUsage(line)
    if (usage === null && line !== undefined) isGarbled = true
    return usage ?? ownUsage(EMPTY_KEY_USAGE)
  }

  const totalOf = (keyId: string): Tally => {
    const known = parsed.get(keyId)?.total ?? totals.get(keyId)
    if (known !== undefined) return known
    const line = document.lines.get(keyId)
    const total = line === undefined ? null : parseTotal(line)
    if (total === null) return usageOf(keyId).total
    totals.set(keyId, total)
    return total
  }

  const lastUseOf = (keyId: string): number | null => {
    const known = lastUses.get(keyId)
    if (known !== undefined) return known
    const line = document.lines.get(keyId)
    if (line === undefined) return null
    const lastUse = parseLastUse(line) ?? usageOf(keyId).total.lastAt
    lastUses.set(keyId, lastUse)
    return lastUse
  }

  const admissionsOf = (keyId: string): KeyUsage['admissions'] => {
    const line = parsed.has(keyId) ? undefined : document.lines.get(keyId)
    return (line === undefined ? null : parseAdmissions(line)) ?? usageOf(keyId).admissions
  }

  const readAnew = (): boolean => {
    const status = statSync(path, { throwIfNoEntry: false })
    if (status === undefined) {
      if (version === null) return false
      adopt(EMPTY_USAGE, null)
      isGarbled = false
      return true
    }
    if (version !== null && isVersion(version, status)) return false
    const isFirst = version === null
    const { text, version: read } = readVersion(path)
    const next = parseDocument(text, isFirst)
    isGarbled = next === null
    adopt(next ?? EMPTY_USAGE, read)
    return true
  }

  return {
    read: async () => document,
    async write(next) {
      // Until the counts on their way are told to be written, the new file must not be read: they would count twice.
      isWriting = true
      block ??= Buffer.allocUnsafeSlow(BLOCK_BYTES)
      try {
        const { file, status } = await replaceFile(path, usageBlocks(next, block), draw)
        isGarbled = false
        adopt(
          next,
          versionOf(status, () => void file.close().catch(() => undefined)),
        )
        onWritten()
      } finally {
        isWriting = false
      }
    },
    refresh() {
      if (isWriting) return false
      try {
        const isAnother = readAnew()
        trouble = null
        return isAnother
      } catch (error) {
        trouble = faultAt('STORE_UNAVAILABLE', 'reading the usage file', path, error)
        return false
      }
    },
    trouble: () => trouble,
    isGarbled: () => isGarbled,
    document: () => document,
    versions: () => versions,
    usageOf,
    parse,
    totalOf,
    lastUseOf,
    admissionsOf,
    async setAside() {
      const aside = `${path}.garbled-${Buffer.from(draw(ASIDE_BYTES)).toString('hex')}`
      await rename(path, aside)
      isGarbled = false
      adopt(EMPTY_USAGE, null)
      return aside
    },
    close: () => version?.release(),
  }
}

const ASIDE_BYTES = 4

function readVersion(path: string): { text: string; version: Version } {
  const descriptor = openSync(path, 'r')
  try {
    const status = fstatSync(descriptor)
    if (status.size > MAX_USAGE_BYTES) throw new Error(`it is larger than ${MAX_USAGE_BYTES} bytes`)
    return { text: readFileSync(descriptor, 'utf8'), version: versionOf(status, () => closeSync(descriptor)) }
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

const HEADER_BYTES = 512

/** What the usage file vouches for, without reading more than its first bytes; null when there is none or it is garbled. */
export function readUsageAnchor(path: string): UsageAnchor | null {
  try {
    const descriptor = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(Math.min(HEADER_BYTES, fstatSync(descriptor).size))
      return parseUsageAnchor(bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0)))
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw faultAt('STORE_UNAVAILABLE', 'reading the usage file', path, error)
  }
}
