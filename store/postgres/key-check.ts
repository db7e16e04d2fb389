// Whether what a key is found by says what its line says: the columns beside it, the rows of its secrets and of its owner. Pure.

import type { AuditReport } from '../../src/domain/audit-check.ts'
import { ROWS_APART } from '../../src/domain/disagreement.ts'
import type { Key } from '../../src/domain/key.ts'
import { SHORT_ID } from '../../src/domain/key.ts'
import type { AuditProblem } from '../../src/domain/problem-list.ts'
import type { BesideLine } from './key-rows.ts'
import { besideLine, KEY_COLUMNS, ownerSearch, parseKey, shortIdsOf } from './key-rows.ts'

/** A key's row. What is a list in it, and the secrets that are kept under its id, as JSON: texts cost the least. */
export type KeyTableRow = Readonly<Record<keyof BesideLine, string | number | null>> & {
  readonly id: string
  readonly line: string
  readonly short_ids: string
}

const BESIDE = KEY_COLUMNS.filter((name) => name !== 'line')
const LISTS: readonly string[] = ['scopes', 'tags'] satisfies readonly (keyof BesideLine)[]

export const KEY_TABLE_ROW = `line, ${BESIDE.map((name) => (LISTS.includes(name) ? `array_to_json(${name})::text AS ${name}` : name)).join(', ')},
  array_to_json(ARRAY(SELECT s.short_id FROM keywright.secrets s WHERE s.key_id = k.id))::text AS short_ids`

export interface SecretRow {
  readonly short_id: string
}

export interface OwnerRow {
  readonly user_id: string
  readonly search: string
  readonly keys: number
}

/** What has to be written anew from the lines. */
export interface WrongRows {
  readonly keyIds: readonly string[]
  /** Owners, with how many keys they have by the lines. */
  readonly owners: ReadonlyMap<string, number>
}

export interface KeyCheck {
  readonly addKey: (row: KeyTableRow) => void
  /** A secret of no key that is there. */
  readonly addStray: (row: SecretRow) => void
  /** After the keys. */
  readonly addOwner: (row: OwnerRow) => void
  /** After the owners: what has to be written anew. */
  readonly wrong: () => WrongRows
  /** The report of the lines, with what the rows say besides. `headKeys`: how many keys the head counts. */
  readonly finish: (report: AuditReport, headKeys: number) => AuditReport
}

/** More are counted, not listed. */
const MAX_LISTED = 1_000

const isSame = (is: KeyTableRow[keyof BesideLine], should: BesideLine[keyof BesideLine]): boolean =>
  is === (typeof should === 'object' && should !== null ? JSON.stringify(should) : should)

/** The key of a line; null where it is none: what is wrong with it the check of the lines says. */
function keyOf(line: string): Key | null {
  try {
    return parseKey(line)
  } catch {
    return null
  }
}

/** What no program put there may hold anything. */
const nameOf = (shortId: string): string => (SHORT_ID.test(shortId) ? shortId : '(no shortId)')

/** What a row and the secrets under its id say otherwise than its line. */
function contradictionsIn(row: KeyTableRow, key: Key): string | null {
  const beside = besideLine(key)
  const shortIds = shortIdsOf(key)
  const columns = BESIDE.filter((name) => !isSame(row[name], beside[name]))
  const there = row.short_ids === JSON.stringify(shortIds) ? shortIds : (JSON.parse(row.short_ids) as readonly string[])
  const missing = shortIds.filter((shortId) => !there.includes(shortId))
  const foreign = there.filter((shortId) => !shortIds.includes(shortId))
  const found = [
    ...(columns.length === 0 ? [] : [`its row in keywright.keys says otherwise than its line, in ${columns.join(', ')}`]),
    ...(missing.length === 0 ? [] : [`keywright.secrets has no row for its secret ${missing.join(', ')}`]),
    ...(foreign.length === 0 ? [] : [`keywright.secrets has a row for secret ${foreign.map(nameOf).join(', ')}, which is not in its line`]),
  ]
  return found.length === 0 ? null : `was changed by hand: ${found.join('; ')}`
}

const keysOf = (count: number): string => `${count} ${count === 1 ? 'key' : 'keys'}`

export function createKeyCheck(): KeyCheck {
  const listed: AuditProblem[] = []
  let count = 0
  let keys = 0
  const keyIds: string[] = []
  /** By the lines, of owners whose row was not seen yet. */
  const unseen = new Map<string, number>()
  const owners = new Map<string, number>()
  const ofOwners: AuditProblem[] = []

  const bad = (problem: AuditProblem): void => {
    count++
    if (listed.length < MAX_LISTED) listed.push(problem)
  }
  const badOwner = (userId: string, should: number, problem: string): void => {
    owners.set(userId, should)
    if (ofOwners.length < MAX_LISTED) ofOwners.push({ problem: `keywright.owners was changed by hand: ${problem}` })
  }
  const settleOwners = (): void => {
    for (const [userId, should] of unseen) badOwner(userId, should, `it has no row for ${userId}, who has ${keysOf(should)}`)
    unseen.clear()
  }

  return {
    addKey(row) {
      keys++
      const key = keyOf(row.line)
      if (key === null) return
      unseen.set(key.userId, (unseen.get(key.userId) ?? 0) + 1)
      const problem = contradictionsIn(row, key)
      if (problem === null) return
      keyIds.push(row.id)
      bad({ keyId: row.id, problem })
    },
    addStray: ({ short_id }) =>
      bad({ problem: `keywright.secrets was changed by hand: it has a row for secret ${nameOf(short_id)} of a key that is not there` }),
    addOwner({ user_id, search, keys: is }) {
      const should = unseen.get(user_id) ?? 0
      unseen.delete(user_id)
      if (is !== should || should === 0) badOwner(user_id, should, `it counts ${keysOf(is)} of ${user_id}, who has ${should}`)
      else if (search !== ownerSearch(user_id)) badOwner(user_id, should, `its row for ${user_id} has another search`)
    },
    wrong() {
      settleOwners()
      return { keyIds, owners }
    },
    finish(report, headKeys) {
      settleOwners()
      const ofLines = report.problems.filter(({ seq }) => seq === undefined)
      // Of a line that was edited itself nothing is said to contradict it.
      const edited = new Set(ofLines.map(({ keyId }) => keyId))
      const ofKeys = listed.filter(({ keyId }) => keyId === undefined || !edited.has(keyId))
      const counted = headKeys === keys ? [] : [{ problem: `keywright.head was changed by hand: it counts ${keysOf(headKeys)} of ${keys}` }]
      const ofAll = [...ofOwners, ...counted]
      const found = [...ofKeys, ...(ofLines.length === 0 ? ofAll : [])]
      const unlisted = count - listed.length + owners.size - ofOwners.length
      return {
        ...report,
        ok: report.ok && found.length === 0,
        problems: [...report.problems, ...found],
        notes: [
          ...report.notes,
          ...(found.length > 0 ? [ROWS_APART.note] : []),
          ...(ofLines.length > 0 && ofAll.length > 0 ? ['owners were not compared with keys that are not whole'] : []),
          ...(unlisted > 0 ? [`${unlisted} more rows that contradict the lines of keys are not listed`] : []),
        ],
      }
    },
  }
}
