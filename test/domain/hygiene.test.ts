// Hygiene: each rule speaks from its threshold on and not a moment before, and its fix is a line that a shell reads as it is meant.

import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { count, createDelta } from '../../src/domain/delta.ts'
import type { Finding, RuleName } from '../../src/domain/hygiene.ts'
import { findingsOf, RULE_NAMES, RULES, SEVERITIES } from '../../src/domain/hygiene.ts'
import type { Key, Secret } from '../../src/domain/key.ts'
import { keyView } from '../../src/domain/key.ts'
import { shellWord } from '../../src/domain/text.ts'
import type { KeyUsage } from '../../src/domain/usage.ts'
import { addDelta, EMPTY_KEY_USAGE } from '../../src/domain/usage.ts'
import type { VerdictCode } from '../../src/domain/verdict.ts'
import { NOON, newKey } from '../store/harness.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

interface Call {
  readonly ago: number
  readonly code?: VerdictCode
  readonly scopes?: readonly string[]
  readonly shortId?: string
}

function usageOf(...calls: readonly Call[]): KeyUsage {
  return calls.reduce((usage, { ago, code = 'VALID', scopes = [], shortId = 'secret000001' }) => {
    const minute = Math.floor((NOON - ago) / MINUTE)
    const delta = createDelta(minute)
    count(delta, 'key', code, NOON - ago, shortId, scopes)
    return addDelta(usage, delta.keys.get('key') as NonNullable<ReturnType<typeof delta.keys.get>>, minute, NOON)
  }, EMPTY_KEY_USAGE)
}

const iso = (fromNow: number): string => new Date(NOON + fromNow).toISOString()

/** A key of 200 days that no rule has anything against, if it was used lately. */
const soundKey = (fields: Partial<Key> = {}): Key => newKey({ expiresAt: iso(60 * DAY), createdAt: iso(-200 * DAY), ...fields }).key
const findingsFor = (fields: Partial<Key>, usage = usageOf({ ago: HOUR })): readonly Finding[] =>
  findingsOf({ key: keyView(soundKey(fields), NOON), usage, at: NOON })
const rulesFor = (fields: Partial<Key>, usage?: KeyUsage): RuleName[] => findingsFor(fields, usage).map(({ rule }) => rule)

/** The finding of one rule, its key's id left out of the fix. */
function finding(rule: RuleName, fields: Partial<Key>, usage?: KeyUsage) {
  const found = findingsFor(fields, usage).find((one) => one.rule === rule)
  return found === undefined ? null : { ...found, fix: found.fix.replace(found.keyId, 'KEY') }
}

const secret = (shortId: string, notAfter: number | null, createdAgo = 100 * DAY): Secret => ({
  shortId,
  hash: 'sha256:',
  createdAt: iso(-createdAgo),
  notAfter: notAfter === null ? null : iso(notAfter),
  retiredReason: notAfter === null ? null : 'rotated',
})

test('a key that is used, ends in time and has no scope too many has no finding', () => {
  expect(findingsFor({ scopes: ['read'] }, usageOf({ ago: HOUR, scopes: ['read'] }))).toEqual([])
})

describe('never-used', () => {
  test('speaks of a key of 30 days without a use, and of none that is younger or was used', () => {
    expect(finding('never-used', { createdAt: iso(-30 * DAY) }, EMPTY_KEY_USAGE)).toEqual({
      rule: 'never-used',
      severity: 'low',
      keyId: expect.stringMatching(/^key_/),
      userId: 'user1',
      detail: `never used, though usable since ${iso(-30 * DAY)}`,
      fix: "keywright revoke KEY --reason 'never used'",
    })
    expect(rulesFor({ createdAt: iso(-30 * DAY + 1) }, EMPTY_KEY_USAGE)).toEqual([])
    expect(rulesFor({}, usageOf({ ago: 0 }))).toEqual([])
  })

  test('takes a refused call for no use, and counts from the not-before on', () => {
    expect(rulesFor({}, usageOf({ ago: HOUR, code: 'FORBIDDEN' }))).toEqual(['never-used'])
    expect(rulesFor({ notBefore: iso(-30 * DAY) }, EMPTY_KEY_USAGE)).toEqual(['never-used'])
    expect(rulesFor({ notBefore: iso(-30 * DAY + 1) }, EMPTY_KEY_USAGE)).toEqual([])
  })
})

