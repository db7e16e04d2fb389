// A keys.json that can't be read: refused with its place, never overwritten, and come back to when it is mended.

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { KeywrightError } from '../../src/index.ts'
import { composeLines, FORMAT, parseLines } from '../../store/json/key-lines.ts'
import { textInMemory } from '../../store/json/known-text.ts'
import type { Place } from './harness.ts'
import { expectCode, linesOf, manualClock, newKey, newPlace, openManagerAt, openStoreAt, put, seededRandom } from './harness.ts'

const made = newKeys()

function newKeys() {
  return [newKey({ userId: 'ann' }), newKey({ userId: 'bob', name: 'b' }), newKey({ userId: 'cyd' })]
}

async function madePlace(): Promise<Place> {
  const place = newPlace()
  const store = await openStoreAt(place)
  await put(store, ...made.map(({ key }) => key))
  await store.close()
  return place
}

/** Refused with that code, and left as it is. */
async function expectRefused(place: Place, text: string, code: 'STORE_CORRUPT' | 'STORE_FORMAT'): Promise<string> {
  writeFileSync(place.keys, text)
  const files = place.files()
  const { message } = await expectCode(openManagerAt(place), code)
  expect(place.text()).toBe(text)
  expect(place.files()).toEqual(files)
  if (code === 'STORE_CORRUPT') expect(message).toMatch(/keys\.json:\d+:\d+: /)
  return message.replace(`${place.keys}:`, '')
}

describe('a file that is no store', () => {
  test('an unknown format is refused and not guessed', async () => {
    const place = await madePlace()
    expect(await expectRefused(place, place.text().replace('keywright/1', 'keywright/2'), 'STORE_FORMAT')).toContain('keywright/1')
  })

  type Edit = (text: string) => string
  const firstLine = (text: string): string => linesOf(text)[1] ?? ''
  const cases: [what: string, edit: Edit, place: string][] = [
    ['nothing', () => '', '1:1:'],
    ['spaces', () => ' \n', '2:1:'],
    ['no JSON', () => 'keys: none\n', '1:1:'],
    ['a list', () => '[]\n', '1:1:'],
    ['null', () => 'null\n', '1:1:'],
    ['a missing comma', (text) => text.replace('"userId":"bob",', '"userId":"bob"'), '3:'],
    ['one brace too many', (text) => `${text}}`, '6:1:'],
    ['no header', (text) => text.replace('"brand":"kw",', ''), '1:'],
    ['a format that is a number', (text) => text.replace('"keywright/1"', '1'), '1:2:'],
    ['an anchor that is a text', (text) => text.replace(/"audit":\{[^}]*\}/, '"audit":"3"'), '1:38:'],
    ['a negative anchor', (text) => text.replace('"seq":3', '"seq":-3'), '1:38:'],
    ['a key that is null', (text) => text.replace(firstLine(text), 'null,'), ''],
    ['a name that is a number', (text) => text.replace('"name":"b"', '"name":7'), '3:'],
    ['a revision of nothing', (text) => text.replace('"revision":1', '"revision":0'), '2:'],
    ['no such day', (text) => text.replace(/"createdAt":"2026-11-23/, '"createdAt":"2026-13-23'), '2:'],
    ['no secrets', (text) => text.replace(/"secrets":\[[^\]]*\]/, '"secrets":[]'), '2:'],
    ['a hash of another scheme', (text) => text.replace('sha256:', 'md5:'), '2:'],
    ['a member too many', (text) => text.replace('"userId":"bob"', '"userId":"bob","admin":true'), '3:'],
    ['an environment of its own', (text) => text.replace('"environment":"live"', '"environment":"prod"'), '2:'],
    ['an id twice', (text) => text.replace(made[1]?.key.id ?? '', made[0]?.key.id ?? ''), '3:1:'],
    ['a shortId twice', (text) => text.replace(made[2]?.key.secrets[0]?.shortId ?? '', made[0]?.key.secrets[0]?.shortId ?? ''), '4:1:'],
  ]
  test.each(cases)('%s is refused with its place, and left as it is', async (_, edit, at) => {
    const place = await madePlace()
    const text = edit(place.text())
    expect(text).not.toBe(place.text())
    const message = await expectRefused(place, text, 'STORE_CORRUPT')
    expect(message.startsWith(at) ? at : message).toBe(at)
  })

  test('a file cut at any byte is refused with its place, and left as it is', async () => {
    const place = await madePlace()
    const whole = readFileSync(place.keys)
    for (let length = 0; length < whole.length - 1; length += 50)
      await expectRefused(place, whole.toString('utf8', 0, length), 'STORE_CORRUPT')
  })

  test('valid JSON in another layout is the same store, and proven; the next change lays it out again', async () => {
    const place = await madePlace()
    const text = place.text()
    writeFileSync(place.keys, JSON.stringify(JSON.parse(text), null, 2))
    const manager = await openManagerAt(place)
    expect((await manager.listApiKeys({ sort: 'userId' })).keys.map(({ id }) => id)).toEqual(made.map(({ key }) => key.id))
    expect((await manager.validateApiKey(made[1]?.token)).code).toBe('VALID')
    expect(await manager.verifyAudit()).toMatchObject({ ok: true, problems: [] })
    await manager.updateApiKey(made[0]?.key.id ?? '', { name: 'a' })
    expect(linesOf(place.text()).slice(2)).toEqual(linesOf(text).slice(2))
  })
})

