// Audit records: their members, their line, their place in the hash chain. Pure; reads and writes no file.

import { hash } from 'node:crypto'
import type { RecordedFields } from './change.ts'
import { CHANGE_ACTIONS } from './change.ts'

export const GENESIS_HASH = '0'.repeat(64)

export const NOTE_ACTIONS = [
  'validate.first-use',
  'validate.refused',
  'validate.summary',
  'audit.verify',
  'audit.accept-loss',
  'store.recover',
  'store.rollback',
  'log.repair',
  'log.segment',
  'usage.repair',
] as const
export const ACTIONS = [...CHANGE_ACTIONS, ...NOTE_ACTIONS] as const
export type Action = (typeof ACTIONS)[number]

/** Where a command came in. */
export type Via = 'cli' | 'tui' | 'library'

/** Who did it: `name` as claimed, `osUser` as the operating system says, so that a claimed name hides nobody. */
export interface Actor {
  readonly name: string
  readonly osUser: string
  readonly host: string
  readonly via: Via
}

/** The last record that a file vouches for. */
export interface Anchor {
  readonly seq: number
  readonly hash: string
}

export const EMPTY_ANCHOR: Anchor = { seq: 0, hash: GENESIS_HASH }

/** One line of the audit log. `hash` is the SHA-256 of the line's bytes before `,"hash":`. */
export interface AuditRecord {
  readonly seq: number
  readonly at: string
  readonly actor: Actor
  readonly action: Action
  readonly keyId: string | null
  readonly userId: string | null
  readonly outcome: 'done' | 'refused'
  readonly reason: string | null
  readonly before: RecordedFields | null
  readonly after: RecordedFields | null
  readonly base: number | null
  readonly digest: string | null
  readonly prev: string
  readonly hash: string
}

export const RECORD_MEMBERS = [
  'seq',
  'at',
  'actor',
  'action',
  'keyId',
  'userId',
  'outcome',
  'reason',
  'before',
  'after',
  'base',
  'digest',
  'prev',
  'hash',
] as const satisfies readonly (keyof AuditRecord)[]

/** What a record says, before it has a place in the chain. */
export interface Entry {
  readonly actor: Actor
  readonly at: string
  readonly action: Action
  readonly keyId?: string | null
  readonly userId?: string | null
  readonly outcome?: 'done' | 'refused'
  readonly reason?: string | null
  readonly before?: RecordedFields | null
  readonly after?: RecordedFields | null
  readonly base?: number | null
  readonly digest?: string | null
}

export const HASH_MEMBER = ',"hash":"'
const HASH_TAIL_LENGTH = HASH_MEMBER.length + GENESIS_HASH.length + '"}'.length

export function sha256(text: string | Uint8Array): string {
  return hash('sha256', text, 'hex')
}

/** The end of a log: what the next record follows. `at` null when it is not known or there is none. */
export interface Head extends Anchor {
  readonly at: string | null
}

export const EMPTY_HEAD: Head = { ...EMPTY_ANCHOR, at: null }

/** Lines for the entries, chained behind `head`, each with its line end; and the head that they make. Log time never goes back. */
export function chainLines(head: Head, entries: readonly Entry[]): { lines: string; head: Head } {
  let lines = ''
  let { seq, hash: prev, at } = head
  for (const entry of entries) {
    seq++
    if (at === null || at < entry.at) at = entry.at
    const { name, osUser, host, via } = entry.actor
    const body = JSON.stringify({
      seq,
      at,
      actor: { name, osUser, host, via },
      action: entry.action,
      keyId: entry.keyId ?? null,
      userId: entry.userId ?? null,
      outcome: entry.outcome ?? 'done',
      reason: entry.reason ?? null,
      before: entry.before ?? null,
      after: entry.after ?? null,
      base: entry.base ?? null,
      digest: entry.digest ?? null,
      prev,
    }).slice(0, -1)
    prev = sha256(body)
    lines += `${body}${HASH_MEMBER}${prev}"}\n`
  }
  return { lines, head: { seq, hash: prev, at } }
}

export type LineProblem = 'is not a record' | 'does not match its hash'

/** A record out of its line's bytes (without the line end), or what is wrong with it. Proves the line's own hash, not its place. */
export function parseRecord(line: Buffer): AuditRecord | LineProblem {
  let record: unknown
  try {
    record = JSON.parse(line.toString('utf8'))
  } catch {
    return 'is not a record'
  }
  if (!isRecordShaped(record)) return 'is not a record'
  const hashAt = line.length - HASH_TAIL_LENGTH
  const isProven =
    line.toString('latin1', hashAt, hashAt + HASH_MEMBER.length) === HASH_MEMBER && sha256(line.subarray(0, hashAt)) === record.hash
  return isProven ? record : 'does not match its hash'
}

