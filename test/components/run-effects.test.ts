// Effects, run against a real manager: the last question of a slot is answered, what is cancelled is not, what fails becomes a message.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Effect, Question } from '../../components/model/effect.ts'
import { sealed } from '../../components/model/effect.ts'
import type { Model } from '../../components/model/model.ts'
import { createRunner } from '../../components/run-effects.ts'
import type { ChangeCommand } from '../../src/commands/command.ts'
import { revoke } from '../../src/commands/revoke.ts'
import { inputFromTexts } from '../../src/domain/field.ts'
import { parseKeyRef } from '../../src/domain/key.ts'
import { accepted, KeywrightError } from '../../src/domain/refusal.ts'
import type { Manager } from '../../src/manager.ts'
import { until } from '../store/harness.ts'
import { openWorld } from './app.ts'

type Sent = Parameters<Model['send']>[0]

/** A runner on a real manager, every question of which waits at a gate where one is given. */
function running(gate: Promise<void> | null = null, writeSecret: (path: string) => Promise<string> = async (path) => path) {
  const world = openWorld()
  const sent: Sent[] = []
  const did: unknown[] = []
  const model = { send: (message: Sent) => void sent.push(message) } as unknown as Model
  const manager: Manager = {
    ...world.manager,
    async ask(question, options) {
      const answer = await world.manager.ask(question, options)
      await gate
      return answer
    },
  }
  const terminal = {
    copy: (text: string) => void did.push(['copy', text]),
    writeSecret,
    setMouse: (isOn: boolean) => void did.push(['mouse', isOn]),
    redraw: () => void did.push('redraw'),
    suspend: () => void did.push('suspend'),
    exit: (code: number, next: 'demo' | null) => void did.push(['exit', code, next]),
  }
  const { run, close } = createRunner(manager, terminal, () => model)
  onTestFinished(close)
  const ask = (slot: string, question: Question): void => run({ effect: 'ask', slot, question })
  const seen = (on: Sent['on']): Promise<Sent> => until(`a message of ${on}`, () => sent.find((message) => message.on === on))
  return { world, run, ask, sent, did, seen, close }
}

const owners = (search: string): Question => ({ ask: 'owners', query: { search } })

test('a question is answered for its slot', async () => {
  const { world, ask, seen } = running()
  await world.generate({ userId: 'ann', name: 'api' })
  ask('form:1:owners', owners('a'))
  expect(await seen('answer')).toEqual({ on: 'answer', slot: 'form:1:owners', ask: 'owners', result: ['ann'] })
})

test('a later question of a slot supersedes the earlier, whichever is answered first', async () => {
  const gate = Promise.withResolvers<void>()
  const { world, ask, sent, seen } = running(gate.promise)
  for (const userId of ['ann', 'bob', 'carol']) await world.generate({ userId })
  ask('s', owners('ann'))
  ask('s', owners('bob'))
  ask('other', owners('carol'))
  ask('s', owners('carol'))
  gate.resolve()
  await seen('answer')
  await nextTurn()
  expect(sent).toEqual([
    { on: 'answer', slot: 'other', ask: 'owners', result: ['carol'] },
    { on: 'answer', slot: 's', ask: 'owners', result: ['carol'] },
  ])
})

test('what is cancelled says so and is not answered', async () => {
  const gate = Promise.withResolvers<void>()
  const { ask, run, sent } = running(gate.promise)
  ask('s', owners(''))
  run({ effect: 'cancel', slot: 's' })
  gate.resolve()
  await nextTurn()
  await nextTurn()
  expect(sent).toEqual([{ on: 'cancelled', slot: 's' }])
})

test('nothing is answered after the end', async () => {
  const gate = Promise.withResolvers<void>()
  const { ask, close, sent } = running(gate.promise)
  ask('s', owners(''))
  close()
  gate.resolve()
  await nextTurn()
  await nextTurn()
  expect(sent).toEqual([])
})

