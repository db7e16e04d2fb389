// keys.usage.json as lowdb sees it: one key a line, parsed only when it is asked for and written anew only when it changed.

import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import type { Adapter } from 'lowdb'
import type { Anchor } from '../../src/domain/audit.ts'
import { GENESIS_HASH } from '../../src/domain/audit.ts'
import type { KeywrightError } from '../../src/domain/refusal.ts'
import type { Draw } from '../../src/domain/token.ts'
import type { KeyUsage, Series } from '../../src/domain/usage.ts'
import { EMPTY_KEY_USAGE, EMPTY_SERIES } from '../../src/domain/usage.ts'
import { replaceFile } from '../durable.ts'
import { errnoOf, faultAt } from '../faults.ts'
import type { Version } from './version.ts'
import { isVersion, versionOf } from './version.ts'

const FORMAT = 'keywright-usage/1'
const MAX_USAGE_BYTES = 512 * 1024 * 1024

/** The head of the log when counts were last written, and the seq of the store's own anchor then. */
export interface UsageAnchor extends Anchor {
  readonly keysSeq: number
}

export interface UsageDocument {
  readonly audit: UsageAnchor
  /** Rises with every write; marks which admissions a process has seen. */
  readonly seq: number
  /** Up to when accepted calls have been summed up on the log; milliseconds since 1970. */
  readonly summarisedUntil: number
  readonly alive: Series
  /** The text of each key's usage, by key id. */
  readonly lines: ReadonlyMap<string, string>
}

export interface UsageFile extends Adapter<UsageDocument> {
  /** Reads the file if it is another version than the known one. True when it was. Never throws: a garbled file reads as empty. */
  readonly refresh: () => boolean
  /** Why the file could not be read the last time; what was known then stays. */
  readonly trouble: () => KeywrightError | null
  readonly isGarbled: () => boolean
  readonly document: () => UsageDocument
  readonly usageOf: (keyId: string) => KeyUsage
  /** Gives a garbled file a new name; answers that name. */
  readonly setAside: () => Promise<string>
  readonly close: () => void
}

export const EMPTY_USAGE: UsageDocument = {
  audit: { seq: 0, hash: GENESIS_HASH, keysSeq: 0 },
  seq: 0,
  summarisedUntil: 0,
  alive: EMPTY_SERIES,
  lines: new Map(),
}

