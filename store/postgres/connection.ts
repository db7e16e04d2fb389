// The connections to a PostgreSQL server: a bounded pool, transactions, and what the server or its absence means. Knows no table.

import type { ClientBase, PoolClient } from 'pg'
import pg from 'pg'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { isDisconnection, sqlStateOf } from './server-faults.ts'
import { createSockets } from './sockets.ts'
import { parseDatabaseUrl } from './url.ts'

const MAX_CONNECTIONS = 8
/** Every "no" comes within ten seconds: half for reaching the server, half for its answer. */
const CONNECT_MS = 4_500
const ANSWER_MS = 5_000
/** The server gives a statement up before its client does: one that nobody waits for would hold a connection, and more and more of them all. */
const SERVER_SOONER_MS = 500
/** How long a statement waits for a row that somebody else holds. */
const LOCK_MS = 4_000
/** How long a transaction may stand still before the server ends it: a node that is frozen holds the head no longer. */
const IDLE_IN_TRANSACTION_MS = 5_000
const IDLE_MS = 30_000

export type Row = Readonly<Record<string, unknown>>

/** Something that answers statements: a pool's next free connection, or the one of a transaction. */
export interface Queryable {
  readonly query: <R extends object = Row>(sql: string, values?: readonly unknown[], how?: How) => Promise<readonly R[]>
}

/** `isPrepared`: parsed and planned once a connection. For statements whose text and plan are always the same. */
export interface How {
  readonly isPrepared?: boolean
}
export const PREPARED: How = { isPrepared: true }

export interface Database extends Queryable {
  /** How a message names it: user, host and database, never a password. */
  readonly name: string
  /** Runs the work in one transaction and commits; what it throws rolls back. `isolation`: null for the server's default. */
  readonly transaction: <T>(work: (tx: Queryable) => Promise<T>, options?: TransactionOptions) => Promise<T>
  /** Lets go of connections that nobody uses: the server behind them may be another one now. */
  readonly renew: () => void
  /** Listens on a channel, on a connection of its own that is in no pool. The caller ends it. */
  readonly listen: (channel: string, heard: Hearing) => Promise<Listener>
  /** Waits for what is under way. */
  readonly close: () => Promise<void>
  /** Closes and waits for nothing: whatever is under way fails at once. */
  readonly cut: () => void
}

