// Lists of 100,000 keys and a log of 200,000 records in PostgreSQL: windows as the terminal app asks for them, a page, the proof.

import type { ListedKey } from '../../src/domain/key.ts'
import type { KeyFilter, Span, Window } from '../../src/domain/selection.ts'
import { DEFAULT_SORT } from '../../src/domain/selection.ts'
import { openManager } from '../../src/open-manager.ts'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import type { Contender, Finding } from '../measure.ts'
import { alone, race, speedAgainst } from '../measure.ts'
import { readLines, withServer } from '../postgres.ts'

const KEYS = 100_000
const RECORDS = 200_000
const ROWS: Pick<Span, 'before' | 'after'> = { before: 20, after: 20 }
const MOVES = 50
const PAGE = 50

async function lists(bench: Bench): Promise<readonly Finding[]> {
  return withServer(bench, async ({ server, filled, client }) => {
    const count = bench.size(KEYS, 200)
    const records = bench.size(RECORDS, 500)
    const store = bench.store(count, records)
    const url = await filled(store)
    await server.admin(new URL(url).pathname.slice(1), 'VACUUM ANALYZE')
    let manager = await openManager({ store: url }, 'library')
    // What a manager has found out about a list it keeps: the first window is that of another one, with its connections.
    const open = async (): Promise<void> => {
      await manager.close()
      manager = await openManager({ store: url }, 'library')
      await page()
    }
    const look = (filter: KeyFilter, around: Span['around']): Promise<Window<ListedKey>> =>
      manager.ask(({ store: { keyWindow }, at }) => keyWindow({ filter, sort: DEFAULT_SORT, span: { around, ...ROWS }, at }))
    const first = async (): Promise<void> => {
      const { rows, position, total } = await look({}, 'first')
      assert(rows.length === ROWS.before + ROWS.after && position === 0 && total === count, 'the first window is another')
    }
    const last = async (): Promise<void> => {
      const { rows, position, total } = await look({}, 'last')
      assert(rows.length > 0 && position + rows.length === count && total === count, 'the last window is another')
    }
    const moves = bench.size(MOVES, 3)
    const move = async (): Promise<void> => {
      let at: Span['around'] = 'first'
      for (let made = 0; made < moves; made++) at = (await look({}, at)).rows.at(-1)?.place ?? 'first'
    }
    // The name of one key, and what is in all names.
    const rare = async (): Promise<void> =>
      assert((await look({ search: `service ${count - 1}` }, 'first')).total === 1, 'nothing was found')
    const common = async (): Promise<void> => assert((await look({ search: 'service' }, 'first')).total === count, 'too little was found')
    const page = async (): Promise<void> => {
      const { rows, hasOlder } = await manager.ask(({ store: { audit } }) =>
        audit.page({ filter: {}, around: 'newest', newer: 0, older: PAGE }),
      )
      assert(rows.length === PAGE && hasOlder, 'the first page is another')
    }
    const verify = async (): Promise<void> => {
      const { report } = await manager.ask(({ store: { audit } }) => audit.verify({}))
      assert(report.ok && report.records >= records, `the log does not prove itself: ${JSON.stringify(report.problems.slice(0, 3))}`)
    }
    const driver = await client(url)
    const read = async (): Promise<void> => assert((await readLines(driver)) >= records, 'the floor read another log')
    const one = (run: () => Promise<void>): Contender => ({ count: 1, run })
    const times = await race(
      {
        first: { ...one(first), before: open },
        move: { count: moves, run: move },
        last: one(last),
        rare: one(rare),
        common: one(common),
        page: one(page),
        verify: { count: records, run: verify },
        floor: { count: records, run: read },
      },
      bench,
    )
    await manager.close()
    const against = ['lines + SHA-256', times.floor] as const
    return [
      alone(`first window, ${count} keys`, 'ms', times.first, null),
      alone('one move', 'ms', times.move, null),
      alone('last window', 'ms', times.last, null),
      alone('search that finds one key', 'ms', times.rare, null),
      alone('search that finds all', 'ms', times.common, null),
      alone(`first page of ${records} records`, 'ms', times.page, null),
      speedAgainst({ what: `verifyAudit, ${records} records over ${count} keys, a record`, product: times.verify, against, goal: null }),
    ]
  })
}

export const postgresListRows: readonly Row[] = [
  { name: 'postgres-lists', about: 'PostgreSQL: windows of a list of 100,000 keys, and a log of 200,000 records', run: lists },
]
