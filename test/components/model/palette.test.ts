// The palette: every screen and every command of the registry by its name, and what stands behind it is its argument.

import { describe, expect, test } from 'vitest'
import { inputOf } from '../../../components/model/line-input.ts'
import { ENTRIES, fittingEntries } from '../../../components/model/palette.ts'
import { COMMANDS } from '../../../src/commands/index.ts'
import { rotate } from '../../../src/commands/rotate.ts'
import type { App } from '../app.ts'
import { openWorld } from '../app.ts'

async function opened(): Promise<{ app: App; id: string; shortId: string }> {
  const world = openWorld()
  const { id } = await world.generate({ userId: 'ann', name: 'api', environment: 'test', scopes: ['read:x'] })
  await world.change(rotate, { key: id })
  const app = await world.open()
  return { app, id, shortId: (await world.keyOf(id)).secrets[0]?.shortId ?? '' }
}

async function run(app: App, text: string): Promise<void> {
  await app.press(':')
  await app.type(text)
  await app.press('enter')
}

const screenOf = (app: App): string => app.state().pages[app.state().pageAt]?.screen ?? ''
const fitting = (text: string): string[] => fittingEntries({ kind: 'palette', input: inputOf(text), choice: 0 }).map(({ words }) => words)

test('every command of the registry is in it, and no name twice', () => {
  const names = ENTRIES.map(({ words }) => words)
  for (const { words } of COMMANDS) expect(names).toContain(words)
  expect(new Set(names).size).toBe(names.length)
})

describe('every entry runs to something', () => {
  for (const { words } of ENTRIES) {
    test(words, async () => {
      const { app } = await opened()
      const [page, effects] = [app.state().pages.at(-1)?.id, app.effects.length]
      await run(app, words)
      const { layers, toast, pages, isPaused } = app.state()
      const isSomething = layers.length > 0 || toast !== null || isPaused || pages.at(-1)?.id !== page || app.effects.length > effects + 1
      // Keys is what is shown already.
      expect(isSomething || words === 'keys').toBe(true)
      expect(layers.some(({ kind }) => kind === 'palette')).toBe(false)
    })
  }
})

test('names of two words are taken whole', async () => {
  expect(fitting('audit verify ')).toEqual(['audit verify'])
  expect(fitting('audit')).toEqual(['audit', 'audit list', 'audit head', 'audit verify', 'audit export', 'audit accept-loss'])
  const { app } = await opened()
  await run(app, 'audit verify')
  expect(app.state().chain).toEqual({ state: 'verified', seq: 2 })
  await app.press('1')
  await run(app, 'scope set')
  expect(app.layer('form').command.words).toBe('scope set')
})

test('what stands behind a screen is its filter', async () => {
  const { app } = await opened()
  await run(app, 'keys user:ann status:rotating')
  expect(app.page('keys').filter).toBe('user:ann status:rotating')
  expect(app.page('keys').list.rows).toHaveLength(1)
  await run(app, 'audit action:key.rotate')
  expect(app.page('audit').list.rows).toHaveLength(1)
  await run(app, 'users nobody')
  expect(app.page('users').list.rows).toHaveLength(0)
})

test('a key may be named by id or shortId; one that is not there is told', async () => {
  for (const by of ['id', 'shortId'] as const) {
    const opening = await opened()
    await run(opening.app, `show ${opening[by]}`)
    expect(opening.app.page('key').keyId).toBe(opening.id)
  }
  const { app } = await opened()
  await run(app, 'show key_zzzzzzzzzzzz')
  expect(screenOf(app)).toBe('keys')
  expect(app.state().toast?.text).toMatch(/key_zzzzzzzzzzzz/)
})

test('an action on a named key opens its form or dialog on that key', async () => {
  const { app, id } = await opened()
  app.world.clock.pass(1000)
  await app.world.generate({ userId: 'bob', name: 'other' })
  await app.look()
  await app.press('g')
  await run(app, `revoke ${id}`)
  expect(app.layer('dialog').ids).toEqual([id])
  await app.press('esc', '4')
  await run(app, `update ${id}`)
  expect(app.layer('form').keyId).toBe(id)
})

test('an action on a named key is about that key alone, whatever is marked', async () => {
  const { app, id } = await opened()
  await app.world.generate({ userId: 'bob', name: 'other' })
  await app.look()
  await app.press('*')
  await run(app, `disable ${id}`)
  expect(app.layer('dialog').ids).toEqual([id])
})

test('what is no command is told, and nothing runs', async () => {
  const { app } = await opened()
  await run(app, 'explode everything')
  expect(app.state().layers).toEqual([])
  expect(app.state().toast?.text).toMatch(/no command is called explode everything/)
})

test('commands that need a shell are handed over as a line', async () => {
  const { app } = await opened()
  await run(app, 'purge')
  await run(app, 'audit export')
  expect(app.copied).toEqual(['keywright purge', 'keywright audit export --format jsonl'])
})

test('explains a token without counting it', async () => {
  const world = openWorld()
  const { id, token } = await world.generate({ userId: 'ann', name: 'api' })
  const app = await world.open()
  await run(app, 'validate')
  await app.type(token)
  await app.press('enter')
  expect(app.layer('panel').subject).toMatchObject({ what: 'rows', title: 'Verdict' })
  const { usage } = await world.store.usage.read({ keyId: id }, world.clock.now())
  expect(usage.total.counts).toEqual([])
})
