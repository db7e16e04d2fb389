// The store in memory: for tests and demos. Behaves as the others do, shares nothing with them but the domain, and keeps nothing.

import * as audit from '../src/domain/audit.ts'
import { credentialOf } from '../src/domain/credential.ts'
import type { Hashing } from '../src/domain/hashing.ts'
import { PLAIN_HASHING } from '../src/domain/hashing.ts'
import type { Key, KeyRef, ListedKey } from '../src/domain/key.ts'
import { isMeant, keyLine, keyView } from '../src/domain/key.ts'
import { createKeyWindows } from '../src/domain/key-order.ts'
import type { Clocks } from '../src/domain/limiter.ts'
import type { Facts, Store, Targets } from '../src/domain/ports.ts'
import { accepted } from '../src/domain/refusal.ts'
import type { KeyWindowQuery, Window } from '../src/domain/selection.ts'
import { keyMatcher, resolveRefs, selectKeys } from '../src/domain/selection.ts'
import { isoFrom } from '../src/domain/time.ts'
import type { Draw } from '../src/domain/token.ts'
import { createUserWindows, selectUsers } from '../src/domain/users.ts'
import type { Known } from '../src/domain/windows.ts'
import { lookOf, withItems } from '../src/domain/windows.ts'
import { createLog } from './memory-log.ts'
import { createUsage } from './memory-usage.ts'

export interface MemoryStoreOptions {
  /** Who flushes counts. */
  readonly actor: audit.Actor
  readonly clocks: Clocks
  readonly draw: Draw
  readonly brand?: string
  readonly hashing?: Hashing
}

/** An empty store that lives as long as it is referred to. A change is decided and made in one turn, so that it needs no lock. */
export function openMemoryStore({ actor, clocks, draw, brand = 'kw', hashing = PLAIN_HASHING }: MemoryStoreOptions): Store {
  const keys = new Map<string, Key>()
  const byShortId = new Map<string, Key>()
  const listeners = new Set<(change: { revision: number }) => void>()
  let anchor = audit.EMPTY_ANCHOR
  /** The keys as a list: another one after each change. */
  let list: readonly Key[] = []

  const log = createLog(clocks, () => {
    const lines = [...keys.values()].map(keyLine)
    const digests = [...keys.keys()].map((id, index) => [id, audit.sha256(lines[index] as string)] as const)
    const allKeysDigest = audit.sha256(lines.join('\n'))
    return { anchors: [{ by: 'the store', anchor }], keyDigests: new Map(digests), allKeysDigest, seenSeq: anchor.seq }
  })
  const usage = createUsage({ actor, clocks, draw }, keys, log.append)

  const find = (ref: KeyRef): Key | undefined =>
    ref.by === 'id' ? keys.get(ref.id) : ref.by === 'secret' ? byShortId.get(ref.shortId) : undefined

  const put = (id: string, key: Key | null): void => {
    for (const { shortId } of keys.get(id)?.secrets ?? []) byShortId.delete(shortId)
    if (key === null) keys.delete(id)
    else keys.set(id, key)
    for (const { shortId } of key?.secrets ?? []) byShortId.set(shortId, key as Key)
  }

  const factsFor = (targets: Targets): Facts => {
    return {
      brand,
      targets:
        'refs' in targets
          ? resolveRefs(targets.refs, hashing, find)
          : list.filter(keyMatcher(targets.filter, clocks.wall(), usage.lastUsed)),
      isTaken: (id) => keys.has(id) || byShortId.has(id),
    }
  }

  const listed = (key: Key, at: number): ListedKey => {
    const last = usage.lastUsed(key.id)
    return { ...keyView(key, at), lastUsedAt: last === null ? null : isoFrom(last) }
  }

  const keyWindow = createKeyWindows()
  const userWindow = createUserWindows()
  const known = (): Known => ({ keys: list, lastUsed: usage.lastUsed, usage: usage.changes() })
  const listedWindow = (query: KeyWindowQuery): Window<ListedKey> => withItems(keyWindow(known(), query), (key) => listed(key, query.at))

  const tell = (): void => {
    for (const listener of listeners) {
      try {
        listener({ revision: anchor.seq })
      } catch {
        // What a listener does is no part of the change, which has happened.
      }
    }
  }

  return {
    hashing,
    async transact({ actor: by, targets, decide }) {
      const { at, changes, answer } = decide(factsFor(targets))
      if (changes.length === 0) return answer
      const entries = changes.map(({ key, ...change }): audit.Entry => {
        const digest = key === null ? null : audit.sha256(keyLine(key))
        return { ...change, actor: by, at: isoFrom(at), base: anchor.seq, digest }
      })
      anchor = log.append(entries)
      for (const { keyId, key } of changes) put(keyId, key)
      list = [...keys.values()]
      tell()
      return answer
    },
    look: factsFor,
    findCredential(shortId) {
      const key = byShortId.get(shortId)
      return key === undefined ? null : credentialOf(key, shortId)
    },
    findKey(ref) {
      const key = find(ref)
      return key !== undefined && isMeant(key, ref, hashing) ? key : null
    },
    queryKeys(query) {
      const page = accepted(selectKeys(list, query, usage.lastUsed))
      return { ...page, items: page.items.map((key) => listed(key, query.at)) }
    },
    queryUsers: (query) => accepted(selectUsers(list, query, usage.lastUsed)),
    keyWindow: listedWindow,
    keyLook: (query) => lookOf(listedWindow(query)),
    userWindow: (query) => userWindow(known(), query),
    pulse: () => ({
      revision: anchor.seq,
      keys: keys.size,
      usage: usage.flushes(),
      calls: usage.calls(),
      others: 0,
      lastSeq: log.lastSeq(),
      trouble: null,
    }),
    usage: usage.port,
    audit: log.port,
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    anchor: () => anchor,
    close: usage.end,
  }
}
