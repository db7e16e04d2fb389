// The proof of a store in a database: its keys and its log as one moment has them, read through by cursors. Never writes.

import { createHash } from 'node:crypto'
import type { Head } from '../../src/domain/audit.ts'
import { sha256 } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import { createAuditCheck } from '../../src/domain/audit-check.ts'
import { expectedBy } from '../../src/domain/audit-expected.ts'
import type { VerifyOptions } from '../../src/domain/ports.ts'
import type { AuditTableRow } from './audit-rows.ts'
import { createRowCheck, TABLE_ROW } from './audit-rows.ts'
import type { Queryable } from './connection.ts'
import type { LockedHead } from './head.ts'

/** Rows that are in memory at a time. */
const ROWS_AT_A_TIME = 2_000
/** How often a long verification tells of its progress. */
const RECORDS_PER_PROGRESS = 10_000

const BY_HEAD = 'the head of the store'
const BY_KEYS = 'the keys'
const ACCEPTANCE = '"action":"audit.accept-loss"'

export interface Proven {
  readonly report: AuditReport
  /** The last record that is whole and in its place. */
  readonly last: Head
  readonly keys: KeyDigests
}

interface KeyDigests {
  readonly byId: ReadonlyMap<string, string>
  readonly all: string
}

/** Runs the check in a transaction that sees one moment, or holds the head. `head`: as that transaction reads it. */
export async function prove(tx: Queryable, head: LockedHead, { expect, onProgress, signal }: VerifyOptions): Promise<Proven> {
  // The first rows soon and each once: a cursor walks along the index.
  await tx.query('SET LOCAL cursor_tuple_fraction = 0')
  const keys = await digestKeys(tx, signal)
  const { keysAnchor } = head
  const check = createAuditCheck({
    anchors: [
      { by: BY_HEAD, anchor: { seq: head.seq, hash: head.hash } },
      { by: BY_KEYS, anchor: keysAnchor },
    ],
    keyDigests: keys.byId,
    allKeysDigest: keys.all,
    seenSeq: keysAnchor.seq,
    expected: expectedBy(expect),
  })
  const rows = createRowCheck()
  let records = 0
  let bytes = 0
  const proveRow = (row: AuditTableRow): void => {
    const line = Buffer.from(row.line)
    const before = check.head()
    check.add(line)
    // As the check of the lines takes it: a record that is whole and in its place.
    if (row.line.includes(ACCEPTANCE) && check.head() !== before) rows.accept(check.head().seq)
    rows.add(row, line)
    bytes += line.length + 1
    // How many bytes there are is not known: as many a record as there were so far.
    if (++records % RECORDS_PER_PROGRESS === 0)
      onProgress?.({ records, bytes, totalBytes: Math.round((bytes / records) * Math.max(records, head.seq)) })
  }
  for await (const some of fetched<AuditTableRow>(tx, `SELECT ${TABLE_ROW} FROM keywright.audit ORDER BY seq`, signal))
    some.forEach(proveRow)
  const last = check.head()
  if (last.seq > head.seq)
    rows.bad({ seq: head.seq + 1, problem: `stands behind ${BY_HEAD}: it was added by hand, or the head was put back` })
  return { report: rows.finish(check.finish()), last, keys }
}

/** The digest of each key's line, and of all of them in the order of their birth. */
async function digestKeys(tx: Queryable, signal: AbortSignal | undefined): Promise<KeyDigests> {
  const byId = new Map<string, string>()
  const all = createHash('sha256')
  for await (const some of fetched<{ id: string; line: string }>(tx, 'SELECT id, line FROM keywright.keys ORDER BY place', signal)) {
    for (const { id, line } of some) {
      all.update(byId.size === 0 ? line : `\n${line}`)
      byId.set(id, sha256(line))
    }
  }
  return { byId, all: all.digest('hex') }
}

/** The rows that a statement answers, a bounded number in memory: the next ones are on their way while these are worked on. */
async function* fetched<R extends object>(tx: Queryable, sql: string, signal: AbortSignal | undefined): AsyncGenerator<readonly R[]> {
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