export interface TransactionOptions {
  /** All statements see the same moment, and nothing is written. */
  readonly isSnapshot?: boolean
  /** On a connection that nothing else uses: what reads a whole store takes none from those who want a short answer. */
  readonly isApart?: boolean
  /** How long one statement may take, where that is not as usual; and reaching a connection. */
  readonly answerMs?: number
  readonly connectMs?: number
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

export { faultOf, isDisconnection, isUniqueViolation, isWorthAnotherTry } from './server-faults.ts'

/** What no server's or role's own settings may change. Compiling a count takes longer than the count. */
const SETTINGS = [
  'jit=off',
  `lock_timeout=${LOCK_MS}`,
  `statement_timeout=${ANSWER_MS - SERVER_SOONER_MS}`,
  'default_transaction_isolation=read\\ committed',
]
  .map((setting) => `-c ${setting}`)
  .join(' ')

/** `most`: connections that the pool has at most. */
export function connectDatabase(url: string, application: string, most = MAX_CONNECTIONS): Database {
  const { name } = parseDatabaseUrl(url)
  const sockets = createSockets()
  const config = {
    connectionString: url,
    stream: sockets.open,
    application_name: application,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    options: SETTINGS,
    // Statements that don't wait for each other's answers are sent together.
    pipeline: true,
    types: TYPES,
  } satisfies pg.ClientConfig
  let pool = newPool(config, most)
  let apart = newPool(config, most)
  let closing: Promise<unknown> | null = null

  const taken = async (connectMs = CONNECT_MS, isApart = false): Promise<PoolClient> => {
    if (closing !== null) throw new KeywrightError('CLOSED', 'the store is closed')
    const connecting = (isApart ? apart : pool).connect()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('timeout exceeded when trying to connect')), connectMs)
    })
    try {
      return await Promise.race([connecting, late])
    } catch (error) {
      // One that comes too late is the next one's.
      connecting.then((client) => client.release()).catch(() => undefined)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  const onClient = (client: ClientBase, answerMs = ANSWER_MS): Queryable & { readonly commit: () => Promise<void> } => {
    // Both members are in pg, the type of the last is not.
    const run = <R extends pg.QueryResultRow>(text: string, values: readonly unknown[], { isPrepared = false }: How = {}) =>
      client.query<R>({
        text,
        values: [...values],
        query_timeout: answerMs,
        ...(isPrepared ? { name: statementName(text) } : {}),
      } as pg.QueryConfig)
    return {
      query: async <R extends object>(sql: string, values: readonly unknown[] = [], how?: How) =>
        (await run<R & pg.QueryResultRow>(sql, values, how)).rows,
      async commit() {
        const { command } = await run('COMMIT', [])
        // Of a transaction that failed a commit is a rollback, and no error.
        if (command !== 'COMMIT') throw new Error(`the transaction ended with ${command}`)
      },
    }
  }

  const close = async (): Promise<void> => {
    closing ??= Promise.all([pool.end(), apart.end()])
    await closing
  }

  return {
    name,
    async query(sql, values, how) {
      const client = await taken()
      let isFailed = true
      try {
        const rows = await onClient(client).query(sql, values, how)
        isFailed = false
        return rows as never
      } catch (error) {
        // After the server has said no, the connection is as good as before.
        isFailed = sqlStateOf(error) === null || isDisconnection(error)
        throw error
      } finally {
        client.release(isFailed)
      }
    },
    async transaction(work, { isSnapshot = false, isApart = false, answerMs, connectMs, onCommitting } = {}) {
      const client = await taken(connectMs, isApart)
      const tx = onClient(client, answerMs)
      let isBroken = true
      try {
        // Sent together with the first statement of the work.
        const begun = [tx.query(`BEGIN ISOLATION LEVEL ${isSnapshot ? 'REPEATABLE READ READ ONLY' : 'READ COMMITTED'}`)]
        if (answerMs !== undefined)
          begun.push(tx.query(`SET LOCAL statement_timeout = ${Math.max(1, Math.ceil(answerMs - SERVER_SOONER_MS))}`))
        try {
          const [answer] = await Promise.all([work(tx), ...begun])
          onCommitting?.()
          await tx.commit()
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
    renew() {
      if (closing !== null) return
      const before = [pool, apart]
      pool = newPool(config, most)
      apart = newPool(config, most)
      for (const one of before) one.end().catch(() => undefined)
    },
    async listen(channel, { onPayload, onEnd }) {
      const client = new pg.Client(config)
      client.on('error', onEnd)
      client.on('end', onEnd)
      client.on('notification', ({ payload = '' }) => onPayload(payload))
      try {
        await client.connect()
        await client.query(`LISTEN ${client.escapeIdentifier(channel)}`)
      } catch (error) {
        await client.end().catch(() => undefined)
        throw error
      }
      // Listening is no reason for a process to go on.
      const holding = client as pg.Client & { readonly ref: () => void; readonly unref: () => void }
      holding.unref()
      return {
        ...onClient(client),
        end() {
          holding.ref()
          return client.end()
        },
      }
    },
    close,
    cut() {
      close().catch(() => undefined)
      sockets.destroyAll()
    },
  }
}

const names = new Map<string, string>()

/** The same for the same text, in this process. As many as there are texts that are prepared: a few dozen. */
function statementName(text: string): string {
  const known = names.get(text) ?? `keywright_${names.size}`
  names.set(text, known)
  return known
}

function newPool(config: pg.ClientConfig, most: number): pg.Pool {
  const pool = new pg.Pool({ ...config, max: most, idleTimeoutMillis: IDLE_MS, allowExitOnIdle: true })
  // A connection that dies while nobody uses it: the next statement gets another one.
  pool.on('error', () => undefined)
  // Nor does one that dies in a transaction, between two statements, end the process: the next of them fails.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}
