// What the tests of stores, races and crashes share: places on disk, clocks, seeds, keys, waiting. No mocks.

import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import type { Actor, AuditRecord } from '../../src/domain/audit.ts'
import type { ChangeAction } from '../../src/domain/change.ts'
import { changeOf } from '../../src/domain/change.ts'
import type { Key } from '../../src/domain/key.ts'
import type { Outcome, Store, Targets, Warn } from '../../src/domain/ports.ts'
import type { ErrorCode } from '../../src/domain/refusal.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { isoFrom } from '../../src/domain/time.ts'
import type { Draw } from '../../src/domain/token.ts'
import { composeToken, drawShortId, hashToken } from '../../src/domain/token.ts'
import type { OpenOptions } from '../../src/index.ts'
import { ApiKeyManager } from '../../src/index.ts'
import { pathsOf } from '../../store/json/paths.ts'
import { openStore } from '../../store/open.ts'

export const ACTOR: Actor = { name: 'tester', osUser: 'tester', host: 'here', via: 'library' }
export const NOON = Date.UTC(2026, 10, 23, 12)

/** Where an embedded store has its files, in a folder of its own that is removed afterwards. */
export interface Place {
  readonly folder: string
  readonly keys: string
  readonly usage: string
  readonly lock: string
  readonly log: string
  readonly checkpoints: string
  /** Names of all files below the folder, sorted. */
  readonly files: () => string[]
  readonly text: (path?: string) => string
  /** The records of the active log; a line that is something else is none. */
  readonly records: () => AuditRecord[]
}

export function newPlace(name = 'keys.json'): Place {
  const folder = mkdtempSync(join(tmpdir(), 'keywright-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return placeAt(folder, name)
}

export function placeAt(folder: string, name = 'keys.json'): Place {
  const paths = pathsOf(join(folder, name), undefined)
  const text = (path = paths.keys): string => readFileSync(path, 'utf8')
  return {
    folder,
    ...paths,
    files: () =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((file) => !statSync(join(folder, file)).isDirectory())
        .sort(),
    text,
    records: () => linesOf(text(paths.log)).flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as AuditRecord] : [])),
  }
}

/** The lines of a text that ends with a line end. */
export function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1)
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

/** Bytes that look random and are the same for every run. */
export function seededDraw(seed: string): Draw {
  let drawn = 0
  return (bytes) => {
    const blocks = Array.from({ length: Math.ceil(bytes / 32) }, () => createHash('sha256').update(`${seed} ${drawn++}`).digest())
    return Buffer.concat(blocks).subarray(0, bytes)
  }
}

/** Numbers from 0 up to 1 that are the same for every run. */
export function seededRandom(seed: string): () => number {
  const draw = seededDraw(seed)
  return () => Buffer.from(draw(6)).readUIntBE(0, 6) / 2 ** 48
}

export interface StoreSetup {
  readonly clock?: ManualClock
  readonly seed?: string
  readonly brand?: string
  readonly isReadOnly?: boolean
  readonly warn?: Warn
  /** Path of the key that signs the log. */
  readonly signing?: string
}

/** The embedded store below the manager, with clocks that the test moves. Closed afterwards. */
export async function openStoreAt(place: Place, { clock = manualClock(), seed = 'store', ...setup }: StoreSetup = {}): Promise<Store> {
  const store = await openStore({
    store: place.keys,
    auditLog: undefined,
    brand: setup.brand,
    isReadOnly: setup.isReadOnly ?? false,
    isInsecureAllowed: false,
    actor: ACTOR,
    auditKeys: { signing: setup.signing, public: undefined },
    clocks: clock.clocks,
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

/** The one place that waits: looks again at each turn of the event loop until the answer is there. */
export async function until<T>(what: string, look: () => Answer<T> | Promise<Answer<T>>): Promise<T> {
  for (const end = performance.now() + WAIT_MS; performance.now() < end; await nextTurn()) {
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
