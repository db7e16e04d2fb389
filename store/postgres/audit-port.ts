// The audit side of the store in a database: streaming, pages, proving, and accepting a loss.

import type { KeyObject } from 'node:crypto'
import type { Actor, Anchor, Entry, Head } from '../../src/domain/audit.ts'
import { EMPTY_ANCHOR, parseRecord } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import { originOf } from '../../src/domain/checkpoint.ts'
import type { Disagreement, StorePlaces } from '../../src/domain/disagreement.ts'
import { brokenLog } from '../../src/domain/disagreement.ts'
import type { AcceptedLoss, AuditPort } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { nothingLost, unsigned } from '../audit-refusals.ts'
import { signCheckpoint } from '../log/signed-note.ts'
import { pageOf, timelineFrom } from './audit-page.ts'
import type { LineRow } from './audit-read.ts'
import type { Subscribe } from './audit-records.ts'
import { recordsOf } from './audit-records.ts'
import type { Proven } from './audit-verify.ts'
import { prove } from './audit-verify.ts'
import type { Database, Queryable, TransactionOptions } from './connection.ts'
import { faultOf, PREPARED } from './connection.ts'
import type { LockedHead } from './head.ts'
import { appendRecords, lockHead, readHead } from './head.ts'
import { mendRows } from './mend-rows.ts'

/** How long one statement of a proof may take: the server reads ahead for it. */
const PROOF_STATEMENT_MS = 60_000
/** A proof reads the whole store as one moment has it. Nobody waits for that: it locks nothing, and has a connection of its own. */
const PROOF: TransactionOptions = { isSnapshot: true, isApart: true, answerMs: PROOF_STATEMENT_MS }
const ACCEPTING: TransactionOptions = { isApart: true, answerMs: PROOF_STATEMENT_MS }
/** How often a loss is proven without the lock. */
const PROOFS_UNLOCKED = 3
/** The log's name in its signed notes: that of the file which it becomes when it is copied. */
const LOG_NAME = 'security-audit'

export interface PostgresAuditOptions {
  readonly database: Database
  readonly isReadOnly: boolean
  /** `uptime`: the real time that has passed. */
  readonly clocks: { readonly wall: () => number; readonly uptime: () => number }
  /** The key that signs; null where there is none. */
  readonly signingKey?: () => KeyObject | null
  readonly publicKeyFile?: string | undefined
  /** Calls when there may be new records, so that who follows the log need not look for them. */
  readonly subscribe?: Subscribe
  /** Told of the new end of the log after a record of the audit's own was committed. */
  readonly onAppended?: (head: Anchor) => void
}

