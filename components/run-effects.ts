// Runs the model's effects against the manager and the terminal, and sends back what came of them. Decides nothing.

import { auditAcceptLoss } from '../src/commands/audit.ts'
import type { Reader } from '../src/commands/command.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import type { Manager } from '../src/manager.ts'
import { findingRows } from '../src/queries/hygiene.ts'
import { keyCount, keyFacts, keyIds, keyNamed, keyRows, knownWords, ownersMatching, userRows, wholeLife } from '../src/queries/keys.ts'
import { glance } from '../src/queries/usage.ts'
import type { Answer, ChangedItem, Effect, Question, QuestionName, Questions } from './model/effect.ts'
import { sealed } from './model/effect.ts'
import type { Model } from './model/model.ts'

/** What the door lends: the terminal's clipboard, a file for a token, the mouse, the end. */
export interface Terminal {
  readonly copy: (text: string) => void
  /** Writes a file that only its owner can read, answers its whole path; rejects where there is one already. */
  readonly writeSecret: (path: string, token: string) => Promise<string>
  readonly setMouse: (isOn: boolean) => void
  readonly redraw: () => void
  readonly suspend: () => void
  readonly exit: (code: number, next: 'demo' | null) => void
}

/** What takes longer shows that it runs. */
const SHOW_AFTER_MS = 200
const TICK_WHILE_BUSY_MS = 100

const LABELS: Readonly<Partial<Record<QuestionName, string>>> = {
  count: 'counting',
  verify: 'verifying',
  audit: 'searching the log',
  hygiene: 'looking at every key',
  acceptLoss: 'accepting',
}

type Answering = { readonly [N in QuestionName]: (reader: Reader, query: Questions[N]['query']) => Promise<Questions[N]['answer']> }

const ANSWERS: Answering = {
  keys: keyRows,
  count: keyCount,
  users: userRows,
  life: wholeLife,
  glance,
  audit: ({ store, signal, onProgress }, query) =>
    store.audit.page({
      ...query,
      signal,
      ...(onProgress === undefined
        ? {}
        : { onProgress: ({ bytes, totalBytes, found }) => onProgress({ records: found, bytes, totalBytes }) }),
    }),
  timeline: ({ store }, query) => store.audit.timeline(query),
  hygiene: findingRows,
  facts: keyFacts,
  ids: keyIds,
  named: keyNamed,
  known: knownWords,
  owners: ownersMatching,
  async verify({ store, actor, isReadOnly, signal, onProgress }) {
    const { report, head } = await store.audit.verify({
      signal,
      ...(isReadOnly ? {} : { actor }),
      ...(onProgress === undefined ? {} : { onProgress }),
    })
    return { report, seq: head.seq }
  },
  explain: ({ explain }, { token, ...call }) => explain(token.open(), { ...call, isPeek: true }),
  acceptLoss: (reader, input) => auditAcceptLoss.answer(input, reader),
}

/** What runs the effects of a model that is given to it afterwards. */
export function createRunner(
  manager: Manager,
  terminal: Terminal,
  modelOf: () => Model,
): { run: (effect: Effect) => void; close: () => void } {
  const running = new Map<string, AbortController>()
  let ticking: NodeJS.Timeout | null = null

  const send = (message: Parameters<Model['send']>[0]): void => modelOf().send(message)

  /** Time goes on for what shows that it runs; it stops with the last of it. */
  const tickWhileBusy = (): void => {
    ticking ??= setInterval(() => {
      if (running.size > 0) return send({ on: 'tick' })
      if (ticking !== null) clearInterval(ticking)
      ticking = null
    }, TICK_WHILE_BUSY_MS)
  }

  /** Runs work for a slot, in place of what ran for it before; tells when it takes long. */
  const start = async (
    slot: string,
    label: string,
    work: (signal: AbortSignal, told: (progress: number) => void) => Promise<void>,
    isCancellable = false,
  ): Promise<void> => {
    running.get(slot)?.abort()
    const controller = new AbortController()
    running.set(slot, controller)
    const isCurrent = (): boolean => running.get(slot) === controller
    let isSlow = false
    const tell = (progress: number | null): void => {
      if (isSlow && isCurrent()) send({ on: 'progress', slot, label, progress, isCancellable })
    }
    const slow = setTimeout(() => {
      isSlow = true
      tell(null)
      tickWhileBusy()
    }, SHOW_AFTER_MS)
    try {
      await work(controller.signal, tell)
    } catch (error) {
      if (isCurrent()) send({ on: 'failed', slot, error: faultOf(error) })
    } finally {
      clearTimeout(slow)
      if (isCurrent()) running.delete(slot)
    }
  }

  const ask = <N extends QuestionName>(slot: string, question: Extract<Question, { readonly ask: N }>): void => {
    const { ask: name, query } = question
    const work = async (signal: AbortSignal, told: (progress: number) => void): Promise<void> => {
      const onProgress = ({ bytes, totalBytes }: { bytes: number; totalBytes: number }): void =>
        told(totalBytes === 0 ? 1 : bytes / totalBytes)
      const result = await manager.ask((reader) => (ANSWERS[name] as (reader: Reader, query: object) => Promise<unknown>)(reader, query), {
        signal,
        onProgress,
      })
      if (!signal.aborted) send({ on: 'answer', slot, ask: name, result } as Answer & { on: 'answer'; slot: string })
    }
    void start(slot, LABELS[name] ?? 'reading', work, true)
  }

  const runs: { readonly [E in Effect['effect']]: (effect: Extract<Effect, { readonly effect: E }>) => void } = {
    ask: ({ slot, question }) => ask(slot, question as never),
    cancel({ slot }) {
      running.get(slot)?.abort()
      running.delete(slot)
      send({ on: 'cancelled', slot })
    },
    change: ({ slot, command, input, expected }) =>
      void start(slot, 'changing', async () => {
        const { items } = await manager.change(command, input as never, { expectedRevision: expected })
        send({ on: 'changed', slot, command: command.words, items: items.map(changedItem) })
      }),
    copy: ({ text }) => terminal.copy(typeof text === 'string' ? text : text.open()),
    write: ({ slot, path, token }) =>
      void start(slot, 'writing', async () => {
        send({ on: 'written', slot, path: await terminal.writeSecret(path, token.open()) })
      }),
    mouse: ({ isOn }) => terminal.setMouse(isOn),
    redraw: () => terminal.redraw(),
    suspend: () => terminal.suspend(),
    exit: ({ code, next }) => terminal.exit(code, next ?? null),
  }
  const run = (effect: Effect): void => runs[effect.effect](effect as never)

  return {
    run,
    close() {
      for (const controller of running.values()) controller.abort()
      if (ticking !== null) clearInterval(ticking)
    },
  }
}

type ItemOf = Awaited<ReturnType<Manager['change']>>['items'][number]

function changedItem({ id, key, refusal, token }: ItemOf): ChangedItem {
  return {
    id,
    userId: key?.userId ?? null,
    name: key?.name ?? null,
    shortId: key?.secrets[0]?.shortId ?? null,
    status: key?.status ?? null,
    refusal,
    token: token === undefined ? null : sealed(token),
  }
}

/** Whatever was thrown, as an error with a code. What is none of ours is told as it is, without its stack. */
function faultOf(error: unknown): KeywrightError {
  if (error instanceof KeywrightError) return error
  return new KeywrightError('STORE_UNAVAILABLE', error instanceof Error ? error.message : String(error), { cause: error })
}
