// Writes changed keys, in the transaction that holds the head: rows, secrets, owners, the head's own columns, and the news of it.

import type { Anchor } from '../../src/domain/audit.ts'
import type { Key } from '../../src/domain/key.ts'
import type { Queryable } from './connection.ts'
import type { ChangedKey } from './draft.ts'
import type { LockedHead } from './head.ts'
import type { KeyRow } from './key-rows.ts'
import { KEY_COLUMNS, rowOf } from './key-rows.ts'
import { newsOf } from './news.ts'
import { CHANNEL } from './schema.ts'

const COLUMNS = KEY_COLUMNS.join(', ')
const INSERT = `INSERT INTO keywright.keys (${COLUMNS}) SELECT ${COLUMNS} FROM json_populate_recordset(NULL::keywright.keys, $1)`
const UPDATE = `UPDATE keywright.keys k SET ${KEY_COLUMNS.filter((name) => name !== 'id')
  .map((name) => `${name} = new.${name}`)
  .join(', ')} FROM json_populate_recordset(NULL::keywright.keys, $1) AS new WHERE k.id = new.id`

export interface KeysWritten {
  readonly head: LockedHead
  /** The record of the last of these changes: it vouches for the keys. */
  readonly last: Anchor
  readonly brand: string
  readonly changed: readonly ChangedKey[]
}

export async function writeKeys(tx: Queryable, { head, last, brand, changed }: KeysWritten): Promise<void> {
  const gone = changed.flatMap(({ id, before, after }) => (before !== null && after === null ? [id] : []))
  const born = changed.flatMap(({ before, after }) => (before === null && after !== null ? [after] : []))
  const kept = changed.flatMap(({ before, after }) => (before !== null && after !== null ? [after] : []))
  const owners = ownerDeltas(changed)
  const secrets = [...born, ...kept].flatMap(({ id, secrets: all }) => all.map(({ shortId }) => ({ id, shortId })))
  const shortIds = secrets.map(({ shortId }) => shortId)
  const statements = [
    gone.length > 0 && tx.query('DELETE FROM keywright.keys WHERE id = ANY($1)', [gone]),
    born.length > 0 && tx.query(INSERT, [rowsOf(born)]),
    kept.length > 0 && tx.query(UPDATE, [rowsOf(kept)]),
    kept.length > 0 &&
      tx.query('DELETE FROM keywright.secrets WHERE key_id = ANY($1) AND short_id <> ALL($2)', [kept.map(({ id }) => id), shortIds]),
    // One that another key has is refused by the primary key: nothing happens, and it is drawn again.
    tx.query(
      `INSERT INTO keywright.secrets (short_id, key_id)
       SELECT short_id, key_id FROM unnest($1::text[], $2::text[]) AS new (short_id, key_id)
       WHERE NOT EXISTS (SELECT 1 FROM keywright.secrets s WHERE s.short_id = new.short_id AND s.key_id = new.key_id)`,
      [shortIds, secrets.map(({ id }) => id)],
    ),
    owners.size > 0 &&
      tx.query(
        `INSERT INTO keywright.owners (user_id, search, keys) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
         ON CONFLICT (user_id) DO UPDATE SET keys = owners.keys + excluded.keys`,
        [[...owners.keys()], [...owners.keys()].map((userId) => userId.toLowerCase()), [...owners.values()]],
      ),
    owners.size > 0 && tx.query('DELETE FROM keywright.owners WHERE user_id = ANY($1) AND keys <= 0', [[...owners.keys()]]),
    tx.query('UPDATE keywright.head SET keys_seq = $1, keys_hash = $2, keys = $3, brand = $4', [
      last.seq,
      last.hash,
      head.keys + born.length - gone.length,
      brand,
    ]),
    tx.query('SELECT pg_notify($1, $2)', [
      CHANNEL,
      newsOf({ revision: last.seq, keyIds: changed.map(({ id }) => id), isIssuing: changed.some(isIssuing) }),
    ]),
  ]
  await Promise.all(statements)
}

const rowsOf = (keys: readonly Key[]): string => JSON.stringify(keys.map((key): KeyRow => rowOf(key)))

/** Whether a key has a secret that it did not have. */
function isIssuing({ before, after }: ChangedKey): boolean {
  const known = new Set(before?.secrets.map(({ shortId }) => shortId))
  return after?.secrets.some(({ shortId }) => !known.has(shortId)) ?? false
}

/** How many keys each owner has more, or less; owners whose number stays the same are left out. */
function ownerDeltas(changed: readonly ChangedKey[]): ReadonlyMap<string, number> {
  const deltas = new Map<string, number>()
  const add = (userId: string | undefined, count: number): void => {
    if (userId !== undefined) deltas.set(userId, (deltas.get(userId) ?? 0) + count)
  }
  for (const { before, after } of changed) {
    add(before?.userId, -1)
    add(after?.userId, 1)
  }
  return new Map([...deltas].filter(([, count]) => count !== 0).sort(([a], [b]) => (a < b ? -1 : 1)))
}
