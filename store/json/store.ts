// The embedded store: one lowdb file, its log, its counts, shared by any number of processes. Implements the port; decides nothing.

import type { KeyObject } from 'node:crypto'
import { dirname } from 'node:path'
import { Low } from 'lowdb'
import type { Actor } from '../../src/domain/audit.ts'
import type { Hashing } from '../../src/domain/hashing.ts'
import type { Key, ListedKey } from '../../src/domain/key.ts'
import { isMeant, keyView } from '../../src/domain/key.ts'
import { createKeyWindows } from '../../src/domain/key-order.ts'
import type { Clocks } from '../../src/domain/limiter.ts'
import type { Store, Warn } from '../../src/domain/ports.ts'
import { accepted, KeywrightError } from '../../src/domain/refusal.ts'
import type { KeyWindowQuery, Window } from '../../src/domain/selection.ts'
import { selectKeys } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import type { Draw } from '../../src/domain/token.ts'
import { createUserWindows, selectUsers } from '../../src/domain/users.ts'
import type { Known } from '../../src/domain/windows.ts'
import { lookOf, withItems } from '../../src/domain/windows.ts'
import { removeTemporaries } from '../durable.ts'
import { faultAt } from '../faults.ts'
import type { AuditKeyFiles } from '../log/audit-key.ts'
import { readSigningKey } from '../log/audit-key.ts'
import { DEFAULT_SEGMENT_BYTES, openAuditLog } from '../log/audit-log.ts'
import { createCheckpoints } from '../log/checkpoints.ts'
import type { SinkFeed } from '../sink/feed.ts'
import { createAuditPort } from './audit-port.ts'
import type { Committing } from './commit.ts'
import { createKeyFile } from './key-file.ts'
import type { StoreDocument } from './key-lines.ts'
import { DEFAULT_BRAND } from './key-lines.ts'
import { createLock } from './lock.ts'
import type { Paths } from './paths.ts'
import { createPulse } from './pulse.ts'
import type { Settings } from './settings.ts'
import { createTransactions } from './transactions.ts'
import { createUsage } from './usage.ts'
import { watchFolder } from './watch-folder.ts'

/** How stale an answer to a verification may be at most: half of what is promised, the rest is for reading. */
const FRESH_MS = 100

export interface JsonStoreOptions {
  readonly paths: Paths
  readonly settings: Settings
  readonly sink: SinkFeed | null
  /** The brand of new tokens; of the store when not given. */
  readonly brand: string | undefined
  readonly hashing: Hashing
  readonly isReadOnly: boolean
  readonly isInsecureAllowed: boolean
  /** Who flushes counts and recovers. */
  readonly actor: Actor
  readonly auditKeys: AuditKeyFiles
  readonly clocks: StoreClocks
  readonly draw: Draw
  readonly pid: number
  readonly warn: Warn
}

/** Wall and monotonic time as verification knows them, and the real time that has passed, which no test can stop. */
export interface StoreClocks extends Clocks {
  readonly uptime: () => number
}

