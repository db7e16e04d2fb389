// Peppers on disk: new secrets, mixed stores, re-hashing at the next use, who may read the file, and a key that was forged by hand.

import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { composeToken, hashToken } from '../../src/domain/token.ts'
import type { ApiKeyManager } from '../../src/index.ts'
import type { Place } from './harness.ts'
import { expectCode, linesOf, newKey, newPlace, openManagerAt } from './harness.ts'
import { expectProven, keyLines } from './story.ts'

const lineOf = (name: string): string => `${name}:${Buffer.alloc(32, name).toString('base64')}`

/** A file of peppers in a folder of its own. */
function pepperFile(...names: string[]): string {
  const path = join(newPlace().folder, 'peppers')
  writeFileSync(path, names.map((name) => `${lineOf(name)}\n`).join(''), { mode: 0o600 })
  return path
}

const schemes = (place: Place): string[] => [...place.text().matchAll(/"hash":"([^"]+):[^":]+"/g)].map(([, scheme]) => scheme as string)

/** A store with keys whose secrets are plain, and their tokens. */
async function plainStore(count: number): Promise<{ place: Place; tokens: string[]; ids: string[] }> {
  const place = newPlace()
  const manager = await openManagerAt(place)
  const made = await Promise.all(Array.from({ length: count }, (_, index) => manager.generateApiKey({ userId: `u${index}` })))
  await manager.close()
  return { place, tokens: made.map(({ token }) => token), ids: made.map(({ key }) => key.id) }
}

const codes = async (manager: ApiKeyManager, tokens: readonly string[]): Promise<string[]> => {
  const verdicts: string[] = []
  for (const token of tokens) verdicts.push((await manager.validateApiKey(token)).code)
  return verdicts
}