describe('any text at all', () => {
  const audit = { seq: 3, hash: 'a'.repeat(64) }
  const { bytes: whole } = composeLines({ format: FORMAT, brand: 'kw', audit, keys: made.map(({ key }) => key) })
  const random = seededRandom('fuzzed stores')
  const below = (most: number): number => Math.floor(random() * most)

  /** Some bytes changed, or a piece cut out or doubled. */
  const mutated = (): Buffer => {
    const bytes = Buffer.from(whole)
    for (let edits = 1 + below(3); edits > 0; edits--) bytes[below(bytes.length)] = below(256)
    return random() < 0.3 ? Buffer.concat([bytes.subarray(0, below(bytes.length)), bytes.subarray(below(bytes.length))]) : bytes
  }

  test('is a store, or refused with a typed error; and read on from another version it is the same', () => {
    const before = { ...parseLines(whole, 'keys.json', null), text: textInMemory(whole) }
    const read = (bytes: Buffer, from: typeof before | null): unknown => {
      try {
        return parseLines(bytes, 'keys.json', from).document
      } catch (error) {
        if (error instanceof KeywrightError && ['STORE_CORRUPT', 'STORE_FORMAT'].includes(error.code)) return error.message
        throw error
      }
    }
    for (let round = 0; round < 3000; round++) {
      const bytes = mutated()
      expect(read(bytes, before)).toEqual(read(bytes, null))
    }
  })
})

describe('a running process whose keys.json turns unreadable', () => {
  const garbled: [what: string, spoil: (place: Place) => void][] = [
    ['garbled', ({ keys }) => writeFileSync(keys, 'not JSON')],
    ['emptied', ({ keys }) => writeFileSync(keys, '')],
    ['of an unknown format', (place) => writeFileSync(place.keys, place.text().replace('keywright/1', 'keywright/9'))],
    ['removed', ({ keys }) => renameSync(keys, `${keys}.away`)],
  ]
  test.each(garbled)('%s: it answers STORE_UNAVAILABLE within 250 ms, and recovers by itself', async (_, spoil) => {
    const place = await madePlace()
    const clock = manualClock()
    const store = await openStoreAt(place, { clock })
    const { key } = made[0] ?? newKey()
    const look = async () => store.findCredential(key.secrets[0]?.shortId ?? '')
    expect((await look())?.key).toEqual(key)
    const [text, log] = [place.text(), place.text(place.log)]
    spoil(place)
    const spoiled = place.files()
    clock.pass(250)
    await expectCode(look, 'STORE_UNAVAILABLE')
    await expectCode(async () => store.findKey({ by: 'id', id: key.id, name: key.id }), 'STORE_UNAVAILABLE')
    const { code } = await expectRefusedChange(put(store, newKey().key))
    expect(['STORE_UNAVAILABLE', 'STORE_CORRUPT', 'STORE_FORMAT']).toContain(code)
    expect(place.text(place.log)).toBe(log)
    expect(place.files().filter((file) => file !== 'keys.lock')).toEqual(spoiled.filter((file) => file !== 'keys.lock'))
    writeFileSync(place.keys, text)
    clock.pass(250)
    expect((await look())?.key).toEqual(key)
    await put(store, newKey().key)
    expect((await store.audit.verify({})).report).toMatchObject({ ok: true, records: 4 })
  })

  const expectRefusedChange = async (change: Promise<unknown>): Promise<KeywrightError> => {
    const error: unknown = await change.then(
      () => null,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(KeywrightError)
    return error as KeywrightError
  }
})
