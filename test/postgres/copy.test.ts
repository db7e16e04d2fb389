// Copies of whole stores: there and back and identical, interrupted anywhere and gone on with, and refused where they would harm.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { buildDemo } from '../../src/demo/build.ts'
import { chainLines, parseRecord } from '../../src/domain/audit.ts'
import type { Copied, CopyProgress } from '../../src/domain/upkeep.ts'
import { ApiKeyManager } from '../../src/index.ts'
import { parseDocument } from '../../store/json/usage-text.ts'
import { createUpkeep } from '../../store/upkeep.ts'
import { MAIN, shell } from '../cli/session.ts'
import { ACTOR } from '../store/harness.ts'
import type { MigratedServer } from './harness.ts'
import { startMigrated } from './harness.ts'

let server: MigratedServer
let demo: string
/** A few keys, and a log of many notes. */
let long: string
let folder: string
let made = 0

const upkeep = createUpkeep({
  isInsecureAllowed: false,
  actor: ACTOR,
  wall: Date.now,
  draw: (bytes) => randomBytes(bytes),
  pid: process.pid,
  warn: () => undefined,
})

const freshFolder = (): string => mkdtempSync(join(tmpdir(), 'keywright-copy-'))
const freshStore = (): string => join(folder, `copy${made++}.json`)

interface CopyOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: CopyProgress) => void
}

const copy = (
  from: string,
  to: string,
  { signal = new AbortController().signal, onProgress = () => undefined }: CopyOptions = {},
): Promise<Copied> => upkeep.copy({ from, to, signal, onProgress })

/** Stops a copy once so many records have been copied. */
function stopAt(records: number): CopyOptions {
  const stopping = new AbortController()
  return {
    signal: stopping.signal,
    onProgress: (progress) => {
      if (progress.records >= records) stopping.abort()
    },
  }
}

const logFiles = (store: string): Record<string, string> => {
  const logs = join(store, '..', 'logs')
  const stem = store.endsWith('/keys.json') ? 'security-audit' : `${store.split('/').at(-1)?.replace('.json', '')}.security-audit`
  return Object.fromEntries(
    readdirSync(logs)
      .filter((name) => name.startsWith(`${stem}.`) && name.endsWith('.log'))
      .sort()
      .map((name) => [name.slice(stem.length), readFileSync(join(logs, name), 'utf8')]),
  )
}

const usageOf = (store: string) => {
  const document = parseDocument(readFileSync(store.replace(/\.json$/, '.usage.json'), 'utf8'), true)
  if (document === null) throw new Error('the usage file is garbled')
  const { processes: _processes, seq: _seq, lines, ...rest } = document
  return { ...rest, order: [...lines.keys()], lines: [...lines].map(([id, line]) => [id, JSON.parse(line) as unknown] as const) }
}

type Usage = ReturnType<typeof usageOf>

/** What counts mean: in no order, and whatever record was the last when they were written. */
const countsOf = ({ audit: _audit, order, lines, ...usage }: Usage) => ({
  ...usage,
  order: order.toSorted(),
  lines: Object.fromEntries(lines),
})

function expectSame(one: string, other: string): void {
  expect(readFileSync(other, 'utf8') === readFileSync(one, 'utf8'), 'keys.json').toBe(true)
  expect(logFiles(other)).toEqual(logFiles(one))
  expect(countsOf(usageOf(other))).toEqual(countsOf(usageOf(one)))
}

/** A small store whose log has many segments, with counts, and calls in a limit. */
async function segmentedStore(): Promise<string> {
  const home = mkdtempSync(join(folder, 'segmented-'))
  writeFileSync(join(home, 'keywright.config.json'), '{"segmentBytes":4096}')
  const store = join(home, 'keys.json')
  const manager = await ApiKeyManager.open({ store, brand: 'acme', actor: 'tester', onWarning: () => undefined })
  const limits = [{ name: 'default', limit: 100, windowSeconds: 86_400 }]
  for (let made = 0; made < 20; made++) {
    const { key, token } = await manager.generateApiKey({ userId: `user ${made % 3}`, scopes: ['read:a', 'read:b'], rateLimits: limits })
    await manager.validateApiKey(token, { requiredScopes: ['read:b'] })
    await manager.validateApiKey(token, { requiredScopes: ['read:a'] })
    await manager.validateApiKey('no token')
    if (made % 4 === 0) await manager.rotateApiKey(key.id, { graceSeconds: 60 })
    if (made % 5 === 0) await manager.revokeApiKey(key.id, { reason: 'over' })
  }
  await manager.verifyAudit()
  await manager.close()
  return store
}

