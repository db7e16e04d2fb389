// keys.json between two changes: its text is not in memory, and what is taken over from the file that is held open stays right.

import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Key } from '../../src/domain/key.ts'
import type { KeyFile } from '../../store/json/key-file.ts'
import { assertReadable, createKeyFile } from '../../store/json/key-file.ts'
import { credentialIn, indexOf, keyOfShortId, nextIndex } from '../../store/json/key-index.ts'
import type { StoreDocument } from '../../store/json/key-lines.ts'
import { composeLines, parseLines } from '../../store/json/key-lines.ts'
import { textInMemory } from '../../store/json/known-text.ts'
import { always, fc } from '../domain/seed.ts'
import type { Place } from './harness.ts'
import { expectCode, newPlace, openManagerAt } from './harness.ts'

function fileAt({ keys }: Place): KeyFile {
  const ignored = (): void => undefined
  const file = createKeyFile({ path: keys, brand: 'kw', draw: randomBytes, onAdopted: ignored, onWarning: ignored })
  onTestFinished(file.close)
  return file
}

/** A file of four keys that is known. */
async function knownFile(relaid = (text: string) => text): Promise<{ place: Place; file: KeyFile; document: StoreDocument }> {
  const place = newPlace()
  const manager = await openManagerAt(place)
  for (const userId of ['ann', 'bob', 'cyd', 'dan']) await manager.generateApiKey({ userId })
  await manager.close()
  writeFileSync(place.keys, relaid(place.text()))
  const file = fileAt(place)
  file.refresh()
  return { place, file, document: file.lines().document }
}

const renamed = ({ keys, ...header }: StoreDocument, position: number, name: string): StoreDocument => ({
  ...header,
  keys: keys.map((key, index): Key => (index === position ? { ...key, name } : key)),
})

test('a store that would grow over what any process reads is refused before it is written', async () => {
  assertReadable(1024 ** 3, 'keys.json')
  const refused = await expectCode(() => assertReadable(1024 ** 3 + 1, 'keys.json'), 'STORE_UNAVAILABLE')
  expect(refused.hint).toContain('keywright purge')
})

test('a version of another process: keys that did not change are the same ones still', async () => {
  const { place, file, document } = await knownFile()
  const other = fileAt(place)
  other.refresh()
  await other.write(renamed(other.lines().document, 2, 'other'))
  expect(file.refresh()).toBe(true)
  const { keys } = file.lines().document
  expect(keys.map(({ name }) => name)).toEqual([null, null, 'other', null])
  expect(keys.map((key, index) => key === document.keys[index])).toEqual([true, true, false, true])
})

test.each([
  ['as it was written', (text: string) => text],
  ['in another layout', (text: string) => JSON.stringify(JSON.parse(text), null, 2)],
])('a change writes each line as it must be, from a file %s', async (_, relaid) => {
  const { place, file, document } = await knownFile(relaid)
  for (const [position, name] of ['one', 'two'].entries()) {
    await file.write(renamed(file.lines().document, position, name))
  }
  const expected = composeLines(renamed(renamed(document, 0, 'one'), 1, 'two')).bytes
  expect(readFileSync(place.keys, 'utf8')).toBe(expected.toString())
  expect(file.wholeLines().bytes.equals(expected)).toBe(true)
})

test('a version edited in many places, with keys that came and went, reads as it would by one who knew nothing', async () => {
  const { document } = await knownFile()
  const [model] = document.keys as readonly [Key, ...Key[]]
  const keyAt = (index: number, name: string): Key => {
    const secrets = model.secrets.map((secret) => ({ ...secret, shortId: `s${String(index).padStart(11, '0')}` }))
    return { ...model, id: `key_${String(index).padStart(12, '0')}`, name, secrets }
  }
  const edit = fc.record({ at: fc.nat(399), kind: fc.constantFrom('rename', 'rename', 'remove', 'insert', 'append') })
  const before = composeLines({ ...document, keys: Array.from({ length: 400 }, (_, index) => keyAt(index, 'as it was')) })
  always(
    fc.array(edit, { maxLength: 12 }),
    (edits) => {
      const keys = [...before.document.keys]
      for (const [nth, { at, kind }] of edits.entries()) {
        const key = keyAt(kind === 'rename' ? at : 1000 + nth, `new ${nth}`)
        const position = kind === 'append' ? keys.length : Math.min(at, keys.length - 1)
        if (kind === 'rename') keys[position] = { ...(keys[position] as Key), name: key.name }
        else keys.splice(position, kind === 'remove' ? 1 : 0, ...(kind === 'remove' ? [] : [key]))
      }
      const { bytes } = composeLines({ ...document, keys })
      const read = parseLines(bytes, 'keys.json', { ...before, text: textInMemory(before.bytes) })
      expect(read).toEqual(parseLines(bytes, 'keys.json', null))
      const old = new Set(before.document.keys)
      if (edits.every(({ kind }) => kind === 'rename' || kind === 'append'))
        expect(read.document.keys.filter((key) => !old.has(key)).length).toBeLessThanOrEqual(edits.length)
    },
    100,
  )
})

