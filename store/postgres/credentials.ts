// Credentials that were looked up, kept while they are true: forgotten by news of their key, and trusted for no longer than the
// news can be. What is unknown is remembered for a second.

import type { Credential } from '../../src/domain/credential.ts'
import { credentialOf } from '../../src/domain/credential.ts'
import type { Key } from '../../src/domain/key.ts'
import type { MaybePromise } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import type { News } from './news.ts'

/** Credentials that are kept at most; those not asked for for the longest time go first. */
const MAX_CREDENTIALS = 100_000
const MAX_UNKNOWN = 100_000
const UNKNOWN_MS = 1_000
/** ShortIds that one statement asks for; all who ask meanwhile share the next. So a flood is one statement at a time. */
const MAX_ASKED = 1_000
const MAX_WAITING = 100_000
/**
 * A caller that only verifies, one await after the other, gives the network no turn: nothing would be heard. After so long it
 * waits for one.
 */
const TURN_MS = 50
/** What any answer of the database may take. */
const LATE_MS = 250
/** How often a key is read again that changes while it is read. */
const MAX_READS = 3

interface Asked {
  readonly shortId: string
  readonly answer: PromiseWithResolvers<Credential | null>
  reads: number
}

/** Half of what is kept: those asked for since the other half was. Two halves are a bounded cache without a list to keep in order. */
interface Half {
  readonly byShortId: Map<string, Credential>
  readonly shortIds: Map<string, string[]>
}

const newHalf = (): Half => ({ byShortId: new Map(), shortIds: new Map() })

export interface Credentials {
  readonly find: (shortId: string) => MaybePromise<Credential | null>
  readonly hear: (news: News) => void
}

interface Dependencies {
  readonly uptime: () => number
  /** When it was last certain that no news was missed. */
  readonly provenAt: () => number
  /** For how long what is kept is trusted without that. */
  readonly maxStaleMs: number
  /** The keys that have these shortIds. */
  readonly read: (shortIds: readonly string[]) => Promise<ReadonlyMap<string, Key>>
}

export function createCredentials({ uptime, provenAt, maxStaleMs, read }: Dependencies): Credentials {
  let young = newHalf()
  let old = newHalf()
  let unknown = new Map<string, number>()
  /** Whose keys there were news of since a reading began; null: of everything. */
  let heard: Set<string> | null = new Set()
  let isIssuing = false
  const waiting = new Map<string, Asked>()
  let isReading = false

  const keep = (credential: Credential): void => {
    if (young.byShortId.size >= MAX_CREDENTIALS / 2) {
      old = young
      young = newHalf()
    }
    const { shortId, key } = credential
    young.byShortId.set(shortId, credential)
    const known = young.shortIds.get(key.id)
    if (known === undefined) young.shortIds.set(key.id, [shortId])
    else if (!known.includes(shortId)) known.push(shortId)
  }

  const forget = ({ byShortId, shortIds }: Half, keyId: string): void => {
    for (const shortId of shortIds.get(keyId) ?? []) byShortId.delete(shortId)
    shortIds.delete(keyId)
  }

  const noteUnknown = (shortId: string): void => {
    if (unknown.size >= MAX_UNKNOWN) unknown = new Map()
    unknown.set(shortId, uptime() + UNKNOWN_MS)
  }

  /** News that came while it was read, perhaps of this very key: what was read may be older. */
  const isOvertaken = (key: Key | undefined): boolean => heard === null || (key === undefined ? isIssuing : heard.has(key.id))

  const settle = ({ shortId, answer }: Asked, key: Key | undefined, isCurrent: boolean): void => {
    const credential = key === undefined ? null : credentialOf(key, shortId)
    if (isCurrent) {
      if (credential === null) noteUnknown(shortId)
      else keep(credential)
    }
    answer.resolve(credential)
  }

  const readAll = async (): Promise<void> => {
    while (waiting.size > 0) {
      const asked = [...waiting.values()].slice(0, MAX_ASKED)
      for (const { shortId } of asked) waiting.delete(shortId)
      heard = new Set()
      isIssuing = false
      const since = uptime()
      try {
        const keys = await read(asked.map(({ shortId }) => shortId))
        // An answer that was on its way for so long says what was true then, and no more what is.
        const isLate = uptime() - since > Math.max(maxStaleMs, LATE_MS)
        for (const one of asked) {
          one.reads++
          const isCurrent = !isOvertaken(keys.get(one.shortId))
          if ((!isCurrent || isLate) && one.reads < MAX_READS && !waiting.has(one.shortId)) waiting.set(one.shortId, one)
          else if (isLate) one.answer.reject(tooLate(maxStaleMs))
          else settle(one, keys.get(one.shortId), isCurrent)
        }
      } catch (error) {
        for (const { answer } of asked) answer.reject(error)
      }
    }
    isReading = false
  }

  const ask = (shortId: string): Promise<Credential | null> => {
    let asked = waiting.get(shortId)
    if (asked === undefined) {
      if (waiting.size >= MAX_WAITING)
        throw new KeywrightError('STORE_UNAVAILABLE', `${MAX_WAITING} lookups wait for the database already`, {
          hint: 'look how busy the server is',
        })
      asked = { shortId, answer: Promise.withResolvers(), reads: 0 }
      waiting.set(shortId, asked)
      if (!isReading) {
        isReading = true
        // After this turn: all who ask in it share one statement.
        queueMicrotask(() => void readAll())
      }
    }
    return asked.answer.promise
  }

  let turnAt = Number.NEGATIVE_INFINITY
  const afterTurn = (shortId: string): Promise<Credential | null> =>
    new Promise((resolve) =>
      setImmediate(() => {
        turnAt = uptime()
        resolve(find(shortId))
      }),
    )

  const find = (shortId: string): MaybePromise<Credential | null> => {
    const now = uptime()
    if (now - turnAt > TURN_MS) return afterTurn(shortId)
    if (now - provenAt() <= maxStaleMs) {
      const known = young.byShortId.get(shortId)
      if (known !== undefined) return known
      const older = old.byShortId.get(shortId)
      if (older !== undefined) {
        keep(older)
        return older
      }
      if ((unknown.get(shortId) ?? 0) > now) return null
    }
    return ask(shortId)
  }

  return {
    find,
    hear({ keyIds, isIssuing: isOfSecrets }) {
      if (isOfSecrets) unknown.clear()
      isIssuing ||= isOfSecrets
      if (keyIds === null) heard = null
      else for (const keyId of keyIds) heard?.add(keyId)
      if (keyIds === null) {
        young = newHalf()
        old = newHalf()
      } else {
        for (const keyId of keyIds) {
          forget(young, keyId)
          forget(old, keyId)
        }
      }
    },
  }
}

function tooLate(maxStaleMs: number): KeywrightError {
  return new KeywrightError(
    'STORE_UNAVAILABLE',
    `the database takes longer than ${maxStaleMs} ms to answer, and older answers are not trusted`,
    {
      hint: 'look how busy the server and the network are, or trust answers for longer with maxStaleMs',
    },
  )
}
