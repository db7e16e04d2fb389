// Dangerous dialogs: whatever is pressed by accident does nothing, and what is confirmed is what was shown.

import { describe, expect, test } from 'vitest'
import { GUARD_MS } from '../../../components/model/dialog.ts'
import type { State } from '../../../components/model/state.ts'
import { disable } from '../../../src/commands/disable.ts'
import { purge } from '../../../src/commands/purge.ts'
import { revoke } from '../../../src/commands/revoke.ts'
import { update } from '../../../src/commands/update.ts'
import { until } from '../../store/harness.ts'
import type { App, World } from '../app.ts'
import { openWorld, pressNamed } from '../app.ts'

interface Opened {
  readonly world: World
  readonly app: App
  readonly ids: readonly string[]
  readonly tokens: readonly string[]
}

/** Keys of these names, the last of them under the cursor. */
async function opened(names: readonly string[], environment = 'test'): Promise<Opened> {
  const world = openWorld()
  const made: { id: string; token: string }[] = []
  for (const name of names) {
    // Each is newer than the one before.
    world.clock.pass(1000)
    made.push(await world.generate({ userId: 'ann', name, environment }))
  }
  return { world, app: await world.open(), ids: made.map(({ id }) => id), tokens: made.map(({ token }) => token) }
}

const changesOf = ({ effects }: App) => effects.filter(({ effect }) => effect === 'change')
const revokedIn = async ({ world, ids }: Opened): Promise<boolean[]> =>
  Promise.all(ids.map(async (id) => (await world.keyOf(id)).revokedAt !== null))

/** Opens the dialog, lets its guard pass, and types the reason. */
async function withReason({ world, app }: Opened, reason = 'gone'): Promise<void> {
  await app.press('X')
  world.clock.pass(GUARD_MS)
  await app.type(reason)
}

describe('for 300 ms after it is drawn', () => {
  test('a dialog takes no key but esc: what is typed, pasted by fast fingers or pressed is lost', async () => {
    const { world, app } = await opened(['one'])
    await app.press('X')
    const before = app.layer('dialog')
    world.clock.pass(GUARD_MS - 1)
    await app.press('tab', 'enter', 'y', 'ctrl-y', 'space', 'backspace')
    await app.type('left the company')
    expect(app.layer('dialog')).toEqual(before)
    expect(app.copied).toEqual([])
    await app.press('esc')
    expect(app.state().layers).toEqual([])
  })

  test('and no longer', async () => {
    const { world, app } = await opened(['one'])
    await app.press('X')
    world.clock.pass(GUARD_MS)
    await app.type('why')
    expect(app.layer('dialog').reason.text).toBe('why')
  })
})

describe('only y, pressed on the buttons, confirms', () => {
  test('in the reason it is a letter', async () => {
    const all = await opened(['one'])
    await withReason(all, 'y')
    await all.app.press('y')
    expect(all.app.layer('dialog').reason.text).toBe('yy')
    expect(changesOf(all.app)).toEqual([])
  })

  test('on either button it does it', async () => {
    for (const way of [['tab'], ['tab', 'tab'], ['enter'], ['shift-tab']]) {
      const all = await opened(['one'])
      await withReason(all)
      await all.app.press(...way, 'y')
      expect(await revokedIn(all), way.join(' ')).toEqual([true])
      expect(all.app.state().layers).toEqual([])
    }
  })

  test('Enter on Cancel cancels, and Enter on the other button does nothing', async () => {
    const all = await opened(['one'])
    await withReason(all)
    await all.app.press('tab', 'tab', 'enter', 'enter')
    expect(all.app.layer('dialog').problem).toBe('press y to revoke')
    await all.app.press('shift-tab', 'enter')
    expect(all.app.state().layers).toEqual([])
    expect(await revokedIn(all)).toEqual([false])
  })

  test('no other key on the buttons does it', async () => {
    const all = await opened(['one'])
    await withReason(all)
    await all.app.press('tab', 'tab', 'Y', 'space', 'r', 'j', 'enter', 'X', 'ctrl-m')
    expect(changesOf(all.app)).toEqual([])
  })

  test('a second y while it is being done does not do it twice', async () => {
    const all = await opened(['one'])
    await withReason(all)
    all.app.send({ on: 'press', press: pressNamed('tab') })
    all.app.send({ on: 'press', press: pressNamed('y') })
    all.app.send({ on: 'press', press: pressNamed('y') })
    await all.app.settled()
    expect(changesOf(all.app)).toHaveLength(1)
  })
})

