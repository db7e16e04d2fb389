// Windows of lists: the order of a page for every filter and sort, whatever came before; and where a window begins and ends.

import { describe, expect, test } from 'vitest'
import type { Key } from '../../src/domain/key.ts'
import { createKeyWindows } from '../../src/domain/key-order.ts'
import type { KeyFilter, KeyWindowQuery, Page, Sort, Span } from '../../src/domain/selection.ts'
import { DEFAULT_SORT, MAX_PAGE, parseSort, selectKeys } from '../../src/domain/selection.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { createUserWindows, selectUsers } from '../../src/domain/users.ts'
import { sortByValues } from '../../src/domain/value-order.ts'
import type { Known } from '../../src/domain/windows.ts'
import { NOON, newKey } from '../store/harness.ts'
import { always, fc } from './seed.ts'

const DAY = 86_400_000
const iso = (days: number) => isoFrom(NOON + days * DAY)
const never = () => null
const ALL: Span = { around: 'first', before: 0, after: MAX_PAGE }

const keys = fc
  .record({
    name: fc.option(fc.constantFrom('a', 'B', 'ÉCLAIR', 'éa', 'a\nb', 'ΑΣ', '😀')),
    userId: fc.constantFrom('u1', 'U2', 'someone else'),
    expiresAt: fc.option(fc.constantFrom(iso(1), iso(20), iso(-1), isoFrom(NOON + 500))),
    revokedAt: fc.option(fc.constantFrom(iso(-1), iso(-9))),
    revision: fc.integer({ min: 1, max: 300 }),
    createdAt: fc.constantFrom(iso(-1), iso(-2), iso(-300)),
    tags: fc.subarray(['x', 'Y z']),
  })
  .map((fields) => newKey(fields).key)

const sorts = fc.constantFrom(
  ...['createdAt', 'expiresAt', 'lastUsedAt', 'name', 'userId', 'id', 'status', 'revision', 'revokedAt'].flatMap((name) => [
    name,
    `-${name}`,
  ]),
)
const filters: fc.Arbitrary<KeyFilter> = fc.constantFrom(
  ...[
    {},
    { userId: 'u1' },
    { status: ['active', 'expired'] as const },
    { tag: 'x' },
    { expiringWithinSeconds: 86_400 * 2 },
    { idleForSeconds: 86_400 },
    { endedForSeconds: 86_400 },
  ],
)
const searches = fc.constantFrom(undefined, '', 'u', 'U2', 'é', 'éc', 'a', 'a\nb', 'key_', 'y z', 'σ', 'ς', 'nothing has it')

/** What happens between one window and the next. */
const steps = fc.array(
  fc.oneof(
    fc.record({ sort: sorts, filter: filters, search: searches }),
    fc.record({ add: keys }),
    fc.record({ edit: fc.nat(), to: keys }),
    fc.record({ remove: fc.nat() }),
    fc.record({ use: fc.nat(), daysAgo: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ passMs: fc.constantFrom(1000, 5000, DAY) }),
  ),
  { minLength: 1, maxLength: 30 },
)

const pageOf = (page: Page<Key> | object) => (page as Page<Key>).items.map(({ id }) => id)

describe('the windows of keys', () => {
  test('have the order of a page after any changes, calls and times, and whatever was asked before', () => {
    always(fc.tuple(fc.array(keys, { maxLength: 30 }), steps), ([first, story]) => {
      const windows = createKeyWindows()
      let list: readonly Key[] = first
      let usage = 0
      let at = NOON
      const uses = new Map<string, number>()
      const lastUsed = (id: string) => uses.get(id) ?? null
      const nth = (index: number): number => (list.length === 0 ? -1 : index % list.length)
      for (const step of story) {
        if ('add' in step) list = [...list, step.add]
        else if ('edit' in step) list = list.map((key, index) => (index === nth(step.edit) ? { ...step.to, id: key.id } : key))
        else if ('remove' in step) list = list.filter((_, index) => index !== nth(step.remove))
        else if ('passMs' in step) at += step.passMs
        else if ('use' in step) {
          usage++
          uses.set(list[nth(step.use)]?.id ?? '', at - step.daysAgo * DAY)
        } else {
          const sort = parseSort(step.sort) as Sort
          const filter = { ...step.filter, ...(step.search === undefined ? {} : { search: step.search }) }
          const { rows, total } = windows({ keys: list, usage, lastUsed }, { filter, sort, span: ALL, at })
          const ids = pageOf(selectKeys(list, { filter, sort, limit: MAX_PAGE, at }, lastUsed))
          expect([rows.map(({ item }) => item.id), total]).toEqual([ids, ids.length])
        }
      }
    })
  })

  test('hold for a moment at most what depends on it', () => {
    const windows = createKeyWindows()
    const known: Known = { keys: [newKey({ expiresAt: isoFrom(NOON + 1) }).key], usage: 0, lastUsed: never }
    const totalAt = (at: number) => windows(known, { filter: { status: ['expired'] }, sort: DEFAULT_SORT, span: ALL, at }).total
    expect([totalAt(NOON), totalAt(NOON + 1000), totalAt(NOON)]).toEqual([0, 1, 0])
  })
})

