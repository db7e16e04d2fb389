// Forms: what is typed becomes the command's input, what is wrong is said where it is, and nothing typed is lost.

import { describe, expect, test } from 'vitest'
import { inputOfForm, textOfValue } from '../../../components/model/form.ts'
import { splitWords } from '../../../src/commands/as-command.ts'
import { disable } from '../../../src/commands/disable.ts'
import { generate } from '../../../src/commands/generate.ts'
import { revoke } from '../../../src/commands/revoke.ts'
import { rotate } from '../../../src/commands/rotate.ts'
import type { Field } from '../../../src/domain/field.ts'
import { isRefusal } from '../../../src/domain/refusal.ts'
import { grantable, harmlessTexts } from '../../domain/arbitraries.ts'
import { always, fc } from '../../domain/seed.ts'
import type { App, World } from '../app.ts'
import { openWorld } from '../app.ts'

const textIn = (app: App, name: string): string | undefined => app.layer('form').fields.find((field) => field.name === name)?.input.text
const focusOf = (app: App): string | undefined => app.layer('form').fields[app.layer('form').focus]?.name

/** Goes to a field by its name and types into it, in place of what is there. */
async function fill(app: App, name: string, text: string): Promise<void> {
  const { fields } = app.layer('form')
  if (!fields.some((field) => field.name === name)) throw new Error(`there is no field ${name}`)
  while (focusOf(app) !== name) await app.press('tab')
  await app.press('end', 'ctrl-u')
  await app.type(text)
}

async function withKey(): Promise<{ world: World; app: App; id: string }> {
  const world = openWorld()
  const { id } = await world.generate({
    userId: 'ann',
    name: 'api',
    environment: 'test',
    scopes: ['read:x'],
    tags: ['web', 'two words', `it's`],
    metadata: ['team=core'],
    rateLimits: ['5/1m', 'burst=10/1s'],
    allowedIps: ['10.0.0.0/8'],
    expiresAt: '90d',
  })
  return { world, app: await world.open(), id }
}

const changesOf = ({ effects }: App) => effects.flatMap((effect) => (effect.effect === 'change' ? [effect.input] : []))

describe('generate', () => {
  test('makes the key that was typed', async () => {
    const app = await openWorld().open()
    await app.press('n')
    await app.type('ann lee')
    await fill(app, 'name', 'api of two words')
    await fill(app, 'scopes', 'read:users write:*')
    await fill(app, 'expiresAt', '30d')
    await fill(app, 'rateLimits', '60/m burst=10/s')
    await fill(app, 'tags', `web "two words"`)
    await fill(app, 'metadata', 'team=core')
    while (focusOf(app) !== 'environment') await app.press('tab')
    await app.press('space', 'enter')
    const { shortId } = app.layer('reveal')
    const key = await app.world.store.findKey({ by: 'secret', shortId, proves: null, name: shortId })
    expect(key).toMatchObject({
      userId: 'ann lee',
      name: 'api of two words',
      environment: 'test',
      scopes: ['read:users', 'write:*'],
      tags: ['two words', 'web'],
      metadata: { team: 'core' },
      rateLimits: [
        { name: 'default', limit: 60, windowSeconds: 60 },
        { name: 'burst', limit: 10, windowSeconds: 1 },
      ],
    })
    expect(Date.parse(key?.expiresAt ?? '') - app.world.clock.now()).toBe(30 * 86_400_000)
  })

  test('begins on the owner, and on the name where the owner is in hand: from Users, a key or a filter to one owner', async () => {
    const { app } = await withKey()
    const begins = async (...way: readonly string[]): Promise<[string | undefined, string | undefined]> => {
      await app.press(...way, 'n')
      const beginning: [string | undefined, string | undefined] = [focusOf(app), textIn(app, 'userId')]
      await app.press('esc', '1')
      return beginning
    }
    expect(await begins()).toEqual(['userId', ''])
    expect(await begins('2')).toEqual(['name', 'ann'])
    expect(await begins('enter')).toEqual(['name', 'ann'])
    await app.press('/')
    await app.type('user:bob')
    expect(await begins('enter')).toEqual(['name', 'bob'])
  })

  test('with a template is filled in from it, and emptied again by none', async () => {
    const { app } = await withKey()
    await app.press('n', 'shift-tab')
    expect(app.layer('form').fields[app.layer('form').focus]?.choices[0]).toBe('none')
    await app.type('w')
    expect([textIn(app, 'expiresAt'), textIn(app, 'tags'), textIn(app, 'rateLimits')]).toEqual(['30d', 'web', '60/1m'])
    await app.type('n')
    expect([textIn(app, 'expiresAt'), textIn(app, 'tags'), textIn(app, 'rateLimits')]).toEqual(['never', '', ''])
    await app.type('s')
    expect([textIn(app, 'expiresAt'), textIn(app, 'scopes')]).toEqual(['90d', 'read:x'])
    expect(splitWords(textIn(app, 'tags') ?? '')).toEqual(["it's", 'two words', 'web'])
  })

  test('completes owners that are known', async () => {
    const { app } = await withKey()
    await app.press('n')
    await app.type('a')
    await app.press('right')
    expect(textIn(app, 'userId')).toBe('ann')
  })
})