const LONG = 10_000

async function longStore(): Promise<string> {
  const store = join(freshFolder(), 'keys.json')
  const manager = await ApiKeyManager.open({ store, actor: 'tester', onWarning: () => undefined })
  for (const userId of ['ann', 'bob', 'eve']) await manager.validateApiKey((await manager.generateApiKey({ userId })).token)
  await manager.close()
  const log = join(store, '../logs/security-audit.log')
  const last = parseRecord(Buffer.from(readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) as string))
  if (typeof last === 'string') throw new Error(last)
  const notes = Array.from({ length: LONG - last.seq }, () => ({ actor: ACTOR, at: last.at, action: 'audit.verify' }) as const)
  appendFileSync(log, chainLines(last, notes).lines)
  return store
}

async function proofOf(store: string) {
  const manager = await ApiKeyManager.open({ store, readOnly: true, onWarning: () => undefined })
  try {
    return await manager.verifyAudit()
  } finally {
    await manager.close()
  }
}

beforeAll(async () => {
  server = await startMigrated()
  const home = freshFolder()
  demo = (await buildDemo(home, { at: Date.UTC(2026, 10, 20, 12), draw: (bytes) => randomBytes(bytes) })).store
  long = await longStore()
}, 60_000)
afterAll(async () => {
  await server.remove()
  for (const store of [demo, long]) rmSync(join(store, '..'), { recursive: true, force: true })
})
beforeEach(() => {
  folder = freshFolder()
  return () => rmSync(folder, { recursive: true, force: true })
})

describe('there and back', () => {
  test('the demo store into a database and back is identical, and proven at each stop', async () => {
    const [one, back] = [await server.fresh(), freshStore()]
    const first = await copy(demo, one.url)
    expect(first).toMatchObject({ from: demo, resumedBehind: 0 })
    expect(await proofOf(one.url)).toMatchObject({ ok: true, records: first.records })
    const second = await copy(one.url, back)
    const { from: _from, to: _to, ...same } = first
    expect(second).toMatchObject(same)
    expectSame(demo, back)
    expect(usageOf(back)).toEqual(usageOf(demo))
    expect(await proofOf(back)).toMatchObject({ ok: true, records: first.records })
    for (const path of [back, back.replace('.json', '.usage.json')]) expect(statSync(path).mode & 0o777).toBe(0o600)
  }, 120_000)

  test('a copy from file to file is identical', async () => {
    const back = freshStore()
    await copy(demo, back)
    expectSame(demo, back)
  })

  test('a log of many segments gets the same segments again, and limits keep what was admitted in them', async () => {
    const source = await segmentedStore()
    const { url } = await server.fresh()
    const back = freshStore()
    expect(Object.keys(logFiles(source)).length).toBeGreaterThan(3)
    await copy(source, url)
    await copy(url, back)
    expect(logFiles(back)).toEqual(logFiles(source))
    expect(readFileSync(back, 'utf8')).toBe(readFileSync(source, 'utf8'))
    expect(await proofOf(back)).toMatchObject({ ok: true })
    const [before, after] = [usageOf(source), usageOf(back)]
    expect(countsOf(withoutAdmissions(after))).toEqual(countsOf(withoutAdmissions(before)))
    expect(new Set(admitted(after))).toEqual(new Set(admitted(before)))
    expect(admitted(after).length).toBeGreaterThan(10)
  })

  test('tokens of the source are valid in the copy, whose changes go on behind the log', async () => {
    const source = freshStore()
    const first = await ApiKeyManager.open({ store: source, onWarning: () => undefined })
    const { token, key } = await first.generateApiKey({ userId: 'ann' })
    await first.close()
    const { url } = await server.fresh()
    const { records } = await copy(source, url)
    const second = await ApiKeyManager.open({ store: url, onWarning: () => undefined })
    try {
      expect(await second.validateApiKey(token)).toMatchObject({ valid: true, keyId: key.id })
      await second.revokeApiKey(key.id, { reason: 'moved' })
      expect(await second.verifyAudit()).toMatchObject({ ok: true })
    } finally {
      await second.close()
    }
    const back = freshStore()
    expect((await copy(url, back)).records).toBeGreaterThan(records)
    expect(await proofOf(back)).toMatchObject({ ok: true })
  })

  test('an empty store with a brand of its own is copied as one', async () => {
    const source = freshStore()
    writeFileSync(source, readFileSync(join(import.meta.dirname, '../../keys.json'), 'utf8').replace('"kw"', '"acme"'), { mode: 0o600 })
    const { url } = await server.fresh()
    const back = freshStore()
    expect(await copy(source, url)).toMatchObject({ records: 0, keys: 0, calls: 0 })
    await copy(url, back)
    expect(readFileSync(back, 'utf8')).toBe(readFileSync(source, 'utf8'))
  })
})