test('credentials of one version after the other are those of its keys: none outlives a change, a removal or another place', async () => {
  const { document } = await knownFile()
  const [model] = document.keys as readonly [Key, ...Key[]]
  const [secret] = model.secrets
  const keyAt = (index: number, revokedAt: string | null = null): Key => {
    const secrets = [0, 1].map((nth) => ({ ...(secret as Key['secrets'][number]), shortId: `s${String(index).padStart(10, '0')}${nth}` }))
    return { ...model, id: `key_${index}`, revokedAt, secrets }
  }
  const edit = fc.record({ at: fc.nat(9), kind: fc.constantFrom('revoke', 'retire', 'exchange', 'move', 'remove', 'append', 'restore') })
  always(fc.array(edit, { maxLength: 12 }), (edits) => {
    const first = Array.from({ length: 10 }, (_, index) => keyAt(index))
    let [keys, index] = [first, indexOf(first, 'keys.json')]
    const all = new Set(first.flatMap(({ secrets }) => secrets.map(({ shortId }) => shortId)))
    for (const [nth, { at, kind }] of edits.entries()) {
      for (const shortId of all) credentialIn(index, shortId, keys)
      const position = Math.min(at, keys.length - 1)
      const key = keys[position] ?? keyAt(0)
      const [newest, older] = key.secrets as [Key['secrets'][number], Key['secrets'][number]?]
      const next: Record<typeof kind, () => Key[]> = {
        revoke: () => keys.with(position, { ...key, revokedAt: '2026-07-01T00:00:00.000Z' }),
        retire: () => keys.with(position, { ...key, secrets: [newest] }),
        exchange: () => keys.with(position, { ...key, secrets: older === undefined ? [newest] : [older, newest] }),
        move: () => [...keys.toSpliced(position, 1), key],
        remove: () => keys.toSpliced(position, 1),
        append: () => [...keys, keyAt(100 + nth)],
        restore: () => first,
      }
      const after = keys.length === 0 ? first : next[kind]()
      index = nextIndex(index, keys, after, 'keys.json')
      keys = after
      for (const { secrets } of keys) for (const { shortId } of secrets) all.add(shortId)
      for (const shortId of all) {
        const owner = keys.find(({ secrets }) => secrets.some((one) => one.shortId === shortId))
        expect(credentialIn(index, shortId, keys)?.key).toBe(owner)
        expect(keyOfShortId(index, shortId, keys)).toBe(owner)
      }
    }
  })
})

test('an edit in place, of the file that is held open: what stands there now is what is known', async () => {
  const { place, file, document } = await knownFile()
  const edited = composeLines(renamed(renamed(document, 1, 'by hand'), 3, 'too')).bytes
  writeFileSync(place.keys, edited)
  expect(file.refresh()).toBe(true)
  expect(file.lines().document.keys.map(({ name }) => name)).toEqual([null, 'by hand', null, 'too'])
})

test('a text that was edited in place and not looked at since is not taken for the one that is known', async () => {
  const { place, file } = await knownFile()
  writeFileSync(place.keys, place.text().replace('ann', 'eve'))
  expect(() => file.wholeLines()).toThrow('was edited while it was read')
})

test('a large file that is no store is read once and not at every look, and once more when it is another or some time has passed', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { place, file } = await knownFile()
  const mended = place.text()
  const refusal = (): unknown => {
    try {
      return file.refresh()
    } catch (error) {
      return error
    }
  }
  writeFileSync(place.keys, `${mended}${' '.repeat(2 * 1024 * 1024)}?`)
  const first = refusal()
  expect(String(first)).toContain('this is not JSON')
  expect(refusal()).toBe(first)
  vi.advanceTimersByTime(10_000)
  expect(refusal()).not.toBe(first)
  writeFileSync(place.keys, mended)
  expect(file.refresh()).toBe(true)
  expect(file.lines().document.keys).toHaveLength(4)
})
