// Streams records out of the database: forwards, from the end, or on and on as they are written. Never writes.

import { setTimeout as sleep } from 'node:timers/promises'
import type { AuditFilter, AuditRecord } from '../../src/domain/audit.ts'
import { matchesRecord, parseRecord } from '../../src/domain/audit.ts'
import type { LineRow, Reading, Stretch } from './audit-read.ts'
import { endsOf, headSeq, linesIn, searchOf, stretchOf } from './audit-read.ts'
import type { Database } from './connection.ts'

/** Lines that a statement answers at most: what the stream holds at a time. */
const LINES_AT_A_TIME = 2_000
/** How often a follower looks where nothing wakes it. */
const FOLLOW_POLL_MS = 200

/** Calls when there may be new records. Answers what ends it. */
export type Subscribe = (wake: () => void) => () => void

export interface Following {
  readonly database: Database
  readonly uptime: Reading['uptime']
  readonly subscribe: Subscribe | undefined
}

export async function* recordsOf(
  { database, uptime, subscribe }: Following,
  filter: AuditFilter,
  { reverse = false, follow }: { reverse?: boolean; follow?: AbortSignal },
): AsyncGenerator<AuditRecord> {
  const isForward = !reverse || follow !== undefined
  const search = searchOf(filter)

  /** A broken line is the business of `audit verify`. */
  const wanted = ({ line }: LineRow): AuditRecord | null => {
    const record = parseRecord(Buffer.from(line))
    return typeof record !== 'string' && matchesRecord(record, filter) ? record : null
  }

  async function* within(stretch: Stretch): AsyncGenerator<AuditRecord> {
    for await (const rows of linesIn({ database, uptime }, search, stretch, isForward, LINES_AT_A_TIME)) {
      for (const row of rows) {
        const record = wanted(row)
        if (record !== null) yield record
        if (follow?.aborted === true) return
      }
    }
  }

  if (follow?.aborted === true) return
  const ends = await endsOf(database)
  if (ends !== null) yield* within(await stretchOf(database, ends, filter))
  if (follow === undefined) return
  const bell = createBell(follow, subscribe)
  try {
    for (let lastSeq = ends?.last.seq ?? 0; !follow.aborted; ) {
      const seq = await headSeq(database)
      if (seq > lastSeq) yield* within({ after: lastSeq, upTo: seq })
      lastSeq = Math.max(lastSeq, seq)
      await bell.rung()
    }
  } finally {
    bell.close()
  }
}

/** Something to wait for: rings when it is told to, after a while at the latest, and when the signal comes. */
function createBell(signal: AbortSignal, subscribe: Subscribe | undefined): { rung: () => Promise<void>; close: () => void } {
  let next = Promise.withResolvers<void>()
  const ring = (): void => next.resolve()
  const unsubscribe = subscribe?.(ring)
  signal.addEventListener('abort', ring)
  return {
    async rung() {
      const waiting = new AbortController()
      await Promise.race([next.promise, sleep(FOLLOW_POLL_MS, undefined, { signal: waiting.signal }).catch(() => undefined)])
      waiting.abort()
      if (!signal.aborted) next = Promise.withResolvers<void>()
    },
    close() {
      unsubscribe?.()
      signal.removeEventListener('abort', ring)
    },
  }
}