const isTextOrNull = (value: unknown): boolean => value === null || typeof value === 'string'
const isFieldsOrNull = (value: unknown): boolean => typeof value === 'object' && !Array.isArray(value)

function isRecordShaped(value: unknown): value is AuditRecord {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const record = value as Record<string, unknown>
  const actor = record['actor'] as Record<string, unknown> | null
  return (
    Object.keys(record).length === RECORD_MEMBERS.length &&
    Number.isSafeInteger(record['seq']) &&
    typeof record['at'] === 'string' &&
    typeof actor === 'object' &&
    actor !== null &&
    [actor['name'], actor['osUser'], actor['host'], actor['via']].every((part) => typeof part === 'string') &&
    (ACTIONS as readonly unknown[]).includes(record['action']) &&
    isTextOrNull(record['keyId']) &&
    isTextOrNull(record['userId']) &&
    (record['outcome'] === 'done' || record['outcome'] === 'refused') &&
    isTextOrNull(record['reason']) &&
    isFieldsOrNull(record['before']) &&
    isFieldsOrNull(record['after']) &&
    (record['base'] === null || Number.isSafeInteger(record['base'])) &&
    isTextOrNull(record['digest']) &&
    typeof record['prev'] === 'string' &&
    typeof record['hash'] === 'string'
  )
}

/** Whether a record carries a change of a key (and so a base and a place in a commit). */
export function isChangeRecord(record: AuditRecord): boolean {
  return record.base !== null
}

/** The seqs that a rollback or recovery record names under `rolledBack` or `redone`. */
export function namedSeqs(record: AuditRecord, list: 'rolledBack' | 'redone'): readonly number[] {
  const seqs = record.after?.[list]
  return Array.isArray(seqs) ? seqs.filter((seq) => Number.isSafeInteger(seq)) : []
}

/** Which records to answer; times are milliseconds since 1970, `since` inclusive, `until` exclusive. */
export interface AuditFilter {
  readonly keyId?: string
  readonly userId?: string
  readonly actor?: string
  readonly action?: string
  readonly since?: number
  readonly until?: number
}

export function matchesRecord(record: AuditRecord, filter: AuditFilter): boolean {
  return (
    (filter.keyId === undefined || record.keyId === filter.keyId) &&
    (filter.userId === undefined || record.userId === filter.userId) &&
    (filter.actor === undefined || record.actor.name === filter.actor || record.actor.osUser === filter.actor) &&
    (filter.action === undefined || record.action === filter.action || record.action.startsWith(`${filter.action}.`)) &&
    (filter.since === undefined || Date.parse(record.at) >= filter.since) &&
    (filter.until === undefined || Date.parse(record.at) < filter.until)
  )
}

/** A filter of a page: beside the exact conditions a text that any member may hold, in capitals or not. */
export interface AuditPageFilter extends AuditFilter {
  readonly text?: string
}

/**
 * A page of the log, newest first. `around`: an end of the log, the record with that seq, or the oldest record at or after a
 * moment (milliseconds since 1970). `newer`: how many matching records newer than it; `older`: how many from it on, itself
 * included where it matches.
 */
export interface AuditPageQuery {
  readonly filter: AuditPageFilter
  readonly around: 'newest' | 'oldest' | { readonly seq: number } | { readonly at: number }
  readonly newer: number
  readonly older: number
  readonly signal?: AbortSignal
  /** Told now and then while a search goes on. */
  readonly onProgress?: (progress: { readonly bytes: number; readonly totalBytes: number; readonly found: number }) => void
}

/** `isProven` false: the line does not match its own hash. */
export interface AuditRow {
  readonly record: AuditRecord
  readonly isProven: boolean
}

export interface AuditPage {
  /** Newest first. */
  readonly rows: readonly AuditRow[]
  readonly hasNewer: boolean
  readonly hasOlder: boolean
  /** The seq of the newest record of the log, whether it matches or not; 0 for an empty one. */
  readonly lastSeq: number
}

/** How many records fell into each of equal spans from `from` until `to` (milliseconds since 1970); null for an empty log. */
export interface Timeline {
  readonly from: number
  readonly to: number
  readonly counts: readonly number[]
}
