// The connections to a PostgreSQL server: a bounded pool, transactions, and what the server or its absence means. Knows no table.

import type { ClientBase, PoolClient } from 'pg'
import pg from 'pg'
import type { ErrorCode } from '../../src/domain/refusal.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { displayText } from '../../src/domain/text.ts'
import { parseDatabaseUrl } from './url.ts'

const MAX_CONNECTIONS = 8
/** Every "no" comes within ten seconds: half for reaching the server, half for its answer. */
const CONNECT_MS = 4_500
const ANSWER_MS = 5_000
/** How long a transaction may stand still before the server ends it: a node that is frozen holds the head no longer. */
const IDLE_IN_TRANSACTION_MS = 5_000
const IDLE_MS = 30_000

export type Row = Readonly<Record<string, unknown>>

/** Something that answers statements: a pool's next free connection, or the one of a transaction. */
export interface Queryable {
  readonly query: <R extends object = Row>(sql: string, values?: readonly unknown[]) => Promise<readonly R[]>
}

export interface Database extends Queryable {
  /** How a message names it: user, host and database, never a password. */
  readonly name: string
  /** Runs the work in one transaction and commits; what it throws rolls back. `isolation`: null for the server's default. */
  readonly transaction: <T>(work: (tx: Queryable) => Promise<T>, options?: TransactionOptions) => Promise<T>
  /** Listens on a channel, on a connection of its own that is in no pool. The caller ends it. */
  readonly listen: (channel: string, heard: Hearing) => Promise<Listener>
  readonly close: () => Promise<void>
}

export interface TransactionOptions {
  /** All statements see the same moment, and nothing is written. */
  readonly isSnapshot?: boolean
  /** How long one statement may take, where that is longer than usual. */
  readonly answerMs?: number
  /** Told right before the commit is sent: from then on, an error may mean that it happened all the same. */
  readonly onCommitting?: () => void
}

export interface Hearing {
  readonly onPayload: (payload: string) => void
  /** The connection is gone: nothing is heard any more. */
  readonly onEnd: () => void
}

export interface Listener extends Queryable {
  readonly end: () => Promise<void>
}

// Counts, seqs and buckets are below 2^53.
const TYPES = new pg.TypeOverrides()
TYPES.setTypeParser(pg.types.builtins.INT8, Number)

/** SQLSTATEs after which a transaction is tried again: nothing of it happened. */
const AGAIN: ReadonlySet<string> = new Set(['40001', '40P01'])

const sqlStateOf = (error: unknown): string | null =>
  error instanceof pg.DatabaseError && typeof error.code === 'string' ? error.code : null

/** Two transactions got in each other's way, or both drew the same id: the one that failed is tried again. */
export const isWorthAnotherTry = (error: unknown): boolean => AGAIN.has(sqlStateOf(error) ?? '')
export const isUniqueViolation = (error: unknown): boolean => sqlStateOf(error) === '23505'

/** The server went away, was restarted, or ended this connection: what was not committed did not happen. */
export function isDisconnection(error: unknown): boolean {
  const state = sqlStateOf(error)
  if (state === null) return !(error instanceof KeywrightError) || error.code === 'STORE_UNAVAILABLE'
  return state.startsWith('08') || state.startsWith('57P')
}

interface Meaning {
  readonly code: ErrorCode
  readonly meaning: string
  readonly hint: string
}

/** What SQLSTATEs mean for who works with the store. */
const MEANINGS: readonly (readonly [state: RegExp, meaning: Meaning])[] = [
  [
    /^28/,
    {
      code: 'STORE_UNAVAILABLE',
      meaning: 'the login was refused',
      hint: 'look at the user and the password: PGPASSWORD, or a line in ~/.pgpass',
    },
  ],
  [
    /^3D000/,
    { code: 'STORE_UNAVAILABLE', meaning: 'there is no such database', hint: 'create it with: createdb NAME; then run: keywright migrate' },
  ],
  [
    /^(?:42P01|3F000|42883)/,
    { code: 'STORE_FORMAT', meaning: 'the tables of Keywright are not there', hint: 'make them with: keywright migrate' },
  ],
  [/^42703/, { code: 'STORE_FORMAT', meaning: 'the tables are of another version', hint: 'see which with: keywright migrate --dry-run' }],
  [
    /^42501/,
    {
      code: 'STORE_UNAVAILABLE',
      meaning: 'this database role may not do that',
      hint: 'log in as a role that may; see what each needs with: keywright migrate --roles',
    },
  ],
  [
    /^55P03/,
    {
      code: 'STORE_BUSY',
      meaning: 'another node has been changing the store for too long',
      hint: 'try again; see who with: SELECT * FROM pg_stat_activity',
    },
  ],
  [/^57014/, { code: 'STORE_UNAVAILABLE', meaning: 'the server took too long to answer', hint: 'look how busy the server is' }],
  [/^57P/, { code: 'STORE_UNAVAILABLE', meaning: 'the server is shutting down or starting', hint: 'try again in a moment' }],
  [
    /^53300/,
    {
      code: 'STORE_UNAVAILABLE',
      meaning: 'the server has no connection left',
      hint: 'raise max_connections, or close what does not need one',
    },
  ],
  [/^53/, { code: 'STORE_UNAVAILABLE', meaning: 'the server has run out of disk or memory', hint: 'make room on the server' }],
  [/^25006/, { code: 'STORE_UNAVAILABLE', meaning: 'the server is read-only', hint: 'give the address of the primary' }],
]

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'no machine has that name',
  EAI_AGAIN: 'the name could not be looked up',
  ETIMEDOUT: 'nobody answers there',
  EHOSTUNREACH: 'no way leads there',
  ECONNRESET: 'the server broke the connection off',
  ENOENT: 'there is no such socket',
  EACCES: 'the socket may not be opened',
}

