// The one table of bindings: no two commands on one key, every command does something, settings can give it other keys.

import { describe, expect, test } from 'vitest'
import type { Binding, Context } from '../../components/bindings.ts'
import { BINDINGS } from '../../components/bindings.ts'
import { createKeymap, keysProblem } from '../../components/keymap.ts'
import { rotate } from '../../src/commands/rotate.ts'
import type { App } from './app.ts'
import { openWorld } from './app.ts'

const CONTEXTS = [...new Set(BINDINGS.flatMap((binding): readonly Context[] => binding.in))]

describe('the table', () => {
  for (const context of CONTEXTS) {
    test(`gives every key of ${context} to one command`, () => {
      const keys = BINDINGS.filter((binding) => (binding.in as readonly Context[]).includes(context)).flatMap(
        (binding) => binding.keys as readonly string[],
      )
      expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
    })
  }

  test('names every command once', () => {
    expect(new Set(BINDINGS.map(({ command }) => command)).size).toBe(BINDINGS.length)
  })

  test('uses no key that a terminal keeps for itself or can not send', () => {
    const keys = BINDINGS.flatMap((binding) => binding.keys as readonly string[])
    expect(keys.filter((key) => /^ctrl-[absqhim]$|^f\d/.test(key))).toEqual([])
  })
})

describe('settings', () => {
  test('give a command other keys, and take the old one away', () => {
    const keymap = createKeymap({ 'key.rotate': 'T', 'cursor.down': ['J', 'ctrl-j'] })
    expect(keymap.commandOf('T', ['keys', 'global'])).toBe('key.rotate')
    expect(keymap.commandOf('R', ['keys', 'list', 'global'])).toBeNull()
    expect(keymap.commandOf('ctrl-j', ['list'])).toBe('cursor.down')
    expect(keymap.keyOf('key.rotate')).toBe('T')
    expect(keymap.keyOf('cursor.down')).toBe('J')
  })

  test('with a name that is no command are told apart, also names that every object has', () => {
    expect(keysProblem({ 'key.rotate': ['T', 'ctrl-x', 'pgdn'] })).toBeNull()
    expect(keysProblem({ 'key.explode': ['B'] })).toMatch('key.explode')
    expect(keysProblem({ toString: ['x'] })).toMatch('toString')
    expect(keysProblem({ help: ['F1'] })).toMatch('F1')
    expect(keysProblem({ 'key.revoke': ['Ctrl-R'] })).toMatch('Ctrl-R')
  })

  test('that give a key of one command to another leave it to one of them', () => {
    const keymap = createKeymap({ 'key.rotate': 'X' })
    const commands = ['key.rotate', 'key.revoke'].filter((command) => keymap.commandOf('X', ['keys', 'list', 'global']) === command)
    expect(commands).toHaveLength(1)
  })

  test('move the keys of layers too', async () => {
    const world = openWorld()
    await world.generate({ userId: 'ann', name: 'api' })
    const app = await world.open({ setting: { keymap: createKeymap({ 'dialog.confirm': 'Z', 'key.revoke': 'x' }) } })
    await app.press('x')
    world.clock.pass(400)
    await app.type('gone')
    await app.press('enter', 'y')
    expect(app.layer('dialog').isBusy).toBe(false)
    await app.press('Z')
    expect(app.page('keys').list.rows[0]?.item.status).toBe('revoked')
  })
})

/** A page on which a command can be seen to do something, by the keys that lead there. */
const WAYS: readonly (readonly string[])[] = [
  [],
  ['space'],
  ['j'],
  ['l'],
  ['u'],
  ['1'],
  ['2'],
  ['3'],
  ['4'],
  ['4', 'j'],
  ['4', 'enter'],
  ['4', 'enter', 'j'],
  ['5'],
  ['enter'],
  ['enter', 'j'],
  ['2', '['],
  ['/'],
  ['/', 's'],
  [':'],
  [':', 'down'],
  [':', 'g'],
  ['?'],
  ['?', 'ctrl-d'],
  ['?', '/', 'a', 'enter'],
  ['n'],
  ['n', 'tab'],
  ['n', 'a', 'down'],
  ['n', 'tab', 'tab', 'tab', 'tab'],
  ['X'],
  ['X', 'tab'],
  ['n', 'a', 'enter'],
]

/** What a press may leave behind, but for the toast that goes. */
const seen = (app: App): string => {
  const { layers, pages, pageAt, isPaused, isMouseOn, toast } = app.state()
  return JSON.stringify(
    [layers, pages.map((page) => ({ ...page, life: null })), pageAt, isPaused, isMouseOn, toast === null ? null : toast.text],
    (_, value) => (value instanceof Map || value instanceof Set ? [...value] : value),
  )
}

/** Where keys go now: to the topmost layer alone, else to the page, its list and what is everywhere. */
function contextsOf({ state }: App): readonly Context[] {
  const { layers, pages, pageAt } = state()
  const layer = layers.at(-1)
  const screen = pages[pageAt]?.screen
  return layer !== undefined ? [layer.kind] : screen === undefined ? [] : [screen, 'list', 'global']
}

test('every command that has a key does something somewhere: a handler, or its layer', async () => {
  const left = new Map(BINDINGS.filter(({ keys }) => keys.length > 0).map((binding): [string, Binding] => [binding.command, binding]))
  // On an empty store alone.
  left.delete('demo')
  for (const way of WAYS) {
    for (const [command, { keys, in: contexts }] of left) {
      const world = openWorld()
      for (const name of ['a', 'b', 'c', 'd']) await world.generate({ userId: name, name, scopes: ['read:x'] })
      const { id } = await world.generate({ userId: 'ann', name: 'last' })
      await world.change(rotate, { key: id })
      const app = await world.open({ size: { columns: 80, rows: 16 } })
      await app.press(...way)
      if (!contexts.some((context) => contextsOf(app).includes(context))) continue
      world.clock.pass(400)
      const [before, effects] = [seen(app), app.effects.length]
      await app.press(keys[0] as string)
      if (seen(app) !== before || app.effects.length > effects) left.delete(command)
    }
  }
  expect([...left.keys()]).toEqual([])
})