describe('what it asks for', () => {
  test('without a reason it stays open, says so, and puts the focus there', async () => {
    for (const reason of ['', '   ']) {
      const all = await opened(['one'])
      await withReason(all, reason)
      await all.app.press('tab', 'y')
      expect(all.app.layer('dialog').problem).toMatch(/^a reason is required/)
      expect(all.app.layer('dialog').focus).toBe('reason')
      expect(changesOf(all.app)).toEqual([])
    }
  })

  test('more than one key asks for the action’s name, and no other word will do', async () => {
    for (const word of ['', 'disable', 'REVOKE', 'revok']) {
      const all = await opened(['one', 'two'])
      await all.app.press('*')
      await withReason(all)
      await all.app.press('tab')
      await all.app.type(word)
      await all.app.press('tab', 'y')
      expect(all.app.layer('dialog').problem, word).toBe('type revoke first')
      expect(all.app.layer('dialog').focus).toBe('word')
      expect(changesOf(all.app)).toEqual([])
    }
  })

  test('with the word all are revoked with the reason, and a result for each is shown', async () => {
    const all = await opened(['one', 'two'])
    await all.app.press('*')
    await withReason(all)
    await all.app.press('enter')
    await all.app.type('revoke')
    await all.app.press('enter', 'y')
    expect(await revokedIn(all)).toEqual([true, true])
    expect((await all.world.keyOf(all.ids[0] as string)).revokedReason).toBe('gone')
    const { subject } = all.app.layer('panel')
    expect(subject.what === 'results' && subject.items.length).toBe(2)
  })

  test('a live key that was used within the hour asks for the word; one of an hour ago, a test key or an unused one does not', async () => {
    const isAsked = async (environment: string, passMs: number | null): Promise<boolean> => {
      const all = await opened(['one'], environment)
      if (passMs !== null) {
        await all.world.call(all.tokens[0] as string)
        all.world.clock.pass(passMs)
      }
      await withReason(all)
      await all.app.press('tab')
      return all.app.layer('dialog').focus === 'word'
    }
    expect(await isAsked('live', 0)).toBe(true)
    expect(await isAsked('live', 3_590_000)).toBe(true)
    expect(await isAsked('live', 3_600_000)).toBe(false)
    expect(await isAsked('live', null)).toBe(false)
    expect(await isAsked('test', 0)).toBe(false)
  })

  test('on Users the keys of the owner are all revoked, and only theirs', async () => {
    const all = await opened(['one', 'two'])
    const other = await all.world.generate({ userId: 'bob', name: 'other' })
    await all.app.press('2', 'g')
    await withReason(all)
    expect(all.app.layer('dialog').title).toBe('Revoke 2 keys of ann')
    await all.app.press('enter')
    await all.app.type('revoke')
    await all.app.press('enter', 'y')
    expect(await revokedIn(all)).toEqual([true, true])
    expect((await all.world.keyOf(other.id)).revokedAt).toBeNull()
  })
})

