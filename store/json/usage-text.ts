// The text of keys.usage.json: a header, then one key a line, of which no more is parsed than is asked for. Touches no file.

import type { Anchor } from '../../src/domain/audit.ts'
import { GENESIS_HASH } from '../../src/domain/audit.ts'
import type { Processes } from '../../src/domain/presence.ts'
import type { KeyUsage, OwnUsage, Series, Tally } from '../../src/domain/usage.ts'
import { EMPTY_SERIES } from '../../src/domain/usage.ts'

const FORMAT = 'keywright-usage/1'

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
  /** Verifications of any code that were ever merged. */
  readonly calls: number
  readonly processes: Processes
  readonly alive: Series
  /** The text of each key's usage, by key id. */
  readonly lines: ReadonlyMap<string, string>
}

export const EMPTY_USAGE: UsageDocument = {
  audit: { seq: 0, hash: GENESIS_HASH, keysSeq: 0 },
  seq: 0,
  summarisedUntil: 0,
  calls: 0,
  processes: {},
  alive: EMPTY_SERIES,
  lines: new Map(),
}

/** The text of one key's usage; what `document.lines` holds. */
export function usageLine(usage: KeyUsage): string {
  return JSON.stringify(usage)
}

/** A document's text, line by line. */
function* linesOf({ audit, lines, ...header }: UsageDocument): Generator<string> {
  const { seq: logSeq, hash, keysSeq } = audit
  const { seq, summarisedUntil, calls, processes, alive } = header
  const first = { format: FORMAT, audit: { seq: logSeq, hash, keysSeq }, seq, summarisedUntil, calls, processes, alive }
  yield `${JSON.stringify(first).slice(0, -1)},"keys":{\n`
  let end = ''
  for (const [keyId, line] of lines) {
    yield `${end}${JSON.stringify(keyId)}:${line}`
    end = ',\n'
  }
  yield '\n}}\n'
}

/** UTF-8 takes at most so many bytes for one unit of a string. */
const MAX_BYTES_A_UNIT = 3

/** The document's text in blocks, each good until the next is asked for: nobody waits for more than one to be composed. */
export function* usageBlocks(document: UsageDocument, block: Buffer): Generator<Uint8Array> {
  let filled = 0
  for (const line of linesOf(document)) {
    const most = line.length * MAX_BYTES_A_UNIT
    if (filled + most > block.length) {
      yield block.subarray(0, filled)
      filled = 0
    }
    if (most > block.length) yield Buffer.from(line)
    else filled += block.write(line, filled)
  }
  yield block.subarray(0, filled)
}

/** A document out of its text; null when it is garbled. The first time every line is parsed, later only what is asked for. */
export function parseDocument(text: string, isThorough: boolean): UsageDocument | null {
  const headerEnd = text.indexOf('\n')
  if (!text.endsWith('\n}}\n') || headerEnd < 0) return null
  try {
    const header: unknown = JSON.parse(`${text.slice(0, headerEnd)}}}`)
    const { format, audit, seq, summarisedUntil, calls, processes = {}, alive } = header as Partial<UsageDocument> & Written
    const isRight =
      format === FORMAT &&
      [audit.seq, audit.keysSeq, seq, summarisedUntil].every((number) => Number.isFinite(number)) &&
      typeof audit.hash === 'string' &&
      (calls === undefined || Number.isFinite(calls)) &&
      isObject(processes) &&
      isNumbers(Object.values(processes)) &&
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
    return { audit, seq, summarisedUntil, calls: calls ?? callsOf(lines), processes, alive, lines }
  } catch {
    return null
  }
}

/** What every version has written. */
type Written = Pick<UsageDocument, 'audit' | 'seq' | 'summarisedUntil' | 'alive'> & { readonly format: unknown }

/** For a file of a version that kept no sum: its keys hold every call that was merged, those that were purged included. */
function callsOf(lines: ReadonlyMap<string, string>): number {
  return [...lines.values()].reduce(
    (sum, line) => sum + (parseUsage(line)?.total.counts ?? []).reduce((calls, count) => calls + count, 0),
    0,
  )
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

const TOTAL_BEGIN = '{"total":'
const TOTAL_END = ',"secrets":'
const LAST_USE = /^\{"total":\{"counts":\[[\d,]*\],"lastAt":(\d{1,15}|null),/

/** When a key was last used, out of the beginning of its line; undefined where the line does not begin as it is written. */
export function parseLastUse(line: string): number | null | undefined {
  const lastAt = LAST_USE.exec(line)?.[1]
  return lastAt === undefined ? undefined : lastAt === 'null' ? null : Number(lastAt)
}

/** The total alone, out of its part of a line; null where the line is not as it is written. */
export function parseTotal(line: string): Tally | null {
  // Within a total there are numbers only.
  const end = line.indexOf(TOTAL_END)
  if (!line.startsWith(TOTAL_BEGIN) || end < 0) return null
  try {
    const total: unknown = JSON.parse(line.slice(TOTAL_BEGIN.length, end))
    return isTally(total) ? (total as Tally) : null
  } catch {
    return null
  }
}

const ADMISSIONS = ',"admissions":'

/** The admissions alone, out of the end of a line, a fraction of it; null where the line does not end as it is written. */
export function parseAdmissions(line: string): KeyUsage['admissions'] | null {
  // What stands behind its last place holds names of limits and processes only, and none of those has a quotation mark.
  const begin = line.lastIndexOf(ADMISSIONS)
  if (begin < 0) return null
  try {
    const value: unknown = JSON.parse(line.slice(begin + ADMISSIONS.length, -1))
    return isObject(value) && Object.values(value).every(isSharedLimit) ? (value as KeyUsage['admissions']) : null
  } catch {
    return null
  }
}

export function parseUsage(line: string): OwnUsage | null {
  try {
    const value: unknown = JSON.parse(line)
    const isRight =
      isObject(value) &&
      isTally(value['total']) &&
      isTallies(value['secrets']) &&
      isTallies(value['scopes']) &&
      isObject(value['admissions']) &&
      Object.values(value['admissions']).every(isSharedLimit)
    return isRight ? (value as unknown as OwnUsage) : null
  } catch {
    return null
  }
}

const HEADER = /^\{"format":"keywright-usage\/1","audit":\{"seq":(\d{1,15}),"hash":"([0-9a-f]{64})","keysSeq":(\d{1,15})\}/

/** What a file with that beginning vouches for; null when it is garbled. */
export function parseUsageAnchor(beginning: string): UsageAnchor | null {
  const match = HEADER.exec(beginning)
  return match === null ? null : { seq: Number(match[1]), hash: match[2] as string, keysSeq: Number(match[3]) }
}