export function createPostgresAudit(options: PostgresAuditOptions): AuditPort {
  const { database, isReadOnly, clocks, signingKey = () => null, publicKeyFile, subscribe, onAppended } = options
  const { uptime, wall } = clocks

  /** Typed errors; the reason of a signal that has come is passed on as it is. */
  const typed = async <T>(doing: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      throw faultOf(database.name, doing, error)
    }
  }

  const head = (): Promise<Anchor> =>
    typed('reading the audit log of', () =>
      database.transaction(async (tx) => agreedHead(tx, await readHead(tx), database.name), { isSnapshot: true }),
    )

  const noteVerification = async (actor: Actor, { ok, records }: AuditReport): Promise<void> => {
    const next = await typed('changing', () =>
      database.transaction(async (tx) => {
        const locked = await lockHead(tx)
        return appendRecords(tx, locked, [{ actor, at: isoFrom(wall()), action: 'audit.verify', after: { ok, records } }])
      }),
    )
    onAppended?.({ seq: next.seq, hash: next.hash })
  }

  return {
    async *records(filter, { reverse, follow }) {
      const how = { ...(reverse === undefined ? {} : { reverse }), ...(follow === undefined ? {} : { follow }) }
      try {
        yield* recordsOf({ database, uptime, subscribe }, filter, how)
      } catch (error) {
        throw faultOf(database.name, 'reading the audit log of', error)
      }
    },

    page: (query) => typed('reading the audit log of', () => pageOf({ database, uptime }, query), query.signal),
    timeline: (range) => typed('reading the audit log of', () => timelineFrom(database, range)),

    head,
    async signedHead() {
      const key = signingKey()
      if (key === null) throw unsigned()
      const anchor = await head()
      const [first] = await typed('reading the audit log of', () =>
        database.query<LineRow>('SELECT seq, line FROM keywright.audit ORDER BY seq LIMIT 1'),
      )
      const record = first === undefined ? null : parseRecord(Buffer.from(first.line))
      if (record === null) throw new KeywrightError('INVALID_INPUT', 'the log holds no record that could be signed', { field: 'signed' })
      if (typeof record === 'string') throw brokenLog({ kind: 'line-garbled', before: null, problem: record }, placesOf(database.name))
      const origin = originOf(LOG_NAME, record.hash)
      return { ...anchor, note: signCheckpoint({ origin, ...anchor, at: isoFrom(wall()) }, key) }
    },

    async verify(asked) {
      if ((asked.publicKeyFile ?? publicKeyFile) !== undefined) throw noCheckpoints(database.name)
      const { signal, actor } = asked
      const { report, last } = await typed(
        'proving',
        () => database.transaction(async (tx) => prove(tx, await readHead(tx), asked), PROOF),
        signal,
      )
      const proof = { report, head: { seq: last.seq, hash: last.hash } }
      if (actor === undefined || isReadOnly || !report.ok || report.records === 0) return proof
      try {
        await noteVerification(actor, report)
        return proof
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        return { ...proof, report: { ...report, notes: [...report.notes, `the verification could not be put on the log: ${why}`] } }
      }
    },

    async acceptLoss(actor, reason): Promise<AcceptedLoss> {
      const { accepted, next } = await typed('changing', async () => {
        for (let left = PROOFS_UNLOCKED; ; left--) {
          const seen = await database.transaction(async (tx) => provenAt(tx, await readHead(tx)), PROOF)
          if (seen.proven.report.ok) throw nothingLost()
          const entry = { actor, reason, at: isoFrom(wall()) }
          const done = await database.transaction((tx) => acceptIn(tx, seen, entry, left === 1), ACCEPTING)
          if (done !== null) return done
        }
      })
      onAppended?.(next)
      return accepted
    },
  }
}

const isSameAnchor = (one: Anchor, other: Anchor): boolean => one.seq === other.seq && one.hash === other.hash

interface Seen {
  readonly head: LockedHead
  readonly proven: Proven
}

const provenAt = async (tx: Queryable, head: LockedHead): Promise<Seen> => ({ head, proven: await prove(tx, head, {}) })

/**
 * Under the lock: what is lost, the record of it, and rows and a head that go by the lines and by that record. What was proven without the lock holds
 * as long as the head is the same: whoever writes moves it. Where it was moved nothing is done, and the answer is null; the
 * last time, so that a store at which somebody writes all the time gets there too, all is proven again while everybody waits.
 */
async function acceptIn(
  tx: Queryable,
  seen: Seen,
  entry: Pick<Entry, 'actor' | 'at' | 'reason'>,
  isLastTry: boolean,
): Promise<{ readonly accepted: AcceptedLoss; readonly next: Anchor } | null> {
  const head = await lockHead(tx)
  const isStill = isSameAnchor(head, seen.head) && isSameAnchor(head.keysAnchor, seen.head.keysAnchor)
  if (!isStill && !isLastTry) return null
  const { proven } = isStill ? seen : await provenAt(tx, head)
  if (proven.report.ok) throw nothingLost()
  const end = await endFor(tx, head, proven.last)
  const loss = extentOf(proven, end)
  // Its partition may be what was lost.
  await tx.query('SELECT keywright.make_month($1)', [end.at === null || end.at < entry.at ? entry.at : end.at])
  const { byId, all } = proven.keys
  const next = await appendRecords(tx, end, [{ ...entry, action: 'audit.accept-loss', after: { keys: byId.size, digest: all, ...loss } }])
  await mendRows(tx, proven.wrongRows)
  await tx.query('UPDATE keywright.head SET keys_seq = $1, keys_hash = $2, keys = $3', [next.seq, next.hash, byId.size])
  return { accepted: { ...loss, seq: next.seq }, next: { seq: next.seq, hash: next.hash } }
}

