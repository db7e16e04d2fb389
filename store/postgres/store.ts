// The store in PostgreSQL: one database, shared by any number of machines. Implements the port; decides nothing.

import type { KeyObject } from 'node:crypto'
import type { Actor } from '../../src/domain/audit.ts'
import type { Hashing } from '../../src/domain/hashing.ts'
import { createLimiter } from '../../src/domain/limiter.ts'
import type { Pulse, Store, Warn } from '../../src/domain/ports.ts'
import type { KeywrightError } from '../../src/domain/refusal.ts'
import type { Draw } from '../../src/domain/token.ts'
import { createPostgresAudit } from './audit-port.ts'
import { whileAnswered } from './closing.ts'
import { connectDatabase, faultOf } from './connection.ts'
import { createCredentials } from './credentials.ts'
import { readHead } from './head.ts'
import { createKeyWindows, findBySecret, findKey, queryKeys } from './key-list.ts'
import { createSharedLimits } from './limits.ts'
import { assertMigrated } from './migrate.ts'
import type { News } from './news.ts'
import { listen } from './news.ts'
import { usagePulse } from './nodes.ts'
import { createTransactions } from './transactions.ts'
import { createPostgresUsage } from './usage.ts'
import { createUserWindows, queryUsers } from './user-list.ts'

/** How many bytes name this process of this process among the nodes. */
const SELF_BYTES = 6
/** Connections of their own for what verifications ask. */
const MAX_LOOKUPS = 4

export interface PostgresStoreOptions {
  readonly url: string
  /** The brand of new tokens; of the store when not given. */
  readonly brand: string | undefined
  readonly hashing: Hashing
  readonly isReadOnly: boolean
  /** Who flushes counts. */
  readonly actor: Actor
  readonly signingKey: () => KeyObject | null
  readonly publicKeyFile: string | undefined
  readonly clocks: { readonly wall: () => number; readonly monotonic: () => number; readonly uptime: () => number }
  /** Whether the clocks are a test's: then limits go by them, and not by the server's. */
  readonly isClockGiven: boolean
  readonly maxStaleMs: number
  readonly draw: Draw
  readonly pid: number
  readonly warn: Warn
}

const EMPTY_PULSE: Omit<Pulse, 'trouble'> = { revision: 0, keys: 0, usage: 0, calls: 0, others: 0, lastSeq: 0 }

/** Opens the store of a database whose tables are there. */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { actor, brand, clocks, hashing, isReadOnly, pid, warn } = options
  const { uptime, wall } = clocks
  const database = connectDatabase(options.url, `keywright ${actor.via}`)
  try {
    await assertMigrated(database)
  } catch (error) {
    await database.close()
    throw error
  }
  // Verifications wait for no list and no proof.
  const lookups = connectDatabase(options.url, `keywright ${actor.via}`, MAX_LOOKUPS)
  const self = Buffer.from(options.draw(SELF_BYTES)).toString('hex')
  const listeners = new Set<(change: { revision: number }) => void>()
  const wakers = new Set<() => void>()

  const tell = ({ revision }: News): void => {
    for (const listener of listeners) {
      try {
        listener({ revision })
      } catch (error) {
        warn({ code: 'LISTENER', message: `a listener of the store failed: ${String(error)}` })
      }
    }
  }
  let toldRevision = 0
  const hear = (news: News): void => {
    credentials.hear(news)
    for (const wake of wakers) wake()
    // Told once, here or from afar; news of everything in any case.
    if (news.revision <= toldRevision && news.keyIds !== null) return
    toldRevision = news.revision
    tell(news)
  }

  const onLost = (): void => {
    database.renew()
    lookups.renew()
  }
  const news = listen({ database, uptime, onNews: hear, onLost })
  const credentials = createCredentials({
    uptime,
    provenAt: news.provenAt,
    maxStaleMs: options.maxStaleMs,
    read: (shortIds) => reading(() => findBySecret(lookups, shortIds)),
  })
  const usage = createPostgresUsage({ database, actor, self, pid, clocks, isReadOnly, isClockGiven: options.isClockGiven, warn })
  const limits = createSharedLimits({ database: lookups, wall, monotonic: clocks.monotonic, now: options.isClockGiven ? wall : null })
  const audit = createPostgresAudit({
    database,
    isReadOnly,
    clocks,
    publicKeyFile: options.publicKeyFile,
    signingKey: options.signingKey,
    subscribe(wake) {
      wakers.add(wake)
      return () => void wakers.delete(wake)
    },
  })
  /** Lists that go by the last use see this process's calls too. */
  const settleUse = async (): Promise<void> => {
    if (!isReadOnly && usage.isPending()) await usage.port.flush()
  }
  const transactions = createTransactions({
    database,
    hashing,
    brand,
    wall,
    uptime,
    settleUse,
    onCommitted: (revision, keyIds) => hear({ revision, keyIds, isIssuing: true }),
  })

  async function reading<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw faultOf(database.name, 'reading', error)
    }
  }

  const lists = { database, uptime, pendingLastUsed: usage.pendingLastUsed, settleUse }
  const keyWindows = createKeyWindows(lists)
  const userWindow = createUserWindows(lists)
  let lastPulse = EMPTY_PULSE

  await news.ready
  return {
    hashing,
    transact: (transaction) => transactions.run(transaction),
    look: (targets) => transactions.look(targets),
    findCredential: credentials.find,
    findKey: (ref) => reading(() => findKey(database, ref, hashing)),
    queryKeys: (query) => reading(() => queryKeys(lists, query)),
    queryUsers: (query) => reading(() => queryUsers(lists, query)),
    keyWindow: (query) => reading(() => keyWindows.window(query)),
    keyLook: (query) => reading(() => keyWindows.look(query)),
    userWindow: (query) => reading(() => userWindow(query)),
    async pulse() {
      let trouble: KeywrightError | null = null
      try {
        const [{ keysAnchor, keys, seq }, { calls, others }] = await Promise.all([readHead(database), usagePulse(database, self, wall())])
        lastPulse = { revision: keysAnchor.seq, keys, usage: calls, calls, others, lastSeq: seq }
      } catch (error) {
        trouble = faultOf(database.name, 'reading', error)
      }
      return { ...lastPulse, trouble }
    },
    // Who only reads takes no call away from anybody.
    usage: { ...usage.port, take: isReadOnly ? createLimiter(clocks, self, () => []).take : limits.take },
    audit,
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    anchor: async () => (await reading(() => readHead(database))).keysAnchor,
    close() {
      listeners.clear()
      const ending = async (): Promise<void> => {
        await transactions.idle()
        await usage.end().finally(async () => {
          await news.close()
          await Promise.all([database.close(), lookups.close()])
        })
      }
      return whileAnswered(ending(), connectDatabase(options.url, `keywright ${actor.via}`, 1), () => {
        database.cut()
        lookups.cut()
      })
    },
  }
}
