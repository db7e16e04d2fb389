// Searching the log: which records a page's filter means, and what the bytes of their lines must hold. Pure; reads no file.

import type { AuditPageFilter, AuditRecord, AuditRow, Timeline } from './audit.ts'
import { matchesRecord, parseRecord } from './audit.ts'

/** Rows that a page answers at most on either side of where it is opened. */
export const MAX_PAGE_ROWS = 1000
/** Spans that a timeline has at most: more than any terminal has columns. */
const MAX_SPANS = 1000
/** A shorter text does not mean a hash: its hexadecimal digits would be found in some hash by chance. */
const MIN_HASH_CHARACTERS = 8

/** A line as a row, whether or not it matches its hash; null when it is no record. */
export function rowOf(line: Buffer): AuditRow | null {
  const read = parseRecord(line)
  if (read === 'is not a record') return null
  if (typeof read !== 'string') return { record: read, isProven: true }
  // Of the right shape, or it would be no record.
  return { record: JSON.parse(line.toString('utf8')) as AuditRecord, isProven: false }
}

/** Capitals of ASCII made small. Other letters are what they are, so that bytes can be compared as well as texts. */
const folded = (text: string): string => text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase())

/** A text as it stands within JSON. */
const escaped = (text: string): string => JSON.stringify(text).slice(1, -1)

/** What is looked for: as a value holds it, and as JSON spells it. */
function spellingsOf(text: string): { plain: string; json: string } {
  const plain = text.toWellFormed()
  return { plain: folded(plain), json: folded(escaped(plain)) }
}

function textMatcher(text: string): (record: AuditRecord) => boolean {
  const { plain, json } = spellingsOf(text)
  const holds = (value: string | null): boolean => value !== null && folded(value).includes(plain)
  return ({ seq, at, actor, action, keyId, userId, outcome, reason, before, after, digest, prev, hash }) =>
    [String(seq), at, actor.name, actor.osUser, actor.host, actor.via, action, keyId, userId, outcome, reason].some(holds) ||
    (plain.length >= MIN_HASH_CHARACTERS && [digest, prev, hash].some(holds)) ||
    [before, after].some((fields) => {
      const spelled = fields === null ? '' : folded(JSON.stringify(fields))
      return spelled.includes(plain) || spelled.includes(json)
    })
}

/** Whether a record passes the filter: the exact conditions of `matchesRecord`, and a text that some member holds. */
export function pageMatcher(filter: AuditPageFilter): (record: AuditRecord) => boolean {
  const { text = '' } = filter
  if (text === '') return (record) => matchesRecord(record, filter)
  const holdsText = textMatcher(text)
  return (record) => matchesRecord(record, filter) && holdsText(record)
}

/** Bytes that a line may hold. */
export interface Needle {
  readonly bytes: Buffer
  /** Found in capitals too; the bytes themselves are small. */
  readonly isFolded: boolean
  /** Too short to mean a hash: found among the hexadecimal digits at a line's end it means nothing. */
  readonly isNoHash: boolean
}

/**
 * What is in the line of every record that passes the filter: of each list at least one needle. A line that holds them may
 * still not match; one that does not, as Keywright writes lines, can't.
 */
export function needlesOf({ keyId, userId, actor, action, text = '' }: AuditPageFilter): readonly (readonly Needle[])[] {
  const exactly = (spelling: string): Needle => ({ bytes: Buffer.from(spelling), isFolded: false, isNoHash: false })
  const exact = (member: string, value: string): Needle => exactly(`"${member}":${JSON.stringify(value)}`)
  const needles: Needle[][] = []
  if (keyId !== undefined) needles.push([exact('keyId', keyId)])
  if (userId !== undefined) needles.push([exact('userId', userId)])
  // First what both have in common, so that one look is enough where there is neither.
  if (actor !== undefined) needles.push([exactly(`":${JSON.stringify(actor)}`)], [exact('name', actor), exact('osUser', actor)])
  // Without its closing quote: `key.scope` means `key.scope.add` too.
  if (action !== undefined) needles.push([exactly(`"action":"${escaped(action)}`)])
  if (text !== '') {
    const { plain, json } = spellingsOf(text)
    const isNoHash = plain.length < MIN_HASH_CHARACTERS
    needles.push([...new Set([plain, json])].map((spelling) => ({ bytes: Buffer.from(spelling), isFolded: true, isNoHash })))
  }
  return needles
}

/** What a timeline is asked for; bounds null: the log's own. */
export interface TimelineRange {
  readonly from: number | null
  readonly to: number | null
  readonly spans: number
}

/** The moments at the edges of equal spans, one more than there are spans. `first` and `last`: the log's own bounds. */
export function timelineEdges({ from, to, spans }: TimelineRange, { first, last }: { first: number; last: number }): readonly number[] {
  const begin = from ?? first
  const end = to ?? last
  const count = Math.min(Math.max(Math.trunc(spans), 1), MAX_SPANS)
  return Array.from({ length: count + 1 }, (_, index) => begin + ((end - begin) * index) / count)
}

/**
 * Counts for equal spans. `before` answers how many records there are before a moment. Without a `to` the last span takes
 * in the last record; with one it ends before it, as `until` does.
 */
export function timelineOf(
  range: TimelineRange,
  { first, last, total, before }: { first: number; last: number; total: number; before: (moment: number) => number },
): Timeline {
  const moments = timelineEdges(range, { first, last })
  const edges = moments.map((moment, index) => (index === moments.length - 1 && range.to === null ? total : before(moment)))
  return {
    from: range.from ?? first,
    to: range.to ?? last,
    counts: edges.slice(1).map((edge, index) => Math.max(0, edge - (edges[index] as number))),
  }
}