/**
 * What the record of a loss goes behind: whatever has had a seq, so that none is given twice. It names the record before it
 * where that one is whole, and else the one that should be there.
 */
async function endFor(tx: Queryable, head: LockedHead, last: Head): Promise<Head> {
  const [row] = await tx.query<{ seq: number | null }>('SELECT max(seq) AS seq FROM keywright.audit')
  const seq = Math.max(head.seq, last.seq, row?.seq ?? 0)
  if (last.seq === seq && last.hash === head.hash) return last
  const at = [head.at, last.at].reduce((one, other) => (one === null || (other !== null && other > one) ? other : one))
  return { seq, hash: last.seq === seq ? last.hash : head.hash, at }
}

/** What the log names as lost: records that are wrong or missing, and the seqs between its last record and what goes behind it. */
function extentOf({ lost, last }: Proven, end: Head): { lostFrom: number | null; lostTo: number | null } {
  if (lost === null) return { lostFrom: null, lostTo: null }
  return { lostFrom: lost.from, lostTo: end.seq > last.seq ? Math.max(lost.to, end.seq) : lost.to }
}

export const placesOf = (name: string): StorePlaces => ({
  keys: `keywright.head in ${name}`,
  usage: `keywright.head in ${name}`,
  log: `keywright.audit in ${name}`,
})

/**
 * The last record as the log has it. Throws AUDIT_BROKEN where that is not the one which the head vouches for. In one
 * snapshot with the reading of the head, or while it is locked.
 */
export async function agreedHead(tx: Queryable, { seq, hash, at }: LockedHead, name: string): Promise<Anchor> {
  const row = (at === null ? undefined : await lastSince(tx, `${at.slice(0, 7)}-01T00:00:00Z`)) ?? (await lastSince(tx, '-infinity'))
  const found = disagreementOf({ seq, hash }, row)
  if (found !== null) throw brokenLog(found, placesOf(name))
  return row === undefined ? EMPTY_ANCHOR : { seq, hash }
}

/** With a time, only the months from then on are looked into. */
async function lastSince(tx: Queryable, since: string): Promise<LineRow | undefined> {
  const sql = 'SELECT seq, line FROM keywright.audit WHERE at >= $1::timestamptz ORDER BY seq DESC LIMIT 1'
  const [row] = await tx.query<LineRow>(sql, [since], PREPARED)
  return row
}

function disagreementOf(vouched: Anchor, row: LineRow | undefined): Disagreement | null {
  if (row === undefined) return vouched.seq === 0 ? null : { kind: 'log-missing', vouched: vouched.seq, by: 'keys' }
  const record = parseRecord(Buffer.from(row.line))
  if (typeof record === 'string') return { kind: 'line-garbled', before: null, problem: record }
  const { seq, hash } = record
  if (seq < vouched.seq) return { kind: 'log-cut', seq, vouched: vouched.seq, by: 'keys' }
  if (seq > vouched.seq) return { kind: 'store-older', seq, vouched: vouched.seq }
  return hash === vouched.hash ? null : { kind: 'log-is-another', seq, by: 'keys' }
}

function noCheckpoints(name: string): KeywrightError {
  return new KeywrightError(
    'INVALID_INPUT',
    `no signed checkpoints are kept in ${name}: there is nothing that the public key could prove`,
    {
      field: 'publicKey',
      hint: 'keep what this prints away from the store: keywright audit head --signed; and prove it later with: keywright audit verify --expect SEQ:HASH',
    },
  )
}
