// A list of which a part is loaded: the cursor is a key, and whatever is loaded it stays with that key and in view.

import { expect, test } from 'vitest'
import type { List, Loaded } from '../../../components/model/list.ts'
import { between, cursorIndex, EMPTY_LIST, isShort, loaded, moved, movedTo, visible } from '../../../components/model/list.ts'
import { always, fc } from '../../domain/seed.ts'

const IDS = [...'abcdefghijklmnopqrst']
const partOf = (ids: readonly string[]): Loaded<string> => ({ rows: ids.map((id) => ({ id, item: id })), isAtStart: true, isAtEnd: true })
const parts = fc.shuffledSubarray(IDS).map(partOf)
const heights = fc.integer({ min: 1, max: 8 })

type Deed = { readonly load: Loaded<string> } | { readonly by: number } | { readonly to: string }
const deeds: fc.Arbitrary<Deed> = fc.oneof(
  parts.map((load) => ({ load })),
  fc.integer({ min: -30, max: 30 }).map((by) => ({ by })),
  fc.constantFrom(...IDS).map((to) => ({ to })),
)

function after(list: List<string>, deed: Deed, height: number): List<string> {
  if ('load' in deed) return loaded(list, deed.load, height)
  return 'by' in deed ? moved(list, deed.by, height) : movedTo(list, deed.to, height)
}

const inView = (list: List<string>, height: number): string[] => visible(list, height).map(({ id }) => id)

test('whatever is loaded and moved, the cursor is on a row in view, and a full list leaves no row of the view empty', () => {
  always(fc.tuple(fc.array(deeds, { maxLength: 30 }), heights), ([all, height]) => {
    let list: List<string> = EMPTY_LIST
    for (const deed of all) {
      list = after(list, deed, height)
      expect(inView(list, height)).toHaveLength(Math.min(height, list.rows.length))
      if (list.rows.length === 0) expect(cursorIndex(list)).toBe(-1)
      else expect(inView(list, height)).toContain(list.cursor)
    }
  })
})

test('the cursor stays with its key under any reload that still has it', () => {
  always(fc.tuple(parts, fc.integer({ min: 0, max: 19 }), parts, heights), ([first, by, second, height]) => {
    const before = moved(loaded<string>(EMPTY_LIST, first, height, 'first'), by, height)
    const { cursor } = loaded(before, second, height)
    if (second.rows.some(({ id }) => id === before.cursor)) expect(cursor).toBe(before.cursor)
  })
})

test('a key keeps its line of the screen when rows come before it', () => {
  const list = moved(loaded<string>(EMPTY_LIST, partOf(['c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']), 4, 'first'), 5, 4)
  const line = inView(list, 4).indexOf(list.cursor as string)
  const grown = loaded(list, partOf(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']), 4)
  expect([grown.cursor, inView(grown, 4).indexOf('h')]).toEqual(['h', line])
})

test('when its key is gone the cursor goes to the one that followed it, else to the one before', () => {
  const list = movedTo(loaded<string>(EMPTY_LIST, partOf(['a', 'b', 'c', 'd']), 4, 'first'), 'b', 4)
  const cursorAfter = (...left: string[]) => loaded(list, partOf(left), 4).cursor
  expect(cursorAfter('a', 'c', 'd')).toBe('c')
  expect(cursorAfter('a', 'd', 'c')).toBe('c')
  expect(cursorAfter('a', 'd')).toBe('d')
  expect(cursorAfter('a')).toBe('a')
  expect(cursorAfter('x', 'y')).toBe('x')
  expect(cursorAfter()).toBeNull()
})

test('an end or a row that was asked for is gone to; a row that is not there leaves the cursor where it was', () => {
  const list = loaded<string>(EMPTY_LIST, partOf(['a', 'b', 'c', 'd']), 2, 'last')
  expect(list.cursor).toBe('d')
  expect(loaded(list, partOf(['a', 'b', 'c', 'd']), 2, 'first').cursor).toBe('a')
  expect(loaded(list, partOf(['a', 'b', 'c', 'd']), 2, { id: 'b' }).cursor).toBe('b')
  expect(loaded(list, partOf(['a', 'b', 'c', 'd']), 2, { id: 'z' }).cursor).toBe('d')
})

test('rows are asked for before the cursor comes to the end of what is loaded, and never where the list ends', () => {
  const rows = partOf(IDS).rows
  const at = (index: number, ends: Pick<List<string>, 'isAtStart' | 'isAtEnd'>): List<string> => ({
    rows,
    ...ends,
    cursor: IDS[index] as string,
    offset: 0,
    isLoaded: true,
  })
  const middle = { isAtStart: false, isAtEnd: false }
  expect(isShort(at(10, middle), 4)).toBe(false)
  expect(isShort(at(3, middle), 4)).toBe(true)
  expect(isShort(at(IDS.length - 4, middle), 4)).toBe(true)
  expect(isShort(at(0, { isAtStart: true, isAtEnd: true }), 4)).toBe(false)
})

test('a range reaches from one row to another in either direction, and is none where one of them is not loaded', () => {
  const list = loaded<string>(EMPTY_LIST, partOf(['a', 'b', 'c', 'd']), 4, 'first')
  expect(between(list, 'b', 'd')).toEqual(['b', 'c', 'd'])
  expect(between(list, 'd', 'b')).toEqual(['b', 'c', 'd'])
  expect(between(list, 'b', 'z')).toEqual([])
})
