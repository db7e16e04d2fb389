// Lists in PostgreSQL are those of the domain, row for row: every filter, sort, page, cursor and window over the same keys.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLAIN_HASHING } from '../../src/domain/hashing.ts'
import type { Key, ListedKey, Status } from '../../src/domain/key.ts'
import { keyView, parseKeyRef, STATUSES, statusOf } from '../../src/domain/key.ts'
import { createKeyWindows as windowsInMemory } from '../../src/domain/key-order.ts'
import { accepted } from '../../src/domain/refusal.ts'
import type { KeyFilter, Sort, Span } from '../../src/domain/selection.ts'
import { keyMatcher, parseCursor, parseSort, selectKeys } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { selectUsers, createUserWindows as userWindowsInMemory } from '../../src/domain/users.ts'
import { lookOf } from '../../src/domain/windows.ts'
import type { Database } from '../../store/postgres/connection.ts'
import { connectDatabase } from '../../store/postgres/connection.ts'
import type { Lists } from '../../store/postgres/key-list.ts'
import { createKeyWindows, findBySecret, findKey, keysOfRefs, queryKeys, selectTargets } from '../../store/postgres/key-list.ts'
import { KEY_COLUMNS, parseKey, rowOf } from '../../store/postgres/key-rows.ts'
import { migrate } from '../../store/postgres/migrate.ts'
import { nextTurn } from '../../store/postgres/slices.ts'
import { createUserWindows, queryUsers } from '../../store/postgres/user-list.ts'
import { fc } from '../domain/seed.ts'
import { expectCode, NOON, newKey } from '../store/harness.ts'
import type { PostgresServer } from './server.ts'
import { startPostgres } from './server.ts'

const SEED = 20261123
const DAY = 86_400_000
const iso = (days: number) => isoFrom(NOON + days * DAY)

const texts = fc.constantFrom('a', 'B', 'b', 'ÉCLAIR', 'éa', '100%', 'a_b', 'a\\b', '😀 job', 'ΑΣ', 'İx', "o'brien")
/** An instant that many days from noon, for one key in so many. */
const oneIn = (count: number, ...days: readonly number[]) =>
  fc.tuple(fc.nat(count - 1), fc.constantFrom(...days.map(iso))).map(([draw, instant]) => (draw === 0 ? instant : null))
const keys = fc
  .record({
    name: fc.option(texts),
    userId: fc.constantFrom('u1', 'U2', 'u2', 'someone else', '50%', 'x_y', 'Ünal'),
    environment: fc.constantFrom('live' as const, 'test' as const),
    scopes: fc.subarray(['read:*', 'write', 'it', 'a.b']),
    tags: fc.subarray(['x', 'Y z', 'n%']),
    notBefore: oneIn(3, -3, 0, 2),
    expiresAt: oneIn(2, -40, -1, 0, 1, 7, 20),
    disabledAt: oneIn(5, -2),
    revokedAt: oneIn(5, -1, -9),
    createdAt: fc.constantFrom(iso(-1), iso(-2), iso(-300)),
    createdBy: fc.constantFrom('ann', 'Bob'),
    updatedAt: fc.constantFrom(iso(0), iso(-1), iso(-5)),
    revision: fc.integer({ min: 1, max: 12 }),
    grace: oneIn(3, -1, 0, 1),
  })
  .map(({ grace, ...fields }) => {
    const { key } = newKey(fields)
    return grace === null
      ? key
      : { ...key, secrets: [...key.secrets, { ...newKey().key.secrets[0], notAfter: grace, retiredReason: 'rotated' }] }
  }) as fc.Arbitrary<Key>

const sorts: readonly string[] = [
  ...['createdAt', 'updatedAt', 'expiresAt', 'lastUsedAt', 'name', 'userId', 'id', 'status', 'environment', 'notBefore'],
  ...['disabledAt', 'revokedAt', 'createdBy', 'revision'],
].flatMap((name) => [name, `-${name}`])
const sortOf = (text: string): Sort => parseSort(text) as Sort