describe('while it stands open', () => {
  test('the ids are frozen: keys that come, and marks and cursors that move, change nothing', async () => {
    const all = await opened(['one', 'two'])
    await all.app.press('X')
    const { ids } = all.app.layer('dialog')
    await all.world.generate({ userId: 'ann', name: 'newer' })
    await all.app.look()
    expect(all.app.layer('dialog').ids).toBe(ids)
    expect(ids).toEqual([all.ids[1]])
  })

  test('a key that changed deadens y until Enter accepts, and then y does it', async () => {
    const all = await opened(['one'])
    await withReason(all)
    await all.app.press('tab')
    await all.world.change(disable, { ids: all.ids, reason: 'paused' })
    await all.app.look()
    expect(all.app.layer('dialog').changed).toBe('one was active and is disabled')
    await all.app.press('y', 'y')
    expect(changesOf(all.app)).toEqual([])
    await all.app.press('enter')
    expect(all.app.layer('dialog').changed).toBeNull()
    expect(all.app.layer('dialog').focus).toBe('cancel')
    await all.app.press('y')
    expect(await revokedIn(all)).toEqual([true])
  })

  test('a second change while the first is not accepted is told too, and accepted with it', async () => {
    const all = await opened(['one'])
    await withReason(all)
    await all.app.press('tab')
    await all.world.change(update, { key: all.ids[0] as string, name: 'renamed' })
    await all.app.look()
    await all.world.change(disable, { ids: all.ids, reason: 'paused' })
    await all.app.look()
    expect(all.app.layer('dialog').changed).toMatch(/disabled/)
    await all.app.press('enter', 'y')
    expect(await revokedIn(all)).toEqual([true])
  })

  test('a change that the app had not seen is refused, said, and asks for Enter', async () => {
    const all = await opened(['one'])
    await withReason(all)
    await all.app.press('tab')
    await all.world.change(update, { key: all.ids[0] as string, name: 'renamed' })
    await all.app.press('y')
    expect(await revokedIn(all)).toEqual([false])
    expect(all.app.layer('dialog').changed).toBe('one is now called renamed')
    await all.app.press('enter', 'y')
    expect(await revokedIn(all)).toEqual([true])
  })

  test('a key that is gone is told of', async () => {
    const all = await opened(['one'])
    await all.app.press('D')
    await all.world.change(revoke, { ids: all.ids, reason: 'gone' })
    all.world.clock.pass(2 * 86_400_000)
    await all.world.change(purge, { olderThanSeconds: '1d' })
    await all.app.look()
    expect(all.app.layer('dialog').changed).toBe('one is gone')
  })

  test('y before it is known what would stop does nothing', async () => {
    const { world, app } = await opened(['one'])
    // Not waited for: the answer is still to come.
    app.send({ on: 'press', press: pressNamed('X') })
    world.clock.pass(GUARD_MS)
    const send = (...names: readonly string[]): void => {
      for (const name of names) app.send({ on: 'press', press: pressNamed(name) })
    }
    send('w', 'tab', 'y')
    expect(app.layer('dialog').problem).toMatch(/still looking/)
    expect(changesOf(app)).toEqual([])
    await until('the facts are there', () => (app.state() as State).layers.some((layer) => layer.kind === 'dialog' && layer.facts !== null))
  })
})

test('ctrl-y copies the command line with the reason, and asks for the reason first', async () => {
  const all = await opened(['one'])
  await all.app.press('X')
  all.world.clock.pass(GUARD_MS)
  await all.app.press('ctrl-y')
  expect(all.app.copied).toEqual([])
  expect(all.app.layer('dialog').problem).toMatch(/type the reason first/)
  await all.app.type("it's over")
  await all.app.press('ctrl-y')
  expect(all.app.copied).toEqual([`keywright revoke ${all.ids[0]} --reason 'it'\\''s over'`])
})

test('D on a disabled key enables it, and asks for a reason as well', async () => {
  const all = await opened(['one'])
  await all.world.change(disable, { ids: all.ids, reason: 'paused' })
  await all.app.look()
  await all.app.press('D')
  all.world.clock.pass(GUARD_MS)
  expect(all.app.layer('dialog').title).toBe('Enable 1 key')
  await all.app.press('tab', 'y')
  expect(all.app.layer('dialog').problem).toMatch(/^a reason is required/)
  await all.app.type('go on')
  await all.app.press('tab', 'y')
  expect((await all.world.keyOf(all.ids[0] as string)).disabledAt).toBeNull()
})
