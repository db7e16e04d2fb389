// Runs commands: moment, facts, guard, decide, commit; verifies; flushes counts. Knows no door and no kind of store.

import type { ChangeCommand, ReadCommand, Reader } from './commands/command.ts'
import type { Actor } from './domain/audit.ts'
import type { Fields, InputOf } from './domain/field.ts'
import type { KeyRef, KeyView } from './domain/key.ts'
import { keyView } from './domain/key.ts'
import type { RateLimit } from './domain/limit.ts'
import type { MaybePromise, Store, Warn } from './domain/ports.ts'
import { KeywrightError } from './domain/refusal.ts'
import { isoFrom } from './domain/time.ts'
import type { Draw } from './domain/token.ts'
import type { CallOptions, Explanation, LimitAnswer, Verdict } from './domain/verdict.ts'
import type { Live } from './live.ts'
import { createLive } from './live.ts'
import { createRenewals } from './renew-hashes.ts'
import type { Changed } from './run-change.ts'
import { runChange } from './run-change.ts'
import { chain, explain, isInForce, newestShortId, verify } from './verify.ts'

export interface ManagerOptions {
  readonly store: Store
  readonly actor: Actor
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly draw: Draw
  readonly isReadOnly: boolean
  readonly flushIntervalMs: number
  readonly warn: Warn
}

/** Who makes a change, and which revision of the key it was decided on. */
export interface ChangeOptions {
  readonly actor?: Actor | undefined
  /** One for all keys, or one for each by its id; a key without one is not compared. */
  readonly expectedRevision?: number | ReadonlyMap<string, number> | undefined
}

export interface Manager {
  readonly change: <F extends Fields>(command: ChangeCommand<F>, input: InputOf<F>, options?: ChangeOptions) => Promise<Changed>
  /** Asks the store what is no operation of its own: the windows and glances of the terminal app. Changes nothing. */
  readonly ask: <R>(question: (reader: Reader) => R | Promise<R>, options?: Partial<Pick<Reader, 'signal' | 'onProgress'>>) => Promise<R>
  readonly read: <F extends Fields, R>(
    command: ReadCommand<F, R>,
    input: InputOf<F>,
    options?: Partial<Pick<Reader, 'signal' | 'onProgress'>>,
  ) => Promise<R>
  /** Synchronous where the store is; the hot path of a server. */
  readonly validate: (token: unknown, options: CallOptions) => MaybePromise<Verdict>
  readonly explain: (token: unknown, options: CallOptions) => Promise<Explanation>
  readonly checkRateLimit: (ref: KeyRef, limit: RateLimit) => Promise<LimitAnswer>
  readonly findKey: (ref: KeyRef) => Promise<KeyView | null>
  /** The pulse of the store from now on, for an app that stands open. The caller closes it. */
  readonly live: () => Live
  readonly subscribe: (listener: (change: { readonly revision: number }) => void) => () => void
  /** `isLast`: the process may end now. */
  readonly flush: (isLast?: boolean) => Promise<void>
  readonly close: () => Promise<void>
}

const HEARTBEAT_MS = 60_000
/** A timer may be early: a heartbeat comes so long after the end of its minute. */
const HEARTBEAT_DELAY_MS = 50
/** However near the end of the minute is, or where a test's clock stands still just before it. */
const MIN_HEARTBEAT_MS = 1000

