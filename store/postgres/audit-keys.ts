// The keys' part of a proof: the digest of each line, and whether the rows that a key is found by say what its line says. Never writes.

import { createHash } from 'node:crypto'
import { sha256 } from '../../src/domain/audit.ts'
import type { Queryable } from './connection.ts'
import { fetched } from './cursor.ts'
import type { KeyCheck, KeyTableRow, OwnerRow, SecretRow } from './key-check.ts'
import { createKeyCheck, KEY_TABLE_ROW } from './key-check.ts'

const KEYS = `SELECT ${KEY_TABLE_ROW} FROM keywright.keys k ORDER BY place`
// The tables themselves allow none: whoever makes one has taken the rule away.
const STRAYS = `SELECT short_id FROM keywright.secrets s
  WHERE NOT EXISTS (SELECT FROM keywright.keys k WHERE k.id = s.key_id) ORDER BY short_id`
const OWNERS = 'SELECT user_id, search, keys FROM keywright.owners ORDER BY user_id'

export interface KeyDigests {
  readonly byId: ReadonlyMap<string, string>
  /** Of all lines in the order of the keys' birth. */
  readonly all: string
}

export interface ReadKeys {
  readonly digests: KeyDigests
  readonly check: KeyCheck
}

export async function readKeys(tx: Queryable, signal: AbortSignal | undefined): Promise<ReadKeys> {
  const check = createKeyCheck()
  const byId = new Map<string, string>()
  const all = createHash('sha256')
  for await (const some of fetched<KeyTableRow>(tx, KEYS, signal)) {
    for (const row of some) {
      all.update(byId.size === 0 ? row.line : `\n${row.line}`)
      byId.set(row.id, sha256(row.line))
      check.addKey(row)
    }
  }
  for await (const some of fetched<SecretRow>(tx, STRAYS, signal)) some.forEach(check.addStray)
  for await (const some of fetched<OwnerRow>(tx, OWNERS, signal)) some.forEach(check.addOwner)
  return { digests: { byId, all: all.digest('hex') }, check }
}
