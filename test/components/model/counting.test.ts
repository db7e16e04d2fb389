// A store that shows rows before it has counted them: what the app asks behind them, once at a time, and what it makes of the answer.

import { expect, test } from 'vitest'
import { countAsked, countCancelled, keysCounted } from '../../../components/model/counting.ts'
import { parseSort } from '../../../src/domain/selection.ts'
import type { App } from '../app.ts'
import { openWorld } from '../app.ts'
import { wireOf } from '../draw.tsx'

const KEYS = 90

/** The app on a store whose looks leave open what a big one would have to count. */
async function opened(): Promise<App> {
  const world = openWorld((store) => ({
    ...store,
    async keyLook(query) {
      const look = await store.keyLook(query)
      return { ...look, total: null, position: look.isAtStart ? 0 : null }
    },
  }))
  for (let key = 0; key < KEYS; key++)
    await world.generate({ userId: key < 40 ? 'ann' : 'bob', name: `key ${String(key).padStart(3, '0')}` })
  return world.open()
}

const countsOf = (app: App) =>
  app.effects.flatMap((one) => (one.effect === 'ask' && one.question.ask === 'count' ? [one.question.query] : []))

test('what a look left open is counted behind it: the length alone where the place is known, and else both', async () => {
  const app = await opened()
  expect(app.page('keys')).toMatchObject({ total: KEYS, position: 0, isCounting: false })
  expect(countsOf(app).every(({ place }) => place === null)).toBe(true)
  await app.press('end')
  const { position, total, list } = app.page('keys')
  expect([(position ?? 0) + list.rows.length, total]).toEqual([KEYS, KEYS])
  expect(countsOf(app).at(-1)?.place?.id).toBe(list.cursor)
  await app.press('/')
  await app.type('user:ann')
  await app.press('enter')
  expect(app.page('keys')).toMatchObject({ total: 40, position: 0 })
})

test('until it is counted it is said to be, one count is asked for at a time, and a cancelled one not again', async () => {
  const app = await opened()
  const page = { ...app.page('keys'), position: null, total: null, isUncounted: true }
  const uncounted = { ...app.state(), pages: [page] }
  expect(wireOf(uncounted)).toContain('… of …')
  const { state, effects } = countAsked(uncounted, page.id)
  expect(effects).toHaveLength(1)
  expect(countAsked(state, page.id).effects).toEqual([])
  const cancelled = countCancelled(state, `page:${page.id}:count`)
  expect(countAsked(cancelled, page.id).effects).toEqual([])
})

test('numbers of another filter, another order, or none, are not taken for those of the list', async () => {
  const app = await opened()
  const page = { ...app.page('keys'), position: null, total: null, isUncounted: true, isCounting: true }
  const state = { ...app.state(), pages: [page] }
  const row = { id: page.list.rows[2]?.id ?? '', position: 7 }
  const counted = (count: Parameters<typeof keysCounted>[2]) => keysCounted(state, page, count).pages[0]
  const told = { filter: {}, sort: page.sort, row, total: 12 }
  expect(counted(told)).toMatchObject({ total: 12, position: 5, isUncounted: false, isCounting: false })
  expect(counted({ ...told, sort: parseSort('name') as typeof page.sort })).toMatchObject({ total: 12, position: null })
  expect(counted({ ...told, filter: { userId: 'ann' } })).toMatchObject({
    total: null,
    position: null,
    isUncounted: true,
    isCounting: false,
  })
  expect(counted(null)).toMatchObject({ total: null, isUncounted: false, isCounting: false })
})
