// Hands in the files on disk: found by managers that run. Every byte and every line of the log: storm/rows/tamper.ts.

import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { keyLine } from '../../src/domain/key.ts'
import type { Place } from './harness.ts'
import { linesOf, newKey, newPlace, openManagerAt } from './harness.ts'
import { expectProven, keyLines } from './story.ts'

const RECORDS = 200
const KEYS = 5

/** A log of 200 records over five keys. */
async function longLog(): Promise<Place> {
  const place = newPlace()
  const manager = await openManagerAt(place)
  const made = await Promise.all(Array.from({ length: KEYS }, (_, index) => manager.generateApiKey({ userId: `u${index}` })))
  for (let round = 1; round < RECORDS / KEYS; round++)
    await Promise.all(made.map(({ key }) => manager.updateApiKey(key.id, { name: `${round}` })))
  await manager.close()
  return place
}

const joined = (lines: readonly string[]): Buffer => Buffer.from(lines.map((line) => `${line}\n`).join(''))

describe('a log of 200 records', () => {
  test('on disk it is the same: found by a running manager and by a new one, and put right by the backup', async () => {
    const place = await longLog()
    const whole = place.text(place.log)
    const lines = linesOf(whole)
    const manager = await openManagerAt(place, { readOnly: true })
    for (const seq of [1, 57, 100, 199, 200]) {
      const spoiled = lines.toSpliced(seq - 1, 1, (lines[seq - 1] ?? '').replace('"outcome":"done"', '"outcome":"gone"'))
      for (const text of [spoiled, lines.toSpliced(seq - 1, 1), lines.slice(0, seq - 1)]) {
        writeFileSync(place.log, joined(text))
        expect(await manager.verifyAudit()).toMatchObject({ ok: false, firstBad: seq })
      }
    }
    writeFileSync(place.log, whole)
    await expectProven(manager)
    await expectProven(await openManagerAt(place))
  })
})

describe('keys.json edited by hand', () => {
  const three = async (): Promise<{ place: Place; ids: string[] }> => {
    const place = newPlace()
    const manager = await openManagerAt(place)
    const ids: string[] = []
    for (const userId of ['ann', 'bob', 'cyd']) ids.push((await manager.generateApiKey({ userId, name: userId })).key.id)
    await manager.updateApiKey(ids[0] ?? '', { tags: ['changed'] })
    await manager.close()
    return { place, ids }
  }
  const rewrite = (place: Place, keys: readonly string[]): void => {
    const [header] = linesOf(place.text())
    writeFileSync(place.keys, `${header}\n${keys.join(',\n')}${keys.length > 0 ? '\n' : ''}]}\n`)
  }
  const stranger = (line: string): string =>
    line.replace(/key_\w{12}/, 'key_Stranger0000').replace(/"shortId":"\w{12}"/, '"shortId":"Stranger0000"')
  const edits: [string, (lines: readonly string[]) => string[], (ids: readonly string[]) => string[]][] = [
    ['changed', (lines) => lines.map((line) => line.replace('"name":"bob"', '"name":"eve"')), ([, bob = '']) => [bob]],
    ['revived', (lines) => lines.map((line) => line.replace('"tags":["changed"]', '"tags":[]')), ([ann = '']) => [ann]],
    ['added', (lines) => [...lines, stranger(lines[0] ?? '')], () => ['key_Stranger0000']],
    ['removed', (lines) => lines.toSpliced(1, 1), ([, bob = '']) => [bob]],
    ['all removed', () => [], (ids) => [...ids]],
    ['exchanged', (lines) => lines.toSpliced(0, 1, stranger(lines[0] ?? '')), ([ann = '']) => ['key_Stranger0000', ann]],
    [
      'put in another order of members',
      (lines) => lines.map((line) => line.replace(/"userId":"cyd","name":"cyd"/, '"name":"cyd","userId":"cyd"')),
      (ids) => [ids[2] ?? ''],
    ],
  ]
  test.each(edits)('a key that was %s is named, and no record is blamed', async (_, edit, named) => {
    const { place, ids } = await three()
    rewrite(place, edit(keyLines(place.text())))
    const report = await (await openManagerAt(place)).verifyAudit()
    expect(report).toMatchObject({ ok: false, firstBad: null })
    expect(report.problems.map(({ keyId }) => keyId).sort()).toEqual(named(ids).sort())
  })

  test('an edit is named also after the next change, by which it was not made good', async () => {
    const { place, ids } = await three()
    rewrite(
      place,
      keyLines(place.text()).map((line) => line.replace('"name":"bob"', '"name":"eve"')),
    )
    const manager = await openManagerAt(place)
    await manager.updateApiKey(ids[2] ?? '', { name: 'later' })
    expect((await manager.verifyAudit()).problems).toMatchObject([{ keyId: ids[1] }])
  })

  test('a key that was added by hand is named also after it was changed', async () => {
    const { place } = await three()
    const { key } = newKey({ userId: 'eve' })
    rewrite(place, [...keyLines(place.text()), keyLine(key)])
    await (await openManagerAt(place)).updateApiKey(key.id, { name: 'as if it were one' })
    const { ok, problems } = await (await openManagerAt(place)).verifyAudit()
    expect(ok).toBe(false)
    expect(problems).toContainEqual({ keyId: key.id, problem: expect.stringContaining('no record tells of its birth') })
  })

  test('a lowered anchor is no way to hide a cut tail', async () => {
    const { place } = await three()
    const records = place.records()
    const [third, last] = [records.at(-2), records.at(-1)]
    writeFileSync(place.keys, place.text().replace(`"seq":4,"hash":"${last?.hash}"`, `"seq":3,"hash":"${third?.hash}"`))
    const { ok, problems } = await (await openManagerAt(place, { readOnly: true })).verifyAudit()
    // The log as it is has a change that the keys already hold: it died half-way, or somebody lowered the anchor.
    expect({ ok, named: problems.map(({ keyId }) => keyId) }).toMatchObject({
      ok: false,
      named: [JSON.parse(keyLines(place.text())[0] ?? '{}').id],
    })
  })
})
