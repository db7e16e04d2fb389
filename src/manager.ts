// Runs commands: moment, facts, guard, decide, commit; verifies; flushes counts. Knows no door and no kind of store.

import { type ChangeCommand, type Decided, type ItemResult, type Moment, type ReadCommand, type Reader } from './commands/command.ts'
import { noSuchKey } from './commands/list.ts'
import { type Actor } from './domain/audit.ts'
import { type Change, changeOf } from './domain/change.ts'
import { type Fields, type InputOf } from './domain/field.ts'
import { type Key, type KeyRef, type KeyView, keyView } from './domain/key.ts'
import { type RateLimit } from './domain/limit.ts'
import { type Facts, type MaybePromise, type Outcome, type Store, type Warn } from './domain/ports.ts'
import { isRefusal, KeywrightError, type Refusal, refuse } from './domain/refusal.ts'
import { isoFrom } from './domain/time.ts'
import { type Draw, drawShortId } from './domain/token.ts'
import { type CallOptions, type Explanation, type LimitAnswer, type Verdict } from './domain/verdict.ts'
import { explain, isInForce, newestShortId, verify } from './verify.ts'

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
  readonly expectedRevision?: number | undefined
}

/** What became of one key: changed (or as it was), with its new token if one was made; or why not. */
export interface Item {
  readonly id: string
  readonly key: KeyView | null
  readonly token?: string
  readonly refusal: Refusal | null
}

export interface Changed {
  readonly items: readonly Item[]
  readonly dryRun: boolean
}

export interface Manager {
  readonly change: <F extends Fields>(command: ChangeCommand<F>, input: InputOf<F>, options?: ChangeOptions) => Promise<Changed>
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
  readonly subscribe: (listener: (change: { readonly revision: number }) => void) => () => void
  readonly flush: () => Promise<void>
  readonly close: () => Promise<void>
}

const HEARTBEAT_MS = 60_000

export function createManager({ store, actor, clock, draw, isReadOnly, flushIntervalMs, warn }: ManagerOptions): Manager {
  let closing: Promise<void> | null = null
  let lastAt = 0
  let flushTimer: NodeJS.Timeout | null = null
  let lastTrouble = ''

  const assertOpen = (): void => {
    if (closing !== null) throw new KeywrightError('CLOSED', 'this manager is closed')
  }

  /** The verification clock: it never goes back. */
  const now = (): number => {
    lastAt = Math.max(lastAt, clock())
    return lastAt
  }

  /** A flush that nobody waits for: its trouble is told once, and the counts wait in memory. */
  const flushQuietly = (flush: () => Promise<void>): Promise<void> =>
    flush().then(
      () => {
        lastTrouble = ''
      },
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error)
        if (message !== lastTrouble) warn({ code: 'NOT_FLUSHED', message: `counts could not be written and wait in memory: ${message}` })
        lastTrouble = message
      },
    )

  const scheduleFlush = (): void => {
    if (flushTimer !== null || isReadOnly) return
    flushTimer = setTimeout(() => {
      flushQuietly(store.usage.flush).finally(() => {
        flushTimer = null
      })
    }, flushIntervalMs).unref()
  }

  const heartbeat = isReadOnly ? null : setInterval(() => void flushQuietly(store.usage.heartbeat), HEARTBEAT_MS).unref()

  const validate = (token: unknown, options: CallOptions): MaybePromise<Verdict> => {
    assertOpen()
    const isCounting = !isReadOnly && !options.isPeek
    if (isCounting) scheduleFlush()
    return verify(store, token, options, now())
  }

  return {
    async change(command, input, options = {}) {
      assertOpen()
      if (isReadOnly) throw new KeywrightError('READ_ONLY', 'the store is open read-only and takes no change')
      return runChange({ store, actor: options.actor ?? actor, clock, draw, expectedRevision: options.expectedRevision }, command, input)
    },
    async read(command, input, { signal = new AbortController().signal, onProgress } = {}) {
      assertOpen()
      const reader: Reader = {
        store,
        at: now(),
        actor,
        isReadOnly,
        signal,
        ...(onProgress === undefined ? {} : { onProgress }),
        verify: async (token, options) => validate(token, options),
        explain: (token, options) => explain(store, token, options, now()),
      }
      return command.answer(input, reader)
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
    subscribe(listener) {
      assertOpen()
      return store.watch(listener)
    },
    async flush() {
      assertOpen()
      await store.usage.flush()
    },
    close() {
      closing ??= (async () => {
        if (flushTimer !== null) clearTimeout(flushTimer)
        if (heartbeat !== null) clearInterval(heartbeat)
        await store.close()
      })()
      return closing
    },
  }
}

interface ChangeContext {
  readonly store: Store
  readonly actor: Actor
  readonly clock: () => number
  readonly draw: Draw
  readonly expectedRevision: number | undefined
}

