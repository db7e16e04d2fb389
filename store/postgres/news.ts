// News of changes: what the nodes tell each other, and a connection that listens for it and knows for how long it has been deaf.

import type { Anchor } from '../../src/domain/audit.ts'
import type { Database, Listener } from './connection.ts'
import { readHead } from './head.ts'
import { CHANNEL } from './schema.ts'

/** A change of keys: the revision that it made, and whose keys; null: too many to name. `isIssuing`: there is a secret that was not there. */
export interface News {
  readonly revision: number
  readonly keyIds: readonly string[] | null
  readonly isIssuing: boolean
}

/** PostgreSQL carries 8,000 bytes; an id with its quotes and comma takes 19. */
const MAX_NAMED = 400

export const newsOf = ({ revision, keyIds, isIssuing }: News): string =>
  JSON.stringify({ revision, keyIds: keyIds === null || keyIds.length > MAX_NAMED ? null : keyIds, isIssuing })

/** News of everything: whatever was known may have changed. */
const everything = (revision: number): News => ({ revision, keyIds: null, isIssuing: true })

/** Anyone who may connect may notify: what can't be read is news of everything. */
export function parseNews(payload: string): News {
  try {
    const { revision, keyIds, isIssuing } = JSON.parse(payload) as Partial<Record<keyof News, unknown>>
    const isNamed = Array.isArray(keyIds) && keyIds.every((id) => typeof id === 'string')
    const isRead = Number.isSafeInteger(revision) && (keyIds === null || isNamed)
    return isRead ? { revision: revision as number, keyIds: isNamed ? keyIds : null, isIssuing: isIssuing !== false } : everything(0)
  } catch {
    return everything(0)
  }
}

/** How often the connection is proven to be alive, and how long it may take to answer. */
const PROOF_EVERY_MS = 1_000
const PROOF_WITHIN_MS = 2_000
const RECONNECT_AFTER_MS = 200
const MAX_RECONNECT_MS = 2_000

export interface Listening {
  /** When it was last certain that no news was missed, on the clock of `uptime`; minus infinity: never. */
  readonly provenAt: () => number
  /** Ends when it listens, or has failed for the first time to. */
  readonly ready: Promise<void>
  readonly close: () => Promise<void>
}

interface ListeningOptions {
  readonly database: Database
  readonly uptime: () => number
  readonly onNews: (news: News) => void
  /** The connection was lost: others to the same server may be dead too. */
  readonly onLost: () => void
}

/**
 * Listens for as long as it is not closed. After each time that the connection was lost the head is read: where it has moved,
 * that is news of everything.
 */
export function listen({ database, uptime, onNews, onLost }: ListeningOptions): Listening {
  let provenAt = Number.NEGATIVE_INFINITY
  let revision = -1
  /** The last change as it was read; null on a new connection, whose server may be another one. */
  let read: Anchor | null = null
  let reconnectMs = RECONNECT_AFTER_MS
  let isClosed = false
  let listener: Listener | null = null
  let timer: NodeJS.Timeout | null = null
  const ready = Promise.withResolvers<void>()

  const after = (ms: number, work: () => Promise<void>): void => {
    if (isClosed) return
    if (timer !== null) clearTimeout(timer)
    timer = setTimeout(() => void work(), ms).unref()
  }

  const hear = (news: News): void => {
    revision = news.revision
    onNews(news)
  }

  const lose = (lost: Listener | null): void => {
    if (lost === null || listener !== lost) return
    listener = null
    onLost()
    after(reconnectMs, connect)
    void lost.end().catch(() => undefined)
  }

  /** Of the time before the question: whatever was committed until then has been heard when the answers are there. */
  const prove = async (): Promise<void> => {
    const current = listener
    if (current === null) return
    const asked = uptime()
    const silence = setTimeout(() => lose(current), PROOF_WITHIN_MS)
    try {
      const { keysAnchor } = await readHead(current)
      // A second question: before it, the server hands out what it has to tell.
      const isOther = read === null || (read.seq === keysAnchor.seq && read.hash !== keysAnchor.hash)
      if (keysAnchor.seq !== revision) await current.query('SELECT 1')
      // Also one that went back, or is another of the same number: the server is another now, and never had what was heard of.
      if (isOther || keysAnchor.seq !== revision) hear(everything(keysAnchor.seq))
      if (listener !== current) return
      read = keysAnchor
      provenAt = asked
      reconnectMs = RECONNECT_AFTER_MS
      after(PROOF_EVERY_MS, prove)
    } catch {
      lose(current)
    } finally {
      clearTimeout(silence)
    }
  }

  const connect = async (): Promise<void> => {
    let next: Listener | null = null
    try {
      next = await database.listen(CHANNEL, {
        onPayload: (payload) => hear(parseNews(payload)),
        onEnd: () => lose(next),
      })
      if (isClosed) return await next.end()
      listener = next
      read = null
      await prove()
    } catch {
      reconnectMs = Math.min(MAX_RECONNECT_MS, 2 * reconnectMs)
      if (listener === null) after(reconnectMs, connect)
    } finally {
      ready.resolve()
    }
  }
  void connect()

  return {
    provenAt: () => provenAt,
    ready: ready.promise,
    async close() {
      isClosed = true
      if (timer !== null) clearTimeout(timer)
      const current = listener
      listener = null
      await current?.end().catch(() => undefined)
    },
  }
}
