// The proof of a store in a database: its keys and its log as one moment has them, read through by cursors. Never writes.

import type { Head } from '../../src/domain/audit.ts'
import { parseRecord } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import { createAuditCheck } from '../../src/domain/audit-check.ts'
import { expectedBy } from '../../src/domain/audit-expected.ts'
import type { VerifyOptions } from '../../src/domain/ports.ts'
import type { SeqRange } from '../../src/domain/problem-list.ts'
import type { KeyDigests } from './audit-keys.ts'
import { readKeys } from './audit-keys.ts'
import type { AuditTableRow } from './audit-rows.ts'
import { createRowCheck, TABLE_ROW } from './audit-rows.ts'
import type { Queryable } from './connection.ts'
import { fetched } from './cursor.ts'
import type { LockedHead } from './head.ts'
import type { WrongRows } from './key-check.ts'

/** How often a long verification tells of its progress. */
const RECORDS_PER_PROGRESS = 10_000

const BY_HEAD = 'the head of the store'
const BY_KEYS = 'the keys'
const ACCEPTANCE = '"action":"audit.accept-loss"'

export interface Proven {
  readonly report: AuditReport
  /** Else only what lies beside them is wrong. */
  readonly areLinesWhole: boolean
  /** The last record that is whole and in its place. */
  readonly last: Head
  /** The records that are lost, if that is accepted. */
  readonly lost: SeqRange | null
  readonly keys: KeyDigests
  readonly wrongRows: WrongRows
}

/** Runs the check in a transaction that sees one moment, or holds the head. `head`: as that transaction reads it. */
export async function prove(tx: Queryable, head: LockedHead, { expect, onProgress, signal }: VerifyOptions): Promise<Proven> {
  // The first rows soon and each once: a cursor walks along the index.
  await tx.query('SET LOCAL cursor_tuple_fraction = 0')
  const { digests: keys, check: keyCheck } = await readKeys(tx, signal)
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
    const loss = row.line.includes(ACCEPTANCE) && check.head() !== before ? parseRecord(line) : null
    if (loss !== null && typeof loss !== 'string') rows.accept(loss)
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
  const ofLines = rows.finish(check.finish())
  const report = withTime(keyCheck.finish(ofLines, head.keys), head, last)
  const lost = bothOf(check.lost(), rows.range())
  return { report, areLinesWhole: ofLines.ok, last, lost, keys, wrongRows: keyCheck.wrong() }
}

function bothOf(one: SeqRange | null, other: SeqRange | null): SeqRange | null {
  if (one === null || other === null) return one ?? other
  return { from: Math.min(one.from, other.from), to: Math.max(one.to, other.to) }
}

/** The head repeats the last record's time, which the next one's does not go behind. */
function withTime(report: AuditReport, head: Head, last: Head): AuditReport {
  if (last.hash !== head.hash || last.at === head.at) return report
  const problem = `${BY_HEAD} was changed by hand: it says that seq ${head.seq} is of ${head.at}, and its line says ${last.at}`
  return { ...report, ok: false, problems: [...report.problems, { problem }] }
}
