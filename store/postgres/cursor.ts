// Reads what a statement answers through a cursor: a bounded number of rows in memory, however many there are. Never writes.

import type { Queryable } from './connection.ts'

/** Rows that are in memory at a time. */
const ROWS_AT_A_TIME = 2_000

/** The rows that a statement answers, in a transaction: the next ones are on their way while these are worked on. */
export async function* fetched<R extends object>(
  tx: Queryable,
  sql: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly R[]> {
  const fetchNext = (): Promise<readonly R[]> => {
    const rows = tx.query<R>(`FETCH ${ROWS_AT_A_TIME} FROM proof`)
    // Who ends before they are here wants to hear of no failure.
    rows.catch(() => undefined)
    return rows
  }
  signal?.throwIfAborted()
  await tx.query(`DECLARE proof NO SCROLL CURSOR FOR ${sql}`)
  let next: Promise<readonly R[]> | null = fetchNext()
  while (next !== null) {
    const rows: readonly R[] = await next
    signal?.throwIfAborted()
    next = rows.length < ROWS_AT_A_TIME ? null : fetchNext()
    yield rows
  }
  await tx.query('CLOSE proof')
}
