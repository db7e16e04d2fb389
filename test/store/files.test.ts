// The files of an embedded store: their text, names, modes, and who may have a hand in them.

import { chmodSync, lchownSync, lstatSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ApiKeyManager } from '../../src/index.ts'
import { emptyLines } from '../../store/json/key-lines.ts'
import type { Place } from './harness.ts'
import { ACTOR, expectCode, linesOf, newPlace, openManagerAt, openStoreAt, placeAt } from './harness.ts'

const EMPTY = `{"format":"keywright/1","brand":"kw","audit":{"seq":0,"hash":"${'0'.repeat(64)}"},"keys":[\n]}\n`

describe('the text of keys.json', () => {
  test('the empty store is a header and its end', async () => {
    expect(emptyLines('kw').bytes.toString()).toBe(EMPTY)
    const place = newPlace()
    writeFileSync(place.keys, EMPTY, { mode: 0o600 })
    const manager = await openManagerAt(place)
    expect(await manager.listApiKeys()).toEqual({ keys: [], nextCursor: null, total: 0 })
    expect(await manager.verifyAudit()).toMatchObject({ ok: true, records: 0 })
    await manager.generateApiKey({ userId: 'ann' })
    expect((await manager.listApiKeys()).total).toBe(1)
  })

  test('a header with the log’s head, one key a line, its members in the order of the model', async () => {
    const place = newPlace()
    const manager = await openManagerAt(place)
    for (const userId of ['ann', 'bob', 'cyd']) await manager.generateApiKey({ userId, scopes: ['read:users'] })
    const { hash } = place.records().at(-1) ?? {}
    const [header, ...lines] = linesOf(place.text())
    expect(header).toBe(`{"format":"keywright/1","brand":"kw","audit":{"seq":3,"hash":"${hash}"},"keys":[`)
    expect(lines.pop()).toBe(']}')
    expect(lines.map((line) => line.endsWith(','))).toEqual([true, true, false])
    const keys = lines.map((line) => JSON.parse(line.replace(/,$/, '')) as Record<string, unknown>)
    expect(keys.map(({ userId }) => userId)).toEqual(['ann', 'bob', 'cyd'])
    expect(Object.keys(keys[0] ?? {}).join(' ')).toBe(
      'id userId name environment scopes rateLimits allowedIps notBefore expiresAt disabledAt revokedAt revokedBy revokedReason createdAt createdBy updatedAt revision tags metadata secrets',
    )
    expect(JSON.parse(place.text())).toMatchObject({ keys })
  })

  test('a change of one key touches its line and the header, and no other', async () => {
    const place = newPlace()
    const manager = await openManagerAt(place)
    const made = [1, 2, 3, 4, 5].map((number) => manager.generateApiKey({ userId: `user${number}` }))
    const third = (await Promise.all(made))[2]?.key.id ?? ''
    const before = linesOf(place.text())
    await manager.updateApiKey(third, { name: 'third' })
    const after = linesOf(place.text())
    const differing = after.flatMap((line, index) => (line === before[index] ? [] : [index]))
    expect(after).toHaveLength(before.length)
    expect(differing).toEqual([0, 3])
  })

  test('each record is one line with its members in order, its hash last', async () => {
    const place = newPlace()
    const manager = await openManagerAt(place)
    const { key, token } = await manager.generateApiKey({ userId: 'ann' })
    await manager.revokeApiKey(key.id, { reason: 'leaked' })
    const lines = linesOf(place.text(place.log))
    for (const line of lines) {
      expect(Object.keys(JSON.parse(line) as object).join(' ')).toBe(
        'seq at actor action keyId userId outcome reason before after base digest prev hash',
      )
      expect(line).toMatch(/,"hash":"[0-9a-f]{64}"\}$/)
    }
    expect(place.text(place.log)).not.toContain('sha256:')
    expect(place.text(place.log) + place.text()).not.toContain(token)
  })
})

