// The store in memory: for tests and demos. Behaves as the others do, shares nothing with them but the domain, and keeps nothing.

import * as audit from '../src/domain/audit.ts'
import { credentialOf } from '../src/domain/credential.ts'
import type { Key, KeyRef } from '../src/domain/key.ts'
import { isMeant, keyLine, keyView } from '../src/domain/key.ts'
import type { Clocks } from '../src/domain/limiter.ts'
import { createLimiter } from '../src/domain/limiter.ts'
import type { RefusalSum } from '../src/domain/meter.ts'
import { createMeter } from '../src/domain/meter.ts'
import type { Facts, Store, Targets, UsagePort, UsageSelector } from '../src/domain/ports.ts'
import { accepted } from '../src/domain/refusal.ts'
import type { LastUsed } from '../src/domain/selection.ts'
import { keyMatcher, resolveRefs, selectKeys, selectUsers } from '../src/domain/selection.ts'
import { HOUR_MS, isoFrom, MINUTE_MS } from '../src/domain/time.ts'
import type { Draw } from '../src/domain/token.ts'
import type { KeyUsage } from '../src/domain/usage.ts'
import { ACCEPTED, addAlive, addDelta, EMPTY_KEY_USAGE, EMPTY_SERIES, NO_KEY, sumUsages } from '../src/domain/usage.ts'
import type { Append } from './memory-log.ts'
import { createLog } from './memory-log.ts'

export interface MemoryStoreOptions {
  /** Who flushes counts. */
  readonly actor: audit.Actor
  readonly clocks: Clocks
  readonly draw: Draw
  readonly brand?: string
}
/** An empty store that lives as long as it is referred to. A change is decided and made in one turn, so that it needs no lock. */
export function openMemoryStore({ actor, clocks, draw, brand = 'kw' }: MemoryStoreOptions): Store {
  const keys = new Map<string, Key>()
  const byShortId = new Map<string, Key>()
  const listeners = new Set<(change: { revision: number }) => void>()
  let anchor = audit.EMPTY_ANCHOR

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
    const matching = (test: (key: Key) => boolean) => [...keys.values()].filter(test)
    return {
      brand,
      targets: 'refs' in targets ? resolveRefs(targets.refs, find) : matching(keyMatcher(targets.filter, clocks.wall(), usage.lastUsed)),
      isTaken: (id) => keys.has(id) || byShortId.has(id),
    }
  }

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
    async transact({ actor: by, targets, decide }) {
      const { at, changes, answer } = decide(factsFor(targets))
      if (changes.length === 0) return answer
      const entries = changes.map(({ key, ...change }): audit.Entry => {
        const digest = key === null ? null : audit.sha256(keyLine(key))
        return { ...change, actor: by, at: isoFrom(at), base: anchor.seq, digest }
      })
      anchor = log.append(entries)
      for (const { keyId, key } of changes) put(keyId, key)
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
      return key !== undefined && isMeant(key, ref) ? key : null
    },
    queryKeys(query) {
      const page = accepted(selectKeys([...keys.values()], query, usage.lastUsed))
      const items = page.items.map((key) => {
        const last = usage.lastUsed(key.id)
        return { ...keyView(key, query.at), lastUsedAt: last === null ? null : isoFrom(last) }
      })
      return { ...page, items }
    },
    queryUsers: (query) => accepted(selectUsers([...keys.values()], query, usage.lastUsed)),
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

interface MemoryUsage {
  readonly port: UsagePort
  readonly lastUsed: LastUsed
  readonly end: () => Promise<void>
}

const SELF_BYTES = 4

