// Puts a store together in a database out of another one: the log batch by batch, then counts, keys and head in one transaction.

import type { Anchor, Head } from '../../src/domain/audit.ts'
import type { Key } from '../../src/domain/key.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import type { Series, Tally } from '../../src/domain/usage.ts'
import { EMPTY_TALLY } from '../../src/domain/usage.ts'
import type { Receiver, Source } from '../whole.ts'
import { notEmpty } from '../whole.ts'
import type { Database, Queryable } from './connection.ts'
import type { LockedHead } from './head.ts'
import { insertLines, lockHead, readHead } from './head.ts'
import { WHOLE_STORE } from './schema.ts'
import { addToStore, limitRows, usageRows } from './whole-usage.ts'
import { writeKeys } from './write-keys.ts'

const STATEMENT_MS = 600_000
/** The other side may take its time over a page. Nothing is locked meanwhile, so that nobody waits. */
export const PATIENT = `SET LOCAL idle_in_transaction_session_timeout = '10min'`

const IS_THERE = `SELECT EXISTS (SELECT FROM keywright.keys) AS keys,
  EXISTS (SELECT FROM keywright.usage) OR EXISTS (SELECT FROM keywright.fresh) AS usage,
  (SELECT max(seq) FROM keywright.audit) AS seq`

export async function receiveRows<T>(database: Database, work: (receiver: Receiver) => Promise<T>): Promise<T> {
  let end: Anchor = await database.transaction(async (tx) => endOf(await lockHead(tx), tx, database.name))
  return work({
    end,
    async append(lines, last) {
      await database.transaction(
        async (tx) => {
          const head = await lockedEnd(tx, end, database.name)
          await insertLines(tx, lines, head.at)
          await moveHead(tx, last)
        },
        { answerMs: STATEMENT_MS },
      )
      end = { seq: last.seq, hash: last.hash }
    },
    finish: (source) =>
      database.transaction(
        async (tx) => {
          await tx.query(PATIENT)
          await endOf(await readHead(tx), tx, database.name)
          await writeUsage(tx, source)
          // Held while the keys are written: with them the store begins, and whoever changes it comes before all of them or after.
          await writeAll(tx, await lockedEnd(tx, end, database.name), source)
        },
        { answerMs: STATEMENT_MS },
      ),
  })
}

/** Throws unless the store is empty, but for a log that has an end. */
async function endOf(head: LockedHead, tx: Queryable, name: string): Promise<Anchor> {
  const [found] = await tx.query<{ keys: boolean; usage: boolean; seq: number | null }>(IS_THERE)
  if (found?.keys === true || head.keysAnchor.seq > 0) throw notEmpty(name, head.keys === 1 ? '1 key' : `${head.keys} keys`)
  if (found?.usage === true) throw notEmpty(name, 'counts of verifications')
  if ((found?.seq ?? 0) !== head.seq) throw notEmpty(name, `a log that ends at seq ${found?.seq ?? 0} where its head says ${head.seq}`)
  return { seq: head.seq, hash: head.hash }
}

/** Between two batches the head is free: whoever has written meanwhile has made it another store. */
async function lockedEnd(tx: Queryable, end: Anchor, name: string): Promise<LockedHead> {
  const head = await lockHead(tx)
  if (head.seq === end.seq && head.hash === end.hash) return head
  throw new KeywrightError('STORE_BUSY', `somebody else has written to ${name} while it was copied to`, {
    hint: 'stop the nodes and the other copies that use it; then copy onto a database whose tables are fresh',
  })
}

async function moveHead(tx: Queryable, { seq, hash, at }: Head): Promise<void> {
  await tx.query('UPDATE keywright.head SET seq = $1, hash = $2, at = $3', [seq, hash, at])
}

const PUT_CALLS = `INSERT INTO keywright.usage (key_id, kind, name, span, bucket, code, calls)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::smallint[], $7::bigint[])`
const PUT_LAST_USES = `INSERT INTO keywright.last_use (key_id, kind, name, at)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::double precision[])`
const PUT_LIMITS = `INSERT INTO keywright.limits (key_id, name, until, calls, whole_at)
  SELECT key_id, name, until, calls, whole_at FROM json_populate_recordset(NULL::keywright.limits, $1)`
const PUT_ALIVE = `INSERT INTO keywright.alive (span, bucket) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING`

async function writeUsage(tx: Queryable, source: Source): Promise<void> {
  let whole: Tally = EMPTY_TALLY
  for await (const usages of source.usage()) {
    const { calls, lastUses } = usageRows(usages)
    await tx.query(PUT_CALLS, calls)
    await tx.query(PUT_LAST_USES, lastUses)
    await tx.query(PUT_LIMITS, [JSON.stringify(usages.flatMap(limitRows))])
    whole = addToStore(whole, usages)
  }
  const ofStore = usageRows([{ keyId: WHOLE_STORE, usage: { total: whole, secrets: {}, scopes: {}, admissions: {} } }])
  await tx.query(PUT_CALLS, ofStore.calls)
  const alive = periodsOf(source.alive)
  await tx.query(PUT_ALIVE, [alive.map(({ span }) => span), alive.map(({ bucket }) => bucket)])
  await tx.query('UPDATE keywright.head SET summarised_until = $1', [source.summarisedUntil])
}

const periodsOf = (alive: Series): readonly { readonly span: string; readonly bucket: number }[] =>
  Object.entries(alive).flatMap(([span, buckets]) => buckets.map(([bucket]) => ({ span, bucket })))

/** Keys that are counted and not there any more: what waits to be folded into the store's total is folded as after any purge. */
const NOTE_PURGED = `INSERT INTO keywright.purged (key_id) SELECT DISTINCT u.key_id FROM keywright.usage u
  WHERE u.span = 'ever' AND u.kind = 'total' AND u.key_id NOT IN ('', '${WHOLE_STORE}')
    AND NOT EXISTS (SELECT FROM keywright.keys k WHERE k.id = u.key_id) ON CONFLICT DO NOTHING`

async function writeAll(tx: Queryable, empty: LockedHead, { brand, keysAnchor, keys }: Source): Promise<void> {
  let head = empty
  for await (const lines of keys()) {
    const changed = lines.map((line) => {
      const key = JSON.parse(line) as Key
      return { id: key.id, before: null, after: key }
    })
    await writeKeys(tx, { head, last: keysAnchor, brand, changed })
    head = { ...head, keys: head.keys + changed.length }
  }
  // Also of a store without a key.
  await writeKeys(tx, { head, last: keysAnchor, brand, changed: [] })
  await tx.query(NOTE_PURGED)
}