/** Opens an embedded store. A file that is not there reads as empty; one that can't be used is an error now, not later. */
export async function openJsonStore(options: JsonStoreOptions): Promise<Store> {
  const { paths, settings, hashing, isReadOnly, actor, clocks, draw, warn } = options
  const brand = options.brand ?? settings.brand
  const listeners = new Set<(change: { revision: number }) => void>()

  /** Whoever read or wrote the file, and for whatever reason. */
  const onAdopted = (): void => {
    low.data = keyFile.lines().document
    for (const listener of listeners) {
      try {
        listener({ revision: low.data.audit.seq })
      } catch (error) {
        warn({ code: 'LISTENER', message: `a listener of the store failed: ${String(error)}` })
      }
    }
  }

  const keyFile = createKeyFile({
    path: paths.keys,
    brand: brand ?? DEFAULT_BRAND,
    draw,
    onAdopted,
    onWarning: (problem) =>
      warn({
        code: 'FOLDER_NOT_SYNCED',
        message: `the folder of ${paths.keys} could not be synced: ${String(problem)}; a power failure now could undo the last change`,
      }),
  })
  const low: Low<StoreDocument> = new Low<StoreDocument>(keyFile, keyFile.lines().document)
  await low.read()
  const log = openAuditLog(paths.log, settings.segmentBytes ?? DEFAULT_SEGMENT_BYTES)
  const trust = { awayFrom: [dirname(paths.keys), dirname(paths.log)], isInsecureAllowed: options.isInsecureAllowed, warn }
  const signingKey = (): KeyObject | null => readSigningKey(options.auditKeys.signing, trust)
  const checkpoints = createCheckpoints({ path: paths.checkpoints, log, key: isReadOnly ? null : signingKey(), now: clocks.wall, warn })
  const committing: Committing = {
    keyFile,
    low,
    log,
    sink: options.sink,
    checkpoints,
    checkpointsPath: paths.checkpoints,
    usagePath: paths.usage,
    keysPath: paths.keys,
    brand,
    now: () => isoFrom(clocks.wall()),
  }
  const holder = () => ({ pid: options.pid, host: actor.host, since: isoFrom(clocks.wall()) })
  const lock = createLock({ path: paths.lock, holder, onWaiting: (message) => warn({ code: 'WAITING', message }) })
  let watcher: { close: () => void } | null = null
  let checkedAt = Number.NEGATIVE_INFINITY
  let trouble: KeywrightError | null = null

  const look = (): void => {
    checkedAt = clocks.uptime()
    try {
      keyFile.refresh()
      trouble = null
    } catch (error) {
      const { message, hint } = faultAt('STORE_UNAVAILABLE', 'reading the store', paths.keys, error)
      trouble = new KeywrightError('STORE_UNAVAILABLE', message, { ...(hint === undefined ? {} : { hint }), cause: error })
    }
  }

  const lookIfStale = (): void => {
    if (clocks.uptime() - checkedAt >= FRESH_MS) look()
  }

  /** Makes sure that what is known is fresh; throws while the store can't be read. */
  const freshen = (): void => {
    lookIfStale()
    if (trouble !== null) throw trouble
  }

  const warnOfLeftovers = (error: unknown): void =>
    warn({ code: 'LEFTOVERS', message: `what a dead process left beside ${paths.keys} could not be removed: ${String(error)}` })

  const prepare = async (wasAbandoned: boolean): Promise<void> => {
    if (wasAbandoned) await Promise.all([paths.keys, paths.usage].map(removeTemporaries)).catch(warnOfLeftovers)
    keyFile.refresh()
    trouble = null
  }

  const prepared = (work: () => Promise<void>): Promise<void> =>
    lock.hold(async (wasAbandoned) => {
      await prepare(wasAbandoned)
      await work()
    })

  const usage = createUsage({ options, committing, prepare, lock })
  const transactions = createTransactions(committing, lock, prepare, clocks.wall, usage.lastUsed, hashing)
  const listed = (key: Key, at: number): ListedKey => {
    const last = usage.lastUsed(key.id)
    return { ...keyView(key, at), lastUsedAt: last === null ? null : isoFrom(last) }
  }

  const keyWindow = createKeyWindows()
  const userWindow = createUserWindows()
  /** What can be known just now, be it fresh or not. */
  const known = (): Known => {
    lookIfStale()
    usage.refresh()
    return { keys: keyFile.lines().document.keys, lastUsed: usage.lastUsed, usage: usage.changes() }
  }
  const listedWindow = (query: KeyWindowQuery): Window<ListedKey> => withItems(keyWindow(known(), query), (key) => listed(key, query.at))

  return {
    hashing,
    transact: (transaction) => transactions.run(transaction),
    look(targets) {
      freshen()
      usage.refresh()
      return transactions.look(targets)
    },
    findCredential(shortId) {
      const uptime = clocks.uptime()
      if (uptime - checkedAt >= FRESH_MS) look()
      if (trouble !== null) throw trouble
      usage.freshen(uptime)
      return keyFile.credentialOf(shortId)
    },
    findKey(ref) {
      freshen()
      const key = ref.by === 'id' ? keyFile.byId(ref.id) : ref.by === 'secret' ? keyFile.byShortId(ref.shortId) : undefined
      return key !== undefined && isMeant(key, ref, hashing) ? key : null
    },
    queryKeys(query) {
      freshen()
      usage.refresh()
      const page = accepted(selectKeys(keyFile.lines().document.keys, query, usage.lastUsed))
      return { ...page, items: page.items.map((key) => listed(key, query.at)) }
    },
    queryUsers(query) {
      freshen()
      usage.refresh()
      return accepted(selectUsers(keyFile.lines().document.keys, query, usage.lastUsed))
    },
    keyWindow: listedWindow,
    keyLook: (query) => lookOf(listedWindow(query)),
    userWindow: (query) => userWindow(known(), query),
    pulse: createPulse(committing, usage.seen, () => {
      look()
      return trouble
    }),
    usage: usage.port,
    audit: createAuditPort({
      store: committing,
      lock,
      prepare,
      isReadOnly,
      vouch: usage.vouch,
      signingKey,
      publicKeyFile: options.auditKeys.public,
      warn,
    }),
    watch(listener) {
      listeners.add(listener)
      watcher ??= watchFolder(paths.keys, look)
      return () => {
        listeners.delete(listener)
        if (listeners.size > 0) return
        watcher?.close()
        watcher = null
      }
    },
    anchor: () => keyFile.lines().document.audit,
    async close() {
      watcher?.close()
      watcher = null
      listeners.clear()
      await transactions.idle()
      await usage.end().finally(async () => {
        await checkpoints.atEnd(prepared)
        keyFile.close()
        await log.close()
      })
    },
  }
}
