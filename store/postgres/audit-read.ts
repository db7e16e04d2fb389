// Reading the log's table: its lines between two seqs, in statements that are short each and use an index where a filter has one.

import type { AuditPageFilter } from '../../src/domain/audit.ts'
import { ACTIONS, GENESIS_HASH } from '../../src/domain/audit.ts'
import { needlesOf } from '../../src/domain/audit-search.ts'
import type { Database, Queryable } from './connection.ts'

/** What a search reads through at first, and how long one statement of it should take: a signal is heard in between. */
const FIRST_STRETCH = 4_096
const STATEMENT_MS = 100
const MAX_GROWTH = 8
/** Behind it the table holds no record: the last moment that a record can have. */
const LAST_MOMENT_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
/** What a line ends with, and where a short text means nothing. */
const HASHES_LENGTH = `,"prev":"${GENESIS_HASH}","hash":"${GENESIS_HASH}"}`.length

/** A row of the log: its place in the table, and the line that says the same. */
export interface LineRow {
  readonly seq: number
  readonly line: string
}

/** Records behind `after`, up to and with `upTo`. */
export interface Stretch {
  readonly after: number
  readonly upTo: number
}

/** What a search asks the database. Its answers are what may match: the judge is `matchesRecord`. */
export interface Search {
  /** Asks for [after, upTo, limit, …values]. */
  readonly sql: (isForward: boolean) => string
  readonly values: readonly unknown[]
  /** An index finds all that match and little else: the whole log may be asked for at once. */
  readonly isExact: boolean
  readonly isImpossible: boolean
}

const FIXED_VALUES = 3

/** The moment as whole milliseconds within what a record can have: records lie on whole ones. */
const momentOf = (ms: number): number => Math.min(Math.max(Math.ceil(ms), 0), LAST_MOMENT_MS + 1)
const instantOf = (parameter: string): string => `to_timestamp(${parameter}::float8 / 1000)`

/** Columns with an index of their own beside the seq. One of them must be one of the values of a parameter. */
interface Facet {
  readonly columns: readonly ('key_id' | 'user_id' | 'actor' | 'os_user' | 'action')[]
  readonly among: string
}

export function searchOf({ keyId, userId, actor, action, since, until, text = '' }: AuditPageFilter): Search {
  const values: unknown[] = []
  const given = (value: unknown): string => `$${values.push(value) + FIXED_VALUES}`
  const facets: Facet[] = []
  const actions = action === undefined ? [] : ACTIONS.filter((one) => one === action || one.startsWith(`${action}.`))
  if (keyId !== undefined) facets.push({ columns: ['key_id'], among: given([keyId]) })
  if (userId !== undefined) facets.push({ columns: ['user_id'], among: given([userId]) })
  if (actor !== undefined) facets.push({ columns: ['actor', 'os_user'], among: given([actor]) })
  if (actions.length > 0) facets.push({ columns: ['action'], among: given(actions) })
  // The database keeps no character 0; JSON spells it otherwise.
  const needles = (needlesOf({ text })[0] ?? []).filter(({ bytes }) => !bytes.includes(0))
  const texts = needles.map(({ bytes, isNoHash }) => holding(given(bytes.toString('utf8')), isNoHash))
  // Beside the seqs: only the months in between are looked into.
  const times = [
    ...(since === undefined ? [] : [`at >= ${instantOf(given(momentOf(since)))}`]),
    ...(until === undefined ? [] : [`at < ${instantOf(given(momentOf(until)))}`]),
  ]
  const [only] = facets
  const isExact = facets.length <= 1 && texts.length === 0
  const conditions = [...facets.map(meeting), ...(texts.length === 0 ? [] : [either(texts)]), ...times]
  return {
    sql: (isForward) => {
      const direction = isForward ? 'ASC' : 'DESC'
      return isExact && only !== undefined ? alongIndexes(only, times, direction) : alongSeqs(conditions, direction)
    },
    values,
    isExact,
    isImpossible:
      [keyId, userId, actor].some((value) => value?.includes('\0')) ||
      (action !== undefined && actions.length === 0) ||
      (text !== '' && texts.length === 0),
  }
}

const either = (alternatives: readonly string[]): string => `(${alternatives.join(' OR ')})`
const meeting = ({ columns, among }: Facet): string => either(columns.map((column) => `${column} = ANY (${among}::text[])`))

/** By whichever index the database thinks best: within a short stretch none is bad. */
function alongSeqs(conditions: readonly string[], direction: string): string {
  const all = ['seq > $1::bigint', 'seq <= $2::bigint', ...conditions]
  return `SELECT seq, line FROM keywright.audit WHERE ${all.join(' AND ')} ORDER BY seq ${direction} LIMIT $3`
}

/**
 * By the columns' own indexes, whatever the database thinks: told that a column equals something frequent it would read the
 * log from its end, and through all of it where that has not been for long. It plans one look, however many values there are.
 */