/** The one way of a change: select, then under the lock read the clock, guard, decide and hand the changes over. */
async function runChange<F extends Fields>(context: ChangeContext, command: ChangeCommand<F>, input: InputOf<F>): Promise<Changed> {
  const { store, actor, clock, draw, expectedRevision } = context
  const selected = command.select(input, clock())
  if (isRefusal(selected)) throw KeywrightError.from(selected)
  const dryRun = (input as { dryRun?: boolean }).dryRun === true
  const decide = (facts: Facts): Outcome<Changed> => {
    const moment: Moment = { at: clock(), actor, draw }
    const steps =
      command.on === 'new'
        ? [birth(command, input, moment, facts, selected)]
        : decideEach(command, input, moment, facts, selected, expectedRevision)
    const changed = steps.filter(({ decided }) => decided !== null)
    const batch = command.on === 'many' && changed.length > 1 ? { batch: `batch_${drawShortId(draw)}` } : {}
    const reason = command.reason(input)
    const changes: Change[] = changed.map(({ key, decided }) =>
      changeOf(command.action, key, (decided as Decided).key, { reason, ...batch }),
    )
    return { at: moment.at, changes, answer: { items: steps.map((step) => itemOf(step, moment.at)), dryRun } }
  }
  if (dryRun) return decide(await store.look(selected)).answer
  return store.transact({ actor, targets: selected, decide })
}

/** One key's way: as it was, what was decided (null: nothing to change), or why not. */
interface Step {
  readonly id: string
  readonly key: Key | null
  readonly decided: Decided | null
  readonly refusal: Refusal | null
}

function itemOf({ id, key, decided, refusal }: Step, at: number): Item {
  const shown = decided === null ? key : (decided.key ?? key)
  return { id, key: shown === null ? null : keyView(shown, at), refusal, ...(decided?.token === undefined ? {} : { token: decided.token }) }
}

type Selected = Exclude<ReturnType<ChangeCommand['select']>, Refusal>

function birth<F extends Fields>(
  command: ChangeCommand<F>,
  input: InputOf<F>,
  moment: Moment,
  { brand, targets, isTaken }: Facts,
  selected: Selected,
): Step {
  const [model = null] = targets
  const [ref] = 'refs' in selected ? selected.refs : []
  if (ref !== undefined && model === null) throw KeywrightError.from({ ...noSuchKey(ref.name), field: 'like' })
  const decided = command.decide(null, input, moment, { brand, model, isTaken })
  if (isRefusal(decided)) throw KeywrightError.from(decided)
  return { id: (decided.key as Key).id, key: null, decided, refusal: null }
}

function decideEach<F extends Fields>(
  command: ChangeCommand<F>,
  input: InputOf<F>,
  moment: Moment,
  { brand, targets, isTaken }: Facts,
  selected: Selected,
  expectedRevision: number | undefined,
): Step[] {
  const seen = new Set<string>()
  return targets.flatMap((key, index): Step[] => {
    const ref = 'refs' in selected ? selected.refs[index] : undefined
    if (key === null) return [{ id: ref?.name ?? '', key: null, decided: null, refusal: noSuchKey(ref?.name ?? 'that') }]
    // Two refs may name one key: by its id and by a shortId.
    if (seen.has(key.id)) return []
    seen.add(key.id)
    const refused = (refusal: Refusal): Step[] => (ref === undefined ? [] : [{ id: key.id, key, decided: null, refusal }])
    if (expectedRevision !== undefined && key.revision !== expectedRevision) {
      return refused(refuse('CHANGED_MEANWHILE', `key ${key.id} is at revision ${key.revision}, not ${expectedRevision}`))
    }
    const guarded = command.guard(key, moment.at)
    if (guarded !== null) return refused(guarded)
    const decided = command.decide(key, input, moment, { brand, model: null, isTaken })
    if (isRefusal(decided)) return refused(decided)
    return [{ id: key.id, key, decided: decided.key === key ? null : decided, refusal: null }]
  })
}

/** The answer of a command on one key; its refusal is thrown. */
export function soleItem({ items }: Changed): Item & { readonly key: KeyView } {
  const [item] = items
  if (item === undefined || item.key === null || item.refusal !== null) throw KeywrightError.from(item?.refusal ?? noSuchKey('that'))
  return { ...item, key: item.key }
}

/** The answer of a command on many keys. */
export function itemResults({ items, dryRun }: Changed): { results: ItemResult[]; dryRun: boolean } {
  return {
    results: items.map(({ id, refusal }) =>
      refusal === null ? { id, ok: true } : { id, ok: false, error: { code: refusal.refused, message: refusal.message } },
    ),
    dryRun,
  }
}