const withoutAdmissions = ({ lines, ...usage }: Usage): Usage => ({
  ...usage,
  lines: lines.map(([id, line]) => [id, { ...(line as object), admissions: {} }] as const),
})

const admitted = ({ lines }: Usage) =>
  lines.flatMap(([id, line]) =>
    Object.entries((line as { admissions: Record<string, { windowMs: number; calls: { at: number; count: number }[] }> }).admissions).map(
      ([name, { windowMs, calls }]) => ({ id, name, windowMs, calls: calls.map(({ at, count }) => [at, count]) }),
    ),
  )

describe('a copy that is interrupted', () => {
  const INTERRUPTED = 4_000

  test.each([
    ['in a database', async () => (await server.fresh()).url],
    ['in files', async () => freshStore()],
  ])(
    '%s holds no key, can not be used by accident, and is gone on with',
    async (_where, makeTarget) => {
      const target = await makeTarget()
      await expect(copy(long, target, stopAt(INTERRUPTED))).rejects.toThrow()
      // All records are there, but nothing else.
      await expect(copy(long, target, stopAt(LONG))).rejects.toThrow()
      const manager = await ApiKeyManager.open({ store: target, readOnly: true, onWarning: () => undefined })
      expect(await manager.listApiKeys()).toMatchObject({ total: 0 })
      expect(await manager.verifyAudit()).toMatchObject({ ok: false })
      await manager.close()
      expect(await copy(long, target)).toMatchObject({ resumedBehind: LONG, records: LONG })
      expect(await proofOf(target)).toMatchObject({ ok: true, records: LONG })
    },
    120_000,
  )

  test('by SIGKILL, in files, goes on where it stood', async () => {
    const target = freshStore()
    const log = join(folder, `logs/${target.split('/').at(-1)?.replace('.json', '')}.security-audit.log`)
    const child = spawn(process.execPath, [MAIN, 'copy', '--from', long, '--to', target], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    const watch = setInterval(() => {
      if (existsSync(log) && statSync(log).size > 1_000_000) child.kill('SIGKILL')
    }, 1)
    await ended
    clearInterval(watch)
    expect(existsSync(target)).toBe(false)
    appendFileSync(log, '{"seq":')
    const { resumedBehind } = await copy(long, target)
    expect(resumedBehind).toBeGreaterThan(0)
    expectSame(long, target)
  }, 60_000)

  test('between its counts and its keys, in files, goes on with the keys', async () => {
    const target = freshStore()
    await copy(long, target)
    rmSync(target)
    expect(await copy(long, target)).toMatchObject({ resumedBehind: LONG })
    expectSame(long, target)
  })

  test('by SIGKILL, in a database, goes on where it stood', async () => {
    const { url, name } = await server.fresh()
    const child = spawn(process.execPath, [MAIN, 'copy', '--from', long, '--to', url], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    while (Number((await server.admin(name, 'SELECT seq FROM keywright.head'))[0]?.['seq']) < 4_000) expect(child.exitCode).toBe(null)
    child.kill('SIGKILL')
    await ended
    expect((await server.admin(name, 'SELECT count(*)::integer AS keys FROM keywright.keys'))[0]).toEqual({ keys: 0 })
    expect((await copy(long, url)).resumedBehind).toBeGreaterThanOrEqual(4_000)
    expect(await proofOf(url)).toMatchObject({ ok: true })
  }, 120_000)

  test('by Ctrl-C says how to go on', async () => {
    const { url, name } = await server.fresh()
    const child = spawn(process.execPath, [MAIN, 'copy', '--from', long, '--to', url], { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const ended = once(child, 'exit')
    while (Number((await server.admin(name, 'SELECT seq FROM keywright.head'))[0]?.['seq']) < 2_000) expect(child.exitCode).toBe(null)
    child.kill('SIGINT')
    expect(await ended).toEqual([130, null])
    expect(said).toContain('run the same command again')
  }, 60_000)

  test('by a server that goes away is a typed error, and goes on when it is back', async () => {
    const { url } = await server.fresh()
    let isStopped: Promise<void> | null = null
    const onProgress = ({ records }: CopyProgress): void => {
      if (records >= INTERRUPTED) isStopped ??= server.stop('immediate')
    }
    await expect(copy(long, url, { onProgress })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await isStopped
    await server.start()
    expect((await copy(long, url)).resumedBehind).toBeGreaterThan(0)
  }, 120_000)

  test('by a disk that takes no more is a typed error, and goes on when there is room', async () => {
    const target = freshStore()
    const { stderr, code } = shell(`ulimit -f 2000; keywright copy --from ${long} --to ${target}`, folder)
    expect(stderr).toMatch(/EFBIG.*STORE_UNAVAILABLE/s)
    expect(code).toBe(4)
    expect((await copy(long, target)).resumedBehind).toBeGreaterThan(0)
    expectSame(long, target)
  }, 60_000)
})

describe('what is refused', () => {
  test('a store that is not empty, of either kind, whatever it holds', async () => {
    const source = await segmentedStore()
    const { url } = await server.fresh()
    await copy(source, url)
    const refused = { code: 'INVALID_INPUT', field: 'to', message: expect.stringContaining('is not empty: it holds 20 keys') }
    await expect(copy(source, url)).rejects.toMatchObject(refused)
    await expect(copy(url, source)).rejects.toMatchObject(refused)
    await expect(copy(source, source)).rejects.toMatchObject(refused)
    const counted = await server.fresh()
    await server.admin(counted.name, `INSERT INTO keywright.usage VALUES ('', 'total', '', 'ever', 0, 2, 1)`)
    await expect(copy(source, counted.url)).rejects.toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('counts') })
    const bare = await server.create('bare')
    await expect(copy(source, bare)).rejects.toMatchObject({ code: 'STORE_FORMAT', hint: expect.stringContaining('keywright migrate') })
  })

  test('what an interrupted copy of another store left', async () => {
    const target = freshStore()
    await expect(copy(long, target, stopAt(1))).rejects.toThrow()
    const [other, { url }] = [await segmentedStore(), await server.fresh()]
    await expect(copy(other, target)).rejects.toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('not those of') })
    await expect(copy(other, url, stopAt(1))).rejects.toThrow()
    await expect(copy(long, url)).rejects.toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('not those of') })
  })

  test('a source that is not as its log says', async () => {
    const spoilt: readonly (readonly [what: string, spoil: (store: string, log: string) => void, code: string])[] = [
      ['a record was edited', (_, log) => writeFileSync(log, readFileSync(log, 'utf8').replace('tester', 'nobody')), 'AUDIT_BROKEN'],
      ['its end was cut', (_, log) => truncateSync(log, 0), 'AUDIT_BROKEN'],
      [
        'a key was changed by hand',
        (store) => writeFileSync(store, readFileSync(store, 'utf8').replace('"user 1"', '"user 9"')),
        'AUDIT_BROKEN',
      ],
      ['a segment is missing', (_, log) => rmSync(log.replace('.log', '.1.log')), 'AUDIT_BROKEN'],
      ['its last line is torn', (_, log) => appendFileSync(log, '{"seq":'), 'STORE_UNAVAILABLE'],
    ]
    for (const [what, spoil, code] of spoilt) {
      const store = await segmentedStore()
      spoil(store, join(store, '../logs/security-audit.log'))
      const { url } = await server.fresh()
      await expect(copy(store, url), what).rejects.toMatchObject({ code })
      await expect(
        proofOf(url).then(({ ok, records }) => ok && records > 0),
        what,
      ).resolves.toBe(false)
    }
    await expect(copy(join(folder, 'none.json'), freshStore())).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'from' })
  }, 60_000)

  test('a source with a change that died half-way, until it is recovered', async () => {
    const store = freshStore()
    const manager = await ApiKeyManager.open({ store, onWarning: () => undefined })
    const { key } = await manager.generateApiKey({ userId: 'ann' })
    copyFileSync(store, `${store}.before`)
    await manager.revokeApiKey(key.id, { reason: 'over' })
    await manager.close()
    copyFileSync(`${store}.before`, store)
    const { url } = await server.fresh()
    await expect(copy(store, url)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('half-way (seq 2)'),
    })
    const recovering = await ApiKeyManager.open({ store, onWarning: () => undefined })
    await recovering.verifyAudit()
    await recovering.close()
    expect(await copy(store, url)).toMatchObject({ resumedBehind: 2, keys: 1 })
  })

  test('a database that somebody else writes to meanwhile', async () => {
    const { url, name } = await server.fresh()
    let written: Promise<unknown> | null = null
    const onProgress = (): void => {
      written ??= server.admin(name, `UPDATE keywright.head SET hash = repeat('1', 64)`)
    }
    await expect(copy(long, url, { onProgress })).rejects.toMatchObject({ code: 'STORE_BUSY' })
    await written
  }, 60_000)
})
