// Builders of big stores: keys.json and the log that proves it, written in one go. A store is built once a run and then copied.

import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Actor, Entry, Head } from '../src/domain/audit.ts'
import { chainLines, EMPTY_HEAD, sha256 } from '../src/domain/audit.ts'
import type { ChangeAction } from '../src/domain/change.ts'
import { changeOf } from '../src/domain/change.ts'
import type { Key } from '../src/domain/key.ts'
import { keyLine } from '../src/domain/key.ts'
import { composeToken, drawShortId, hashToken } from '../src/domain/token.ts'
import { pathsOf } from '../store/json/paths.ts'
import { seedLog, seedStore } from '../store/json/seed.ts'

export const SCOPE = 'read:users'
const KEYS_PER_USER = 1000
/** So high that no measurement ever meets it; a decision costs the same. */
const RATE_LIMIT = { name: 'default', limit: 1_000_000, windowSeconds: 60 }
const ACTOR: Actor = { name: 'bench', osUser: 'bench', host: 'bench', via: 'library' }
const ENTRIES_AT_ONCE = 1000
const NOTE_EVERY = 2

export interface BuiltStore {
  readonly path: string
  readonly log: string
  readonly tokens: readonly string[]
  readonly ids: readonly string[]
}

const draw = (bytes: number): Uint8Array => randomBytes(bytes)
export const idOf = (index: number): string => `key_${index.toString().padStart(12, '0')}`

export const userOf = (index: number): string => `user-${Math.floor(index / KEYS_PER_USER)}`

export function mint(index: number, at: string): { key: Key; token: string } {
  const shortId = drawShortId(draw)
  const token = composeToken('kw_live', shortId, draw(32))
  const key: Key = {
    id: idOf(index),
    userId: userOf(index),
    name: `service ${index}`,
    environment: 'live',
    scopes: [SCOPE, 'write:orders'],
    rateLimits: [RATE_LIMIT],
    allowedIps: [],
    notBefore: null,
    expiresAt: null,
    disabledAt: null,
    revokedAt: null,
    revokedBy: null,
    revokedReason: null,
    createdAt: at,
    createdBy: ACTOR.name,
    updatedAt: at,
    revision: 1,
    tags: ['bench'],
    metadata: {},
    secrets: [{ shortId, hash: hashToken(token), createdAt: at, notAfter: null, retiredReason: null }],
  }
  return { key, token }
}

/** Chains entries behind a head, and puts their lines at the end of a file. */
function appendEntries(path: string, head: Head, entries: readonly Entry[]): Head {
  const { lines, head: next } = chainLines(head, entries)
  seedLog(path, lines)
  return next
}

export const changeEntry = (before: Key | null, after: Key, at: string, base: number, action: ChangeAction = 'key.update'): Entry => {
  const { key: _, ...said } = changeOf(before === null ? 'key.generate' : action, before, after, { reason: null })
  return { ...said, actor: ACTOR, at, base, digest: sha256(keyLine(after)) }
}

/** Edits keys in turn and notes their use, until the log has that many records. */
function lengthen(log: string, head: Head, keys: Key[], records: number, at: string): Head {
  let last = head
  let base = head.seq
  while (last.seq < records) {
    const entries: Entry[] = []
    while (entries.length < Math.min(ENTRIES_AT_ONCE, records - last.seq)) {
      const seq = last.seq + entries.length + 1
      const index = seq % keys.length
      const before = keys[index] as Key
      if (seq % NOTE_EVERY === 0) {
        entries.push({
          actor: ACTOR,
          at,
          action: 'validate.summary',
          keyId: before.id,
          userId: before.userId,
          after: { count: seq, since: at },
        })
        continue
      }
      const after = { ...before, name: `service ${index}, edited ${seq}`, revision: before.revision + 1 }
      entries.push(changeEntry(before, after, at, base))
      keys[index] = after
      base = seq
    }
    last = appendEntries(log, last, entries)
  }
  return last
}

/** Builds a store of that many keys; its log has at least that many records. */
function build(folder: string, count: number, records: number): void {
  const at = new Date().toISOString()
  // The births are a finished segment: they may be more than one active file would hold.
  const segment = join(folder, 'logs', 'security-audit.1.log')
  const active = join(folder, 'logs', 'security-audit.log')
  const minted = Array.from({ length: count }, (_, index) => mint(index, at))
  let head = EMPTY_HEAD
  for (let from = 0; from < count; from += ENTRIES_AT_ONCE)
    head = appendEntries(
      segment,
      head,
      minted.slice(from, from + ENTRIES_AT_ONCE).map(({ key }) => changeEntry(null, key, at, 0)),
    )
  head = appendEntries(active, head, [{ actor: ACTOR, at, action: 'log.segment' }])
  const keys = minted.map(({ key }) => key)
  head = lengthen(active, head, keys, records, at)
  seedStore(pathsOf(join(folder, 'keys.json'), undefined), { keys, audit: head }, null)
  writeFileSync(join(folder, 'tokens'), minted.map(({ token }) => token).join('\n'), { mode: 0o600 })
}

let copies = 0

/** A fresh store of its own, with tokens and ids in the order of its keys. */
export function createStore(folder: string, count: number, records = 0): BuiltStore {
  const template = join(folder, `template-${count}-${records}`)
  if (!existsSync(join(template, 'tokens'))) build(template, count, records)
  const copy = join(folder, `store-${count}-${process.pid}-${copies++}`)
  mkdirSync(join(copy, 'logs'), { recursive: true, mode: 0o700 })
  const path = join(copy, 'keys.json')
  copyFileSync(join(template, 'keys.json'), path)
  for (const name of readdirSync(join(template, 'logs'))) {
    const place = name === 'security-audit.log' ? copyFileSync : linkSync
    place(join(template, 'logs', name), join(copy, 'logs', name))
  }
  // Each token a string of its own, as it comes out of a request, not a slice of a long one.
  const tokens = readFileSync(join(template, 'tokens'), 'utf8')
    .split('\n')
    .map((token) => Buffer.from(token).toString('latin1'))
  return { path, log: join(copy, 'logs', 'security-audit.log'), tokens, ids: tokens.map((_, index) => idOf(index)) }
}

/** Puts values into an order that no cache foresees, nor the order in which memory was taken for them. */
export function shuffle<T>(values: T[]): void {
  for (let last = values.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1))
    const value = values[last] as T
    values[last] = values[other] as T
    values[other] = value
  }
}
