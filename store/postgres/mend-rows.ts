// Writes anew what keys are found by, from their lines: columns, secrets, owners. In the transaction that holds the head.

import type { Queryable } from './connection.ts'
import type { WrongRows } from './key-check.ts'
import { ownerSearch, parseKey, shortIdsOf } from './key-rows.ts'
import { inSlices, nextTurn } from './slices.ts'
import { ADD_SECRETS, COUNT_KEYS, rowsOf, UPDATE_KEYS } from './write-keys.ts'

const LINES = 'SELECT line FROM keywright.keys WHERE id = ANY($1) ORDER BY place'
/** Also those that are there for another key. */
const DROP_SECRETS = 'DELETE FROM keywright.secrets WHERE key_id = ANY($1) OR short_id = ANY($2)'
const DROP_STRAYS = 'DELETE FROM keywright.secrets s WHERE NOT EXISTS (SELECT FROM keywright.keys k WHERE k.id = s.key_id)'

export async function mendRows(tx: Queryable, { keyIds, owners }: WrongRows): Promise<void> {
  for await (const ids of inSlices(keyIds, nextTurn)) {
    const keys = (await tx.query<{ line: string }>(LINES, [ids])).map(({ line }) => parseKey(line))
    await tx.query(UPDATE_KEYS, [rowsOf(keys)])
    const secrets = keys.flatMap((key) => shortIdsOf(key).map((shortId) => ({ shortId, id: key.id })))
    const shortIds = secrets.map(({ shortId }) => shortId)
    await tx.query(DROP_SECRETS, [ids, shortIds])
    await tx.query(ADD_SECRETS, [shortIds, secrets.map(({ id }) => id)])
  }
  await tx.query(DROP_STRAYS)
  for await (const some of inSlices([...owners], nextTurn)) {
    await tx.query('DELETE FROM keywright.owners WHERE user_id = ANY($1)', [some.map(([userId]) => userId)])
    const there = some.filter(([, keys]) => keys > 0)
    const userIds = there.map(([userId]) => userId)
    await tx.query(COUNT_KEYS, [userIds, userIds.map(ownerSearch), there.map(([, keys]) => keys)])
  }
}
