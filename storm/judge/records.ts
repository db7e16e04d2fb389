// Reads lines of an audit log as records, by the words of 3-storage alone. Shares no code with what wrote them; changes nothing.

import { createHash } from 'node:crypto'

export const ZEROS = '0'.repeat(64)

const MEMBERS = 'seq at actor action keyId userId outcome reason before after base digest prev hash'
const ACTOR_MEMBERS = 'name osUser host via'
/** The line's bytes before its last member, and that member: `,"hash":"<64 digits>"}`. */
const HASH_TAIL = /^,"hash":"([0-9a-f]{64})"\}$/
const HASH_TAIL_BYTES = ',"hash":"'.length + ZEROS.length + '"}'.length
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const SECRET_WORDS = /"(?:hash|token|secret)":"(?:(?:hmac-)?sha256:|[a-z0-9_]+_(?:live|test)_)/

export interface JudgedRecord {
  readonly seq: number
  readonly at: string
  readonly action: string
  readonly keyId: string | null
  readonly after: Readonly<Record<string, unknown>> | null
  readonly base: number | null
  readonly digest: string | null
  readonly prev: string
  readonly hash: string
}

export function digestOf(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The whole lines of a file, without their ends, and what stands behind the last line end. */
export function splitLines(bytes: Buffer): { lines: Buffer[]; rest: Buffer } {
  const lines: Buffer[] = []
  let from = 0
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
    lines.push(bytes.subarray(from, end))
    from = end + 1
  }
  return { lines, rest: bytes.subarray(from) }
}

const namesOf = (value: unknown): string => (typeof value === 'object' && value !== null ? Object.keys(value).join(' ') : '')

/** A record, or what is wrong with its line taken by itself. */
export function readRecord(line: Buffer): JudgedRecord | string {
  const bodyEnd = line.length - HASH_TAIL_BYTES
  const hash = bodyEnd > 0 ? HASH_TAIL.exec(line.toString('latin1', bodyEnd))?.[1] : undefined
  if (hash === undefined) return 'does not end with its hash'
  if (digestOf(line.subarray(0, bodyEnd)) !== hash) return 'has another hash than its bytes'
  let record: unknown
  try {
    record = JSON.parse(line.toString('utf8'))
  } catch {
    return 'is no JSON'
  }
  const found = record as JudgedRecord & { readonly actor: unknown; readonly outcome: unknown }
  if (namesOf(found) !== MEMBERS) return `has the members ${namesOf(found)}`
  if (namesOf(found.actor) !== ACTOR_MEMBERS) return `has an actor with the members ${namesOf(found.actor)}`
  if (!MOMENT.test(found.at)) return `has the time ${found.at}`
  if (found.outcome !== 'done' && found.outcome !== 'refused') return 'has an unknown outcome'
  if (SECRET_WORDS.test(line.toString('utf8'))) return 'holds a hash or a token'
  return found
}