describe('with a pepper', () => {
  test('new secrets are kept under it, after generate and rotate, and name their key', async () => {
    const place = newPlace()
    const manager = await openManagerAt(place, { pepperFile: pepperFile('a') })
    const { token, key } = await manager.generateApiKey({ userId: 'ann' })
    const { token: second } = await manager.rotateApiKey(token)
    expect(schemes(place)).toEqual(['hmac-sha256:a', 'hmac-sha256:a'])
    expect(await codes(manager, [token, second])).toEqual(['VALID', 'VALID'])
    expect((await manager.getApiKey(second))?.id).toBe(key.id)
    expect(await manager.getApiKey(composeToken('kw_live', key.secrets[0]?.shortId ?? '', new Uint8Array(32)))).toBeNull()
    await expectProven(manager)
  })

  test('a plain secret is accepted, and re-hashed at its next use with one record that holds no hash', async () => {
    const { place, tokens, ids } = await plainStore(2)
    const manager = await openManagerAt(place, { pepperFile: pepperFile('a') })
    expect(await codes(manager, [tokens[0] ?? '', tokens[0] ?? ''])).toEqual(['VALID', 'VALID'])
    await manager.flush()
    expect(schemes(place)).toEqual(['hmac-sha256:a', 'sha256'])
    expect(await codes(manager, tokens)).toEqual(['VALID', 'VALID'])
    await manager.flush()
    expect(schemes(place)).toEqual(['hmac-sha256:a', 'hmac-sha256:a'])
    const changes = place.records().filter(({ action }) => action === 'key.update')
    expect(changes.map(({ keyId }) => keyId)).toEqual(ids)
    expect(changes[0]).toMatchObject({
      reason: 'kept under pepper a from now on',
      before: { secrets: [{ pepper: null }] },
      after: { secrets: [{ pepper: 'a' }], revision: 2 },
    })
    for (const secret of place.text().matchAll(/"hash":"[^"]*:([^":]{43})"/g)) expect(place.text(place.log)).not.toContain(secret[1])
    await expectProven(manager)
    expect(await codes(await openManagerAt(place, { pepperFile: pepperFile('a'), requirePepper: true }), tokens)).toEqual([
      'VALID',
      'VALID',
    ])
  })

  test('both secrets of a key in rotation are re-hashed in one record', async () => {
    const place = newPlace()
    const plain = await openManagerAt(place)
    const { token } = await plain.generateApiKey({ userId: 'ann' })
    const { token: second } = await plain.rotateApiKey(token)
    await plain.close()
    const manager = await openManagerAt(place, { pepperFile: pepperFile('a') })
    expect(await codes(manager, [token, second])).toEqual(['VALID', 'VALID'])
    await manager.close()
    expect(schemes(place)).toEqual(['hmac-sha256:a', 'hmac-sha256:a'])
    expect(place.records().filter(({ action }) => action === 'key.update')).toHaveLength(1)
  })

  test('looking, peeking, being refused and reading alone re-hash nothing', async () => {
    const { place, tokens, ids } = await plainStore(3)
    const [first = '', second = '', third = ''] = tokens
    const manager = await openManagerAt(place, { pepperFile: pepperFile('a') })
    await manager.revokeApiKey(ids[0] ?? '', { reason: 'gone' })
    await manager.validateApiKey(first)
    await manager.validateApiKey(second, { peek: true })
    await manager.validateApiKey(second, { requiredScope: 'admin' })
    await manager.explainApiKey(second)
    const reader = await openManagerAt(place, { pepperFile: pepperFile('a'), readOnly: true })
    await reader.validateApiKey(third)
    await reader.close()
    await manager.close()
    expect(schemes(place)).toEqual(['sha256', 'sha256', 'sha256'])
  })

  test('a key that is revoked between its use and the flush stays as it was revoked', async () => {
    const { place, tokens, ids } = await plainStore(1)
    const manager = await openManagerAt(place, { pepperFile: pepperFile('a'), flushIntervalMs: 60_000 })
    await manager.validateApiKey(tokens[0] ?? '')
    await manager.revokeApiKey(ids[0] ?? '', { reason: 'gone' })
    await manager.flush()
    expect(schemes(place)).toEqual(['sha256'])
    await expectProven(manager)
  })

  test('a re-hash that died between its record and the store is rolled back and made again at the next use', async () => {
    const { place, tokens } = await plainStore(1)
    const before = readFileSync(place.keys)
    const manager = await openManagerAt(place, { pepperFile: pepperFile('a') })
    await manager.validateApiKey(tokens[0] ?? '')
    await manager.close()
    writeFileSync(place.keys, before)
    const seq = place.records().find(({ action }) => action === 'key.update')?.seq
    const again = await openManagerAt(place, { pepperFile: pepperFile('a') })
    await again.validateApiKey(tokens[0] ?? '')
    await again.close()
    expect(schemes(place)).toEqual(['hmac-sha256:a'])
    expect(place.records().find(({ action }) => action === 'store.recover')?.after).toEqual({ redone: [], rolledBack: [seq] })
    await expectProven(await openManagerAt(place))
  })

  test('where the re-hash can’t be recorded, verdict and counts stand, the operator is told and nothing is half done', async () => {
    const { place, tokens } = await plainStore(1)
    const warnings: string[] = []
    const manager = await openManagerAt(place, { pepperFile: pepperFile('a'), onWarning: ({ code }) => warnings.push(code) })
    writeFileSync(place.log, '')
    expect(await codes(manager, tokens)).toEqual(['VALID'])
    await manager.flush()
    expect(warnings).toEqual(['AUDIT_BROKEN', 'NOT_RENEWED'])
    expect(schemes(place)).toEqual(['sha256'])
    expect((await manager.getKeyUsageStats(tokens[0] ?? '')).usageCount).toBe(1)
  })
})

describe('a pepper that is replaced', () => {
  test('goes on verifying from the second line, and every use moves a secret to the new one', async () => {
    const place = newPlace()
    const old = await openManagerAt(place, { pepperFile: pepperFile('old') })
    const tokens = [await old.generateApiKey({ userId: 'ann' }), await old.generateApiKey({ userId: 'bob' })].map(({ token }) => token)
    await old.close()
    const both = await openManagerAt(place, { pepperFile: pepperFile('new', 'old') })
    expect(await codes(both, tokens.slice(0, 1))).toEqual(['VALID'])
    await both.close()
    expect(schemes(place)).toEqual(['hmac-sha256:new', 'hmac-sha256:old'])
    const fresh = await openManagerAt(place, { pepperFile: pepperFile('new') })
    expect(await codes(fresh, tokens.slice(0, 1))).toEqual(['VALID'])
    expect((await expectCode(fresh.validateApiKey(tokens[1]), 'STORE_UNAVAILABLE')).message).toContain('pepper old')
    await expectProven(fresh)
  })
})

describe('two processes, one without the pepper', () => {
  test('the one without it names the pepper that it lacks, and goes on verifying what it can', async () => {
    const { place, tokens } = await plainStore(2)
    const [first = '', second = ''] = tokens
    const without = await openManagerAt(place)
    const having = await openManagerAt(place, { pepperFile: pepperFile('a') })
    expect(await codes(without, tokens)).toEqual(['VALID', 'VALID'])
    await having.validateApiKey(first)
    await having.flush()
    const later = await openManagerAt(place)
    expect(await codes(later, [second])).toEqual(['VALID'])
    const error = await expectCode(later.validateApiKey(first), 'STORE_UNAVAILABLE')
    expect(error.message).toContain('pepper a')
    expect(error.hint).toContain('KEYWRIGHT_PEPPER_FILE')
    await expectCode(later.explainApiKey(first), 'STORE_UNAVAILABLE')
    await expectCode(later.getApiKey(first), 'STORE_UNAVAILABLE')
    expect((await later.listApiKeys()).total).toBe(2)
    await expectProven(later)
  })
})

describe('a key that was written into keys.json by hand', () => {
  /** The store with one line more: a key of the forger's own, whose secret is kept as the forger likes. */
  async function forged(hash: (token: string) => string): Promise<{ place: Place; token: string; id: string; honest: string }> {
    const place = newPlace()
    const manager = await openManagerAt(place, { pepperFile: pepperFile('a') })
    const { token: honest } = await manager.generateApiKey({ userId: 'ann' })
    await manager.close()
    const { key, token } = newKey({ userId: 'eve', scopes: ['*'] })
    const evil = JSON.stringify({ ...key, secrets: key.secrets.map((secret) => ({ ...secret, hash: hash(token) })) })
    const [header] = linesOf(place.text())
    writeFileSync(place.keys, `${header}\n${[...keyLines(place.text()), evil].join(',\n')}\n]}\n`)
    return { place, token, id: key.id, honest }
  }

  test('is refused where a pepper is required, and named by audit verify', async () => {
    const { place, token, id, honest } = await forged(hashToken)
    const strict = await openManagerAt(place, { pepperFile: pepperFile('a'), requirePepper: true })
    expect(await strict.validateApiKey(token)).toEqual({ valid: false, code: 'NOT_FOUND', reason: 'UNKNOWN' })
    expect(await codes(strict, [honest])).toEqual(['VALID'])
    expect((await strict.verifyAudit()).problems.map(({ keyId }) => keyId)).toEqual([id])
  })

  test('is accepted while plain secrets are: without the requirement a pepper does not stop a forger', async () => {
    const { place, token } = await forged(hashToken)
    expect(await codes(await openManagerAt(place, { pepperFile: pepperFile('a') }), [token])).toEqual(['VALID'])
  })

  test('is refused when its hash claims a pepper whose bytes the forger does not have', async () => {
    const { place, token } = await forged((one) => hashToken(one).replace('sha256:', 'hmac-sha256:a:'))
    const strict = await openManagerAt(place, { pepperFile: pepperFile('a'), requirePepper: true })
    expect(await codes(strict, [token])).toEqual(['NOT_FOUND'])
  })
})

describe('the file of peppers', () => {
  test('that is missing or wrong is an error at once, with its path and never its content', async () => {
    const place = newPlace()
    const path = pepperFile('a')
    expect((await expectCode(openManagerAt(place, { pepperFile: `${path}x` }), 'STORE_UNAVAILABLE')).message).toContain(`${path}x`)
    writeFileSync(path, `${lineOf('a')}\nsecret words\n`)
    const { message } = await expectCode(openManagerAt(place, { pepperFile: path }), 'INVALID_INPUT')
    expect(message).toContain(`${path}:2: `)
    expect(message).not.toContain('words')
  })

  test.each([0o640, 0o604, 0o660])('that others may use (mode %o) is refused, unless that is allowed', async (mode) => {
    const path = pepperFile('a')
    chmodSync(path, mode)
    expect((await expectCode(openManagerAt(newPlace(), { pepperFile: path }), 'STORE_INSECURE')).hint).toContain('chmod go=')
    const warnings: string[] = []
    await openManagerAt(newPlace(), { pepperFile: path, insecure: true, onWarning: ({ code }) => warnings.push(code) })
    expect(warnings).toEqual(['STORE_INSECURE'])
  })

  test('that lies in the store’s folder, or below it, is refused', async () => {
    const place = newPlace()
    await (await openManagerAt(place)).generateApiKey({ userId: 'ann' })
    for (const path of [join(place.folder, 'peppers'), join(place.folder, 'logs', 'peppers')]) {
      writeFileSync(path, `${lineOf('a')}\n`, { mode: 0o600 })
      expect((await expectCode(openManagerAt(place, { pepperFile: path }), 'STORE_INSECURE')).message).toContain('lies in the store')
    }
  })

  test('of another user, or in a folder that others may write, is refused', async () => {
    const path = pepperFile('a')
    chmodSync(join(path, '..'), 0o777)
    expect((await expectCode(openManagerAt(newPlace(), { pepperFile: path }), 'STORE_INSECURE')).message).toContain('the folder of')
    chmodSync(join(path, '..'), 0o700)
    // Only root can give a file away.
    if (process.getuid?.() !== 0) return
    chownSync(path, 4242, 4242)
    expect((await expectCode(openManagerAt(newPlace(), { pepperFile: path }), 'STORE_INSECURE')).message).toContain('another user')
  })

  test('is needed where a pepper is required', async () => {
    expect((await expectCode(openManagerAt(newPlace(), { requirePepper: true }), 'INVALID_INPUT')).field).toBe('pepperFile')
  })
})
