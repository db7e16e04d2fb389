// `y` copies the command line that shows what the page shows: the command line takes it, and finds the same keys and records.

import { describe, expect, test } from 'vitest'
import { parseArguments } from '../../../src/cli/arguments.ts'
import { splitWords } from '../../../src/commands/as-command.ts'
import type { ReadCommand } from '../../../src/commands/command.ts'
import { revoke } from '../../../src/commands/revoke.ts'
import type { AuditRecord } from '../../../src/domain/audit.ts'
import { inputFromTexts } from '../../../src/domain/field.ts'
import { accepted } from '../../../src/domain/refusal.ts'
import type { App } from '../app.ts'
import { openWorld } from '../app.ts'

async function opened(storeFlag: string | null = null): Promise<{ app: App; ids: string[] }> {
  const world = openWorld()
  const ids: string[] = []
  for (const [userId, name, tags] of [
    ['ann', 'api', ['web']],
    ['Ann Lee', 'batch', ['two words']],
    ['bob', 'api', []],
  ] as const) {
    world.clock.pass(1000)
    ids.push((await world.generate({ userId, name, environment: 'test', ...(tags.length === 0 ? {} : { tags }), scopes: ['read:x'] })).id)
  }
  await world.change(revoke, { ids: ids[0] as string, reason: 'gone' })
  return { app: await world.open({ setting: { storeFlag } }), ids }
}

async function copied(app: App, ...way: readonly string[]): Promise<string> {
  await app.press(...way, 'y')
  return app.copied.at(-1) ?? ''
}

async function filtered(app: App, filter: string): Promise<void> {
  await app.press('/')
  await app.type(filter)
  await app.press('enter')
}

/** What the command line answers to a line. */
async function answerOf(app: App, line: string): Promise<unknown> {
  const { command, texts } = accepted(parseArguments(splitWords(line).slice(1)))
  if (command === null) throw new Error(`no command in ${line}`)
  const input = accepted(inputFromTexts(command.fields, texts))
  return app.world.manager.read(command as unknown as ReadCommand, input as never)
}

describe('each page has its line', () => {
  test('in the default store', async () => {
    const { app, ids } = await opened()
    expect(await copied(app)).toBe('keywright list')
    expect(app.state().toast?.text).toBe('keywright list')
    expect(await copied(app, 'l', 's')).toBe('keywright list --sort name')
    expect(await copied(app, '2')).toBe('keywright users')
    expect(await copied(app, '3')).toBe('keywright stats --window 1h')
    expect(await copied(app, 'w')).toBe('keywright stats --window 24h')
    expect(await copied(app, '4')).toBe('keywright audit list')
    expect(await copied(app, '5')).toBe('keywright hygiene')
    expect(await copied(app, '2', 'u')).toBe("keywright stats --user 'Ann Lee' --window 1h")
    await app.press('1')
    await filtered(app, 'user:bob')
    expect(await copied(app, 'enter')).toBe(`keywright show ${ids[2]}`)
    expect(await copied(app, 'u')).toBe(`keywright stats --id ${ids[2]} --window 1h`)
  })

  test('and names another store', async () => {
    const { app } = await opened('/srv/our keys.json')
    expect(await copied(app)).toBe("keywright list --store '/srv/our keys.json'")
  })
})

test('the line of a filtered list finds the keys that are shown, in their order', async () => {
  for (const filter of [
    'user:"Ann Lee"',
    'status:revoked',
    'tag:"two words"',
    'api user:bob',
    'scope:read:x',
    'ann',
    'idle>1s',
    'expires<7d',
  ]) {
    const { app } = await opened()
    app.world.clock.pass(5000)
    await app.look()
    await filtered(app, filter)
    const shown = app.page('keys').list.rows.map(({ id }) => id)
    const { keys } = (await answerOf(app, await copied(app))) as { keys: { id: string }[] }
    expect(
      keys.map(({ id }) => id),
      filter,
    ).toEqual(shown)
  }
})

test('the line of a filtered log finds the records that are shown', async () => {
  for (const filter of ['action:key.revoke', 'user:bob', 'actor:tester', 'since:1h', 'until:1h']) {
    const { app } = await opened()
    await app.press('4')
    await filtered(app, filter)
    const shown = app.page('audit').list.rows.map(({ id }) => Number(id))
    const seqs: number[] = []
    for await (const { seq } of (await answerOf(app, await copied(app))) as AsyncIterable<AuditRecord>) seqs.push(seq)
    expect(seqs, filter).toEqual(shown)
  }
})