/** Counts and limits: what is flushed moves from the meter to the totals, with its records. */
function createUsage({ actor, clocks, draw }: MemoryStoreOptions, keys: ReadonlyMap<string, Key>, append: Append): MemoryUsage {
  const meter = createMeter()
  const limiter = createLimiter(clocks, Buffer.from(draw(SELF_BYTES)).toString('hex'), () => [])
  const totals = new Map<string, KeyUsage>()
  const totalOf = (keyId: string): KeyUsage => totals.get(keyId) ?? EMPTY_KEY_USAGE
  let alive = EMPTY_SERIES
  let aliveSince = clocks.wall()
  let summedUpUntil = Math.floor(clocks.wall() / HOUR_MS) * HOUR_MS

  const withPending = (keyId: string): KeyUsage =>
    meter.pending().reduce((usage, { minute, keys: deltas }) => {
      const delta = deltas.get(keyId)
      return delta === undefined ? usage : addDelta(usage, delta, minute, clocks.wall())
    }, totalOf(keyId))

  const idsOf = (selector: UsageSelector): Iterable<string> => {
    if (selector === 'store') return new Set([NO_KEY, ...totals.keys(), ...meter.pending().flatMap((delta) => [...delta.keys.keys()])])
    if ('keyId' in selector) return [selector.keyId]
    return [...keys.values()].filter(({ userId }) => userId === selector.userId).map(({ id }) => id)
  }

  const note = (action: audit.Action, keyId: string, after: audit.Entry['after'] = null): audit.Entry => {
    const userId = keys.get(keyId)?.userId ?? null
    return { actor, at: isoFrom(clocks.wall()), action, keyId, userId, after }
  }

  const refusal = ({ keyId, userId, code, count, since }: RefusalSum): audit.Entry => {
    const after = { count, since: isoFrom(since) }
    const said = { actor, at: isoFrom(clocks.wall()), action: 'validate.refused', outcome: 'refused' } as const
    return { ...said, keyId, userId, reason: code ?? 'OTHERS', after }
  }

  /** One record for each key and hour of accepted calls, a minute after the hour has ended. */
  const summaries = (now: number): audit.Entry[] => {
    const from = summedUpUntil
    summedUpUntil = Math.max(from, Math.floor((now - MINUTE_MS) / HOUR_MS) * HOUR_MS)
    return [...totals].flatMap(([keyId, { total }]) =>
      total.series.hour.flatMap(([hour, count = 0]) => {
        const isDue = keyId !== NO_KEY && count > 0 && hour * HOUR_MS >= from && hour * HOUR_MS < summedUpUntil
        return isDue ? [note('validate.summary', keyId, { count, since: isoFrom(hour * HOUR_MS) })] : []
      }),
    )
  }

  const beat = (): void => {
    alive = addAlive(alive, aliveSince, clocks.wall())
    aliveSince = clocks.wall()
  }

  const flush = async (isEnd: boolean): Promise<void> => {
    const now = clocks.wall()
    const { deltas, refusals } = meter.take(now, isEnd)
    const firstUses: audit.Entry[] = []
    for (const { minute, keys: counts } of deltas) {
      for (const [keyId, delta] of counts) {
        const isFirstUse = (totalOf(keyId).total.counts[ACCEPTED] ?? 0) === 0 && delta.lastAt !== null
        if (isFirstUse) firstUses.push(note('validate.first-use', keyId, { at: isoFrom(delta.lastAt as number) }))
        totals.set(keyId, addDelta(totalOf(keyId), delta, minute, now))
      }
    }
    meter.settle()
    // Nobody else is there to be told of what was admitted.
    limiter.unshared()
    limiter.sweep()
    beat()
    append([...firstUses, ...refusals.map(refusal), ...summaries(now)])
  }

  const port: UsagePort = {
    count: meter.count,
    take: limiter.take,
    read: (selector, at) => ({ usage: sumUsages([...idsOf(selector)].map(withPending)), alive: addAlive(alive, aliveSince, at) }),
    flush: () => flush(false),
    heartbeat: async () => beat(),
  }
  return { port, lastUsed: (keyId) => withPending(keyId).total.lastAt, end: () => flush(true) }
}