const searches = [
  '',
  'u',
  'U2',
  'é',
  'ÉC',
  'B',
  '%',
  '_',
  '\\',
  'a_b',
  'key_',
  'y z',
  'Σ',
  'ς',
  'i̇',
  '😀',
  "'",
  'nothing has it',
  'a\nb',
  'a\0b',
]
const filters: readonly KeyFilter[] = [
  {},
  ...STATUSES.map((status) => ({ status: [status] })),
  { status: [] },
  { status: STATUSES },
  { status: ['active', 'expired', 'pending'] },
  { userId: 'u1' },
  { userId: 'nobody' },
  { userId: 'a\0b' },
  { scope: 'read:*' },
  { tag: 'Y z', scope: 'it' },
  { tag: 'a\0' },
  { ids: [] },
  { ids: ['key_000000000000', 'a\0'] },
  { expiringWithinSeconds: 7 * 86_400 },
  { expiringWithinSeconds: 7 * 86_400 - 1 },
  { expiringWithinSeconds: 1e12 },
  { idleForSeconds: 0 },
  { idleForSeconds: 86_400 },
  { idleForSeconds: 10 * 86_400, status: ['active', 'rotating'] },
  { idleForSeconds: 1e12 },
  { endedForSeconds: 86_400 },
  { endedForSeconds: 0, userId: 'U2' },
  ...searches.map((search) => ({ search })),
  { search: 'u', status: ['active'], scope: 'write' },
]

let server: PostgresServer
let database: Database
let all: readonly Key[]
const uses = new Map<string, number>()
const lastUsed = (id: string): number | null => uses.get(id) ?? null
let lists: Lists
/** To which the same lists are long. */
let longLists: Lists

beforeAll(async () => {
  server = await startPostgres()
  database = connectDatabase(await server.create('lists'), 'lists')
  await migrate(database, false)
  all = fc.sample(keys, { numRuns: 150, seed: SEED })
  const random = fc.sample(fc.option(fc.integer({ min: 0, max: 12 }), { freq: 2 }), { numRuns: all.length, seed: SEED })
  all.forEach(({ id }, index) => {
    const days = random[index] ?? null
    if (days !== null) uses.set(id, NOON - days * DAY)
  })
  await store(all)
  lists = { database, uptime: () => 0, pendingLastUsed: () => null, settleUse: async () => undefined }
  longLists = { ...lists, maxShort: 3 }
})

afterAll(async () => {
  await database.close()
  await server.remove()
})

/** Makes these the keys of the database, as a change would. */
async function store(list: readonly Key[]): Promise<void> {
  const columns = KEY_COLUMNS.join(', ')
  await database.transaction(async (tx) => {
    await tx.query('TRUNCATE keywright.keys, keywright.secrets, keywright.owners, keywright.last_use')
    await tx.query(
      `INSERT INTO keywright.keys (${columns}) SELECT ${columns} FROM json_populate_recordset(NULL::keywright.keys, $1::json)`,
      [JSON.stringify(list.map(rowOf))],
    )
    const secrets = list.flatMap(({ id, secrets: own }) => own.map(({ shortId }) => [shortId, id]))
    await tx.query('INSERT INTO keywright.secrets SELECT * FROM unnest($1::text[], $2::text[])', [
      secrets.map(([shortId]) => shortId),
      secrets.map(([, id]) => id),
    ])
    const owners = [...Map.groupBy(list, ({ userId }) => userId)]
    await tx.query('INSERT INTO keywright.owners (user_id, search, keys) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])', [
      owners.map(([userId]) => userId),
      owners.map(([userId]) => userId.toLowerCase()),
      owners.map(([, own]) => own.length),
    ])
    await tx.query(
      `INSERT INTO keywright.last_use SELECT id, 'total', '', at FROM unnest($1::text[], $2::double precision[]) AS used (id, at)`,
      [[...uses.keys()], [...uses.values()]],
    )
    await tx.query('UPDATE keywright.head SET keys = $1, keys_seq = keys_seq + 1', [list.length])
  })
}

const listed = (key: Key, at: number): ListedKey => {
  const last = lastUsed(key.id)
  return { ...keyView(key, at), lastUsedAt: last === null ? null : isoFrom(last) }
}