test('idle speaks of a key that was used, but not for 90 days', () => {
  expect(finding('idle', {}, usageOf({ ago: 90 * DAY }))).toMatchObject({
    severity: 'medium',
    detail: 'last used 90 d ago',
    fix: "keywright disable KEY --reason 'idle for 90 days'",
  })
  expect(rulesFor({}, usageOf({ ago: 90 * DAY - 1 }))).toEqual([])
  expect(rulesFor({ notBefore: iso(-80 * DAY) }, usageOf({ ago: 100 * DAY }))).toEqual([])
  expect(rulesFor({}, EMPTY_KEY_USAGE)).toEqual(['never-used'])
})

describe('expiring', () => {
  test('speaks of a key that ends within 7 days', () => {
    expect(finding('expiring', { expiresAt: iso(7 * DAY) }, usageOf({ ago: 2 * DAY }))).toMatchObject({
      severity: 'medium',
      detail: 'expires in 7 d, last used 2 d ago',
      fix: 'keywright update KEY --expires 90d',
    })
    expect(rulesFor({ expiresAt: iso(7 * DAY + 1) })).toEqual([])
  })

  test('is of severity high when the key was used within a day', () => {
    expect(finding('expiring', { expiresAt: iso(DAY) }, usageOf({ ago: DAY }))).toMatchObject({
      severity: 'high',
      detail: 'expires in 1 d, used within 24 h',
    })
    expect(finding('expiring', { expiresAt: iso(1) }, usageOf({ ago: DAY + 1 }))?.severity).toBe('medium')
    expect(finding('expiring', { expiresAt: iso(1) }, EMPTY_KEY_USAGE)).toMatchObject({
      severity: 'medium',
      detail: 'expires now, never used',
    })
  })
})

describe('never-expires', () => {
  test('speaks of live keys and of no test keys', () => {
    expect(finding('never-expires', { expiresAt: null })).toMatchObject({ severity: 'medium', fix: 'keywright update KEY --expires 90d' })
    expect(rulesFor({ expiresAt: null, environment: 'test' })).toEqual([])
  })

  test('offers a key that is not valid yet an expiry that is after its not-before', () => {
    expect(finding('never-expires', { expiresAt: null, notBefore: iso(100 * DAY) })?.fix).toBe(
      `keywright update KEY --expires ${iso(190 * DAY)}`,
    )
  })
})

describe('over-scoped', () => {
  test('names the scopes that no call needed for 90 days; a wildcard among them makes it medium', () => {
    const usage = usageOf({ ago: 90 * DAY, scopes: ['old'] }, { ago: 90 * DAY - 1, scopes: ['read:users'] })
    const fix = (words: string) => `keywright scope remove KEY ${words}`
    expect(finding('over-scoped', { scopes: ['old', 'read:users', 'write'] }, usage)).toMatchObject({
      severity: 'low',
      detail: 'no call needed old write within 90 days',
      fix: fix('old write'),
    })
    expect(finding('over-scoped', { scopes: ['read:*', 'write:*'] }, usage)).toMatchObject({ severity: 'medium', fix: fix("'write:*'") })
    expect(rulesFor({ scopes: ['*', 'read:*', 'read:users'] }, usage)).toEqual([])
  })

  test('leaves alone keys that are younger than 90 days or were never used', () => {
    const scopes = ['write']
    expect(rulesFor({ scopes, createdAt: iso(-90 * DAY) })).toEqual(['over-scoped'])
    expect(rulesFor({ scopes, createdAt: iso(-90 * DAY + 1) })).toEqual([])
    expect(rulesFor({ scopes }, EMPTY_KEY_USAGE)).toEqual(['never-used'])
  })

  test('names five scopes at most, and removes all', () => {
    const scopes = Array.from({ length: 8 }, (_, index) => `scope${index}`)
    const found = finding('over-scoped', { scopes })
    expect(found?.detail).toBe('no call needed scope0 scope1 scope2 scope3 scope4 and 3 more within 90 days')
    expect(found?.fix).toBe(`keywright scope remove KEY ${scopes.join(' ')}`)
  })
})

