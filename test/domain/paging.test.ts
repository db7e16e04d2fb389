// Pages of a list: sorted, walked row by row with cursors, each row once; and what is no cursor.

import { describe, expect, test } from 'vitest'
import type { Key } from '../../src/domain/key.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import type { Cursor, KeyQuery, Page } from '../../src/domain/selection.ts'
import { DEFAULT_SORT, formatCursor, formatSort, parseCursor, parseSort, selectKeys } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { selectUsers } from '../../src/domain/users.ts'
import { NOON, newKey } from '../store/harness.ts'
import { always, fc } from './seed.ts'

const DAY = 86_400_000
const never = () => null
const iso = (days: number) => isoFrom(NOON + days * DAY)
const pageOf = <T>(page: Page<T> | object): Page<T> => {
  expect(isRefusal(page)).toBe(false)
  return page as Page<T>
}

const FIELDS = [
  'createdAt',
  'updatedAt',
  'expiresAt',
  'lastUsedAt',
  'name',
  'userId',
  'id',
  'status',
  'environment',
  'notBefore',
  'disabledAt',
  'revokedAt',
  'createdBy',
  'revision',
]

describe('a sort', () => {
  test('is the name of a field, reversed by a -', () => {
    for (const field of FIELDS) {
      for (const text of [field, `-${field}`]) {
        const sort = parseSort(text)
        expect(sort === null ? null : formatSort(sort)).toBe(text)
      }
    }
    for (const text of ['', '-', 'hash', 'secrets', 'metadata', '--name', 'Name', '__proto__', 'constructor', 'name '])
      expect(parseSort(text)).toBeNull()
    expect(formatSort(DEFAULT_SORT)).toBe('-createdAt')
  })
})

/** Few values, so that many rows are equal in what they are sorted by. */
const keysOf = fc
  .array(
    fc.record({
      name: fc.option(fc.constantFrom('a', 'B', 'é', '😀'.repeat(200))),
      userId: fc.constantFrom('u1', 'u2'),
      expiresAt: fc.option(fc.constantFrom(iso(1), iso(20), iso(-1))),
      revision: fc.integer({ min: 1, max: 11 }),
      createdAt: fc.constantFrom(iso(-1), iso(-2), iso(-3)),
    }),
    { maxLength: 40 },
  )
  .map((all) => all.map((fields) => newKey(fields).key))
const lastUsedOf = (keyId: string): number | null => (keyId.charCodeAt(5) % 3 === 0 ? null : NOON - (keyId.charCodeAt(5) % 7))
const sorts = fc
  .tuple(fc.constantFrom(...FIELDS), fc.boolean())
  .map(([field, isReversed]) => parseSort(`${isReversed ? '-' : ''}${field}`) ?? DEFAULT_SORT)

const query = (fields: Partial<KeyQuery> = {}): KeyQuery => ({ filter: {}, sort: DEFAULT_SORT, limit: 50, at: NOON, ...fields })

describe('pages', () => {
  test('walk every key that is there all the time exactly once, while others come and go', () => {
    always(
      fc.tuple(keysOf, keysOf, sorts, fc.integer({ min: 1, max: 7 })),
      ([stay, come, sort, limit]) => {
        const seen: string[] = []
        let present = [...stay, ...come.slice(0, 5)]
        let cursor: string | null = null
        for (let page = 0; page < 200; page++) {
          const parsed: Cursor | null = cursor === null ? null : parseCursor(cursor)
          const { items, nextCursor, total }: Page<Key> = pageOf(
            selectKeys(present, query({ sort, limit, ...(parsed === null ? {} : { cursor: parsed }) }), lastUsedOf),
          )
          expect([items.length <= limit, total]).toEqual([true, present.length])
          seen.push(...items.map(({ id }) => id))
          cursor = nextCursor
          if (cursor === null) break
          present = [...come.slice(page + 1, page + 6), ...stay]
        }
        expect(seen.filter((id) => stay.some((key) => key.id === id)).sort()).toEqual(stay.map(({ id }) => id).sort())
        expect(new Set(seen).size).toBe(seen.length)
      },
      300,
    )
  })

  test('sort by the value and then by id, rows without a value last in both directions', () => {
    const rows = [
      ['k1', 'b'],
      ['k2', null],
      ['k3', 'a'],
      ['k4', null],
      ['k5', 'b'],
    ].map(([id, name]) => newKey({ id: id as string, name: name as string | null }).key)
    const idsBy = (sort: string) =>
      pageOf<Key>(selectKeys(rows, query({ sort: parseSort(sort) ?? DEFAULT_SORT }), never)).items.map(({ id }) => id)
    expect(idsBy('name')).toEqual(['k3', 'k1', 'k5', 'k2', 'k4'])
    expect(idsBy('-name')).toEqual(['k1', 'k5', 'k3', 'k2', 'k4'])
  })

  test('end without a cursor, also where the last page is full, and behind the last row', () => {
    const keys = [newKey().key, newKey().key]
    const { nextCursor } = pageOf<Key>(selectKeys(keys, query({ limit: 2 }), never))
    expect(nextCursor).toBeNull()
    const behind = { sort: '-createdAt', value: '0000', id: 'z' }
    expect(selectKeys(keys, query({ cursor: behind }), never)).toEqual({ items: [], nextCursor: null, total: 2 })
  })
})