const known = (list: readonly Key[] = all) => ({ keys: list, lastUsed, usage: 1 })

describe('lists of keys', () => {
  test('every status is among the keys', () => {
    expect(new Set(all.map((key) => statusOf(key, NOON)))).toEqual(new Set<Status>(STATUSES))
  })

  test('a row says what its key says', async () => {
    const rows = await database.query<{ line: string; revision: number; scopes: string[] }>('SELECT * FROM keywright.keys ORDER BY place')
    expect(rows.map(({ line }) => parseKey(line))).toEqual(all)
    expect(rows.map(({ revision, scopes }) => [revision, scopes])).toEqual(all.map(({ revision, scopes }) => [revision, scopes]))
  })

  test.each(sorts)('pages by %s follow one another as the domain has them, whatever the filter', async (text) => {
    const sort = sortOf(text)
    for (const filter of filters) {
      for (const limit of filter.status?.length === 1 ? [7] : [150, 40]) {
        let cursor: string | null = null
        let total = 0
        do {
          const from = cursor === null ? null : parseCursor(cursor)
          // Every other list is told how long it is.
          const known = limit === 40 ? { total } : {}
          const query = { filter, sort, limit, at: NOON, ...(from === null ? {} : { cursor: from, ...known }) }
          const wanted = accepted(selectKeys(all, query, lastUsed))
          const page = await queryKeys(limit === 40 ? longLists : lists, query)
          expect(page, JSON.stringify(query)).toEqual({ ...wanted, items: wanted.items.map((key) => listed(key, NOON)) })
          cursor = page.nextCursor
          total = page.total
        } while (cursor !== null)
      }
    }
  })

  test.each(sorts.flatMap((sort) => [[sort, 'read whole'] as const, [sort, 'read in parts'] as const]))(
    'windows by %s, %s, are those of the domain, wherever one looks and whatever was looked at before',
    async (text, way) => {
      const sort = sortOf(text)
      const [inMemory, inDatabase] = [windowsInMemory(), createKeyWindows(way === 'read whole' ? lists : longLists)]
      const steps = fc.record({
        filter: fc.constantFrom(...filters.filter((_, index) => index % 5 === 0), {}, {}, {}),
        around: fc.oneof(
          fc.constantFrom('first' as const, 'last' as const),
          fc.nat(40).map((row) => ({ row })),
          fc.nat(149).map((key) => ({ key })),
          fc.record({ value: fc.constantFrom(null, 'b', iso(0), NOON, 5, '', 'z', 'a\0'), id: fc.constantFrom('gone', 'a\0', 'key_b') }),
        ),
        before: fc.constantFrom(0, 1, 5, 30, 400),
        after: fc.constantFrom(0, 1, 5, 30, 900),
      })
      let rows: readonly { readonly place: { readonly value: string | number | null; readonly id: string } }[] = []
      for (const { filter, around, before, after } of fc.sample(steps, { numRuns: 16, seed: SEED })) {
        const isMixed = typeof around === 'object' && 'value' in around && around.value !== null
        const isNumber = sort.field === 'revision' || sort.field === 'lastUsedAt'
        // What the domain makes of a number among texts is nothing to go by.
        if (isMixed && (typeof around.value === 'number') !== isNumber) continue
        const place =
          typeof around === 'string'
            ? around
            : 'row' in around
              ? (rows[around.row % Math.max(1, rows.length)]?.place ?? 'first')
              : 'key' in around
                ? { value: null, id: (all[around.key] as Key).id }
                : around
        const span: Span = { around: place, before, after }
        const query = { filter, sort, span, at: NOON }
        const wanted = inMemory(known(), query)
        // A look before the count: the same rows, and numbers that are right or left open.
        const { rows: seen, isAtStart, isAtEnd, position, total } = await inDatabase.look(query)
        const { rows: _, ...numbers } = wanted
        const shown = lookOf(wanted)
        expect(
          seen.map(({ place }) => place.id),
          JSON.stringify(query),
        ).toEqual(wanted.rows.map(({ place }) => place.id))
        expect({ isAtStart, isAtEnd }, JSON.stringify(query)).toEqual({ isAtStart: shown.isAtStart, isAtEnd: shown.isAtEnd })
        expect({ position: position ?? numbers.position, total: total ?? numbers.total }, JSON.stringify(query)).toEqual(numbers)
        const window = await inDatabase.window(query)
        expect(window, JSON.stringify(query)).toEqual({
          ...wanted,
          rows: wanted.rows.map((row) => ({ ...row, item: listed(row.item, NOON) })),
        })
        rows = window.rows
      }
    },
  )

  test('a window shows another’s change, although it knew where its rows stood', async () => {
    const [inMemory, inDatabase] = [windowsInMemory(), createKeyWindows(lists)]
    const sort = sortOf('name')
    const look = async (list: readonly Key[], span: Span) => {
      const window = await inDatabase.window({ filter: {}, sort, span, at: NOON })
      const { rows, ...place } = inMemory(known(list), { filter: {}, sort, span, at: NOON })
      expect(window).toEqual({ ...place, rows: rows.map((row) => ({ ...row, item: listed(row.item, NOON) })) })
      return window
    }
    const { rows } = await look(all, { around: 'last', before: 4, after: 30 })
    const span: Span = { around: rows[10]?.place ?? 'first', before: 4, after: 6 }
    await look(all, span)
    for (const list of [all.slice(20), all.toReversed().slice(3), all.map((key) => ({ ...key, name: `n${key.id.slice(-2)}` })), []]) {
      await store(list)
      await look(list, span)
    }
    await store(all)
  })

  test('a look counts nothing; what was counted is good for twenty times as long as it took, and where it lies ahead so are positions', async () => {
    // A clock of which each look takes a second.
    let uptime = 0
    const { window, look } = createKeyWindows({ ...longLists, uptime: () => (uptime += 500) })
    const query = { filter: { idleForSeconds: 0 }, sort: sortOf('name'), at: NOON }
    const wanted = windowsInMemory()(known(), { ...query, span: { around: 'first', before: 0, after: 10 } })
    const numbers = async (span: Span, at = NOON) => {
      const { rows, isAtStart, isAtEnd, position, total } = await look({ ...query, span, at })
      return { rows, told: [isAtStart, isAtEnd, position, total] }
    }
    const { rows, told } = await numbers({ around: 'first', before: 0, after: 10 })
    expect(told).toEqual([true, false, 0, null])
    const next = rows[9]?.place ?? 'first'
    expect((await numbers({ around: next, before: 2, after: 4 })).told).toEqual([false, false, 7, null])
    expect((await numbers({ around: 'last', before: 4, after: 1 })).told).toEqual([false, true, null, null])
    const counted = await window({ ...query, span: { around: next, before: 0, after: 1 } })
    expect([counted.position, counted.total]).toEqual([9, wanted.total])
    // Later than a list by the moment is taken to be the same.
    const later = NOON + 5_000
    expect((await numbers({ around: next, before: 2, after: 4 }, later)).told).toEqual([false, false, 7, wanted.total])
    expect((await numbers({ around: 'last', before: 4, after: 1 }, later)).told).toEqual([false, true, wanted.total - 5, wanted.total])
    uptime += 20 * 500
    expect((await numbers({ around: 'last', before: 4, after: 1 }, later + 5_000)).told).toEqual([false, true, null, null])
  })

  test('a cursor of another order, or of none, is refused', async () => {
    const query = { filter: {}, sort: sortOf('revision'), limit: 3, at: NOON }
    await expectCode(queryKeys(lists, { ...query, cursor: { sort: 'name', value: 3, id: 'x' } }), 'INVALID_INPUT')
    await expectCode(queryKeys(lists, { ...query, cursor: { sort: 'revision', value: 'x', id: 'x' } }), 'INVALID_INPUT')
    await expectCode(queryUsers(lists, { limit: 3, at: NOON, cursor: { sort: 'name', value: 'x', id: 'x' } }), 'INVALID_INPUT')
  })

  test('a cursor without a value stands behind all rows that have one, as in the domain', async () => {
    for (const source of [lists, longLists]) {
      for (const field of ['revision', 'createdAt', 'status', 'id', 'name', 'lastUsedAt']) {
        for (const filter of [{}, { userId: 'u1' }, { search: 'u' }]) {
          const query = { filter, sort: sortOf(field), limit: 3, at: NOON, cursor: { sort: field, value: null, id: 'k' } }
          const { items, ...wanted } = accepted(selectKeys(all, query, lastUsed))
          expect(await queryKeys(source, query), JSON.stringify(query)).toEqual({ ...wanted, items: items.map((key) => listed(key, NOON)) })
        }
      }
    }
  })

  test('uses that are not written yet are shown, and written before a list goes by them', async () => {
    let settled = 0
    const pending: Lists = { ...lists, pendingLastUsed: () => NOON + 5, settleUse: async () => void settled++ }
    const query = { filter: {}, sort: sortOf('name'), limit: 3, at: NOON }
    expect((await queryKeys(pending, query)).items.map((key) => key.lastUsedAt)).toEqual(Array(3).fill(isoFrom(NOON + 5)))
    expect(settled).toBe(0)
    await queryKeys(pending, { ...query, sort: sortOf('lastUsedAt') })
    await queryKeys(pending, { ...query, filter: { idleForSeconds: 5 } })
    expect(settled).toBe(2)
  })

  test('a transaction is about the keys that a filter selects, in the order of their birth', async () => {
    for (const filter of filters)
      expect(await database.transaction((tx) => selectTargets(tx, filter, NOON, nextTurn)), JSON.stringify(filter)).toEqual(
        all.filter(keyMatcher(filter, NOON, lastUsed)),
      )
  })
})