describe('what fails becomes a message', () => {
  test('with the code that it was thrown with', async () => {
    const { ask, seen } = running()
    ask('palette:open', { ask: 'named', query: { ref: parseKeyRef('key_zzzzzzzzzzzz') } })
    expect(await seen('failed')).toMatchObject({ slot: 'palette:open', error: { code: 'NO_SUCH_KEY' } })
  })

  test('also where it was none of ours: as it is, without its stack', async () => {
    const { run, seen } = running(null, () => Promise.reject(new TypeError('boom')))
    run({ effect: 'write', slot: 'reveal:1', path: 'x', token: sealed('t') })
    const failed = await seen('failed')
    expect(failed).toMatchObject({ error: { code: 'STORE_UNAVAILABLE', message: 'boom' } })
  })

  test('of a question that was superseded, none', async () => {
    const gate = Promise.withResolvers<void>()
    const { ask, sent, seen } = running(gate.promise)
    ask('s', { ask: 'named', query: { ref: parseKeyRef('key_zzzzzzzzzzzz') } })
    ask('s', owners(''))
    gate.resolve()
    await seen('answer')
    await nextTurn()
    expect(sent.map(({ on }) => on)).toEqual(['answer'])
  })

  test('after the manager was closed too', async () => {
    const { world, ask, seen } = running()
    await world.manager.close()
    ask('s', owners(''))
    expect(await seen('failed')).toMatchObject({ error: { code: 'CLOSED' } })
  })
})

test('a change answers what became of each key, its token sealed', async () => {
  const { world, run, seen } = running()
  const { id } = await world.generate({ userId: 'ann', name: 'api' })
  const input = accepted(
    inputFromTexts(
      revoke.fields,
      new Map([
        ['ids', [id]],
        ['reason', ['gone']],
      ]),
    ),
  )
  run({ effect: 'change', slot: 'dialog:1:change', command: revoke as unknown as ChangeCommand, input, expected: new Map([[id, 1]]) })
  expect(await seen('changed')).toMatchObject({
    slot: 'dialog:1:change',
    command: 'revoke',
    items: [{ id, status: 'revoked', refusal: null, token: null }],
  })
})

test('a change of a key that is another by now is refused with that', async () => {
  const { world, run, seen } = running()
  const { id } = await world.generate({ userId: 'ann', name: 'api' })
  const input = accepted(
    inputFromTexts(
      revoke.fields,
      new Map([
        ['ids', [id]],
        ['reason', ['gone']],
      ]),
    ),
  )
  run({ effect: 'change', slot: 's', command: revoke as unknown as ChangeCommand, input, expected: new Map([[id, 7]]) })
  expect(await seen('changed')).toMatchObject({ items: [{ refusal: { refused: 'CHANGED_MEANWHILE' } }] })
  expect((await world.keyOf(id)).revokedAt).toBeNull()
})

test('what takes over 200 ms shows that it runs, time goes on meanwhile, and stops when it is answered', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const gate = Promise.withResolvers<void>()
  const { ask, sent, seen } = running(gate.promise)
  ask('s', { ask: 'hygiene', query: {} })
  vi.advanceTimersByTime(199)
  expect(sent).toEqual([])
  vi.advanceTimersByTime(1)
  expect(sent).toEqual([{ on: 'progress', slot: 's', label: 'looking at every key', progress: null, isCancellable: true }])
  vi.advanceTimersByTime(300)
  expect(sent.filter(({ on }) => on === 'tick')).toHaveLength(3)
  gate.resolve()
  await seen('answer')
  const { length } = sent
  vi.advanceTimersByTime(10_000)
  expect(sent).toHaveLength(length)
  expect(vi.getTimerCount()).toBeLessThanOrEqual(1)
})

test('the terminal gets what is its own, and a sealed token only when it is copied', () => {
  const { run, did } = running()
  const effects: readonly Effect[] = [
    { effect: 'copy', text: 'a line' },
    { effect: 'copy', text: sealed('the token') },
    { effect: 'mouse', isOn: true },
    { effect: 'redraw' },
    { effect: 'suspend' },
    { effect: 'exit', code: 0, next: 'demo' },
    { effect: 'exit', code: 130 },
  ]
  expect(JSON.stringify(effects)).not.toContain('the token')
  for (const effect of effects) run(effect)
  expect(did).toEqual([
    ['copy', 'a line'],
    ['copy', 'the token'],
    ['mouse', true],
    'redraw',
    'suspend',
    ['exit', 0, 'demo'],
    ['exit', 130, null],
  ])
})

test('an error with a code keeps it', async () => {
  const error = new KeywrightError('INVALID_INPUT', 'x: there is a file of that name; give another one')
  const { run, seen } = running(null, () => Promise.reject(error))
  run({ effect: 'write', slot: 'reveal:1', path: 'x', token: sealed('t') })
  expect(await seen('failed')).toEqual({ on: 'failed', slot: 'reveal:1', error })
})
