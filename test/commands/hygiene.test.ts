// hygiene as the library and the command answer it: worst first, chosen, whole over many pages; and every fix runs and mends.

import { execFileSync } from 'node:child_process'
import { beforeEach, describe, expect, test } from 'vitest'
import { parseArguments } from '../../src/cli/arguments.ts'
import type { Reader } from '../../src/commands/command.ts'
import { hygiene, MAX_FINDINGS } from '../../src/commands/hygiene.ts'
import { inputFromTexts } from '../../src/domain/field.ts'
import type { RuleName } from '../../src/domain/hygiene.ts'
import { accepted } from '../../src/domain/refusal.ts'
import type { ApiKeyManager, Finding } from '../../src/index.ts'
import { openManager } from '../../src/open-manager.ts'
import { openMemoryStore } from '../../store/memory.ts'
import { ACTOR, collect, expectCode, newKey, openStoreAt, put, seededDraw } from '../store/harness.ts'
import type { Library } from './library.ts'
import { DAY, HOUR, openLibrary, REASON } from './library.ts'

let library: Library
let manager: ApiKeyManager
beforeEach(async () => {
  library = await openLibrary()
  manager = library.manager
})

const rulesOf = ({ findings }: { findings: readonly Finding[] }) => findings.map(({ rule, userId }) => `${rule} ${userId}`)

/** A key of that owner on which each rule speaks, by rule. */
const BAD: Readonly<Record<RuleName, (userId: string) => Promise<void>>> = {
  'never-used': async (userId) => {
    await library.make({ userId, expiresInDays: 90 })
    library.clock.pass(30 * DAY)
  },
  idle: async (userId) => {
    const { token } = await library.make({ userId, expiresInDays: 365 })
    await manager.validateApiKey(token)
    library.clock.pass(90 * DAY)
  },
  expiring: async (userId) => {
    const { token } = await library.make({ userId, expiresInDays: 7 })
    await manager.validateApiKey(token)
  },
  'never-expires': async (userId) => {
    await library.make({ userId })
  },
  'over-scoped': async (userId) => {
    const { token } = await library.make({ userId, expiresInDays: 365, scopes: ['read:users', 'write:*', '*:secret'] })
    library.clock.pass(90 * DAY)
    await manager.validateApiKey(token, { requiredScope: 'read:users' })
  },
  'safe-to-end': async (userId) => {
    const { key } = await library.make({ userId, expiresInDays: 90 })
    await manager.rotateApiKey(key.id, { graceSeconds: 2 * 86_400 })
    library.clock.pass(DAY)
  },
  'retired-secret-tried': async (userId) => {
    const { key, token } = await library.make({ userId, expiresInDays: 90 })
    await manager.rotateApiKey(key.id, { graceSeconds: 0 })
    await manager.validateApiKey(token)
  },
}

