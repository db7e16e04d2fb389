// A store in a database as a whole: read in one snapshot, page by page, and put together out of another. Opens no store.

import { EMPTY_ANCHOR } from '../../src/domain/audit.ts'
import type { Resolution, Series } from '../../src/domain/usage.ts'
import type { Source, Whole } from '../whole.ts'
import type { Database, Queryable } from './connection.ts'
import { connectDatabase, faultOf } from './connection.ts'
import { readHead } from './head.ts'
import { assertMigrated } from './migrate.ts'
import { PATIENT, receiveRows } from './receive.ts'
import { parseDatabaseUrl } from './url.ts'
import { usagePages } from './whole-usage.ts'

/** Rows that are in memory at a time. */
const LINES_AT_ONCE = 2_000
const KEYS_AT_ONCE = 1_000
/** How long one statement may take: sorting the counts of many keys does. */
const STATEMENT_MS = 600_000
export function wholeDatabase(url: string): Whole {
  const { name, withoutPassword } = parseDatabaseUrl(url)
  const using = async <T>(doing: string, work: (database: Database) => Promise<T>): Promise<T> => {
    const database = connectDatabase(url, 'keywright copy')
    try {
      await assertMigrated(database)
      return await work(database)
    } catch (error) {
      throw isOurs(error) ? faultOf(name, doing, error) : error
    } finally {
      await database.close()
    }
  }
  return {
    name,
    flag: withoutPassword,
    read: (work) =>
      using('reading', (database) =>
        database.transaction(
          async (tx) => {
            await tx.query(PATIENT)
            return work(await sourceOf(tx))
          },
          { isSnapshot: true, answerMs: STATEMENT_MS },
        ),
      ),
    receive: (work) => using('copying to', (database) => receiveRows(database, work)),
  }
}

/** A signal's reason passes through as it is, as what the other side has said does. */
const isOurs = (error: unknown): boolean => !(error instanceof DOMException)

async function sourceOf(tx: Queryable): Promise<Source> {
  const { brand, seq, hash, keysAnchor, summarisedUntil } = await readHead(tx)
  const head = { seq, hash }
  return {
    brand,
    head,
    keysAnchor,
    vouched: [
      { by: 'the head of the store', anchor: head },
      { by: 'the keys', anchor: keysAnchor },
    ],
    async *log() {
      let after = EMPTY_ANCHOR.seq
      for (;;) {
        const rows = await tx.query<{ seq: number; line: string }>(
          'SELECT seq, line FROM keywright.audit WHERE seq > $1 ORDER BY seq LIMIT $2',
          [after, LINES_AT_ONCE],
        )
        const last = rows.at(-1)
        if (last === undefined) return
        yield rows.map(({ line }) => line)
        after = last.seq
      }
    },
    async *keys() {
      let after = Number.MIN_SAFE_INTEGER
      for (;;) {
        const rows = await tx.query<{ place: number; line: string }>(
          'SELECT place, line FROM keywright.keys WHERE place > $1 ORDER BY place LIMIT $2',
          [after, KEYS_AT_ONCE],
        )
        const last = rows.at(-1)
        if (last === undefined) return
        yield rows.map(({ line }) => line)
        after = last.place
      }
    },
    usage: () => usagePages(tx),
    alive: await aliveIn(tx),
    summarisedUntil,
  }
}

async function aliveIn(tx: Queryable): Promise<Series> {
  const rows = await tx.query<{ span: Resolution; bucket: number }>('SELECT span, bucket FROM keywright.alive ORDER BY span, bucket')
  const of = (name: Resolution): Series[Resolution] => rows.flatMap(({ span, bucket }) => (span === name ? [[bucket] as const] : []))
  return { minute: of('minute'), hour: of('hour'), day: of('day') }
}