describe('names and modes', () => {
  const useAll = async (place: Place): Promise<void> => {
    const manager = await openManagerAt(place)
    const { token } = await manager.generateApiKey({ userId: 'ann' })
    await manager.validateApiKey(token)
    await manager.close()
  }

  test('keys.json has its usage, lock and log beside it, files for the owner alone', async () => {
    const place = newPlace()
    await useAll(place)
    expect(place.files()).toEqual(['keys.json', 'keys.lock', 'keys.usage.json', 'logs/security-audit.log'])
    for (const file of place.files()) expect([file, statSync(join(place.folder, file)).mode & 0o777]).toEqual([file, 0o600])
    expect(statSync(join(place.folder, 'logs')).mode & 0o777).toBe(0o700)
  })

  test('two stores in one folder share nothing', async () => {
    const place = newPlace('billing.json')
    await useAll(place)
    expect(place.files()).toEqual(['billing.json', 'billing.lock', 'billing.usage.json', 'logs/billing.security-audit.log'])
    const manager = await ApiKeyManager.open({ store: join(place.folder, 'keys.json') })
    expect((await manager.listApiKeys()).total).toBe(0)
    expect((await manager.verifyAudit()).records).toBe(0)
    await manager.close()
  })

  test('settings beside the store give brand and log; wrong ones are refused with their place', async () => {
    const place = newPlace()
    const config = join(place.folder, 'keywright.config.json')
    writeFileSync(config, '{"brand":"acme","auditLog":"audit.log"}')
    const manager = await openManagerAt(place)
    expect((await manager.generateApiKey({ userId: 'ann' })).token).toMatch(/^acme_live_/)
    expect(place.files()).toContain('audit.log')
    writeFileSync(config, '{\n  "brand": acme\n}')
    expect((await expectCode(openManagerAt(place), 'INVALID_INPUT')).message).toContain(`${config}:2:12: `)
  })
})

describe('a store that is not there', () => {
  test('opening, reading, counting and refusing make no file', async () => {
    const place = newPlace()
    const manager = await openManagerAt(place)
    await manager.validateApiKey('kw_live_nonsense')
    await manager.listApiKeys()
    await manager.listUsers()
    await manager.getUsageStats()
    await manager.verifyAudit()
    expect(await manager.getApiKey('key_000000000000')).toBeNull()
    for await (const record of manager.auditRecords()) expect(record).toBeUndefined()
    await manager.flush()
    await expectCode(manager.revokeApiKey('key_000000000000', { reason: 'x' }), 'NO_SUCH_KEY')
    await expectCode(manager.generateApiKey({ userId: '' }), 'INVALID_INPUT')
    await expectCode(manager.generateApiKey({ userId: 'ann', like: 'key_000000000000' }), 'NO_SUCH_KEY')
    expect(await manager.purge({ olderThanSeconds: 0 })).toMatchObject({ results: [] })
    await manager.close()
    expect(place.files()).toEqual([])
  })

  test('accepting a loss where nothing is makes no file', async () => {
    const place = newPlace()
    const store = await openStoreAt(place)
    await expectCode(store.audit.acceptLoss(ACTOR, 'none'), 'INVALID_INPUT')
    expect(place.files()).toEqual([])
  })

  test('who opened it before others made it takes theirs as it is', async () => {
    const place = newPlace()
    const early = await openManagerAt(place)
    await early.validateApiKey('nonsense')
    const other = await openManagerAt(place, { brand: 'acme' })
    const { key } = await other.generateApiKey({ userId: 'ann', tags: ['theirs'] })
    await early.flush()
    const { token, key: like } = await early.generateApiKey({ userId: 'bob', like: key.id })
    expect(like.tags).toEqual(['theirs'])
    expect(token).toMatch(/^acme_live_/)
    expect(place.text()).toContain('"brand":"acme"')
  })
})

describe('what may be missing', () => {
  test('a store is whole without its usage and lock files', async () => {
    const place = newPlace()
    const manager = await openManagerAt(place)
    const { token, key } = await manager.generateApiKey({ userId: 'ann' })
    await manager.validateApiKey(token)
    await manager.close()
    rmSync(place.usage)
    rmSync(place.lock)
    const again = await openManagerAt(place)
    expect(await again.verifyAudit()).toMatchObject({ ok: true })
    expect((await again.validateApiKey(token)).code).toBe('VALID')
    await again.updateApiKey(key.id, { name: 'still' })
    await again.flush()
    expect(await again.getKeyUsageStats(key.id)).toMatchObject({ usageCount: 1 })
    expect(await again.verifyAudit()).toMatchObject({ ok: true, problems: [] })
  })
})

