// The reveal: a token is drawn only when asked, hidden again, asked about once, and in nothing that could be serialised.

import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { HIDE_AFTER_MS } from '../../../components/model/reveal.ts'
import type { State } from '../../../components/model/state.ts'
import type { App } from '../app.ts'
import { openWorld } from '../app.ts'
import { linesOf } from '../draw.tsx'

const TOKEN = /kw_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}/

async function revealed(): Promise<App> {
  const app = await openWorld().open()
  await app.press('n')
  await app.type('ann')
  await app.press('enter')
  return app
}

const isDrawn = (app: App): boolean => TOKEN.test(linesOf(app.state()).join('\n'))

/** The whole state as a crash report or a snapshot would write it. */
function serialised(state: State): string {
  const plain = (_: string, value: unknown): unknown => (value instanceof Map || value instanceof Set ? [...value] : value)
  return `${JSON.stringify(state, plain)}\n${inspect(state, { depth: 30 })}`
}

test('the token is masked at first, drawn on v, hidden on v again', async () => {
  const app = await revealed()
  expect(isDrawn(app)).toBe(false)
  expect(linesOf(app.state()).join('\n')).toMatch(/kw_live_[0-9A-Za-z]{12}_•{8}/)
  await app.press('v')
  expect(isDrawn(app)).toBe(true)
  await app.press('v')
  expect(isDrawn(app)).toBe(false)
})

test('it is hidden again after 30 s, not sooner, and 30 s after it was shown last', async () => {
  const app = await revealed()
  await app.press('v')
  app.world.clock.pass(HIDE_AFTER_MS - 1)
  app.send({ on: 'tick' })
  expect(isDrawn(app)).toBe(true)
  await app.press('v', 'v')
  app.world.clock.pass(HIDE_AFTER_MS - 1)
  app.send({ on: 'tick' })
  expect(isDrawn(app)).toBe(true)
  app.world.clock.pass(1)
  app.send({ on: 'tick' })
  expect(isDrawn(app)).toBe(false)
  expect(app.layer('reveal').note).toBe('hidden again after 30 s')
})

test('no state holds a token as text, whatever is pressed, and after it is left none holds it at all', async () => {
  const app = await revealed()
  const token = app.layer('reveal').token.open()
  const secret = token.split('_').at(-1) as string
  for (const keys of [[], ['v'], ['c'], ['w', 'x'], ['enter'], ['w', 'esc'], ['v'], ['esc']]) {
    await app.press(...keys)
    expect(serialised(app.state()), keys.join(' ')).not.toContain(secret)
    expect(JSON.stringify(app.effects)).not.toContain(secret)
  }
  expect(app.state().layers).toEqual([])
  expect(app.copied).toEqual([token])
})

test('leaving asks once where it was neither copied nor written, and not where it was', async () => {
  for (const key of ['esc', 'q', 'ctrl-c']) {
    const app = await revealed()
    await app.press(key)
    expect(app.layer('reveal').note, key).toMatch(/neither copied nor written/)
    expect(app.exits).toEqual([])
    await app.press(key)
    expect(app.state().layers).toEqual([])
    expect(app.exits).toEqual(key === 'ctrl-c' ? [{ code: 130, next: null }] : [])
  }
  const copied = await revealed()
  await copied.press('c', 'esc')
  expect(copied.state().layers).toEqual([])
  const written = await revealed()
  await written.press('w', 'enter', 'esc')
  expect(written.state().layers).toEqual([])
})

test('it is written beside the store under a name of its own, or where it is wanted', async () => {
  const app = await revealed()
  const { token, prefix, shortId } = app.layer('reveal')
  await app.press('w', 'enter')
  await app.press('w', 'ctrl-u')
  await app.type('other')
  await app.press('enter')
  expect(app.written).toEqual([
    { path: `/store/${prefix}_${shortId}.token`, token: token.open() },
    { path: 'other', token: token.open() },
  ])
  expect(app.layer('reveal').note).toMatch(/^written to other/)
})

test('the keys of pages do nothing here: no quit, no palette, no help', async () => {
  const app = await revealed()
  await app.press('1', '2', ':', '?', '/', 'n', 'X', 'enter', 'j')
  expect(app.state().layers).toHaveLength(1)
  expect(app.state().pages).toHaveLength(1)
  expect(app.layer('reveal').isShown).toBe(false)
})

test('what is pasted into a reveal is not run as keys', async () => {
  const app = await revealed()
  app.send({ on: 'paste', text: 'vvv' })
  expect(isDrawn(app)).toBe(false)
})
