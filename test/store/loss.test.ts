// Where log and store can't be brought together: no change until an operator accepts the loss; then the proof begins anew.

import { rmSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { GENESIS_HASH, sha256 } from '../../src/domain/audit.ts'
import { PLAIN_HASHING } from '../../src/domain/hashing.ts'
import type { ApiKeyManager } from '../../src/index.ts'
import { pathsOf } from '../../store/json/paths.ts'
import { openJsonStore } from '../../store/json/store.ts'
import type { Place } from './harness.ts'
import { ACTOR, expectCode, linesOf, manualClock, newKey, newPlace, openManagerAt, openStoreAt, put, refTo, seededDraw } from './harness.ts'
import type { Step, Story } from './story.ts'
import { actions, cutLog, expectProven, keyLines, lastRecord, putBack, tell } from './story.ts'

let token = ''
const generate =
  (userId: string): Step =>
  async (manager) => {
    ;({ token } = await manager.generateApiKey({ userId }))
  }
const FOUR = ['ann', 'bob', 'cyd', 'dan'].map(generate)
const change = (manager: ApiKeyManager) => manager.generateApiKey({ userId: 'zoe' })

/** Spoils one record's line. */
const spoil = (place: Place, seq: number, edit: (line: string) => string): void =>
  writeFileSync(
    place.log,
    place
      .text(place.log)
      .split('\n')
      .map((line, index) => (index === seq - 1 ? edit(line) : line))
      .join('\n'),
  )
const forged = (line: string): string => line.replace('"done"', '"dome"')

interface Broken {
  readonly break: (story: Story) => void
  /** What the verification says, and the loss that is accepted. */
  readonly firstBad: number | null
  readonly loss: { readonly lostFrom: number | null; readonly lostTo: number | null; readonly seq: number }
  /** Whether a change notices, and not only a verification. */
  readonly isRefused: boolean
}

const cases: Record<string, Broken> = {
  'the last record was cut off': {
    break: ({ place }) => cutLog(place, 1),
    firstBad: 4,
    loss: { lostFrom: 4, lostTo: 4, seq: 4 },
    isRefused: true,
  },
  'the last two records were cut off': {
    break: ({ place }) => cutLog(place, 2),
    firstBad: 3,
    loss: { lostFrom: 3, lostTo: 4, seq: 3 },
    isRefused: true,
  },
  'the log is gone': {
    break: ({ place }) => rmSync(place.log),
    firstBad: 1,
    loss: { lostFrom: 1, lostTo: 4, seq: 1 },
    isRefused: true,
  },
  'the log is empty': {
    break: ({ place }) => writeFileSync(place.log, ''),
    firstBad: 1,
    loss: { lostFrom: 1, lostTo: 4, seq: 1 },
    isRefused: true,
  },
  'keys.json is one of two commits before': {
    break: ({ place, versions }) => putBack(place, versions.at(-3) ?? ''),
    firstBad: null,
    loss: { lostFrom: null, lostTo: null, seq: 5 },
    isRefused: true,
  },
  'keys.json is gone': {
    break: ({ place }) => putBack(place, ''),
    firstBad: null,
    loss: { lostFrom: null, lostTo: null, seq: 5 },
    isRefused: true,
  },
  'a record in the middle was changed': {
    break: ({ place }) => spoil(place, 2, forged),
    firstBad: 2,
    loss: { lostFrom: 2, lostTo: 2, seq: 5 },
    isRefused: false,
  },
  'the last record was changed': {
    break: ({ place }) => spoil(place, 4, forged),
    firstBad: 4,
    loss: { lostFrom: 4, lostTo: 4, seq: 4 },
    isRefused: true,
  },
  'the last line is something else': {
    break: ({ place }) => spoil(place, 4, () => 'scribbled'),
    firstBad: 4,
    loss: { lostFrom: 4, lostTo: 4, seq: 4 },
    isRefused: true,
  },
  'a record in the middle is missing': {
    break: ({ place }) => {
      writeFileSync(
        place.log,
        linesOf(place.text(place.log))
          .toSpliced(1, 1)
          .map((line) => `${line}\n`)
          .join(''),
      )
    },
    firstBad: 2,
    loss: { lostFrom: 2, lostTo: 2, seq: 5 },
    isRefused: false,
  },
}

describe.each(Object.entries(cases))('%s', (_, { break: doBreak, firstBad, loss, isRefused }) => {
  test('it is proven; verification and lists go on; what notices refuses every change', async () => {
    const story = await tell(FOUR)
    const { place } = story
    doBreak(story)
    const keys = place.files().includes('keys.json') ? place.text() : null
    const manager = await openManagerAt(place)
    expect(await manager.verifyAudit()).toMatchObject({ ok: false, firstBad })
    expect((await manager.validateApiKey(token, { peek: true })).code).toBe(keys?.includes('"dan"') === true ? 'VALID' : 'NOT_FOUND')
    expect((await manager.listApiKeys()).total).toBe(keyLines(keys ?? '').length)
    if (isRefused) {
      await expectCode(change(manager), 'AUDIT_BROKEN')
      await expectCode(change(manager), 'AUDIT_BROKEN')
      expect(place.files().includes('keys.json') ? place.text() : null).toBe(keys)
    } else await change(manager)
  })

  test('accepted, the store goes on, and the proof begins anew', async () => {
    const story = await tell(FOUR)
    const { place } = story
    doBreak(story)
    const store = await openStoreAt(place)
    const before = place.files().includes('logs/security-audit.log') ? place.records() : []
    expect(await store.audit.acceptLoss(ACTOR, 'restored')).toEqual(loss)
    const { keys, digest, lostFrom, lostTo } = lastRecord(place, 'audit.accept-loss')?.after ?? {}
    const lines = keyLines(place.text())
    expect({ keys, digest, lostFrom, lostTo }).toEqual({
      keys: lines.length,
      digest: sha256(lines.join('\n')),
      lostFrom: loss.lostFrom,
      lostTo: loss.lostTo,
    })
    const record = lastRecord(place, 'audit.accept-loss')
    expect(record).toMatchObject({ seq: loss.seq, reason: 'restored', base: null })
    expect(record?.prev).toBe(loss.seq === 1 ? GENESIS_HASH : before.find(({ seq }) => seq === loss.seq - 1)?.hash)
    const manager = await openManagerAt(place)
    expect((await expectProven(manager)).notes.join()).toContain('loss accepted')
    const { key } = await change(manager)
    await manager.updateApiKey(key.id, { name: 'goes on' })
    await expectProven(manager)
    await manager.close()
    writeFileSync(place.keys, place.text().replace('goes on', 'by hand'))
    const report = await (await openManagerAt(place)).verifyAudit()
    expect(report).toMatchObject({ ok: false, problems: [{ keyId: key.id }] })
  })
})

describe('what is lost', () => {
  test('an older keys.json that is put in place between settling and deciding: nothing is decided on it unseen', async () => {
    const place = newPlace()
    const clock = manualClock()
    const [ann, bob, cyd] = [newKey().key, newKey().key, newKey().key]
    await put(await openStoreAt(place, { clock }), ann)
    const older = place.text()
    await put(await openStoreAt(place, { clock }), bob, cyd)
    // The sink is the last that is asked while a store is settled.
    const bring = async (): Promise<void> => {
      putBack(place, older)
      clock.pass(1000)
      await store.findKey(refTo(ann))
    }
    const store = await openJsonStore({
      hashing: PLAIN_HASHING,
      settings: {},
      paths: pathsOf(place.keys, undefined),
      sink: { bring, offer: bring },
      brand: undefined,
      isReadOnly: false,
      isInsecureAllowed: false,
      actor: ACTOR,
      auditKeys: { signing: undefined, public: undefined },
      clocks: clock.clocks,
      draw: seededDraw('meanwhile'),
      pid: process.pid,
      warn: () => undefined,
    })
    await expectCode(put(store, newKey().key), 'AUDIT_BROKEN')
    expect(place.text()).toBe(older)
    expect(actions(place)).toHaveLength(3)
    await store.close()
  })

  test('a loss of a log whose counts were flushed behind the last change is found and can be accepted', async () => {
    const { place } = await tell([...FOUR, (manager) => manager.validateApiKey(token), (manager) => manager.flush()])
    expect(actions(place).at(-1)).toBe('validate.first-use')
    cutLog(place, 1)
    const manager = await openManagerAt(place)
    expect(await manager.verifyAudit()).toMatchObject({ ok: false, firstBad: 5 })
    await expectCode(change(manager), 'AUDIT_BROKEN')
    await (await openStoreAt(place)).audit.acceptLoss(ACTOR, 'gone')
    await change(manager)
    await expectProven(manager)
  })

  test('keys.json missing, with a log whose only change began elsewhere than at nothing', async () => {
    const story = await tell(FOUR)
    rmSync(story.place.log)
    await (await openStoreAt(story.place)).audit.acceptLoss(ACTOR, 'gone')
    const manager = await openManagerAt(story.place)
    await change(manager)
    await manager.close()
    putBack(story.place, '')
    await expectCode(change(await openManagerAt(story.place)), 'AUDIT_BROKEN')
  })

  test('an anchor with another hash is refused by who just came and by who was there', async () => {
    const { place, last } = await tell(FOUR)
    const manager = await openManagerAt(place)
    await change(manager)
    const { hash } = place.records().at(-1) ?? {}
    writeFileSync(place.keys, place.text().replace(hash ?? '', 'a'.repeat(64)))
    expect(await manager.verifyAudit()).toMatchObject({ ok: false, firstBad: 5 })
    await expectCode(change(await openManagerAt(place)), 'AUDIT_BROKEN')
    await expectCode(change(manager), 'AUDIT_BROKEN')
    expect(last).not.toBe('')
  })

  test('counts are kept while the log is broken, without records, and who only verifies is told of it, once', async () => {
    const { place } = await tell(FOUR)
    cutLog(place, 2)
    const warnings: string[] = []
    const manager = await openManagerAt(place, { onWarning: ({ code, message }) => void warnings.push(`${code} ${message}`) })
    for (let times = 0; times < 2; times++) {
      await manager.validateApiKey(token, { peek: times === 1 })
      await manager.flush()
    }
    await manager.validateApiKey(`${token}x`)
    await manager.flush()
    expect(warnings.filter((warning) => warning.startsWith('AUDIT_BROKEN'))).toHaveLength(1)
    expect(warnings.join()).toContain('audit accept-loss')
    expect(actions(place)).toEqual(['key.generate', 'key.generate'])
    const other = await openManagerAt(place, { readOnly: true })
    expect(await other.getUsageStats()).toMatchObject({ usageCount: 1 })
    await expectCode(change(manager), 'AUDIT_BROKEN')
  })
})
