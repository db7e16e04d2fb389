// What a superuser may edit beside the lines of keys: each column, and the rows of secrets, owners and the head. Data for postgres-tamper.

import type { AuditReport } from '../../src/index.ts'
import { KEY_COLUMNS } from '../../store/postgres/key-rows.ts'
import type { Storm } from '../storm.ts'

export interface Tampering {
  readonly what: string
  readonly sql: string
  readonly values: readonly unknown[]
  /** The first wrong record, where that is certain. */
  readonly firstBad?: number
  /** What must be named, and no record with it: the key, where it is one's, and the column or the table. */
  readonly named?: { readonly keyId: string | null; readonly place: string }
}

const LISTS: readonly string[] = ['scopes', 'tags']
const otherValue = (column: string): string =>
  LISTS.includes(column) ? `array_append(${column}, 'x')` : column === 'revision' ? 'revision + 1' : `coalesce(${column}, '') || 'x'`

/** Every column once, and the rows beside. */
export function* tamperingsBeside(storm: Storm, ids: readonly string[]): Generator<Tampering> {
  const [keyId, otherId] = storm.shuffled(ids) as [string, string]
  for (const column of KEY_COLUMNS.filter((name) => name !== 'id' && name !== 'line'))
    yield {
      what: `another ${column}`,
      sql: `UPDATE keywright.keys SET ${column} = ${otherValue(column)} WHERE id = $1`,
      values: [keyId],
      named: { keyId, place: `in ${column}` },
    }
  const secrets = { keyId, place: 'keywright.secrets' }
  const owners = { keyId: null, place: 'keywright.owners' }
  const owner = 'user_id = (SELECT user_id FROM keywright.keys WHERE id = $1)'
  yield { what: 'a secret removed', sql: 'DELETE FROM keywright.secrets WHERE key_id = $1', values: [keyId], named: secrets }
  yield {
    what: 'a secret added',
    sql: 'INSERT INTO keywright.secrets SELECT reverse(short_id), key_id FROM keywright.secrets WHERE key_id = $1',
    values: [keyId],
    named: secrets,
  }
  yield {
    what: 'a secret with another key',
    sql: 'UPDATE keywright.secrets SET key_id = $2 WHERE key_id = $1',
    values: [keyId, otherId],
    named: secrets,
  }
  yield { what: 'an owner removed', sql: `DELETE FROM keywright.owners WHERE ${owner}`, values: [keyId], named: owners }
  yield {
    what: 'an owner with more keys',
    sql: `UPDATE keywright.owners SET keys = keys + 1 WHERE ${owner}`,
    values: [keyId],
    named: owners,
  }
  yield {
    what: 'an owner renamed',
    sql: `UPDATE keywright.owners SET user_id = user_id || 'x' WHERE ${owner}`,
    values: [keyId],
    named: owners,
  }
  yield {
    what: 'the number of keys',
    sql: 'UPDATE keywright.head SET keys = keys - 1',
    values: [],
    named: { keyId: null, place: 'keywright.head' },
  }
}

/** Whether that is what a verification says, and nothing of a record. */
export function isNamed({ keyId, place }: NonNullable<Tampering['named']>, problems: AuditReport['problems']): boolean {
  const isIt = (one: AuditReport['problems'][number]): boolean => (one.keyId ?? null) === keyId && one.problem.includes(place)
  return problems.some(isIt) && problems.every(({ seq }) => seq === undefined)
}
