// What the tests of stores, races and crashes share: places on disk, clocks, seeds, keys, waiting. No mocks.

import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import type { Actor } from '../../src/domain/audit.ts'
import type { ChangeAction } from '../../src/domain/change.ts'
import { changeOf } from '../../src/domain/change.ts'
import type { Key } from '../../src/domain/key.ts'
import type { Outcome, Store, Targets, Warn } from '../../src/domain/ports.ts'
import type { ErrorCode } from '../../src/domain/refusal.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { composeToken, drawShortId, hashToken } from '../../src/domain/token.ts'
import type { OpenOptions } from '../../src/index.ts'
import { ApiKeyManager } from '../../src/index.ts'
import { openStore } from '../../store/open.ts'
import type { Place } from './place.ts'
import { placeAt, seededDraw } from './place.ts'

export type { Place } from './place.ts'
export { linesOf, placeAt, seededDraw, seededRandom } from './place.ts'

export const ACTOR: Actor = { name: 'tester', osUser: 'tester', host: 'here', via: 'library' }
export const NOON = Date.UTC(2026, 10, 23, 12)

const TOKEN = /(?:live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}/

/** The files below a folder that hold what has the shape of a token. */
export function filesWithTokens(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const path = join(folder, name)
    return lstatSync(path).isFile() && TOKEN.test(readFileSync(path, 'latin1'))
  })
}

