// What is tried under kills and faults: a store as it was before, one change in it, and how to tell that it happened wholly or not at all.

import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ApiKeyManager } from '../../src/index.ts'

export interface Scenario {
  readonly name: string
  /** Makes the files, in a folder of its own. */
  readonly prepare: (folder: string) => Promise<void>
  readonly change: (manager: ApiKeyManager) => Promise<unknown>
  /** What the change makes of the key lines, as far as it can be told: the same for all that is before, and all that is after. */
  readonly state: (keys: readonly StoredKey[]) => string
  readonly before: string
  readonly after: string
}

export interface StoredKey {
  readonly userId: string
  readonly name: string | null
  readonly revokedAt: string | null
  readonly secrets: readonly unknown[]
}

export const storeIn = (folder: string): string => join(folder, 'keys.json')
export const logIn = (folder: string): string => join(folder, 'logs', 'security-audit.log')

export function storedKeys(folder: string): StoredKey[] {
  if (!existsSync(storeIn(folder))) return []
  return (JSON.parse(readFileSync(storeIn(folder), 'utf8')) as { keys: StoredKey[] }).keys
}

export async function withManager(folder: string, work: (manager: ApiKeyManager) => Promise<unknown>): Promise<void> {
  const manager = await ApiKeyManager.open({ store: storeIn(folder), actor: 'before', onWarning: () => undefined })
  await work(manager)
  await manager.close()
}

const idOf = async (manager: ApiKeyManager, userId: string): Promise<string> => (await manager.listApiKeys({ userId })).keys[0]?.id ?? ''

const threeKeys = async (manager: ApiKeyManager): Promise<void> => {
  for (const userId of ['ann', 'bob', 'bob']) await manager.generateApiKey({ userId })
}
const names = (keys: readonly StoredKey[]): string =>
  keys
    .filter(({ userId }) => userId === 'ann')
    .map(({ name }) => name)
    .join()
const revoked = (keys: readonly StoredKey[]): string =>
  keys
    .filter(({ userId }) => userId === 'bob')
    .map(({ revokedAt }) => (revokedAt === null ? 'active' : 'revoked'))
    .join()
const rename = async (manager: ApiKeyManager): Promise<unknown> => manager.updateApiKey(await idOf(manager, 'ann'), { name: 'new' })
const revokeBob = (manager: ApiKeyManager): Promise<unknown> => manager.revokeApiKeys({ userId: 'bob' }, { reason: 'all' })

/** A revocation of two keys that died between its records and its keys.json; with half of its last line if `isTorn`. */
const diedHalfWay = async (folder: string, isTorn: boolean): Promise<void> => {
  await withManager(folder, threeKeys)
  const keys = readFileSync(storeIn(folder))
  const length = readFileSync(logIn(folder)).length
  await withManager(folder, revokeBob)
  writeFileSync(storeIn(folder), keys)
  // What a process leaves that dies then: its name in the lock, and the file that it was writing.
  writeFileSync(join(folder, 'keys.lock'), '{"pid":1,"host":"here","since":"2026-11-23T12:00:00.000Z"}')
  writeFileSync(join(folder, '.keys.json.0123456789abcdef.tmp'), keys)
  const log = readFileSync(logIn(folder), 'utf8')
  if (!isTorn) return
  const lines = log.slice(length).trimEnd().split('\n')
  writeFileSync(logIn(folder), `${log.slice(0, length)}${lines.slice(0, -1).join('\n')}\n`)
  appendFileSync(logIn(folder), lines.at(-1)?.slice(0, 80) ?? '')
}

const SEGMENT_BYTES = 4096
/** A log that is just over its size: the next change begins another. */
const fullSegment = async (folder: string): Promise<void> => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'keywright.config.json'), `{"segmentBytes":${SEGMENT_BYTES}}`)
  await withManager(folder, async (manager) => {
    await threeKeys(manager)
    const id = await idOf(manager, 'bob')
    for (let number = 0; readFileSync(logIn(folder)).length < SEGMENT_BYTES; number++) await manager.updateApiKey(id, { name: `${number}` })
  })
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'the first change of all',
    prepare: async () => undefined,
    change: (manager) => manager.generateApiKey({ userId: 'ann' }),
    state: (keys) => `${keys.filter(({ userId }) => userId === 'ann').length}`,
    before: '0',
    after: '1',
  },
  { name: 'an edit', prepare: (folder) => withManager(folder, threeKeys), change: rename, state: names, before: '', after: 'new' },
  {
    name: 'a rotation',
    prepare: (folder) => withManager(folder, threeKeys),
    change: async (manager) => manager.rotateApiKey(await idOf(manager, 'ann')),
    state: (keys) => `${keys[0]?.secrets.length}`,
    before: '1',
    after: '2',
  },
  {
    name: 'a revocation of two keys',
    prepare: (folder) => withManager(folder, threeKeys),
    change: revokeBob,
    state: revoked,
    before: 'active,active',
    after: 'revoked,revoked',
  },
  { name: 'an edit that begins another segment', prepare: fullSegment, change: rename, state: names, before: '', after: 'new' },
  {
    name: 'an edit behind a revocation that died half-way',
    prepare: (folder) => diedHalfWay(folder, false),
    change: rename,
    // The dead one is redone before the edit, or with the next change.
    state: (keys) => `${names(keys)} ${revoked(keys)}`.replace(/^ revoked,revoked$/, ' active,active'),
    before: ' active,active',
    after: 'new revoked,revoked',
  },
  {
    name: 'an edit behind a revocation that died in the middle of its records',
    prepare: (folder) => diedHalfWay(folder, true),
    change: rename,
    state: (keys) => `${names(keys)} ${revoked(keys)}`,
    before: ' active,active',
    after: 'new active,active',
  },
]

export function scenarioOf(name: string): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name)
  if (scenario === undefined) throw new Error(`no scenario is called ${name}`)
  return scenario
}

/** A folder as the scenario begins, copied from one that was prepared once. */
export function copyFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o700 })
  cpSync(from, to, { recursive: true, preserveTimestamps: true })
}
