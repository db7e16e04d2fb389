// A key and its row: the columns that the database finds it by, made of the key, and the key again, read from its line.

import type { Key } from '../../src/domain/key.ts'
import { keyLine } from '../../src/domain/key.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { wrongMember } from '../json/check-key.ts'

/**
 * The columns of keywright.keys that are made of a key. An array of rows goes in as one JSON value, since unnest flattens
 * arrays of arrays: INSERT INTO keywright.keys (columns) SELECT columns FROM json_populate_recordset(NULL::keywright.keys, $1).
 */
export const KEY_COLUMNS = [
  'id',
  'line',
  'user_id',
  'name',
  'environment',
  'scopes',
  'tags',
  'not_before',
  'expires_at',
  'disabled_at',
  'revoked_at',
  'created_at',
  'created_by',
  'updated_at',
  'revision',
  'grace_until',
  'search',
] as const

export type KeyRow = Readonly<Record<(typeof KEY_COLUMNS)[number], string | number | null | readonly string[]>>
/** What stands beside the line: all of it follows from the key. */
export type BesideLine = Omit<KeyRow, 'line'>

/** Stands between the texts that a search looks into: no text may hold it. */
export const BETWEEN_TEXTS = '\n'

export function rowOf(key: Key): KeyRow {
  return { ...besideLine(key), line: keyLine(key) }
}

export function besideLine(key: Key): BesideLine {
  return {
    id: key.id,
    user_id: key.userId,
    name: key.name,
    environment: key.environment,
    scopes: key.scopes,
    tags: key.tags,
    not_before: key.notBefore,
    expires_at: key.expiresAt,
    disabled_at: key.disabledAt,
    revoked_at: key.revokedAt,
    created_at: key.createdAt,
    created_by: key.createdBy,
    updated_at: key.updatedAt,
    revision: key.revision,
    grace_until: latest(key.secrets.map(({ notAfter }) => notAfter)),
    search: searchText([key.name ?? '', key.userId, key.id, ...shortIdsOf(key), ...key.tags]),
  }
}

/** What keywright.secrets holds of a key. */
export const shortIdsOf = ({ secrets }: Key): readonly string[] => secrets.map(({ shortId }) => shortId)

/** What keywright.owners holds beside an owner and the number of their keys. */
export const ownerSearch = (userId: string): string => searchText([userId])

/** Instants are ISO 8601 UTC of one length: their order is that of their texts. */
function latest(instants: readonly (string | null)[]): string | null {
  return instants.reduce<string | null>((last, instant) => (last === null || (instant !== null && instant > last) ? instant : last), null)
}

/** In small letters as JavaScript makes them: the database knows other rules for some alphabets. */
function searchText(texts: readonly string[]): string {
  return texts.map((text) => text.toLowerCase()).join(BETWEEN_TEXTS)
}

/** The key that a line of the table holds: the very line that was written from it. */
export function parseKey(line: string): Key {
  let key: unknown
  try {
    key = JSON.parse(line)
  } catch {
    throw corrupt('is no JSON')
  }
  const wrong = wrongMember(key)
  if (wrong !== null) throw corrupt(wrong === '' ? 'is no key' : `has a wrong ${wrong}`)
  return key as Key
}

/** Somebody wrote to the database by hand. Nothing of the line is repeated: it may hold anything. */
function corrupt(problem: string): KeywrightError {
  return new KeywrightError('STORE_CORRUPT', `a line of keywright.keys ${problem}`, {
    hint: 'see which key it is with: keywright audit verify; then restore it from a backup',
  })
}