describe('safe-to-end', () => {
  const secrets = [secret('secret000001', null, HOUR), secret('secret000002', HOUR)]

  test('speaks when no call came on an older secret for 24 hours', () => {
    const quiet = usageOf({ ago: 0 }, { ago: DAY, shortId: 'secret000002' })
    expect(finding('safe-to-end', { secrets }, quiet)).toMatchObject({
      severity: 'low',
      detail: 'no call on secret000002 for 24 h',
      fix: 'keywright grace end KEY',
    })
    expect(rulesFor({ secrets }, usageOf({ ago: 0 }, { ago: DAY - 1, shortId: 'secret000002' }))).toEqual([])
  })

  test('is silent when the overlap is over or one of several older secrets is still used', () => {
    expect(rulesFor({ secrets: [secret('secret000001', null), secret('secret000002', 0)] })).toEqual([])
    const three = [...secrets, secret('secret000003', HOUR)]
    expect(rulesFor({ secrets: three })).toEqual(['safe-to-end'])
    expect(rulesFor({ secrets: three }, usageOf({ ago: 0 }, { ago: HOUR, shortId: 'secret000003' }))).toEqual([])
  })

  test('does not take a secret that is younger than a day for a quiet one', () => {
    const young = (ago: number) => [secret('secret000001', null, 0), secret('secret000002', HOUR, ago)]
    expect(rulesFor({ secrets: young(DAY) })).toEqual(['safe-to-end'])
    expect(rulesFor({ secrets: young(DAY - 1) })).toEqual([])
  })
})

test('retired-secret-tried speaks of REVOKED answers of the last 24 hours, the current one included', () => {
  const tried = (...agos: readonly number[]) => usageOf({ ago: HOUR }, ...agos.map((ago) => ({ ago, code: 'REVOKED' as const })))
  expect(finding('retired-secret-tried', {}, tried(23 * HOUR, 0, 24 * HOUR))).toMatchObject({
    severity: 'high',
    detail: 'a retired secret was tried 2 times within 24 h',
    fix: 'keywright audit list --id KEY --action validate.refused --since 24h',
  })
  expect(finding('retired-secret-tried', {}, tried(0))?.detail).toBe('a retired secret was tried once within 24 h')
  expect(rulesFor({}, tried(24 * HOUR))).toEqual([])
})

describe('which keys have findings', () => {
  const bad = { scopes: ['write'], secrets: [secret('secret000001', null), secret('secret000002', HOUR)] }
  const tried = usageOf({ ago: 100 * DAY }, { ago: 0, code: 'REVOKED' })

  test('none that is revoked or expired, be it disabled or not', () => {
    expect(rulesFor({ ...bad, expiresAt: null }, tried)).toHaveLength(5)
    expect(rulesFor({ ...bad, expiresAt: null, revokedAt: iso(-1) }, tried)).toEqual([])
    for (const disabledAt of [null, iso(-1)]) expect(rulesFor({ ...bad, expiresAt: iso(0), disabledAt }, tried)).toEqual([])
  })

  test('of a disabled one only that its retired secret is tried', () => {
    expect(rulesFor({ ...bad, expiresAt: null, disabledAt: iso(-1) }, tried)).toEqual(['retired-secret-tried'])
    expect(rulesFor({ disabledAt: iso(-1) }, EMPTY_KEY_USAGE)).toEqual([])
  })
})

test('every rule has a severity, one sentence why, and the action that mends it', () => {
  for (const name of RULE_NAMES) {
    const { severity, why, mend } = RULES[name]
    expect(SEVERITIES).toContain(severity)
    expect(why).toMatch(/^[A-Z][^.]*\.$/)
    expect(mend).toMatch(/^(?:revoke|disable|edit|scopes|overlap|rotate|open)$/)
  }
})

test("words that a shell would take for its own come back from it as they were: *, quotes, $, spaces, line ends, ''", () => {
  const words = ['read:users', 'read:*', '*', "it's", '"$HOME"', 'a b', 'a\nb', '`ls`', '!!', '~', '', '=ls', '#x', '🔑', '\\']
  const printed = execFileSync('sh', ['-c', `printf '%s\\0' ${words.map(shellWord).join(' ')}`], { encoding: 'utf8' })
  expect(printed.split('\0').slice(0, -1)).toEqual(words)
})
