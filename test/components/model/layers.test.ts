// Layers and pages: keys go to the topmost alone, esc takes one away a press, and history goes back and forth.

import { describe, expect, test } from 'vitest'
import { KeywrightError } from '../../../src/domain/refusal.ts'
import type { App } from '../app.ts'
import { openWorld } from '../app.ts'
import { linesOf } from '../draw.tsx'

async function withKeys(...names: readonly string[]): Promise<App> {
  const world = openWorld()
  for (const name of names) {
    world.clock.pass(1000)
    await world.generate({ userId: name.startsWith('b') ? 'bob' : 'ann', name, environment: 'test', scopes: ['read:x'] })
  }
  return world.open({ size: { columns: 100, rows: 16 } })
}

const screenOf = (app: App): string => app.state().pages[app.state().pageAt]?.screen ?? ''
const layersOf = (app: App): string[] => app.state().layers.map(({ kind }) => kind)
const namesIn = (app: App): (string | null)[] => app.page('keys').list.rows.map(({ item }) => item.name)
const cursorOf = (app: App): string | null | undefined => {
  const { rows, cursor } = app.page('keys').list
  return rows.find(({ id }) => id === cursor)?.item.name
}

test('esc takes away one layer a press: input, dialog, filter, marks, screen', async () => {
  const app = await withKeys('one', 'two')
  await app.press('2', 'enter')
  expect(app.page('keys').filter).toBe('user:ann')
  await app.press('esc')
  expect(app.page('keys').filter).toBe('')
  await app.press('/')
  await app.type('o')
  await app.press('enter', 'space', 'X', 'esc')
  expect(layersOf(app)).toEqual([])
  expect([app.page('keys').filter, app.page('keys').marks.size]).toEqual(['o', 1])
  await app.press('/', 'esc')
  expect([app.page('keys').filter, app.page('keys').marks.size]).toEqual(['', 1])
  await app.press('esc')
  expect(app.page('keys').marks.size).toBe(0)
  await app.press('esc')
  expect(screenOf(app)).toBe('users')
  await app.press('esc')
  expect(screenOf(app)).toBe('keys')
  await app.press('esc', 'esc')
  expect(screenOf(app)).toBe('keys')
  expect(app.exits).toEqual([])
})

test('a range that was begun is given up by esc', async () => {
  const app = await withKeys('one', 'two', 'three')
  await app.press('V', 'j', 'esc')
  expect(app.page('keys').rangeFrom).toBeNull()
  await app.press('V')
  expect(app.page('keys').marks.size).toBe(0)
})

test('in every layer the keys of the page below do nothing', async () => {
  for (const key of ['/', ':', '?', 'n', 'X', 'R', 'e']) {
    const app = await withKeys('one', 'two')
    await app.press(key)
    const below = app.state().pages
    await app.press('1', '4', 'G', 'R', '*', 'V')
    expect(layersOf(app), key).toHaveLength(1)
    expect(
      app.state().pages.map(({ screen }) => screen),
      key,
    ).toEqual(below.map(({ screen }) => screen))
    expect(app.page('keys').marks.size, key).toBe(0)
  }
})

test('ctrl-c leaves from everywhere with 130', async () => {
  for (const way of [[], ['/'], [':'], ['?'], ['?', '/'], ['n'], ['X'], ['4', 'enter'], ['enter']]) {
    const app = await withKeys('one')
    await app.press(...way, 'ctrl-c')
    expect(app.exits, way.join(' ')).toEqual([{ code: 130, next: null }])
  }
})

test('q quits with 0 from a screen of its own, and leaves one above it', async () => {
  const app = await withKeys('one')
  await app.press('enter', 'q')
  expect([screenOf(app), app.exits]).toEqual(['keys', []])
  await app.press('u', 'q')
  expect([screenOf(app), app.exits]).toEqual(['keys', []])
  await app.press('4', 'q')
  expect(app.exits).toEqual([{ code: 0, next: null }])
})

describe('history', () => {
  test('goes back and forward, and forgets what lay ahead when another screen is opened', async () => {
    const app = await withKeys('one')
    await app.press('2', '3', '4', '[', '[')
    expect(screenOf(app)).toBe('users')
    await app.press(']')
    expect(screenOf(app)).toBe('usage')
    await app.press('5', ']')
    expect(screenOf(app)).toBe('hygiene')
    await app.press('[', '[', '[', '[', '[')
    expect(screenOf(app)).toBe('keys')
    expect(app.state().pageAt).toBe(0)
  })

  test('keeps at most 50 screens', async () => {
    const app = await withKeys('one')
    for (let round = 0; round < 40; round++) await app.press('2', '4')
    expect(app.state().pages).toHaveLength(50)
    await app.press('[')
    expect(screenOf(app)).toBe('users')
  })

  test('brings a screen back as it was left: filter, cursor and marks', async () => {
    const app = await withKeys('one', 'two', 'three', 'bill')
    await app.press('/')
    await app.type('user:ann')
    await app.press('enter', 'j', 'space', '4', '1')
    expect(app.page('keys').filter).toBe('user:ann')
    expect(app.page('keys').marks.size).toBe(1)
    expect(cursorOf(app)).toBe('one')
  })
})