describe('a span', () => {
  const list = Array.from({ length: 20 }, (_, index) => newKey({ name: `n${String(index).padStart(2, '0')}` }).key)
  const known: Known = { keys: list, usage: 0, lastUsed: never }
  const windows = createKeyWindows()
  const look = (around: Span['around'], before: number, after: number, filter: KeyWindowQuery['filter'] = {}) => {
    const sort = parseSort('name') as Sort
    const { rows, position, total } = windows(known, { filter, sort, span: { around, before, after }, at: NOON })
    return [rows[0]?.item.name ?? null, rows.length, position, total]
  }
  const placeOf = (index: number) => ({ value: list[index]?.name ?? null, id: list[index]?.id ?? '' })

  test('has as many rows as there are at either end', () => {
    expect(look('first', 3, 4)).toEqual(['n00', 7, 0, 20])
    expect(look('last', 3, 4)).toEqual(['n13', 7, 13, 20])
    expect(look(placeOf(1), 3, 4)).toEqual(['n00', 7, 0, 20])
    expect(look(placeOf(10), 3, 4)).toEqual(['n07', 7, 7, 20])
    expect(look(placeOf(18), 3, 4)).toEqual(['n13', 7, 13, 20])
    expect(look('last', 50, 50)).toEqual(['n00', 20, 0, 20])
  })

  test('is about the row where it stands, else about the first that is not before its place, else about the last', () => {
    expect(look({ value: 'zz', id: list[4]?.id ?? '' }, 0, 1)).toEqual(['n04', 1, 4, 20])
    expect(look({ value: 'n04x', id: 'gone' }, 0, 1)).toEqual(['n05', 1, 5, 20])
    expect(look({ value: 'zz', id: 'gone' }, 0, 1)).toEqual(['n19', 1, 19, 20])
    expect(look(placeOf(4), 0, 1, { userId: 'nobody' })).toEqual([null, 0, 0, 0])
  })

  test('has at most the rows of the largest page', () => {
    const many = Array.from({ length: MAX_PAGE + 5 }, () => newKey().key)
    const span: Span = { around: 'last', before: MAX_PAGE, after: MAX_PAGE }
    const query = { filter: {}, sort: DEFAULT_SORT, span, at: NOON }
    expect(createKeyWindows()({ ...known, keys: many }, query).rows).toHaveLength(MAX_PAGE)
    const owners = many.map((key, index) => ({ ...key, userId: `u${index}` }))
    expect(createUserWindows()({ ...known, keys: owners }, { span, at: NOON }).rows).toHaveLength(MAX_PAGE)
  })
})

describe('sorting by values', () => {
  const texts = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.string({ unit: fc.constantFrom('a', 'b', '中', '国', 'ÿ', 'þ'), maxLength: 12 }),
    fc.integer({ min: 0, max: 400 }).map((number) => `the same beginning ${number}`),
    fc.integer({ min: 0, max: 1e6 }).map((number) => isoFrom(NOON + number * 1e6)),
  )
  const numbers = fc.oneof(fc.nat(9), fc.integer({ min: NOON - 1e9, max: NOON }), fc.double({ noNaN: true }))

  test.each([
    ['texts', fc.array(fc.option(texts), { minLength: 1, maxLength: 600, size: 'max' })],
    ['numbers', fc.array(fc.option(numbers), { minLength: 1, maxLength: 600, size: 'max' })],
  ] as const)('%s is what comparing them gives: equal ones as they stood, none last', (_, arrays) => {
    always(
      fc.tuple(arrays as fc.Arbitrary<(string | number | null)[]>, fc.boolean()),
      ([values, isReversed]) => {
        const rows = Uint32Array.from(values.keys())
        const compared = [...rows].sort((a, b) => {
          const [one, other] = [values[a] ?? null, values[b] ?? null]
          if (one === other) return a - b
          if (one === null || other === null) return one === null ? 1 : -1
          return one < other === isReversed ? 1 : -1
        })
        sortByValues(rows, values, isReversed)
        expect([...rows]).toEqual(compared)
      },
      60,
    )
  })
})

test('the windows of owners are what their pages are after any changes, calls and searches', () => {
  always(fc.tuple(fc.array(keys, { maxLength: 30 }), fc.array(searches, { maxLength: 6 }), fc.nat(1)), ([list, asked, usage]) => {
    const windows = createUserWindows()
    const lastUsed = (id: string) => (usage === 0 ? null : NOON - id.charCodeAt(6))
    for (const now of [list, list.slice(1)]) {
      for (const search of asked) {
        const query = { at: NOON, ...(search === undefined ? {} : { search }) }
        const { items } = selectUsers(now, { ...query, limit: MAX_PAGE }, lastUsed) as Page<{ readonly userId: string }>
        expect(windows({ keys: now, usage, lastUsed }, { ...query, span: ALL }).rows.map(({ item }) => item)).toEqual(items)
      }
    }
  })
})