describe('a bad cursor', () => {
  test('is no cursor at all', () => {
    const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const value of [
      null,
      5,
      {},
      [],
      ['name'],
      ['name', 'a'],
      ['name', 'a', 5],
      ['name', {}, 'k'],
      ['name', true, 'k'],
      [1, 'a', 'k'],
      ['name', 'a', 'k', 'x'],
    ])
      expect(parseCursor(encoded(value))).toBeNull()
    for (const text of ['', 'nonsense', '%%%', '[]', 'a'.repeat(1e6)]) expect(parseCursor(text)).toBeNull()
    always(fc.string({ unit: 'binary', maxLength: 60 }), (text) => expect(parseCursor(text)).toBeTypeOf('object'))
  })

  test('is refused when it belongs to another order', () => {
    const refused = selectKeys([newKey().key], query({ cursor: { sort: 'name', value: 'a', id: 'k' } }), never)
    expect(refused).toMatchObject({ refused: 'INVALID_INPUT', field: 'cursor' })
    expect(selectUsers([], { limit: 5, at: NOON, cursor: { sort: '-createdAt', value: 'a', id: 'k' } }, never)).toMatchObject({
      refused: 'INVALID_INPUT',
    })
  })

  test('is refused when its value is none that the field can have', () => {
    const sort = { field: 'revision', isReversed: false } as const
    expect(selectKeys([newKey().key], query({ sort, cursor: { sort: 'revision', value: 'x', id: 'k' } }), never)).toMatchObject({
      refused: 'INVALID_INPUT',
    })
  })

  test('is none of those that a page gives, however long the sorted values are', () => {
    const long = ['😀'.repeat(200), '"\\'.repeat(100), 'é'.repeat(200)]
    for (const value of long) expect(parseCursor(formatCursor({ sort: '-createdBy', value, id: 'key_000000000000' }))).not.toBeNull()
    const owners = long.flatMap((userId) => [newKey({ userId }).key, newKey({ userId: `${userId.slice(0, -2)}!` }).key])
    const { nextCursor } = pageOf(selectUsers(owners, { limit: 5, at: NOON }, never))
    expect(parseCursor(nextCursor ?? '')).not.toBeNull()
  })
})

test('owners are listed by name with their keys counted by status', () => {
  const keys = [newKey({ userId: 'b', revokedAt: iso(-1) }), newKey({ userId: 'b' }), newKey({ userId: 'a', expiresAt: iso(1) })].map(
    ({ key }) => key,
  )
  const lastUsed = (id: string) => (id === keys[1]?.id ? NOON : null)
  const zeros = { revoked: 0, disabled: 0, expired: 0, pending: 0, rotating: 0, expiring: 0, active: 0 }
  expect(selectUsers(keys, { limit: 5, at: NOON }, lastUsed)).toEqual({
    items: [
      { userId: 'a', total: 1, ...zeros, expiring: 1, lastUsedAt: null },
      { userId: 'b', total: 2, ...zeros, revoked: 1, active: 1, lastUsedAt: isoFrom(NOON) },
    ],
    nextCursor: null,
    total: 2,
  })
  expect(pageOf(selectUsers(keys, { limit: 5, at: NOON, search: 'B' }, lastUsed)).total).toBe(1)
})