describe('what is wrong', () => {
  test('is said beside its field as it is typed, and Enter puts the focus on the first of them', async () => {
    const app = await openWorld().open()
    await app.press('n')
    await app.type('ann')
    await fill(app, 'scopes', 'read:x nonsense!')
    await fill(app, 'expiresAt', 'soon')
    expect(
      app
        .layer('form')
        .fields.filter(({ problem }) => problem !== null)
        .map(({ name }) => name),
    ).toEqual(['scopes', 'expiresAt'])
    await app.press('enter')
    expect(focusOf(app)).toBe('scopes')
    expect(changesOf(app)).toEqual([])
    await app.press('ctrl-w', 'tab', 'ctrl-u', 'enter')
    expect(app.layer('reveal').owner).toMatch(/of ann$/)
  })

  test('with what is missing too', async () => {
    const app = await openWorld().open()
    await app.press('n', 'tab')
    await app.type('api')
    await app.press('enter')
    expect(focusOf(app)).toBe('userId')
    expect(app.layer('form').fields[app.layer('form').focus]?.problem).toMatch(/missing/)
  })

  test('and what the command alone finds, at the field that it names', async () => {
    const { app } = await withKey()
    await app.press('e')
    await fill(app, 'notBefore', '2099-01-01')
    await app.press('enter')
    expect(['notBefore', 'expiresAt']).toContain(focusOf(app))
    expect(app.layer('form').isBusy).toBe(false)
    expect(app.layer('form').fields[app.layer('form').focus]?.problem).toMatch(/./)
  })
})

describe('what was typed', () => {
  test('is kept when the form is left, comes back, and is gone once it was used', async () => {
    const app = await openWorld().open()
    await app.press('n')
    await app.type('ann')
    await fill(app, 'tags', 'half a th')
    await app.press('esc', 'n')
    expect([textIn(app, 'userId'), textIn(app, 'tags')]).toEqual(['ann', 'half a th'])
    await app.press('enter', 'c', 'esc', 'n')
    expect([textIn(app, 'userId'), textIn(app, 'tags')]).toEqual(['', ''])
  })

  test('for one key is not offered for another', async () => {
    const { world, app } = await withKey()
    await world.generate({ userId: 'ann', name: 'other', environment: 'test' })
    await app.look()
    await app.press('g', 'e')
    await fill(app, 'name', 'half')
    const { keyId } = app.layer('form')
    await app.press('esc', 'j', 'e')
    expect(app.layer('form').keyId).not.toBe(keyId)
    expect(textIn(app, 'name')).not.toBe('half')
  })

  test('as a token is kept nowhere, and is drawn as dots', async () => {
    const world = openWorld()
    const { token } = await world.generate({ userId: 'ann', name: 'api' })
    const app = await world.open()
    await app.press(':')
    await app.type('validate')
    await app.press('enter')
    await app.type(token)
    await app.press('esc')
    expect([...app.state().drafts.keys()]).toEqual([])
    expect(JSON.stringify(app.state(), (_, value) => (value instanceof Map ? [...value] : value))).not.toContain(token.slice(-20))
  })
})