function alongIndexes({ columns, among }: Facet, times: readonly string[], direction: string): string {
  const looks = columns.map((column) => {
    const range = [`(${column}, seq) > (meant.value, $1::bigint)`, `(${column}, seq) <= (meant.value, $2::bigint)`]
    return `SELECT found.seq, found.line FROM unnest(${among}::text[]) AS meant (value) CROSS JOIN LATERAL (
      SELECT seq, line FROM keywright.audit WHERE ${[...range, ...times].join(' AND ')}
      ORDER BY ${column} ${direction}, seq ${direction} LIMIT $3) AS found`
  })
  // UNION: a record that has the actor's name twice is one.
  return `${looks.join(' UNION ')} ORDER BY seq ${direction} LIMIT $3`
}

/** COLLATE "C" makes small what is ASCII, and nothing else: as the judge does. */
function holding(needle: string, isNoHash: boolean): string {
  const place = `position(${needle} IN lower(line))`
  // A place is counted in characters and never lies behind that in bytes: nothing before the hashes is passed over.
  return isNoHash ? `nullif(${place}, 0) <= octet_length(line) - ${HASHES_LENGTH}` : `${place} > 0`
}

export interface Reading {
  readonly database: Queryable
  /** Real time that passes. */
  readonly uptime: () => number
  readonly signal?: AbortSignal | undefined
  /** Told after each statement how many seqs have been read through. */
  readonly onRead?: (seqs: number) => void
}

/**
 * Rows that may match, in the order of their seqs, as many at a time as a statement finds within a short time. The stretches
 * grow while they are quick: a rare match is come to soon, and a search that finds none can be ended at any time.
 */
export async function* linesIn(
  { database, uptime, signal, onRead }: Reading,
  search: Search,
  stretch: Stretch,
  isForward: boolean,
  limit: number,
): AsyncGenerator<readonly LineRow[]> {
  if (search.isImpossible) return
  const sql = search.sql(isForward)
  let { after, upTo } = stretch
  let length = search.isExact ? Number.POSITIVE_INFINITY : Math.max(FIRST_STRETCH, limit)
  while (after < upTo) {
    signal?.throwIfAborted()
    const from = isForward ? after : Math.max(after, upTo - length)
    const to = isForward ? Math.min(upTo, after + length) : upTo
    const began = uptime()
    const rows = await database.query<LineRow>(sql, [from, to, limit, ...search.values])
    const took = uptime() - began
    const last = rows.length < limit ? undefined : rows.at(-1)?.seq
    const [wasAfter, wasUpTo] = [after, upTo]
    if (isForward) after = last ?? to
    else upTo = last === undefined ? from : last - 1
    const read = after - wasAfter + wasUpTo - upTo
    onRead?.(read)
    // Where it is full already, the next one will be with as many again: from more, much would be found and left.
    const growth = Math.min(MAX_GROWTH, STATEMENT_MS / Math.max(took, 1))
    length = last === undefined ? Math.max(limit, Math.ceil(length * growth)) : Math.max(limit, 2 * read)
    yield rows
  }
}

/** The first and the last record of the log; times in milliseconds since 1970. */
export interface Ends {
  readonly first: { readonly seq: number; readonly at: number }
  readonly last: { readonly seq: number; readonly at: number }
}

const END = "SELECT seq, round(date_part('epoch', at) * 1000) AS at FROM keywright.audit ORDER BY seq"

/** Null for a log without records. */
export async function endsOf(database: Queryable): Promise<Ends | null> {
  const ends = await database.query<Ends['first']>(`(${END} LIMIT 1) UNION ALL (${END} DESC LIMIT 1)`)
  const [one, other] = ends
  if (one === undefined || other === undefined) return null
  return one.seq <= other.seq ? { first: one, last: other } : { first: other, last: one }
}

/**
 * For each moment the seq of the oldest record at or after it; behind the last where there is none. Log time never goes back.
 * One statement, that looks into one index for each moment.
 */
export async function seqsFrom(database: Queryable, { last }: Ends, moments: readonly number[]): Promise<readonly number[]> {
  if (moments.length === 0) return []
  const rows = await database.query<{ seq: number | null }>(
    `SELECT (SELECT seq FROM keywright.audit WHERE at >= ${instantOf('asked.moment')} ORDER BY at, seq LIMIT 1) AS seq
     FROM unnest($1::float8[]) WITH ORDINALITY AS asked (moment, place) ORDER BY place`,
    [moments.map(momentOf)],
  )
  return rows.map(({ seq }) => Math.min(seq ?? Number.POSITIVE_INFINITY, last.seq + 1))
}

/** Where the records lie that are of the filter's time. */
export async function stretchOf(database: Queryable, ends: Ends, { since, until }: AuditPageFilter): Promise<Stretch> {
  const asked = [...(since === undefined ? [] : [since]), ...(until === undefined ? [] : [until])]
  const found = await seqsFrom(database, ends, asked)
  const begin = since === undefined ? ends.first.seq : (found[0] as number)
  const end = until === undefined ? ends.last.seq + 1 : (found.at(-1) as number)
  return { after: begin - 1, upTo: end - 1 }
}

/** The seq of the store's head: the newest record, as the store says. */
export async function headSeq(database: Database): Promise<number> {
  const [row] = await database.query<{ seq: number }>('SELECT seq FROM keywright.head')
  return row?.seq ?? 0
}
