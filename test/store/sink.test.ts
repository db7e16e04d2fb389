// The sink of the audit log: it gets every record, and where it can't take one nothing is changed.

import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { finishedSegments } from '../../store/log/segments.ts'
import { SINK_WAIT_MS } from '../../store/sink/feed.ts'
import { startChild } from './children.ts'
import type { Place } from './harness.ts'
import { ACTOR, errorOf, expectCode, linesOf, newPlace, openManagerAt, openStoreAt } from './harness.ts'
import { actions, cutLog, expectProven } from './story.ts'
import { lineIn, startReceiver } from './syslog-receiver.ts'

/** A file sink in a folder of its own beside the store. */
function sinkOf({ folder }: Place): { path: string; auditSink: string; make: () => void; text: () => string } {
  const path = join(folder, 'other', 'sink.log')
  return { path, auditSink: `file:${path}`, make: () => mkdirSync(join(folder, 'other')), text: () => readFileSync(path, 'utf8') }
}

const wholeLog = ({ log, text }: Place): string => [...finishedSegments(log), log].map((path) => text(path)).join('')

describe('a file sink', () => {
  test('four processes that change: it holds every record once and in order, byte for byte, across segments; the environment names it', async () => {
    const place = newPlace()
    const sink = sinkOf(place)
    sink.make()
    writeFileSync(join(place.folder, 'keywright.config.json'), '{"segmentBytes":4096,"auditSink":"file:/nowhere/at/all"}')
    const manager = await openManagerAt(place, { auditSink: sink.auditSink })
    const { key, token } = await manager.generateApiKey({ userId: 'ann' })
    const env = { KEYWRIGHT_AUDIT_SINK: sink.auditSink }
    const children = ['a', 'b', 'c', 'd'].map((name) =>
      startChild(new URL('../race/change-store.ts', import.meta.url), { args: [place.keys, name, '20', key.id], env }),
    )
    for (const child of children) expect(await child.line()).toBe('ready')
    for (const child of children) child.say('go')
    await Promise.all(children.map((child) => child.done()))
    await manager.validateApiKey(token)
    await manager.flush()
    expect(sink.text()).toBe(wholeLog(place))
    const held = linesOf(sink.text()).map((line) => (JSON.parse(line) as { action: string }).action)
    expect(held.filter((action) => action === 'key.scope.add')).toHaveLength(80)
    expect(held).toContain('log.segment')
    expect(held).toContain('validate.first-use')
    expect(statSync(sink.path).mode & 0o777).toBe(0o600)
    await expectProven(manager)
  })

  test('that is not there refuses every change, and says which sink it is; nothing is written until it is there', async () => {
    const place = newPlace()
    const sink = sinkOf(place)
    writeFileSync(join(place.folder, 'keywright.config.json'), JSON.stringify({ auditSink: sink.auditSink }))
    const manager = await openManagerAt(place)
    const error = await expectCode(manager.generateApiKey({ userId: 'ann' }), 'AUDIT_UNAVAILABLE')
    expect(error.message).toContain(`the audit sink ${sink.auditSink} failed: it does not exist`)
    expect(error.hint).toContain('KEYWRIGHT_AUDIT_SINK')
    expect(place.files()).not.toContain('keys.json')
    expect(place.files().filter((file) => file.endsWith('.log'))).toEqual([])
    sink.make()
    await manager.generateApiKey({ userId: 'ann' })
    expect(sink.text()).toBe(wholeLog(place))
  })

  test('on a full disk refuses the change: it is rolled back, once, and a sink that is sound then gets both records', async () => {
    const place = newPlace()
    const manager = await openManagerAt(place, { auditSink: 'file:/dev/full' })
    const error = await expectCode(manager.generateApiKey({ userId: 'ann' }), 'AUDIT_UNAVAILABLE')
    expect(error.message).toContain('the disk is full (ENOSPC); nothing was changed')
    expect(error.hint).toContain('mend the sink')
    await expectCode(manager.generateApiKey({ userId: 'ann' }), 'AUDIT_UNAVAILABLE')
    expect((await manager.listApiKeys()).total).toBe(0)
    expect(actions(place)).toEqual(['key.generate', 'store.rollback'])
    const sink = sinkOf(place)
    sink.make()
    const sound = await openManagerAt(place, { auditSink: sink.auditSink })
    await sound.generateApiKey({ userId: 'bob' })
    expect(actions(place)).toEqual(['key.generate', 'store.rollback', 'key.generate'])
    expect(sink.text()).toBe(wholeLog(place))
    await expectProven(sound)
  })

  test('that fails leaves verdicts as they are; counts are written and recorded once, and go there with the next change', async () => {
    const place = newPlace()
    const sink = sinkOf(place)
    sink.make()
    const warnings: string[] = []
    const onWarning = ({ code }: { code: string }): void => void warnings.push(code)
    const manager = await openManagerAt(place, { auditSink: sink.auditSink, flushIntervalMs: 60_000, onWarning })
    const { token } = await manager.generateApiKey({ userId: 'ann' })
    rmSync(join(place.folder, 'other'), { recursive: true })
    expect(await manager.validateApiKey(token)).toMatchObject({ code: 'VALID' })
    await manager.flush()
    expect(warnings.join()).toContain('SINK_BEHIND')
    expect(await manager.validateApiKey(token)).toMatchObject({ code: 'VALID' })
    await expectCode(manager.generateApiKey({ userId: 'bob' }), 'AUDIT_UNAVAILABLE')
    sink.make()
    await manager.flush()
    await manager.generateApiKey({ userId: 'bob' })
    const reader = await openManagerAt(place, { readOnly: true })
    expect((await reader.getUsageStats()).usageCount).toBe(2)
    expect(actions(place)).toEqual(['key.generate', 'validate.first-use', 'key.generate'])
    expect(sink.text()).toBe(wholeLog(place))
  })

  test('holds what a log that was put back does not: no change is possible until its file is moved away', async () => {
    const place = newPlace()
    const sink = sinkOf(place)
    sink.make()
    const manager = await openManagerAt(place, { auditSink: sink.auditSink })
    await manager.generateApiKey({ userId: 'ann' })
    const before = [place.keys, place.log].map((path) => [path, place.text(path)] as const)
    await manager.generateApiKey({ userId: 'eve' })
    await manager.close()
    for (const [path, text] of before) writeFileSync(path, text)
    const again = await openManagerAt(place, { auditSink: sink.auditSink })
    const error = await expectCode(again.generateApiKey({ userId: 'bob' }), 'AUDIT_UNAVAILABLE')
    expect(error.message).toContain(`${sink.auditSink} holds a record of seq 2 that the log ${place.log} does not`)
    expect(error.hint).toContain("move the sink's file away")
    expect(place.text(place.log)).toBe(before[1]?.[1])
    renameSync(sink.path, `${sink.path}.kept`)
    await again.generateApiKey({ userId: 'bob' })
    expect(sink.text()).toBe(wholeLog(place))
  })

  test('holds what a log does not that was put back long after a loss was accepted: the old loss explains nothing', async () => {
    const place = newPlace()
    const sink = sinkOf(place)
    sink.make()
    const manager = await openManagerAt(place, { auditSink: sink.auditSink })
    for (const userId of ['ann', 'bob', 'eve']) await manager.generateApiKey({ userId })
    await manager.close()
    cutLog(place, 2)
    await (await openStoreAt(place, { auditSink: sink.auditSink })).audit.acceptLoss(ACTOR, 'the disk failed')
    const later = await openManagerAt(place, { auditSink: sink.auditSink })
    for (const userId of ['fay', 'gil']) await later.generateApiKey({ userId })
    const before = [place.keys, place.log].map((path) => [path, place.text(path)] as const)
    await later.generateApiKey({ userId: 'hal' })
    await later.close()
    const held = sink.text()
    for (const [path, text] of before) writeFileSync(path, text)
    rmSync(place.usage, { force: true })
    const again = await openManagerAt(place, { auditSink: sink.auditSink })
    const error = await expectCode(again.generateApiKey({ userId: 'ivy' }), 'AUDIT_UNAVAILABLE')
    expect(error.message).toContain('that the log')
    expect(sink.text()).toBe(held)
  })

  test('that another process still writes to, which gave it up, refuses until that has ended', async () => {
    const place = newPlace()
    const sink = sinkOf(place)
    sink.make()
    const manager = await openManagerAt(place, { auditSink: sink.auditSink })
    await manager.generateApiKey({ userId: 'ann' })
    const late = startChild(new URL('./hold-lock.ts', import.meta.url), { args: [sink.path] })
    expect(await late.line()).toBe('held')
    const error = await expectCode(manager.generateApiKey({ userId: 'bob' }), 'AUDIT_UNAVAILABLE')
    expect(error.message).toContain('another process has not ended writing to it')
    late.kill()
    await late.done().catch(() => undefined)
    writeFileSync(sink.path, place.text(place.log).slice(0, place.text(place.log).indexOf('\n') + 1))
    await manager.generateApiKey({ userId: 'bob' })
    expect(sink.text()).toBe(wholeLog(place))
  })

  test('keeps what the log lost, and goes on with the record of the accepted loss', async () => {
    const place = newPlace()
    const sink = sinkOf(place)
    sink.make()
    const manager = await openManagerAt(place, { auditSink: sink.auditSink })
    for (const userId of ['ann', 'bob', 'eve']) await manager.generateApiKey({ userId })
    const held = sink.text()
    cutLog(place, 2)
    await expectCode(manager.generateApiKey({ userId: 'bob' }), 'AUDIT_BROKEN')
    const store = await openStoreAt(place, { auditSink: sink.auditSink })
    await store.audit.acceptLoss(ACTOR, 'the disk failed')
    expect(linesOf(sink.text()).at(-1)).toContain('audit.accept-loss')
    await manager.generateApiKey({ userId: 'zoe' })
    expect(sink.text()).toBe(held + linesOf(place.text(place.log)).slice(1).join('\n').concat('\n'))
    await expectProven(manager)
  })

  test('whose last line is none of ours, or that is no file, is written no more', async () => {
    const place = newPlace()
    const sink = sinkOf(place)
    sink.make()
    const manager = await openManagerAt(place, { auditSink: sink.auditSink })
    for (const text of ['a diary\n', 'a diary']) {
      writeFileSync(sink.path, text)
      await expectCode(manager.generateApiKey({ userId: 'ann' }), 'AUDIT_UNAVAILABLE')
      expect(sink.text()).toBe(text)
    }
    await expectCode(openManagerAt(place, { auditSink: 'sink.log' }), 'INVALID_INPUT')
  })
})