/** `onWritten`: called in the moment from which on this process's own counts are in the document. */
export function createUsageFile(path: string, draw: Draw, onWritten: () => void): UsageFile {
  let version: Version | null = null
  let document = EMPTY_USAGE
  let isGarbled = false
  let isWriting = false
  let trouble: KeywrightError | null = null
  const parsed = new Map<string, KeyUsage>()

  const adopt = (next: UsageDocument, nextVersion: Version | null): void => {
    for (const [keyId] of parsed) if (next.lines.get(keyId) !== document.lines.get(keyId)) parsed.delete(keyId)
    document = next
    version?.release()
    version = nextVersion
  }

  const usageOf = (keyId: string): KeyUsage => {
    const known = parsed.get(keyId)
    if (known !== undefined) return known
    const line = document.lines.get(keyId)
    const usage = line === undefined ? EMPTY_KEY_USAGE : parseUsage(line)
    if (usage === null) isGarbled = true
    else if (line !== undefined) parsed.set(keyId, usage)
    return usage ?? EMPTY_KEY_USAGE
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
      try {
        const { file, status } = await replaceFile(path, Buffer.from(composeUsage(next)), draw)
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
    usageOf,
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

/** The text of one key's usage; what `document.lines` holds. */
export function usageLine(usage: KeyUsage): string {
  return JSON.stringify(usage)
}

export function composeUsage({ audit, seq, summarisedUntil, alive, lines }: UsageDocument): string {
  const { seq: logSeq, hash, keysSeq } = audit
  const header = JSON.stringify({ format: FORMAT, audit: { seq: logSeq, hash, keysSeq }, seq, summarisedUntil, alive }).slice(0, -1)
  const parts: string[] = []
  for (const [keyId, line] of lines) parts.push(`${JSON.stringify(keyId)}:${line}`)
  return `${header},"keys":{\n${parts.join(',\n')}\n}}\n`
}

/** A document out of its text; null when it is garbled. The first time every line is parsed, later only what is asked for. */
function parseDocument(text: string, isThorough: boolean): UsageDocument | null {
  const headerEnd = text.indexOf('\n')
  if (!text.endsWith('\n}}\n') || headerEnd < 0) return null
  try {
    const { format, audit, seq, summarisedUntil, alive } = JSON.parse(`${text.slice(0, headerEnd)}}}`) as UsageDocument & {
      format: unknown
    }
    const isRight =
      format === FORMAT &&
      [audit.seq, audit.keysSeq, seq, summarisedUntil].every((number) => Number.isFinite(number)) &&
      typeof audit.hash === 'string' &&
      isSeries(alive)
    if (!isRight) return null
    const lines = new Map<string, string>()
    for (let start = headerEnd + 1; start < text.length - 4; ) {
      const end = text.indexOf('\n', start)
      const nameEnd = text.indexOf('":', start)
      if (text[start] !== '"' || nameEnd < 0 || nameEnd > end) return null
      lines.set(text.slice(start + 1, nameEnd), text.slice(nameEnd + 2, text[end - 1] === ',' ? end - 1 : end))
      start = end + 1
    }
    if (isThorough) for (const line of lines.values()) if (parseUsage(line) === null) return null
    return { audit, seq, summarisedUntil, alive, lines }
  } catch {
    return null
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
const isNumbers = (value: unknown): boolean => Array.isArray(value) && value.every((number) => Number.isFinite(number))
const isBuckets = (value: unknown): boolean => Array.isArray(value) && value.every((bucket) => isNumbers(bucket) && bucket.length > 0)
const isSeries = (value: unknown): boolean =>
  isObject(value) && isBuckets(value['minute']) && isBuckets(value['hour']) && isBuckets(value['day'])
const isTally = (value: unknown): boolean =>
  isObject(value) &&
  isNumbers(value['counts']) &&
  (value['lastAt'] === null || Number.isFinite(value['lastAt'])) &&
  isSeries(value['series'])
const isTallies = (value: unknown): boolean => isObject(value) && Object.values(value).every(isTally)
const isAdmission = (value: unknown): boolean =>
  isObject(value) &&
  Number.isFinite(value['seq']) &&
  Number.isFinite(value['at']) &&
  Number.isFinite(value['count']) &&
  typeof value['by'] === 'string'
const isSharedLimit = (value: unknown): boolean =>
  isObject(value) && Number.isFinite(value['windowMs']) && Array.isArray(value['calls']) && value['calls'].every(isAdmission)

function parseUsage(line: string): KeyUsage | null {
  try {
    const value: unknown = JSON.parse(line)
    const isRight =
      isObject(value) &&
      isTally(value['total']) &&
      isTallies(value['secrets']) &&
      isTallies(value['scopes']) &&
      isObject(value['admissions']) &&
      Object.values(value['admissions']).every(isSharedLimit)
    return isRight ? (value as unknown as KeyUsage) : null
  } catch {
    return null
  }
}

const HEADER = /^\{"format":"keywright-usage\/1","audit":\{"seq":(\d{1,15}),"hash":"([0-9a-f]{64})","keysSeq":(\d{1,15})\}/
const HEADER_BYTES = 512

/** What the usage file vouches for, without reading more than its first bytes; null when there is none or it is garbled. */
export function readUsageAnchor(path: string): UsageAnchor | null {
  try {
    const descriptor = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(Math.min(HEADER_BYTES, fstatSync(descriptor).size))
      const match = HEADER.exec(bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0)))
      return match === null ? null : { seq: Number(match[1]), hash: match[2] as string, keysSeq: Number(match[3]) }
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw faultAt('STORE_UNAVAILABLE', 'reading the usage file', path, error)
  }
}