export function createManager({ store, actor, clock, draw, isReadOnly, flushIntervalMs, warn }: ManagerOptions): Manager {
  let closing: Promise<void> | null = null
  let lastAt = 0
  let flushTimer: NodeJS.Timeout | null = null
  let lastTrouble = ''
  /** Null where nothing is ever hashed anew. */
  const renewals = store.hashing.pepper === null || isReadOnly ? null : createRenewals({ store, actor, clock, warn })

  const assertOpen = (): void => {
    if (closing !== null) throw new KeywrightError('CLOSED', 'this manager is closed')
  }

  /** The verification clock: it never goes back. */
  const now = (): number => {
    lastAt = Math.max(lastAt, clock())
    return lastAt
  }

  /** A flush that nobody waits for: its trouble is told once, the counts wait in memory, and it is tried again. */
  const flushQuietly = async (flush: () => Promise<void>): Promise<void> => {
    try {
      await flush()
      lastTrouble = ''
    } catch (error) {
      // Closing tries the same once more, and fails with it if need be.
      if (closing !== null) return
      const message = error instanceof Error ? error.message : String(error)
      if (message !== lastTrouble) warn({ code: 'NOT_FLUSHED', message: `counts could not be written and wait in memory: ${message}` })
      lastTrouble = message
      scheduleFlush()
    }
  }

  const flush = async (isLast = false): Promise<void> => {
    await store.usage.flush(isLast)
    if (closing === null) await renewals?.flush()
  }

  const scheduleFlush = (): void => {
    if (flushTimer !== null || isReadOnly) return
    flushTimer = setTimeout(() => {
      // Before the flush: calls that come in meanwhile are the next one's.
      flushTimer = null
      void flushQuietly(flush)
    }, flushIntervalMs).unref()
  }

  let heartbeat: NodeJS.Timeout | null = null
  /** At the end of each minute, when its refusals can be recorded: a process that is killed loses those of its last minute only. */
  const scheduleHeartbeat = (): void => {
    const left = HEARTBEAT_MS - (clock() % HEARTBEAT_MS) + HEARTBEAT_DELAY_MS
    heartbeat = setTimeout(
      () => {
        scheduleHeartbeat()
        void flushQuietly(store.usage.heartbeat)
      },
      Math.max(MIN_HEARTBEAT_MS, left),
    ).unref()
  }
  if (!isReadOnly) scheduleHeartbeat()

  const validate = (token: unknown, options: CallOptions): MaybePromise<Verdict> => {
    assertOpen()
    const isCounting = !isReadOnly && !options.isPeek
    if (isCounting) scheduleFlush()
    const verdict = verify(store, token, options, now())
    if (renewals === null || !isCounting) return verdict
    return chain(verdict, (one) => renewals.noted(one, token as string))
  }

  const readerWith = ({ signal = new AbortController().signal, onProgress }: Partial<Pick<Reader, 'signal' | 'onProgress'>>): Reader => ({
    store,
    at: now(),
    actor,
    isReadOnly,
    signal,
    ...(onProgress === undefined ? {} : { onProgress }),
    verify: async (token, options) => validate(token, options),
    explain: (token, options) => explain(store, token, options, now()),
  })

  return {
    async change(command, input, options = {}) {
      assertOpen()
      if (isReadOnly) throw new KeywrightError('READ_ONLY', 'the store is open read-only and takes no change')
      return runChange({ store, actor: options.actor ?? actor, clock, draw, expectedRevision: options.expectedRevision }, command, input)
    },
    async ask(question, options = {}) {
      assertOpen()
      return question(readerWith(options))
    },
    async read(command, input, options = {}) {
      assertOpen()
      return command.answer(input, readerWith(options))
    },
    validate,
    async explain(token, options) {
      assertOpen()
      return explain(store, token, options, now())
    },
    async checkRateLimit(ref, limit) {
      assertOpen()
      const at = now()
      const key = await store.findKey(ref)
      const credential = key === null ? null : await store.findCredential(ref.by === 'secret' ? ref.shortId : newestShortId(key))
      const base = { limit: limit.limit }
      if (key === null || credential === null || !isInForce(credential, at))
        return { allowed: false, ...base, remaining: 0, resetAt: isoFrom(at), retryAfterMs: 0 }
      scheduleFlush()
      const { isAllowed, limits } = await store.usage.take(key.id, [limit], false)
      const { remaining, resetAt, retryAfterMs } = limits[0] as (typeof limits)[number]
      return { allowed: isAllowed, ...base, remaining, resetAt, retryAfterMs }
    },
    async findKey(ref) {
      assertOpen()
      const key = await store.findKey(ref)
      return key === null ? null : keyView(key, now())
    },
    live() {
      assertOpen()
      return createLive(store)
    },
    subscribe(listener) {
      assertOpen()
      if (typeof listener !== 'function') throw new KeywrightError('INVALID_INPUT', 'the listener is not a function', { field: 'listener' })
      return store.watch(listener)
    },
    async flush(isLast = false) {
      assertOpen()
      await flush(isLast)
    },
    close() {
      closing ??= (async () => {
        if (flushTimer !== null) clearTimeout(flushTimer)
        if (heartbeat !== null) clearTimeout(heartbeat)
        // The store waits for those first.
        await Promise.all([renewals?.flush(), store.close()])
      })()
      return closing
    },
  }
}
