// Signed checkpoints: when they are written, what they prove, and that they stop no change.

import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { AuditRecord } from '../../src/domain/audit.ts'
import { sha256 } from '../../src/domain/audit.ts'
import { parseNotes } from '../../src/domain/checkpoint.ts'
import type { ApiKeyManager, OpenOptions } from '../../src/index.ts'
import type { Place } from './harness.ts'
import { ACTOR, expectCode, linesOf, manualClock, newPlace, openManagerAt, openStoreAt } from './harness.ts'
import type { SigningKey } from './signing.ts'
import { newSigningKey } from './signing.ts'
import { cutLog } from './story.ts'

const HOUR = 3_600_000

interface Signing {
  readonly place: Place
  readonly key: SigningKey
  readonly clock: ReturnType<typeof manualClock>
  readonly open: (options?: OpenOptions) => Promise<ApiKeyManager>
  readonly warnings: string[]
}

function signing(): Signing {
  const [place, key, clock] = [newPlace(), newSigningKey(), manualClock()]
  const warnings: string[] = []
  const open = (options: OpenOptions = {}) =>
    openManagerAt(place, {
      clock: clock.now,
      auditKeyFile: key.privateFile,
      onWarning: ({ code, message }) => warnings.push(`${code}: ${message}`),
      ...options,
    })
  return { place, key, clock, open, warnings }
}

const birth = (manager: ApiKeyManager, userId = 'ann') => manager.generateApiKey({ userId })
const checkpointsOf = ({ checkpoints }: Place) =>
  existsSync(checkpoints) ? parseNotes(readFileSync(checkpoints)).notes.map(({ checkpoint }) => checkpoint) : []
const seqsOf = (place: Place) => checkpointsOf(place).map((checkpoint) => checkpoint?.seq)
const verified = async ({ place, key }: Pick<Signing, 'place' | 'key'>, options: OpenOptions = {}) =>
  (await openManagerAt(place, { readOnly: true, ...options })).verifyAudit({ publicKeyFile: key.publicFile })

describe('a checkpoint is written', () => {
  test('behind the first change, then behind the first of each hour, whichever process makes it', async () => {
    const { place, clock, open } = signing()
    const [one, two] = [await open(), await open()]
    for (const manager of [one, two, one]) await birth(manager)
    expect(seqsOf(place)).toEqual([1])
    clock.pass(HOUR)
    for (const manager of [two, one, two]) await birth(manager)
    expect(seqsOf(place)).toEqual([1, 4])
    expect(checkpointsOf(place)[1]).toEqual({
      origin: `keywright/security-audit/${place.records()[0]?.hash.slice(0, 16)}`,
      seq: 4,
      hash: place.records()[3]?.hash,
      at: new Date(clock.now()).toISOString(),
    })
  })

  test('when a process that made changes closes an hour later, and by none that made none', async () => {
    const { place, clock, open } = signing()
    const [changing, reading] = [await open(), await open()]
    await birth(changing)
    await birth(changing)
    clock.pass(HOUR)
    await reading.close()
    expect(seqsOf(place)).toEqual([1])
    await changing.close()
    expect(seqsOf(place)).toEqual([1, 2])
  })

  test('with each finished segment', async () => {
    const { place, key, open } = signing()
    writeFileSync(join(place.folder, 'keywright.config.json'), '{"segmentBytes":4096}')
    const manager = await open()
    for (let made = 0; made < 20; made++) await birth(manager)
    const segments = place.files().filter((file) => /\.\d+\.log$/.test(file))
    expect(segments.length).toBeGreaterThan(2)
    expect(seqsOf(place)).toHaveLength(1 + segments.length)
    expect(await verified({ place, key })).toMatchObject({ ok: true, problems: [] })
  })

  test('at once where the last one is not of this key, whatever it says of its time', async () => {
    const { place, open } = signing()
    await birth(await open())
    const forged = readFileSync(place.checkpoints, 'utf8').replace(/\n(\S{24})\n\n/, '\n2099-01-01T00:00:00.000Z\n\n')
    writeFileSync(place.checkpoints, forged)
    await birth(await open())
    expect(seqsOf(place)).toEqual([1, 2])
  })

  test('by no read-only manager, and by none without a key', async () => {
    const { place, open } = signing()
    await birth(await openManagerAt(place))
    await (await open({ readOnly: true })).verifyAudit()
    expect(existsSync(place.checkpoints)).toBe(false)
  })

  test('though one before it was cut off in the middle: that is cut, and the next stands whole', async () => {
    const { place, key, clock, open } = signing()
    await birth(await open())
    appendFileSync(place.checkpoints, '\nkeywright/security-audit\n47')
    expect((await verified({ place, key })).notes).toEqual([expect.stringContaining('no finished checkpoint')])
    clock.pass(HOUR)
    await birth(await open())
    expect(seqsOf(place)).toEqual([1, 2])
    expect(await verified({ place, key })).toMatchObject({ ok: true, problems: [], notes: [] })
  })

  test('or it is a warning, once, and the change stands', async () => {
    const { place, open, warnings } = signing()
    const manager = await open()
    mkdirSync(place.checkpoints, { recursive: true })
    await birth(manager)
    await birth(manager)
    expect(await manager.verifyAudit()).toMatchObject({ ok: true, records: 2 })
    expect(warnings).toEqual([expect.stringMatching(/^NOT_SIGNED: .*security-audit\.checkpoints/)])
  })
})

