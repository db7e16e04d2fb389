// Feeds a sink from the audit log: whatever the log holds and the sink does not, in order. Under the lock only; never writes the log.

import type { Anchor } from '../../src/domain/audit.ts'
import { EMPTY_ANCHOR } from '../../src/domain/audit.ts'
import type { Warn } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { adviceOn, meaningOf } from '../faults.ts'
import { carryBehind } from '../log/behind.ts'
import type { Delivered } from './delivered.ts'
import { createDelivered } from './delivered.ts'
import { sinkAt } from './kinds.ts'
import type { Sink } from './sink.ts'

/** How long a sink may take; and so, how long it may hold a change and everyone behind it up. */
export const SINK_WAIT_MS = 5000
/** For so long after a failure notes are not offered: a sink that answers nothing would hold the lock up with each of them. */
const OFFER_AGAIN_MS = 30_000

export interface SinkFeed {
  /** Brings the sink up to the end of the log. Throws AUDIT_UNAVAILABLE where it could not take everything. */
  readonly bring: () => Promise<void>
  /** The same for records that stand in any case. What the sink could not take is warned of, and goes there before the next change. */
  readonly offer: () => Promise<void>
}

export interface FeedOptions {
  readonly address: string
  readonly keysPath: string
  readonly logPath: string
  /** Milliseconds that only ever rise. */
  readonly uptime: () => number
  readonly warn: Warn
}

export function createSinkFeed({ address, keysPath, logPath, uptime, warn }: FeedOptions): SinkFeed {
  const sink = sinkAt(address)
  if ('problem' in sink) throw new KeywrightError('INVALID_INPUT', sink.problem, { field: 'auditSink' })
  const delivered = sink.last === undefined ? createDelivered(keysPath, address) : null
  /** What a slow disk still does for a delivery that was given up: the next one waits for it, so that nothing comes in between. */
  let working: Promise<void> = Promise.resolve()
  let failedAt = Number.NEGATIVE_INFINITY
  /** The record that it took last, of those that it took at all. */
  let taken: Anchor | null = null

  const carry = async (signal: AbortSignal): Promise<void> => {
    const last = (await lastOf(sink, delivered)) ?? EMPTY_ANCHOR
    const isKnown = await carryBehind(logPath, last, async (lines) => {
      signal.throwIfAborted()
      await sink.deliver(lines.bytes, signal)
      taken = lines.last ?? taken
      if (lines.last !== null) await delivered?.write(lines.last)
    })
    if (!isKnown) throw apart(address, logPath, last, delivered)
  }

  const bring = async (): Promise<void> => {
    const deadline = new AbortController()
    taken = null
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      const some =
        taken === null
          ? `the records within ${SINK_WAIT_MS / 1000} s`
          : `all records within ${SINK_WAIT_MS / 1000} s; it has those up to seq ${taken.seq}, and goes on from there the next time`
      const error = new Error(`it did not take ${some}`)
      reject(error)
      deadline.abort(error)
    }, SINK_WAIT_MS)
    const work = working.then(() => {
      deadline.signal.throwIfAborted()
      return carry(deadline.signal)
    })
    working = work.catch(() => undefined)
    try {
      await Promise.race([work, late])
      failedAt = Number.NEGATIVE_INFINITY
    } catch (error) {
      failedAt = uptime()
      throw unavailable(address, error)
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    bring,
    async offer() {
      if (uptime() - failedAt < OFFER_AGAIN_MS) return
      try {
        await bring()
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        warn({ code: 'SINK_BEHIND', message: `${message}; the records are on the log, and go there before the next change` })
      }
    },
  }
}

function lastOf(sink: Sink, delivered: Delivered | null): Promise<Anchor | null> {
  return sink.last?.() ?? delivered?.read() ?? Promise.resolve(null)
}

const WITHOUT = 'or take auditSink out of keywright.config.json, or KEYWRIGHT_AUDIT_SINK out of the environment, to go on without it'

function unavailable(address: string, error: unknown): KeywrightError {
  if (error instanceof KeywrightError) return error
  const advice = adviceOn(error, address.replace(/^file:/, ''))
  return new KeywrightError('AUDIT_UNAVAILABLE', `the audit sink ${address} failed: ${meaningOf(error)}`, {
    hint: `nothing was changed; mend the sink${advice === null ? '' : ` (${advice})`} and try again, ${WITHOUT}`,
    cause: error,
  })
}

/** The sink has what the log never had or has no more: which of them is right is for people to find out. */
function apart(address: string, logPath: string, { seq }: Anchor, delivered: Delivered | null): KeywrightError {
  const anew = delivered === null ? "move the sink's file away" : `remove ${delivered.path}`
  return new KeywrightError(
    'AUDIT_UNAVAILABLE',
    `the audit sink ${address} holds a record of seq ${seq} that the log ${logPath} does not`,
    {
      hint: `the log was cut or put back, or the sink is another store's: compare them; then ${anew} to give the sink all of the log, ${WITHOUT}`,
    },
  )
}