describe('symbolic links', () => {
  const linked = (target: string): { link: Place; real: Place } => {
    const [real, link] = [newPlace(target), newPlace('link.json')]
    symlinkSync(real.keys, link.keys)
    return { link, real }
  }

  test('a link is followed: the files lie beside what it means, and it stays a link', async () => {
    const { link, real } = linked('keys.json')
    writeFileSync(real.keys, EMPTY, { mode: 0o600 })
    const manager = await openManagerAt(link)
    const { token } = await manager.generateApiKey({ userId: 'ann' })
    await manager.validateApiKey(token)
    await manager.close()
    expect(real.files()).toEqual(['keys.json', 'keys.lock', 'keys.usage.json', 'logs/security-audit.log'])
    expect(lstatSync(link.keys).isSymbolicLink()).toBe(true)
    expect(link.files()).toEqual([basename(link.keys)])
  })

  test('a link to a store that is not there yet is followed too', async () => {
    const { link, real } = linked('later.json')
    await (await openManagerAt(link)).generateApiKey({ userId: 'ann' })
    expect(lstatSync(link.keys).isSymbolicLink()).toBe(true)
    expect(real.files()).toContain('later.json')
  })

  test('a relative link in a folder that is itself a link is seen from where it lies', async () => {
    const place = newPlace()
    const [real, way] = [join(place.folder, 'real'), join(place.folder, 'way')]
    for (const folder of [real, join(real, 'inner'), join(place.folder, 'data'), join(real, 'data')]) mkdirSync(folder, { mode: 0o700 })
    symlinkSync(join(real, 'inner'), way)
    symlinkSync('../data/keys.json', join(real, 'inner', 'link.json'))
    await (await openManagerAt(placeAt(place.folder, 'way/link.json'))).generateApiKey({ userId: 'ann' })
    expect(place.files().filter((file) => basename(file) === 'keys.json')).toEqual(['real/data/keys.json'])
  })

  test('a link of another user is refused', async () => {
    const { link, real } = linked('keys.json')
    writeFileSync(real.keys, EMPTY, { mode: 0o600 })
    // Only root can give a link away.
    if (process.getuid?.() !== 0) return
    lchownSync(link.keys, 4242, 4242)
    await expectCode(openManagerAt(link), 'STORE_INSECURE')
  })
})

describe('files that others may touch', () => {
  const made = async (): Promise<Place> => {
    const place = newPlace()
    await (await openManagerAt(place)).generateApiKey({ userId: 'ann' })
    return place
  }

  test.each([
    ['the store', (place: Place) => place.keys, 0o620],
    ['the log', (place: Place) => place.log, 0o602],
    ['the store’s folder', (place: Place) => place.folder, 0o770],
    ['the log’s folder', (place: Place) => join(place.folder, 'logs'), 0o707],
  ])('%s that others may write is refused, unless they are let', async (_, pathOf, mode) => {
    const place = await made()
    chmodSync(pathOf(place), mode)
    expect((await expectCode(openManagerAt(place), 'STORE_INSECURE')).message).toContain(pathOf(place))
    const warnings: string[] = []
    const manager = await openManagerAt(place, { insecure: true, onWarning: ({ code }) => warnings.push(code) })
    expect(warnings).toContain('STORE_INSECURE')
    expect((await manager.listApiKeys()).total).toBe(1)
  })

  test('a file that others may read is told of and used', async () => {
    const place = await made()
    chmodSync(place.keys, 0o644)
    chmodSync(place.log, 0o640)
    const warnings: string[] = []
    await openManagerAt(place, { onWarning: ({ code, message }) => warnings.push(`${code} ${message}`) })
    expect(warnings.map((warning) => warning.split(';')[0])).toEqual([
      `READABLE others on this machine may read ${place.keys}`,
      `READABLE others on this machine may read ${place.log}`,
    ])
  })

  test('a folder in the store’s place is refused', async () => {
    const place = newPlace()
    mkdirSync(place.keys)
    await expectCode(openManagerAt(place), 'STORE_UNAVAILABLE')
  })
})