/** The log as someone would make it who can write all files: another first record, every hash after it made anew, keys.json to match. */
function rewriteAll(place: Place): void {
  let prev = '0'.repeat(64)
  const [header = '', ...rest] = linesOf(place.text())
  const keys = rest.map((line) => line.replace('"userId":"ann"', '"userId":"eve"'))
  const lines = place.records().map(({ hash: _, ...record }) => {
    const digest = record.digest === null ? null : sha256((keys[record.seq - 1] ?? '').replace(/,$/, ''))
    const body = JSON.stringify({ ...record, digest, prev })
      .replaceAll('"ann"', '"eve"')
      .slice(0, -1)
    prev = sha256(body)
    return `${body},"hash":"${prev}"}`
  })
  writeFileSync(place.log, `${lines.join('\n')}\n`)
  writeFileSync(place.keys, `${[header.replace(/"hash":"[0-9a-f]{64}"/, `"hash":"${prev}"`), ...keys].join('\n')}\n`)
  rmSync(place.usage, { force: true })
}

describe('with the public key alone', () => {
  test('who makes the whole chain anew without the private key is found', async () => {
    const { place, key, clock, open } = signing()
    const manager = await open()
    for (const userId of ['ann', 'bob', 'cyd']) {
      await birth(manager, userId)
      clock.pass(HOUR)
    }
    await manager.close()
    expect(await verified({ place, key })).toMatchObject({ ok: true, problems: [], notes: [] })
    rewriteAll(place)
    const reader = await openManagerAt(place, { readOnly: true })
    expect(await reader.verifyAudit()).toMatchObject({ ok: true, problems: [] })
    const { ok, firstBad, problems } = await reader.verifyAudit({ publicKeyFile: key.publicFile })
    expect({ ok, firstBad }).toEqual({ ok: false, firstBad: 1 })
    expect(problems.map(({ seq }) => seq)).toEqual([1, 2, 3, undefined])
    expect(problems[0]?.problem).toContain(`checkpoint 1 in ${place.checkpoints}`)
  })

  test('nor does it help to sign the new chain with another key, or to change what a checkpoint says', async () => {
    const { place, key, open } = signing()
    await birth(await open())
    const other = newSigningKey()
    writeFileSync(place.checkpoints, '')
    const manager = await open({ auditKeyFile: other.privateFile })
    await birth(manager)
    const { ok, problems } = await verified({ place, key })
    expect(ok).toBe(false)
    expect(problems).toEqual([{ problem: expect.stringMatching(/^checkpoint 1 in .* for seq 2, is not signed with that key$/) }])
    const text = readFileSync(place.checkpoints, 'utf8')
    writeFileSync(place.checkpoints, text.replace('\n2\n', '\n1\n'))
    expect(await verified({ place, key: other })).toMatchObject({
      ok: false,
      problems: [{ problem: expect.stringContaining('for seq 1') }],
    })
    writeFileSync(place.checkpoints, text.replace('\n2\n', '\ntwo\n'))
    expect(await verified({ place, key: other })).toMatchObject({ ok: false, problems: [{ problem: expect.stringContaining('garbled') }] })
  })

  test('a log that was cut behind a checkpoint is found though the store was put back too', async () => {
    const { place, key, clock, open } = signing()
    const manager = await open()
    await birth(manager)
    const before = place.text()
    clock.pass(HOUR)
    await birth(manager)
    await manager.close()
    cutLog(place, 1)
    writeFileSync(place.keys, before)
    rmSync(place.usage, { force: true })
    expect(await (await openManagerAt(place, { readOnly: true })).verifyAudit()).toMatchObject({ ok: true })
    const { problems } = await verified({ place, key })
    expect(problems).toEqual([{ seq: 2, problem: `is missing: checkpoint 2 in ${place.checkpoints} is of seq 2` }])
  })

  test('what is not signed yet is counted in a note; where nothing is signed, nothing is proven', async () => {
    const { place, key, open } = signing()
    await birth(await openManagerAt(place))
    expect(await verified({ place, key })).toMatchObject({
      ok: false,
      problems: [{ problem: expect.stringContaining('there is no checkpoint') }],
    })
    const manager = await open()
    for (let made = 0; made < 4; made++) await birth(manager)
    expect(await verified({ place, key })).toMatchObject({ ok: true, notes: ['3 records behind seq 2 are not signed yet'] })
    expect((await (await openManagerAt(place, { readOnly: true, auditPublicKeyFile: key.publicFile })).verifyAudit()).notes).toHaveLength(1)
  })

  test('a loss that is accepted keeps what was signed of it under another name, and signing begins anew', async () => {
    const { place, key, clock, open } = signing()
    const manager = await open()
    await birth(manager)
    clock.pass(HOUR)
    await birth(manager)
    await manager.close()
    cutLog(place, 1)
    expect(await verified({ place, key })).toMatchObject({ ok: false, firstBad: 2 })
    await (await openStoreAt(place, { signing: key.privateFile })).audit.acceptLoss(ACTOR, 'gone')
    expect(place.files()).toContain('logs/security-audit.checkpoints.1')
    expect(seqsOf(place)).toEqual([2])
    expect(await verified({ place, key })).toMatchObject({ ok: true, problems: [] })
  })
})