/** A place that is searched for tokens and removed afterwards. */
export function newPlace(name = 'keys.json'): Place {
  const folder = mkdtempSync(join(tmpdir(), 'keywright-test-'))
  onTestFinished(() => {
    try {
      expect(filesWithTokens(folder), 'files with a token').toEqual([])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
  return placeAt(folder, name)
}

/** A clock that stands still until it is moved. */
export function manualClock(start = NOON) {
  let wall = start
  let passed = 0
  return {
    now: () => wall,
    /** Lets time pass on every clock. */
    pass(ms: number) {
      wall += ms
      passed += ms
    },
    /** Moves the wall clock alone. */
    step(ms: number) {
      wall += ms
    },
    clocks: { wall: () => wall, monotonic: () => passed, uptime: () => passed },
  }
}

export type ManualClock = ReturnType<typeof manualClock>

export interface StoreSetup {
  readonly clock?: ManualClock
  readonly seed?: string
  readonly brand?: string
  readonly auditSink?: string
  readonly isReadOnly?: boolean
  readonly warn?: Warn
  /** Path of the key that signs the log. */
  readonly signing?: string
}

/** The embedded store below the manager, with clocks that the test moves. Closed afterwards. */
export function openStoreAt(place: Place, setup?: StoreSetup): Promise<Store> {
  return openStoreNamed(place.keys, setup)
}

/** The store behind a path or a URL, as above. */
export async function openStoreNamed(name: string, { clock = manualClock(), seed = 'store', ...setup }: StoreSetup = {}): Promise<Store> {
  const store = await openStore({
    store: name,
    auditLog: undefined,
    auditSink: setup.auditSink,
    brand: setup.brand,
    isReadOnly: setup.isReadOnly ?? false,
    isInsecureAllowed: false,
    actor: ACTOR,
    auditKeys: { signing: setup.signing, public: undefined },
    clocks: clock.clocks,
    isClockGiven: true,
    maxStaleMs: 5_000,
    draw: seededDraw(seed),
    pid: process.pid,
    warn: setup.warn ?? (() => undefined),
  })
  onTestFinished(() => store.close().catch(() => undefined))
  return store
}

/** A manager on a place. Closed afterwards. */
export async function openManagerAt(place: Place, options: OpenOptions = {}): Promise<ApiKeyManager> {
  const manager = await ApiKeyManager.open({ store: place.keys, actor: 'tester', onWarning: () => undefined, ...options })
  onTestFinished(() => manager.close().catch(() => undefined))
  return manager
}

let made = 0

/** A key with its token, as `generate` would make it. */
export function newKey(fields: Partial<Key> = {}, at = NOON): { key: Key; token: string } {
  const draw = seededDraw(`key ${made++}`)
  const token = composeToken('kw_live', drawShortId(draw), draw(32))
  const [shortId = ''] = token.split('_').slice(2)
  const moment = isoFrom(at)
  const key: Key = {
    id: `key_${drawShortId(draw)}`,
    userId: 'user1',
    name: null,
    environment: 'live',
    scopes: [],
    rateLimits: [],
    allowedIps: [],
    notBefore: null,
    expiresAt: null,
    disabledAt: null,
    revokedAt: null,
    revokedBy: null,
    revokedReason: null,
    createdAt: moment,
    createdBy: ACTOR.name,
    updatedAt: moment,
    revision: 1,
    tags: [],
    metadata: {},
    secrets: [{ shortId, hash: hashToken(token), createdAt: moment, notAfter: null, retiredReason: null }],
    ...fields,
  }
  return { key, token }
}

/** The outcome that makes `after` out of `before`. */
export function outcomeOf(action: ChangeAction, before: Key | null, after: Key | null, at = NOON): Outcome<Key | null> {
  return { at, changes: [changeOf(action, before, after, { reason: null })], answer: after }
}

export const NOBODY: Targets = { refs: [] }
export const refTo = ({ id }: Pick<Key, 'id'>) => ({ by: 'id', id, name: id }) as const

/** Puts keys into a store, one change each. */
export async function put(store: Store, ...keys: readonly Key[]): Promise<void> {
  for (const key of keys) await store.transact({ actor: ACTOR, targets: NOBODY, decide: () => outcomeOf('key.generate', null, key) })
}

/** Changes one key. */
export async function edit(store: Store, { id }: Pick<Key, 'id'>, fields: Partial<Key>, action: ChangeAction = 'key.update'): Promise<Key> {
  const changed = await store.transact({
    actor: ACTOR,
    targets: { refs: [refTo({ id })] },
    decide: ({ targets: [key] }) => {
      if (key == null) throw new KeywrightError('NO_SUCH_KEY', id)
      return outcomeOf(action, key, { ...key, ...fields, revision: key.revision + 1 })
    },
  })
  return changed as Key
}

/** The typed error of what must not succeed. */
export async function errorOf(doing: Promise<unknown> | (() => unknown)): Promise<KeywrightError> {
  try {
    await (typeof doing === 'function' ? doing() : doing)
  } catch (error) {
    if (error instanceof KeywrightError) return error
    throw new Error(`not a KeywrightError: ${String(error)}`, { cause: error })
  }
  throw new Error('it succeeded')
}

export async function expectCode(doing: Promise<unknown> | (() => unknown), code: ErrorCode): Promise<KeywrightError> {
  const error = await errorOf(doing)
  expect(`${error.code}: ${error.message}`).toContain(`${code}: `)
  return error
}

const WAIT_MS = 20_000
type Answer<T> = T | null | undefined | false

/** Turns of the event loop at each of which it is looked again; after that, every few milliseconds, so that others get on. */
const QUICK_TURNS = 200
const LOOK_EVERY_MS = 3

/** The one place that waits: looks again and again until the answer is there. */
export async function until<T>(what: string, look: () => Answer<T> | Promise<Answer<T>>): Promise<T> {
  let turns = 0
  const pause = (): Promise<unknown> => (turns++ < QUICK_TURNS ? nextTurn() : sleep(LOOK_EVERY_MS))
  for (const end = performance.now() + WAIT_MS; performance.now() < end; await pause()) {
    const seen = await look()
    if (seen !== null && seen !== undefined && seen !== false) return seen
  }
  throw new Error(`waited ${WAIT_MS / 1000} s in vain until ${what}`)
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of stream) all.push(one)
  return all
}
