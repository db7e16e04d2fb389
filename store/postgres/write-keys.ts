// Writes changed keys, in the transaction that holds the head: rows, secrets, owners, the head's own columns, and the news of it.

import type { Anchor } from '../../src/domain/audit.ts'
import type { Key } from '../../src/domain/key.ts'
import type { Queryable } from './connection.ts'
import { PREPARED } from './connection.ts'
import type { ChangedKey } from './draft.ts'
import type { LockedHead } from './head.ts'
import type { KeyRow } from './key-rows.ts'
import { KEY_COLUMNS, ownerSearch, rowOf, shortIdsOf } from './key-rows.ts'
import { newsOf } from './news.ts'
import { CHANNEL } from './schema.ts'
import type { Pause } from './slices.ts'
import { nextTurn, SLICE } from './slices.ts'

const COLUMNS = KEY_COLUMNS.join(', ')
const INSERT = `INSERT INTO keywright.keys (${COLUMNS}) SELECT ${COLUMNS} FROM json_populate_recordset(NULL::keywright.keys, $1)`
export const UPDATE_KEYS = `UPDATE keywright.keys k SET ${KEY_COLUMNS.filter((name) => name !== 'id')
  .map((name) => `${name} = new.${name}`)
  .join(', ')} FROM json_populate_recordset(NULL::keywright.keys, $1) AS new WHERE k.id = new.id`

const DROP_SECRETS = `DELETE FROM keywright.secrets s WHERE s.key_id = ANY($1)
  AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS kept (short_id) WHERE kept.short_id = s.short_id)`
// One that another key has is refused by the primary key: nothing happens, and it is drawn again.
export const ADD_SECRETS = `INSERT INTO keywright.secrets (short_id, key_id)
  SELECT short_id, key_id FROM unnest($1::text[], $2::text[]) AS new (short_id, key_id)
  WHERE NOT EXISTS (SELECT 1 FROM keywright.secrets s WHERE s.short_id = new.short_id AND s.key_id = new.key_id)`
export const COUNT_KEYS = `INSERT INTO keywright.owners (user_id, search, keys) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
  ON CONFLICT (user_id) DO UPDATE SET keys = owners.keys + excluded.keys`

const MOVE_HEAD = 'UPDATE keywright.head SET keys_seq = $1, keys_hash = $2, keys = $3, brand = $4'
const NOTIFY = 'SELECT pg_notify($1, $2)'

export interface KeysWritten {
  readonly head: LockedHead
  /** The record of the last of these changes: it vouches for the keys. */
  readonly last: Anchor
  readonly brand: string
  readonly changed: readonly ChangedKey[]
}

/** Statements that don't wait for each other's answers carry that many rows together. */
const ROWS_TOGETHER = 3 * SLICE

export async function writeKeys(tx: Queryable, { head, last, brand, changed }: KeysWritten, pause: Pause = nextTurn): Promise<void> {
  const gone = changed.flatMap(({ id, before, after }) => (before !== null && after === null ? [id] : []))
  const born = changed.flatMap(({ before, after }) => (before === null && after !== null ? [after] : []))
  const kept = changed.flatMap(({ before, after }) => (before !== null && after !== null ? [after] : []))
  // Most changes leave a key's secrets as they are.
  const turned = changed.flatMap(({ before, after }) =>
    before !== null && after !== null && !hasSameSecrets(before, after) ? [after] : [],
  )
  const secrets = [...born, ...turned].flatMap((key) => shortIdsOf(key).map((shortId) => ({ id: key.id, shortId })))
  const owners = [...ownerDeltas(changed)]
  let pending: Promise<unknown>[] = []
  let rows = 0
  const inTurns = async <T>(items: readonly T[], write: (some: readonly T[]) => Promise<unknown>): Promise<void> => {
    for (let begin = 0; begin < items.length; begin += SLICE) {
      const some = items.slice(begin, begin + SLICE)
      if (rows + some.length > ROWS_TOGETHER) {
        await Promise.all(pending)
        pending = []
        rows = 0
        await pause()
      }
      pending.push(write(some))
      rows += some.length
    }
  }
  await inTurns(gone, (ids) => tx.query('DELETE FROM keywright.keys WHERE id = ANY($1)', [ids], PREPARED))
  await inTurns(born, (keys) => tx.query(INSERT, [rowsOf(keys)], PREPARED))
  await inTurns(kept, (keys) => tx.query(UPDATE_KEYS, [rowsOf(keys)], PREPARED))
  await inTurns(turned, (keys) => tx.query(DROP_SECRETS, [keys.map(({ id }) => id), keys.flatMap(shortIdsOf)], PREPARED))
  await inTurns(secrets, (some) => tx.query(ADD_SECRETS, [some.map(({ shortId }) => shortId), some.map(({ id }) => id)], PREPARED))
  await inTurns(owners, (some) => {
    const ids = some.map(([userId]) => userId)
    return tx.query(COUNT_KEYS, [ids, ids.map(ownerSearch), some.map(([, count]) => count)], PREPARED)
  })
  await inTurns(owners, (some) =>
    tx.query('DELETE FROM keywright.owners WHERE user_id = ANY($1) AND keys <= 0', [some.map(([userId]) => userId)]),
  )
  await Promise.all([
    ...pending,
    tx.query(MOVE_HEAD, [last.seq, last.hash, head.keys + born.length - gone.length, brand], PREPARED),
    tx.query(
      NOTIFY,
      [CHANNEL, newsOf({ revision: last.seq, keyIds: changed.map(({ id }) => id), isIssuing: changed.some(isIssuing) })],
      PREPARED,
    ),
  ])
}

/** As these statements take them. */
export const rowsOf = (keys: readonly Key[]): string => JSON.stringify(keys.map((key): KeyRow => rowOf(key)))

/** Whether a key has the same secrets as before, by their names. */
function hasSameSecrets(before: Key, after: Key): boolean {
  const [was, is] = [before, after].map((key) => shortIdsOf(key).join())
  return was === is
}

/** Whether a key has a secret that it did not have. */
function isIssuing({ before, after }: ChangedKey): boolean {
  const known = new Set(before === null ? [] : shortIdsOf(before))
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
