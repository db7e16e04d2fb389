// Windows of a list: one move, a new sort and a new search, against sorting the keys anew as a page does.

import type { Key } from '../../src/domain/key.ts'
import { createKeyWindows } from '../../src/domain/key-order.ts'
import type { KeyFilter, Span } from '../../src/domain/selection.ts'
import { DEFAULT_SORT, MAX_PAGE, parseSort, selectKeys } from '../../src/domain/selection.ts'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import { openFloor } from '../floors.ts'
import type { Finding } from '../measure.ts'
import { alone, atMost, race, timeAgainst } from '../measure.ts'

const ROWS: Pick<Span, 'before' | 'after'> = { before: 20, after: 20 }
const MOVES = 100
const never = () => null

async function windows(bench: Bench): Promise<readonly Finding[]> {
  const { path } = bench.store(bench.size(100_000, 200))
  const keys = openFloor(path).keys as readonly Key[]
  const known = { keys, usage: 0, lastUsed: never }
  const at = Date.now()
  const byName = parseSort('name') ?? DEFAULT_SORT
  let look = createKeyWindows()
  const ask = (filter: KeyFilter, sort = DEFAULT_SORT, around: Span['around'] = 'first') =>
    look(known, { filter, sort, span: { around, ...ROWS }, at })
  const begin = (): void => {
    look = createKeyWindows()
    ask({})
  }
  const move = (): void => {
    let place: Span['around'] = 'first'
    for (let made = 0; made < MOVES; made++) place = ask({}, DEFAULT_SORT, place).rows.at(-1)?.place ?? 'first'
  }
  const sort = () => void ask({}, byName)
  const search = () => void ask({ search: '7' })
  const page = () => void selectKeys(keys, { filter: {}, sort: byName, limit: ROWS.after, at }, never)
  const times = await race(
    {
      move: { count: MOVES, before: begin, run: move },
      sort: { count: 1, before: begin, run: sort },
      search: { count: 1, before: begin, run: search },
      page: { count: 1, run: page },
    },
    bench,
  )
  const sorted = selectKeys(keys, { filter: {}, sort: byName, limit: MAX_PAGE, at }, never)
  const first = ask({}, byName).rows.map(({ item }) => item.id)
  assert(
    'items' in sorted && sorted.items.slice(0, first.length).every(({ id }, index) => id === first[index]),
    'a window has another order',
  )
  const against = ['a page of the same', times.page] as const
  return [
    alone(`one move, ${keys.length} keys`, 'ms', times.move, atMost(5)),
    timeAgainst({ what: 'a new sort, by name', product: times.sort, against, unit: 'ms', goal: null }),
    timeAgainst({ what: 'the first letter of a search', product: times.search, against, unit: 'ms', goal: null }),
  ]
}

export const windowRows: readonly Row[] = [{ name: 'windows', about: 'windows of a list of 100,000 keys, in memory', run: windows }]