describe('a syslog sink', () => {
  test.each(['unix', 'tcp'])('over %s gets each record as one message of RFC 5424, facility 13, severity 5', async (kind) => {
    const place = newPlace()
    const receiver = await startReceiver(kind === 'unix' ? { path: join(place.folder, 'syslog') } : {})
    const [manager, other] = [await openManagerAt(place), await openManagerAt(place, { auditSink: receiver.address })]
    const { key } = await manager.generateApiKey({ userId: 'ann' })
    // One that is new gets what was before it too; one that others did not use is brought up to the log.
    for (const one of [other, manager, other]) await one.addScopeToKey(key.id, `s${place.records().length}`)
    expect(receiver.messages.map(lineIn)).toEqual(linesOf(place.text(place.log)))
    const records = place.records()
    receiver.messages.forEach((message, index) => {
      const { at, actor, action } = records[index] ?? {}
      expect(message.startsWith(`<109>1 ${at} ${actor?.host} keywright - ${action} - {`)).toBe(true)
    })
    expect(place.files().filter((file) => file.includes('sink'))).toEqual([expect.stringMatching(/^keys\.sink-[0-9a-f]{8}\.json$/)])
  })

  test('that nobody listens at, or that stops reading, refuses within the bound; another then gets everything', async () => {
    const place = newPlace()
    const path = join(place.folder, 'syslog')
    const manager = await openManagerAt(place, { auditSink: `unix:${path}` })
    expect((await errorOf(manager.generateApiKey({ userId: 'ann' }))).message).toContain(`unix:${path} failed: it does not exist`)
    const deaf = await startReceiver({ path, isReading: false })
    const began = performance.now()
    const error = await expectCode(manager.generateApiKey({ userId: 'ann' }), 'AUDIT_UNAVAILABLE')
    expect(performance.now() - began).toBeLessThan(2 * SINK_WAIT_MS)
    expect(error.message).toContain('it did not take the records within 5 s')
    expect((await manager.listApiKeys()).total).toBe(0)
    await deaf.close()
    const receiver = await startReceiver({ path })
    await manager.generateApiKey({ userId: 'ann' })
    expect(actions(place)).toEqual(['key.generate', 'store.rollback', 'key.generate'])
    expect(receiver.messages.map(lineIn)).toEqual(linesOf(place.text(place.log)))
    await expectProven(manager)
  })
})