describe('findings', () => {
  test('have the promised shape, and there are none in an empty store', async () => {
    expect(await manager.hygiene()).toEqual({ findings: [] })
    const { key } = await library.make({ userId: 'ann' })
    expect(await manager.hygiene()).toEqual({
      findings: [
        {
          rule: 'never-expires',
          severity: 'medium',
          keyId: key.id,
          userId: 'ann',
          detail: 'a live key without an expiry',
          fix: `keywright update ${key.id} --expires 90d`,
        },
      ],
    })
  })

  test('are worst first, and the older key first among equals', async () => {
    await library.make({ userId: 'old', expiresInDays: 365 })
    library.clock.pass(40 * DAY)
    for (const userId of ['one', 'two']) {
      await BAD['never-expires'](userId)
      await BAD['retired-secret-tried'](userId)
      library.clock.pass(1000)
    }
    expect(rulesOf(await manager.hygiene())).toEqual([
      'retired-secret-tried one',
      'retired-secret-tried two',
      'never-expires one',
      'never-expires two',
      'never-used old',
    ])
  })

  test('of one severity stand in the order of the keys, whichever rule found them', async () => {
    for (const userId of ['one', 'two', 'three', 'four']) {
      await BAD[userId.startsWith('t') ? 'expiring' : 'retired-secret-tried'](userId)
      library.clock.pass(1000)
    }
    await BAD['never-expires']('five')
    library.clock.pass(1000)
    const { key, token } = await library.make({ userId: 'six', expiresInDays: 5 })
    await manager.rotateApiKey(key.id, { graceSeconds: 0 })
    await manager.validateApiKey(token)
    library.clock.pass(1000)
    await BAD['never-expires']('seven')
    expect(rulesOf(await manager.hygiene())).toEqual([
      'retired-secret-tried one',
      'expiring two',
      'expiring three',
      'retired-secret-tried four',
      'retired-secret-tried six',
      'never-expires five',
      'expiring six',
      'never-expires seven',
    ])
  })

  test('are chosen by owner, and by one severity or several', async () => {
    await BAD['never-expires']('ann')
    await BAD.expiring('ann')
    await BAD.expiring('bob')
    expect(rulesOf(await manager.hygiene({ userId: 'ann' }))).toEqual(['expiring ann', 'never-expires ann'])
    expect(rulesOf(await manager.hygiene({ severity: 'medium' }))).toEqual(['never-expires ann'])
    expect(rulesOf(await manager.hygiene({ severity: ['low', 'high'], userId: 'bob' }))).toEqual(['expiring bob'])
  })

  test('leave out keys that are revoked', async () => {
    const { key } = await library.make()
    await manager.revokeApiKey(key.id, REASON)
    expect(await manager.hygiene()).toEqual({ findings: [] })
  })

  test('include what this process has counted and not written', async () => {
    await BAD['retired-secret-tried']('ann')
    expect(library.place.files()).not.toContain('keys.usage.json')
    expect(rulesOf(await manager.hygiene())).toEqual(['retired-secret-tried ann'])
  })

  test('are of every key, also where they fill more than a page, while the event loop goes on', async () => {
    const store = await openStoreAt(library.place)
    const keys = Array.from({ length: 2_100 }, (_, index) => newKey({ id: `key_${String(index).padStart(12, '0')}` }).key)
    await Promise.all(keys.map((key) => put(store, key)))
    let turns = 0
    let isOver = false
    const turn = (): void => {
      turns++
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    const { findings } = await manager.hygiene()
    isOver = true
    expect(findings.map(({ keyId }) => keyId)).toEqual(keys.map(({ id }) => id))
    expect(turns).toBeGreaterThanOrEqual(20)
  })

  test('are 10,000 at most, of more the worst: none of severity high is left out', async () => {
    const { clocks, now } = library.clock
    const store = openMemoryStore({ actor: ACTOR, clocks, draw: seededDraw('hygiene') })
    for (let index = 0; index < MAX_FINDINGS + 2; index++) await put(store, newKey({ id: `key_${String(index).padStart(12, '0')}` }).key)
    const { key } = newKey({ id: 'key_zzzzzzzzzzzz', expiresAt: library.inMs(DAY) })
    await put(store, key)
    store.usage.count({ keyId: key.id, userId: key.userId, code: 'VALID', at: now(), shortId: null, scopes: [] })
    const reader = { store, at: now(), signal: new AbortController().signal } as Reader
    const { findings } = await hygiene.answer({}, reader)
    expect([findings.length, findings[0]?.keyId, findings.at(-1)?.keyId]).toEqual([MAX_FINDINGS, key.id, 'key_000000009998'])
    expect((await hygiene.answer({ severity: ['medium'] }, reader)).findings).toHaveLength(MAX_FINDINGS)
  })

  test('that become worse while they are looked for are not left out', async () => {
    const now = (): number => Date.parse(library.inMs(0))
    const clocks = { wall: now, monotonic: () => 0, uptime: () => 0 }
    const store = openMemoryStore({ actor: ACTOR, clocks, draw: seededDraw('worse') })
    const { key } = newKey({ expiresAt: library.inMs(DAY) })
    await put(store, key)
    const call = { keyId: key.id, userId: key.userId, code: 'VALID', at: now(), shortId: null, scopes: [] } as const
    const watched = {
      ...store,
      queryKeys: (query: Parameters<typeof store.queryKeys>[0]) => {
        // All suspects were judged.
        if (query.filter.expiringWithinSeconds === undefined) store.usage.count(call)
        return store.queryKeys(query)
      },
    }
    const report = await hygiene.answer({}, { store: watched, at: now(), signal: new AbortController().signal } as unknown as Reader)
    expect(report.findings).toMatchObject([{ rule: 'expiring', severity: 'high', keyId: key.id }])
  })

  test.each<object>([{ severity: 'worst' }, { severity: [5] }, { userId: '' }, { nonsense: 1 }])(
    'asked with %j are INVALID_INPUT',
    async (input) => {
      await expectCode(manager.hygiene(input), 'INVALID_INPUT')
    },
  )
})

test('the exit code is 1 when a listed finding is of severity high, else 0', async () => {
  const code = async (severity?: 'high' | 'medium') => hygiene.exitCode(await manager.hygiene(severity === undefined ? {} : { severity }))
  await BAD['never-expires']('ann')
  expect(await code()).toBe(0)
  await BAD.expiring('ann')
  expect([await code(), await code('high'), await code('medium')]).toEqual([1, 1, 0])
})

/** The words of a command line as a shell splits them. */
const wordsOf = (line: string): string[] =>
  execFileSync('sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1)

/** Runs a fix as the command line would, in a process of its own as far as the store knows; and what is found afterwards. */
async function runFix(fix: string): Promise<{ answer: unknown; found: readonly Finding[] }> {
  await manager.flush()
  const [program, ...words] = wordsOf(fix)
  expect(program).toBe('keywright')
  const { command, texts } = accepted(parseArguments(words))
  if (command === null || command.kind === 'app' || command.kind === 'examine' || command.kind === 'upkeep')
    throw new Error(`no command: ${fix}`)
  const { clock, place } = library
  const cli = await openManager({ store: place.keys, actor: 'tester', clock: clock.now }, 'cli')
  try {
    const input = accepted(inputFromTexts(command.fields, texts))
    const answer =
      command.kind === 'read'
        ? await collect((await cli.read(command, input)) as AsyncIterable<unknown>)
        : (await cli.change(command, input)).items.map(({ refusal }) => refusal)
    return { answer, found: (await cli.read(hygiene, {})).findings }
  } finally {
    await cli.close()
  }
}

describe('the fix', () => {
  test.each(Object.entries(BAD).filter(([rule]) => rule !== 'retired-secret-tried'))('of %s runs and mends it', async (rule, spoil) => {
    await spoil('ann')
    const { findings } = await manager.hygiene()
    const [found] = findings
    expect(findings).toEqual([expect.objectContaining({ rule })])
    expect(await runFix(found?.fix ?? '')).toEqual({ answer: [null], found: [] })
  })

  test('of retired-secret-tried shows the refusals on the log; the finding goes after 24 hours', async () => {
    await BAD['retired-secret-tried']('ann')
    const [found] = (await manager.hygiene()).findings
    library.clock.pass(HOUR)
    expect(await runFix(found?.fix ?? '')).toEqual({
      answer: [expect.objectContaining({ action: 'validate.refused', reason: 'REVOKED', keyId: found?.keyId })],
      found: [found],
    })
    library.clock.pass(23 * HOUR)
    expect(await manager.hygiene()).toEqual({ findings: [] })
  })
})