test('keys are found by id, by the shortId of any secret and by token', async () => {
  const { key, token } = newKey()
  const older = newKey()
  await store([...all, { ...key, secrets: [...key.secrets, ...older.key.secrets] }])
  const [shortId, olderId] = [key.secrets[0]?.shortId ?? '', older.key.secrets[0]?.shortId ?? '']
  const find = async (text: string) => (await findKey(database, parseKeyRef(text), PLAIN_HASHING))?.id ?? null
  for (const text of [key.id, shortId, olderId, token, older.token]) expect(await find(text)).toBe(key.id)
  for (const text of ['nothing', 'key_000000000000', '000000000000', newKey().token]) expect(await find(text)).toBeNull()
  const refs = [olderId, 'x', shortId, key.id, all[3]?.id ?? '', '000000000000'].map(parseKeyRef)
  expect((await keysOfRefs(database, refs)).map(({ id }) => id)).toEqual([all[3]?.id, key.id])
  const found = await findBySecret(database, [olderId, '000000000000', 'a\0', shortId])
  expect([...found].map(([name, { id }]) => [name, id]).sort()).toEqual(
    [
      [olderId, key.id],
      [shortId, key.id],
    ].sort(),
  )
  await store(all)
})

describe('lists of owners', () => {
  test('pages and windows are those of the domain', async () => {
    const [inMemory, inDatabase] = [userWindowsInMemory(), createUserWindows(lists)]
    const arounds = ['first', 'last', ...['u1', 'U', 'a\0', 'zz'].map((id) => ({ value: id, id }))] as const
    for (const search of [undefined, ...searches]) {
      const asked = { at: NOON, ...(search === undefined ? {} : { search }) }
      for (const limit of [1, 3, 50]) {
        let cursor: string | null = null
        do {
          const from = cursor === null ? null : parseCursor(cursor)
          const query = { ...asked, limit, ...(from === null ? {} : { cursor: from }) }
          const page = await queryUsers(lists, query)
          expect(page, JSON.stringify(query)).toEqual(accepted(selectUsers(all, query, lastUsed)))
          cursor = page.nextCursor
        } while (cursor !== null)
      }
      for (const around of arounds) {
        for (const [before, after] of [
          [0, 0],
          [0, 2],
          [2, 2],
          [1, 900],
        ] as const) {
          const query = { ...asked, span: { around, before, after } }
          expect(await inDatabase(query), JSON.stringify(query)).toEqual(inMemory(known(), query))
        }
      }
    }
  })
})
