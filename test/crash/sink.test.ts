// Deaths and faults between the log and its sink: the next change brings the sink up to the log, and nothing of it is lost.

import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Child } from '../store/children.ts'
import { startChild } from '../store/children.ts'
import { linesOf, newPlace, openManagerAt, placeAt, until } from '../store/harness.ts'
import { inParallel } from '../store/processes.ts'
import { actions, expectProven } from '../store/story.ts'
import { lineIn, startReceiver } from '../store/syslog-receiver.ts'
import { copyFolder, scenarioOf, storedKeys } from './scenarios.ts'

const AT_ONCE = 2
const EDIT = 'an edit'
const CHANGE_ONCE = new URL('./change-once.ts', import.meta.url)

const changeOnce = (folder: string, name: string, auditSink: string, at: number, half: string): Child =>
  startChild(CHANGE_ONCE, { args: [folder, name, `${at}`, half], env: { KEYWRIGHT_AUDIT_SINK: auditSink } })

describe('a file sink', () => {
  test.each([EDIT, 'an edit behind a revocation that died half-way'])(
    '%s, killed at any of its calls: the sink is the log again after the next change',
    async (name) => {
      const scenario = scenarioOf(name)
      const { folder } = newPlace()
      const template = join(folder, 'template')
      mkdirSync(template, { mode: 0o700 })
      await scenario.prepare(template)
      let copies = 0
      const killed = async (at: number, half: string): Promise<readonly string[]> => {
        const place = placeAt(join(folder, `${++copies}`))
        copyFolder(template, place.folder)
        const path = join(place.folder, 'sink.log')
        const child = changeOnce(place.folder, name, `file:${path}`, at, half)
        const how = await child.ended
        if (how !== 'SIGKILL') await child.done()
        const sunk = existsSync(path) ? readFileSync(path, 'utf8') : ''
        // At no moment is anything at the sink that the log does not hold.
        expect(place.text(place.log).startsWith(sunk)).toBe(true)
        const manager = await openManagerAt(place, { auditSink: `file:${path}` })
        await manager.generateApiKey({ userId: 'next' })
        expect(readFileSync(path, 'utf8')).toBe(place.text(place.log))
        const isAcknowledged = child.lines[0] === 'acknowledged'
        expect(isAcknowledged ? [scenario.after] : [scenario.before, scenario.after]).toContain(scenario.state(storedKeys(place.folder)))
        await expectProven(manager)
        await manager.close()
        return isAcknowledged ? (child.lines[1] ?? '').split(' ') : []
      }
      const calls = await killed(0, '')
      expect(calls.filter((call) => call === 'datasync').length).toBeGreaterThan(2)
      const kills = calls.flatMap((call, index) => [
        { at: index + 1, half: '' },
        ...(call === 'write' ? [{ at: index + 1, half: 'half' }] : []),
      ])
      await inParallel(kills, AT_ONCE, async ({ at, half }) => {
        expect(await killed(at, half)).toEqual([])
      })
    },
  )

  test('an edit, each of its calls failing once: it is refused or done, and the sink is the log again after the next change', async () => {
    const { folder } = newPlace()
    const [template, copies] = [join(folder, 'template'), join(folder, 'copies')]
    for (const path of [template, copies]) mkdirSync(path, { mode: 0o700 })
    await scenarioOf(EDIT).prepare(template)
    const child = startChild(new URL('./fail-each.ts', import.meta.url), { args: [copies, template, EDIT, 'sink.log'] })
    const { tried, problems } = JSON.parse(await child.line()) as { tried: number; problems: readonly string[] }
    await child.done()
    expect(problems).toEqual([])
    expect(tried).toBeGreaterThan(100)
  })
})

describe('a syslog sink', () => {
  test('killed while the sink holds it up: the records go there before the next change, once', async () => {
    const place = newPlace()
    await scenarioOf(EDIT).prepare(place.folder)
    const path = join(place.folder, 'syslog')
    const first = await startReceiver({ path })
    const manager = await openManagerAt(place, { auditSink: first.address })
    await manager.generateApiKey({ userId: 'first' })
    await first.close()
    const deaf = await startReceiver({ path, isReading: false })
    const child = changeOnce(place.folder, EDIT, deaf.address, 0, '')
    await until('the record is on the log', () => actions(place).at(-1) === 'key.update')
    child.kill()
    expect(await child.ended).toBe('SIGKILL')
    await deaf.close()
    const second = await startReceiver({ path })
    await manager.generateApiKey({ userId: 'next' })
    expect(actions(place).slice(-3)).toEqual(['key.update', 'store.recover', 'key.generate'])
    expect([...first.messages, ...second.messages].map(lineIn)).toEqual(linesOf(place.text(place.log)))
    await expectProven(manager)
  })

  test('killed when the sink has its records: they come again before the next change, and what comes once is the log', async () => {
    const place = newPlace()
    await scenarioOf(EDIT).prepare(place.folder)
    const path = join(place.folder, 'syslog')
    let child: Child | null = null
    const receiver = await startReceiver({
      path,
      // The first connection brings what was before the change.
      onEnd: () => {
        if (receiver.messages.some((message) => message.includes('key.update'))) child?.kill()
      },
    })
    child = changeOnce(place.folder, EDIT, receiver.address, 0, '')
    expect(await child.ended).toBe('SIGKILL')
    child = null
    const manager = await openManagerAt(place, { auditSink: receiver.address })
    await manager.generateApiKey({ userId: 'next' })
    const lines = receiver.messages.map(lineIn)
    expect([...new Set(lines)]).toEqual(linesOf(place.text(place.log)))
    expect(lines.filter((line) => line.includes('key.update'))).toHaveLength(2)
    expect(actions(place).slice(-3)).toEqual(['key.update', 'store.recover', 'key.generate'])
    await expectProven(manager)
  })
})