describe('an edit', () => {
  test('gives only what differs', async () => {
    const { app, id } = await withKey()
    await app.press('e')
    await fill(app, 'name', 'renamed')
    await app.press('enter')
    expect(changesOf(app)).toEqual([{ key: { by: 'id', id, name: id }, name: 'renamed' }])
  })

  test('empties a field that was emptied', async () => {
    const { world, app, id } = await withKey()
    await app.press('e')
    await fill(app, 'tags', '')
    await fill(app, 'expiresAt', 'never')
    await app.press('enter')
    expect(await world.keyOf(id)).toMatchObject({ tags: [], expiresAt: null, name: 'api', allowedIps: ['10.0.0.0/8'] })
  })

  test('that was undone by hand is none of that field', async () => {
    const { app, id } = await withKey()
    await app.press('e')
    await fill(app, 'name', 'x')
    await fill(app, 'name', 'api')
    const input = inputOfForm(app.layer('form'))
    expect(input).toEqual({ key: { by: 'id', id, name: id } })
  })

  test('of a key that changed meanwhile is told, not made, until Enter is pressed again', async () => {
    const { world, app, id } = await withKey()
    await app.press('e')
    await fill(app, 'name', 'renamed')
    await world.change(disable, { ids: id, reason: 'paused' })
    await app.press('enter')
    expect((await world.keyOf(id)).name).toBe('api')
    expect(app.layer('form').changed).toMatch(/^changed meanwhile: api is disabled/)
    expect(textIn(app, 'name')).toBe('renamed')
    await app.press('enter')
    expect((await world.keyOf(id)).name).toBe('renamed')
  })

  test('under which a key changes says so at once', async () => {
    const { world, app, id } = await withKey()
    await app.press('e')
    await world.change(revoke, { ids: id, reason: 'gone' })
    await app.look()
    expect(app.layer('form').changed).toMatch(/is revoked/)
  })

  test('ctrl-y copies the command that would do the same', async () => {
    const { app, id } = await withKey()
    await app.press('e')
    await fill(app, 'name', 'a new name')
    await fill(app, 'tags', '')
    await app.press('ctrl-y')
    expect(app.copied).toEqual([`keywright update ${id} --name 'a new name' --clear tag`])
    expect(app.state().layers).toHaveLength(1)
  })
})

describe('other forms', () => {
  test('rotate has a grace of 24 h and gives the new secret', async () => {
    const { world, app, id } = await withKey()
    await app.press('R')
    expect(textIn(app, 'graceSeconds')).toBe('24h')
    await app.press('enter')
    const { secrets } = await world.keyOf(id)
    expect(app.layer('reveal').shortId).toBe(secrets[0]?.shortId)
    expect(Date.parse(secrets[1]?.notAfter ?? '') - world.clock.now()).toBe(86_400_000)
  })

  test('overlap extends or ends', async () => {
    const { world, app, id } = await withKey()
    await world.change(rotate, { key: id })
    await app.look()
    await app.press('O')
    expect(textIn(app, 'overlap')).toBe('extend')
    await app.press('space', 'enter')
    expect((await world.keyOf(id)).secrets[1]?.retiredReason).toBe('grace-ended')
  })

  test('in a read-only app none opens, and the reason is told', async () => {
    const world = openWorld()
    await world.generate({ userId: 'ann', name: 'api' })
    const app = await world.open({ setting: { isReadOnly: true } })
    for (const key of ['n', 'R', 'e', 'S', 'X', 'D']) {
      await app.press(key)
      expect(app.state().layers, key).toEqual([])
      expect(app.state().toast?.text).toBe('the app is open read-only')
    }
  })
})

describe('texts and values', () => {
  const back = (field: Field, value: unknown): unknown => {
    const text = textOfValue(field, value)
    const parsed = field.kind.fromTexts(field.kind.isList ? splitWords(text) : [text])
    return 'problem' in parsed ? parsed : parsed.value
  }
  /** A text with both kinds of quotes can't be written into a field of several. */
  const writable = harmlessTexts.filter((text) => !(text.includes("'") && text.includes('"')))
  const quotes = fc.string({ unit: fc.constantFrom('a', "'", ' ', '=', '-'), minLength: 1, maxLength: 8 })

  test('a value that is written into a field is read out of it again', () => {
    const { fields } = generate
    const values: readonly (readonly [Field, fc.Arbitrary<unknown>])[] = [
      [fields.tags, fc.uniqueArray(fc.oneof(writable, quotes), { maxLength: 4 }).map((tags) => tags.sort())],
      [fields.scopes, fc.uniqueArray(grantable, { maxLength: 4 }).map((scopes) => scopes.sort())],
      [fields.metadata, fc.dictionary(fc.constantFrom('a', 'b c', "d'e"), fc.oneof(writable, quotes), { maxKeys: 3 })],
      [
        fields.rateLimits,
        fc.constantFrom([], [{ name: 'default', limit: 5, windowSeconds: 90 }], [{ name: 'burst', limit: 10, windowSeconds: 86_400 }]),
      ],
    ]
    for (const [field, value] of values) always(value, (one) => expect(back(field as Field, one)).toEqual(one), 200)
  })

  test('an edit that changes nothing has no input but its key, whatever the key holds', async () => {
    const { world, app } = await withKey()
    const tags = fc.sample(writable, { numRuns: 20, seed: 20261123 })
    for (const tag of tags) {
      world.clock.pass(1000)
      const { id } = await world.generate({ userId: 'ann', name: tag, tags: [tag, 'x'], metadata: [`k=${tag}`] })
      await app.look()
      await app.press('g', 'e')
      expect(app.layer('form').keyId).toBe(id)
      const input = inputOfForm(app.layer('form'))
      expect(isRefusal(input) ? input.message : Object.keys(input)).toEqual(['key'])
      await app.press('esc')
    }
  })
})
