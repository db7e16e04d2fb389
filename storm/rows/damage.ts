// Damaged files: a last line torn at any byte, documents fuzzed, cut, of wrong types. Refused with their place, or put right; never lost.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { ApiKeyManager, KeywrightError } from '../../src/index.ts'
import { copyFolder, storeIn, withManager } from '../../test/crash/scenarios.ts'
import { placeAt } from '../../test/store/place.ts'
import { judged } from '../aftermath.ts'
import type { Row, Storm, Wrong } from '../storm.ts'
import { upTo } from '../storm.ts'

const SHAPES = [
  '',
  ' ',
  '\n',
  '[]',
  'null',
  '0',
  '"',
  '{}',
  '{"format":"keywright/1"}',
  '\0'.repeat(100),
  '{"__proto__":{"keys":[]}}',
] as const
/** What a member's value may be exchanged for. */
const VALUES = [
  'null',
  '0',
  '-1',
  '1e400',
  '"x"',
  '[]',
  '{}',
  'true',
  '"__proto__"',
  '{"__proto__":null}',
  `"${'a'.repeat(10_000)}"`,
] as const
const ROUNDS = 10_000
const CHANGED_EVERY = 10

/** A text of its own kind: bytes changed, a piece cut out or doubled, the end cut, a value exchanged for one of another type. */
function mutated(storm: Storm, whole: Buffer): Buffer {
  const at = storm.below(whole.length)
  const kinds: (() => Buffer)[] = [
    () => {
      const bytes = Buffer.from(whole)
      for (let edits = 1 + storm.below(3); edits > 0; edits--) bytes[storm.below(bytes.length)] = storm.below(256)
      return bytes
    },
    () => whole.subarray(0, at),
    () => Buffer.concat([whole.subarray(0, at), whole.subarray(at + 1 + storm.below(100))]),
    () => Buffer.concat([whole.subarray(0, at), whole.subarray(Math.max(0, at - storm.below(300)))]),
    () => {
      const members = [...whole.toString('utf8').matchAll(/:("[^"]*"|\d+|null|\[\]|\{\})/g)]
      const member = members[storm.below(members.length)]
      if (member === undefined) return Buffer.alloc(0)
      const value = VALUES[storm.below(VALUES.length)] as string
      return Buffer.from(`${member.input.slice(0, member.index)}:${value}${member.input.slice(member.index + member[0].length)}`)
    },
    () => Buffer.from(SHAPES[storm.below(SHAPES.length)] as string),
  ]
  return (kinds[storm.below(kinds.length)] as () => Buffer)()
}

async function usedStore(storm: Storm): Promise<{ folder: string; token: string; id: string }> {
  const folder = storm.newFolder()
  let [token, id] = ['', '']
  await withManager(folder, async (manager) => {
    const made = await manager.generateApiKey({
      userId: 'ann',
      scopes: ['read'],
      tags: ['t'],
      rateLimits: [{ limit: 1000, windowSeconds: 60 }],
    })
    await manager.generateApiKey({ userId: 'bob', metadata: { plan: 'gold' }, allowedIps: ['10.0.0.0/8'] })
    await manager.validateApiKey(made.token)
    ;({ token } = made)
    id = made.key.id
  })
  return { folder, token, id }
}

const REFUSALS: readonly string[] = ['STORE_CORRUPT', 'STORE_FORMAT']

/** Who would write leaves alone what can't be read as well. */
async function tryToChange(storm: Storm, folder: string, bytes: Buffer, wrong: Wrong): Promise<void> {
  const copy = storm.newFolder()
  copyFolder(folder, copy)
  try {
    const manager = await ApiKeyManager.open({ store: storeIn(copy), onWarning: () => undefined })
    await manager.generateApiKey({ userId: 'zoe' }).finally(() => manager.close())
  } catch (error) {
    if (!(error instanceof KeywrightError)) wrong(`a change: ${String(error)} for ${JSON.stringify(bytes.toString())}`)
    if (!readFileSync(storeIn(copy)).equals(bytes)) wrong('a change that was refused has overwritten the file')
  }
  rmSync(copy, { recursive: true })
}

async function fuzzedKeys(storm: Storm): Promise<void> {
  const trials = storm.trials('fuzzed keys.json: read, or refused with path, line and column, and not touched')
  const { folder, token } = await usedStore(storm)
  const path = storeIn(folder)
  const whole = readFileSync(path)
  let refused = 0
  await trials.each(upTo(storm.size(ROUNDS, 300)), async (number, wrong) => {
    const bytes = mutated(storm, whole)
    writeFileSync(path, bytes)
    try {
      const manager = await ApiKeyManager.open({ store: path, readOnly: true, onWarning: () => undefined })
      await manager.validateApiKey(token)
      await manager.listApiKeys()
      await manager.close()
    } catch (error) {
      refused++
      if (!(error instanceof KeywrightError && REFUSALS.includes(error.code)))
        return wrong(`${String(error)} for ${JSON.stringify(bytes.toString())}`)
      const place = error.code === 'STORE_FORMAT' ? path : /keys\.json:\d+:\d+: /
      if (!(typeof place === 'string' ? error.message.includes(place) : place.test(error.message)))
        wrong(`it does not say where: ${error.message}`)
    }
    if (!readFileSync(path).equals(bytes)) wrong('the file was overwritten')
    if (number % CHANGED_EVERY === 0) await tryToChange(storm, folder, bytes, wrong)
  })
  trials.measured('refused', refused, '')
}

/** Verification goes on, the next flush counts, and what was unreadable is kept under another name. */
async function tryUsage(folder: string, token: string, bytes: Buffer, wrong: Wrong): Promise<void> {
  const { usage, files, records } = placeAt(folder)
  writeFileSync(usage, bytes)
  const manager = await ApiKeyManager.open({ store: storeIn(folder), onWarning: () => undefined })
  const { code } = await manager.validateApiKey(token)
  if (code !== 'VALID') wrong(`the verdict is ${code}`)
  await manager.flush().catch((error: unknown) => wrong(`the flush failed: ${String(error)}`))
  const { usageCount } = await manager.getUsageStats()
  if (!(usageCount >= 1)) wrong(`the flush counted ${usageCount}`)
  await manager.close()
  const aside = files().filter((name) => name.includes('.garbled-'))
  const repairs = records().filter(({ action }) => action === 'usage.repair').length
  if (aside.length !== repairs) wrong(`${aside.length} files were set aside, ${repairs} recorded`)
}

async function fuzzedUsage(storm: Storm): Promise<void> {
  const trials = storm.trials('fuzzed keys.usage.json: verification goes on, the file is read or set aside and recorded')
  const { folder, token } = await usedStore(storm)
  const whole = readFileSync(placeAt(folder).usage)
  await trials.each(
    Array.from(upTo(storm.size(2000, 30)), () => mutated(storm, whole)),
    async (bytes, wrong) => {
      const copy = storm.newFolder()
      copyFolder(folder, copy)
      await tryUsage(copy, token, bytes, wrong)
      rmSync(copy, { recursive: true })
    },
    { name: (bytes) => JSON.stringify(bytes.toString()).slice(0, 300) },
  )
}

async function tornLines(storm: Storm): Promise<void> {
  const trials = storm.trials('the last line torn at each of its bytes: cut, kept aside, recorded; the next change works')
  const { folder, id } = await usedStore(storm)
  const before = storm.newFolder()
  copyFolder(folder, before)
  await withManager(folder, (manager) => manager.updateApiKey(id, { name: 'torn' }))
  const whole = readFileSync(placeAt(folder).log)
  const { length } = readFileSync(placeAt(before).log)
  const ends = storm.shuffled(Array.from(upTo(whole.length - length - 1), (at) => length + 1 + at))
  await trials.each(
    ends.slice(0, storm.size(ends.length, 8)),
    async (end, wrong) => {
      const copy = storm.newFolder()
      copyFolder(before, copy)
      const place = placeAt(copy)
      writeFileSync(place.log, whole.subarray(0, end))
      judged(copy, 'before').forEach(wrong)
      await withManager(copy, async (manager) => {
        await manager.updateApiKey(id, { name: 'next' })
        if (!(await manager.verifyAudit()).ok) wrong('audit verify does not accept')
      })
      if (!place.records().some(({ action }) => action === 'log.repair')) wrong('no log.repair is recorded')
      const aside = place
        .files()
        .filter((name) => name.startsWith('logs/') && readFileSync(`${copy}/${name}`).equals(whole.subarray(length, end)))
      if (aside.length !== 1) wrong(`what was cut is kept in ${aside.length} files`)
      judged(copy, 'afterwards').forEach(wrong)
    },
    { name: (end) => `${end - length} bytes` },
  )
}

const about = 'torn, truncated, garbled, empty files, wrong types, fuzzed documents'

export const damageRows: readonly Row[] = [
  { name: 'fuzzed-keys', about, run: fuzzedKeys },
  { name: 'fuzzed-usage', about, run: fuzzedUsage },
  { name: 'torn-lines', about, run: tornLines },
]