/** A typed error about the database. One that is typed already passes through. Holds no statement, no value and no password. */
export function faultOf(name: string, doing: string, error: unknown): KeywrightError {
  if (error instanceof KeywrightError) return error
  const state = sqlStateOf(error)
  if (state !== null) {
    const known = MEANINGS.find(([pattern]) => pattern.test(state))?.[1]
    const what = known?.meaning ?? displayText((error as pg.DatabaseError).message.slice(0, 200))
    return new KeywrightError(known?.code ?? 'STORE_UNAVAILABLE', `${doing} ${name} failed: ${what} (SQLSTATE ${state})`, {
      ...(known === undefined ? {} : { hint: known.hint }),
      cause: error,
    })
  }
  const errno = error instanceof Error && 'code' in error ? String(error.code) : ''
  const isSilent = error instanceof Error && /timeout/i.test(error.message)
  const what = NETWORK[errno] ?? (isSilent ? 'nobody answers there' : 'the connection was lost')
  return new KeywrightError('STORE_UNAVAILABLE', `${doing} ${name} failed: ${what}${errno === '' ? '' : ` (${errno})`}`, {
    hint: 'look whether the server runs and whether its address is right, with: pg_isready',
    cause: error,
  })
}

export function connectDatabase(url: string, application: string): Database {
  const { name } = parseDatabaseUrl(url)
  const config = {
    connectionString: url,
    application_name: application,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    // Compiling a count takes longer than the count.
    options: '-c jit=off',
    // Statements that don't wait for each other's answers are sent together.
    pipeline: true,
    types: TYPES,
  } satisfies pg.ClientConfig
  const pool = new pg.Pool({ ...config, max: MAX_CONNECTIONS, idleTimeoutMillis: IDLE_MS, allowExitOnIdle: true })
  // A connection that dies while nobody uses it: the next statement gets another one.
  pool.on('error', () => undefined)
  // Nor does one that dies in a transaction, between two statements, end the process: the next of them fails.
  pool.on('connect', (client) => client.on('error', () => undefined))
  let closing: Promise<void> | null = null

  const taken = async (): Promise<PoolClient> => {
    if (closing !== null) throw new KeywrightError('CLOSED', 'the store is closed')
    try {
      return await pool.connect()
    } catch (error) {
      throw faultOf(name, 'reaching', error)
    }
  }

  const onClient = (client: ClientBase, answerMs = ANSWER_MS): Queryable => ({
    async query<R extends object>(sql: string, values: readonly unknown[] = []) {
      // Both are in pg, the type of the second is not.
      const statement = { text: sql, values: [...values], query_timeout: answerMs }
      return (await client.query<R & pg.QueryResultRow>(statement)).rows
    },
  })

  return {
    name,
    async query(sql, values) {
      const client = await taken()
      let isFailed = true
      try {
        const rows = await onClient(client).query(sql, values)
        isFailed = false
        return rows as never
      } catch (error) {
        // After the server has said no, the connection is as good as before.
        isFailed = isDisconnection(error)
        throw error
      } finally {
        client.release(isFailed)
      }
    },
    async transaction(work, { isSnapshot = false, answerMs, onCommitting } = {}) {
      const client = await taken()
      const tx = onClient(client, answerMs)
      let isBroken = true
      try {
        const begun = tx.query(isSnapshot ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' : 'BEGIN')
        try {
          // Sent together with the first statement of the work.
          const [answer] = await Promise.all([work(tx), begun])
          onCommitting?.()
          await tx.query('COMMIT')
          isBroken = false
          return answer
        } catch (error) {
          if (!isDisconnection(error)) {
            await tx.query('ROLLBACK')
            isBroken = false
          }
          throw error
        }
      } finally {
        client.release(isBroken)
      }
    },
    async listen(channel, { onPayload, onEnd }) {
      const client = new pg.Client(config)
      client.on('error', onEnd)
      client.on('end', onEnd)
      client.on('notification', ({ payload = '' }) => onPayload(payload))
      await client.connect()
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`)
      return { ...onClient(client), end: () => client.end() }
    },
    close() {
      closing ??= pool.end()
      return closing
    },
  }
}