describe('what is not signed', () => {
  test('a log without a record that was signed before', async () => {
    const { place, key, clock, open, warnings } = signing()
    const manager = await open()
    await birth(manager)
    const before = [place.keys, place.log].map((path) => [path, place.text(path)] as const)
    clock.pass(HOUR)
    await birth(manager)
    await manager.close()
    for (const [path, text] of before) writeFileSync(path, text)
    rmSync(place.usage, { force: true })
    clock.pass(HOUR)
    await birth(await open(), 'eve')
    expect(warnings).toEqual([expect.stringMatching(/^NOT_SIGNED: .*the log does not hold seq 2, which was signed/)])
    expect(seqsOf(place)).toEqual([1, 2])
    expect((await verified({ place, key })).ok).toBe(false)
  })

  test('anything, where a file that is none of ours stands in the place of the checkpoints', async () => {
    const { place, open, warnings } = signing()
    await birth(await openManagerAt(place))
    writeFileSync(place.checkpoints, 'a letter\n')
    await birth(await open())
    expect(warnings).toEqual([expect.stringMatching(/^NOT_SIGNED: .*what stands there is no checkpoint/)])
    expect(place.text(place.checkpoints)).toBe('a letter\n')
  })
})

test('checkpoints of another log that is signed with the same key prove nothing', async () => {
  const { place, key, open } = signing()
  await birth(await open())
  const other = newPlace()
  const manager = await openManagerAt(other, { auditKeyFile: key.privateFile })
  await birth(manager)
  await manager.close()
  const origin = `keywright/security-audit/${place.records()[0]?.hash.slice(0, 16)}`
  writeFileSync(place.checkpoints, readFileSync(other.checkpoints))
  const { ok, problems } = await verified({ place, key })
  expect(ok).toBe(false)
  expect(problems).toContainEqual({ problem: expect.stringContaining(`is of another log`) })
  expect(problems).toContainEqual({ problem: expect.stringContaining(`is not ${origin}`) })
})

describe('the key', () => {
  test.each([
    ['the store’s folder', ({ folder }: Place) => folder],
    ['the folder of the log', ({ folder }: Place) => join(folder, 'logs')],
  ])('is refused in %s', async (_, folderOf) => {
    const { place, key, open } = signing()
    mkdirSync(folderOf(place), { recursive: true, mode: 0o700 })
    const auditKeyFile = join(folderOf(place), 'audit.pem')
    writeFileSync(auditKeyFile, readFileSync(key.privateFile), { mode: 0o600 })
    const error = await expectCode(open({ auditKeyFile }), 'STORE_INSECURE')
    expect(error.message).toContain(auditKeyFile)
  })

  test('is refused where others may read it, unless that is wanted', async () => {
    const { key, open, warnings } = signing()
    const auditKeyFile = join(key.folder, 'open.pem')
    writeFileSync(auditKeyFile, readFileSync(key.privateFile), { mode: 0o640 })
    await expectCode(open({ auditKeyFile }), 'STORE_INSECURE')
    await birth(await open({ auditKeyFile, insecure: true }))
    expect(warnings).toEqual([expect.stringMatching(/^STORE_INSECURE: .*open\.pem/)])
  })

  test('is refused where it is missing, is none, or is the other one of the pair, and nothing of it is told', async () => {
    const { place, key, open } = signing()
    const secret = linesOf(readFileSync(key.privateFile, 'utf8'))[1] ?? ''
    await expectCode(open({ auditKeyFile: join(key.folder, 'none.pem') }), 'STORE_UNAVAILABLE')
    await expectCode(open({ auditKeyFile: key.publicFile }), 'INVALID_INPUT')
    const manager = await openManagerAt(place)
    await expectCode(manager.verifyAudit({ publicKeyFile: join(key.folder, 'none.pem') }), 'STORE_UNAVAILABLE')
    const error = await expectCode(manager.verifyAudit({ publicKeyFile: key.privateFile }), 'INVALID_INPUT')
    expect(`${error.message} ${error.hint}`).not.toContain(secret)
  })

  test('signs the head on demand, and that writes nothing; without it there is no signed head', async () => {
    const { place, key, open } = signing()
    await birth(await openManagerAt(place))
    const before = place.files()
    const manager = await open({ readOnly: true })
    const { seq, hash, note } = await manager.signedAuditHead()
    const last = place.records().at(-1) as AuditRecord
    expect({ seq, hash }).toEqual({ seq: last.seq, hash: last.hash })
    expect(place.files()).toEqual(before)
    writeFileSync(place.checkpoints, note)
    expect(await verified({ place, key })).toMatchObject({ ok: true, notes: [] })
    await expectCode((await openManagerAt(place)).signedAuditHead(), 'INVALID_INPUT')
  })
})