describe('Keys', () => {
  test('lists the newest first with the cursor on it', async () => {
    const app = await withKeys('one', 'two', 'three')
    expect(namesIn(app)).toEqual(['three', 'two', 'one'])
    expect(cursorOf(app)).toBe('three')
  })

  test('new rows do not move the cursor, and are counted until the first row is reached', async () => {
    const app = await withKeys('one', 'two', 'three')
    await app.press('j')
    for (const name of ['four', 'five']) {
      app.world.clock.pass(1000)
      await app.world.generate({ userId: 'ann', name })
      await app.look()
    }
    expect([cursorOf(app), app.page('keys').fresh]).toEqual(['two', 2])
    await app.press('k')
    expect(app.page('keys').fresh).toBe(2)
    await app.press('g')
    expect([cursorOf(app), app.page('keys').fresh]).toEqual(['five', 0])
  })

  test('paused does not move, and catches up when it goes on', async () => {
    const app = await withKeys('one')
    await app.press('=')
    await app.world.generate({ userId: 'ann', name: 'two' })
    await app.look()
    expect(namesIn(app)).toEqual(['one'])
    await app.press('=')
    expect(namesIn(app)).toHaveLength(2)
  })

  test('a long list is a window: the ends are reached, whatever is loaded, and marks stay with their keys', async () => {
    const world = openWorld()
    for (let index = 0; index < 300; index++) {
      world.clock.pass(1000)
      await world.generate({ userId: 'ann', name: `key ${index}`, environment: 'test' })
    }
    const app = await world.open({ size: { columns: 100, rows: 16 } })
    expect(app.page('keys').list.rows.length).toBeLessThan(100)
    await app.press('space', 'G')
    expect(cursorOf(app)).toBe('key 0')
    for (let step = 0; step < 120; step++) await app.press('k')
    expect(cursorOf(app)).toBe('key 120')
    for (let step = 0; step < 30; step++) await app.press('pgup')
    expect(cursorOf(app)).toBe('key 299')
    expect(app.page('keys').marks.size).toBe(1)
    await app.press('*')
    expect(app.page('keys').marks.size).toBe(300)
    await app.press('*')
    expect(app.page('keys').marks.size).toBe(0)
  })

  test('presses of one input event are each done: jj moves two rows', async () => {
    const app = await withKeys('one', 'two', 'three')
    await app.type('jj')
    expect(cursorOf(app)).toBe('one')
  })

  test('s sorts by the column in focus, and again reverses', async () => {
    const app = await withKeys('b', 'c', 'a')
    await app.press('l', 's')
    expect(namesIn(app)).toEqual(['a', 'b', 'c'])
    await app.press('s')
    expect(namesIn(app)).toEqual(['c', 'b', 'a'])
  })

  test('a paste outside of a field is no series of commands', async () => {
    const app = await withKeys('one')
    app.send({ on: 'paste', text: 'XnRq' })
    await app.settled()
    expect([layersOf(app), app.exits, app.state().toast?.text]).toEqual([[], [], 'a paste is taken only where text is typed'])
  })

  test('on a terminal that is too small nothing acts but leaving', async () => {
    const app = await withKeys('one')
    app.send({ on: 'resize', size: { columns: 40, rows: 10 } })
    await app.press('X', 'n', '4', ':')
    expect([layersOf(app), screenOf(app)]).toEqual([[], 'keys'])
    await app.press('q')
    expect(app.exits).toEqual([{ code: 0, next: null }])
  })
})

describe('the mouse', () => {
  test('puts the cursor on the row that is clicked, and opens it when it is clicked again', async () => {
    const app = await withKeys('one', 'two', 'three')
    app.send({ on: 'click', row: 4 })
    expect(cursorOf(app)).toBe('two')
    app.send({ on: 'click', row: 4 })
    await app.settled()
    expect(screenOf(app)).toBe('key')
  })

  test('clicks below a layer do nothing', async () => {
    const app = await withKeys('one', 'two')
    await app.press('?')
    app.send({ on: 'click', row: 4 })
    expect(cursorOf(app)).toBe('two')
  })

  test('hits the row that is drawn there on every screen, with a banner too', async () => {
    const app = await withKeys('one', 'two', 'three', 'bill')
    // Findings for Hygiene.
    for (const name of ['live', 'live too']) await app.world.generate({ userId: 'carol', name, scopes: ['*'] })
    await app.look()
    for (const screen of ['1', '2', '4', '5']) {
      await app.press(screen)
      for (const trouble of [null, new KeywrightError('STORE_UNAVAILABLE', 'the store is away')]) {
        app.send({ on: 'pulse', pulse: { ...(await app.world.store.pulse()), trouble } })
        await app.settled()
        await app.press('g')
        const first = linesOf(app.state()).findIndex((line) => line.startsWith('>'))
        await app.press('G')
        app.send({ on: 'click', row: first })
        expect(
          linesOf(app.state()).findIndex((line) => line.startsWith('>')),
          `${screen} ${trouble?.code}`,
        ).toBe(first)
      }
    }
  })
})
