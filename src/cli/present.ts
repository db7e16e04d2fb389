// Answers as people and scripts read them: text, tab-separated lines, JSON. Draws stored text harmless; never holds a secret but the new token.

import type { KeyLife, KeyList, UserList } from '../commands/list.ts'
import type { ValidateResult } from '../commands/validate.ts'
import type { AuditRecord } from '../domain/audit.ts'
import { RECORD_MEMBERS } from '../domain/audit.ts'
import type { KeyView } from '../domain/key.ts'
import { STATUSES, secretState } from '../domain/key.ts'
import { formatRateLimit } from '../domain/kinds.ts'
import { sparkline } from '../domain/sparkline.ts'
import type { UsageStats } from '../domain/stats.ts'
import { displayText } from '../domain/text.ts'
import { formatDistance } from '../domain/time.ts'
import type { Item } from '../run-change.ts'

export type Row = Readonly<Record<string, string>>

/** Rows for a table on a terminal. */
export interface Table {
  readonly rows: readonly Row[]
  readonly flexible: readonly string[]
  readonly columns: number
  readonly isColoured: boolean
}

const ESCAPED_IN_JSON = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** JSON on one line, with what could steer a terminal escaped. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value).replace(ESCAPED_IN_JSON, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`
}

/** Cells as tab-separated lines with a header. Tabs and line ends can't stand in a cell: they are not drawable. */
export function toTabs(rows: readonly Row[], header: readonly string[]): string {
  const line = (cells: readonly string[]): string => `${cells.map(displayText).join('\t')}\n`
  return line(header) + rows.map((row) => line(header.map((name) => row[name] ?? ''))).join('')
}

export const KEY_COLUMNS = ['id', 'shortId', 'userId', 'name', 'environment', 'status', 'scopes', 'expiresAt', 'lastUsedAt']

export function keyRows({ keys }: KeyList): Row[] {
  return keys.map((key) => ({
    id: key.id,
    shortId: key.secrets[0]?.shortId ?? '',
    userId: key.userId,
    name: key.name ?? '',
    environment: key.environment,
    status: key.status,
    scopes: key.scopes.join(' '),
    expiresAt: key.expiresAt ?? '',
    lastUsedAt: key.lastUsedAt ?? '',
  }))
}

const sinceOrUntil = (instant: string | null, now: number, absent: string): string =>
  instant === null ? absent : formatDistance(Date.parse(instant), now)

/** What a table may cut to fit the terminal. */
export const FLEXIBLE = ['owner', 'name', 'scopes', 'actor', 'reason']

/** The same for eyes: ages instead of instants, fewer columns. */
export function keyTable({ keys }: KeyList, now: number): Row[] {
  return keys.map((key) => ({
    shortId: key.secrets[0]?.shortId ?? '',
    status: key.status,
    owner: key.userId,
    name: key.name ?? '',
    scopes: key.scopes.join(' '),
    expires: sinceOrUntil(key.expiresAt, now, 'never'),
    'last used': sinceOrUntil(key.lastUsedAt, now, 'never'),
  }))
}

export const USER_COLUMNS = ['userId', 'total', ...STATUSES, 'lastUsedAt']

export function userRows({ users }: UserList): Row[] {
  return users.map((user) => ({
    userId: user.userId,
    total: String(user.total),
    ...Object.fromEntries(STATUSES.map((status) => [status, String(user[status])])),
    lastUsedAt: user.lastUsedAt ?? '',
  }))
}

/** The same for eyes: only the states that occur. */
export function userTable({ users }: UserList, now: number): Row[] {
  const shown = STATUSES.filter((status) => users.some((user) => user[status] > 0))
  return users.map((user) => ({
    owner: user.userId,
    keys: String(user.total),
    ...Object.fromEntries(shown.map((status) => [status, String(user[status])])),
    'last used': sinceOrUntil(user.lastUsedAt, now, 'never'),
  }))
}

const field = (name: string, value: string): string => `${name.padEnd(12)} ${displayText(value)}\n`

export function keyText(key: KeyView): string {
  const optional = (name: string, value: string | null): string => (value === null || value === '' ? '' : field(name, value))
  return [
    field('id', key.id),
    field('owner', key.userId),
    optional('name', key.name),
    field('status', key.status),
    field('environment', key.environment),
    field('scopes', key.scopes.join(' ') || 'none'),
    field('limits', key.rateLimits.map(formatRateLimit).join(' ') || 'none'),
    field('addresses', key.allowedIps.join(' ') || 'any'),
    optional('not before', key.notBefore),
    field('expires', key.expiresAt ?? 'never'),
    optional('disabled', key.disabledAt),
    optional('revoked', key.revokedAt === null ? null : `${key.revokedAt} by ${key.revokedBy}: ${key.revokedReason}`),
    optional('tags', key.tags.join(' ')),
    optional(
      'metadata',
      Object.entries(key.metadata)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    ),
    field('created', `${key.createdAt} by ${key.createdBy}`),
    field('revision', String(key.revision)),
  ].join('')
}

export function lifeText({ key, usage, audit }: KeyLife, now: number): string {
  const secrets = key.secrets.map((secret) => {
    const state = secretState(secret, now)
    const until = state === 'current' ? '' : ` ${state === 'grace' ? 'until' : 'since'} ${secret.notAfter}`
    return `  ${secret.shortId}  ${state}${until}  created ${secret.createdAt}  ${usage.bySecret[secret.shortId] ?? 0} calls\n`
  })
  return `${keyText(key)}\nsecrets\n${secrets.join('')}\nusage\n${statsText(usage, false)}\nlast audit records\n${audit.map(recordLine).join('')}`
}

export function statsText(stats: UsageStats, isDrawn: boolean): string {
  const refused = Object.entries(stats.refused).filter(([, calls]) => calls > 0)
  const { bucket, start, accepted, rateLimited } = stats.series
  const total = accepted.reduce<number>((sum, calls) => sum + (calls ?? 0), 0)
  return [
    field('accepted', String(stats.usageCount)),
    field('rate-limited', String(stats.rateLimitedCount)),
    refused.length === 0 ? '' : field('refused', refused.map(([code, calls]) => `${code} ${calls}`).join(', ')),
    field('last used', stats.lastUsedAt ?? 'never'),
    ...Object.entries(stats.bySecret).map(([shortId, calls]) => field('by secret', `${shortId} ${calls}`)),
    ...Object.entries(stats.byScope).map(([scope, { count, lastAt }]) => field('by scope', `${scope} ${count}, last ${lastAt ?? 'never'}`)),
    field('series', `${accepted.length} ${bucket}s from ${start}, ${total} accepted`),
    isDrawn ? `${field('accepted', sparkline(accepted))}${field('rate-limited', sparkline(rateLimited))}` : '',
  ].join('')
}

export function verdictText(verdict: ValidateResult): string {
  const { code, reason, keyId, userId, name, environment, scopes, expiresAt, secret, missing, rateLimits = [], checks = [] } = verdict
  const named =
    keyId === undefined
      ? []
      : [
          field('key', `${keyId}, secret ${secret?.shortId}${secret?.notAfter == null ? '' : ` until ${secret.notAfter}`}`),
          field('owner', `${userId}${name == null ? '' : `, ${name}`}`),
          field('environment', String(environment)),
          field('scopes', scopes?.join(' ') || 'none'),
          field('expires', expiresAt ?? 'never'),
        ]
  return [
    `${code}${reason === null ? '' : ` (${displayText(reason)})`}\n`,
    ...named,
    missing === undefined ? '' : field('missing', missing.join(' ')),
    ...rateLimits.map((limit) =>
      field(
        'limit',
        `${limit.name}: ${limit.remaining} of ${limit.limit} left, whole at ${limit.resetAt}${limit.retryAfterMs > 0 ? `, again in ${limit.retryAfterMs} ms` : ''}`,
      ),
    ),
    ...checks.map(({ check, outcome, detail }) => `  ${outcome.padEnd(7)} ${check.padEnd(11)} ${displayText(detail)}\n`),
  ].join('')
}

/** What became of keys, a line each. */
export function itemLine({ id, key, refusal }: Item, dryRun: boolean): string {
  if (refusal !== null) return `${id}: ${displayText(refusal.message)} (${refusal.refused})\n`
  return `${id} ${dryRun ? 'would be changed' : (key?.status ?? 'done')}\n`
}

export function changedLine(words: string, { key }: Item): string {
  return `${key?.id} ${words}: now ${key?.status}, revision ${key?.revision}\n`
}

/** What is said on stderr beside a new token. */
export function issuedLines({ key }: { readonly key: KeyView }): string[] {
  const older = key.secrets.find(({ notAfter }) => notAfter !== null)
  const scopes = key.scopes.join(' ') || 'none'
  const shown = `${key.id} for ${key.userId}, ${key.environment}, scopes ${scopes}, expires ${key.expiresAt ?? 'never'}`
  return older === undefined ? [shown] : [shown, `the secret before it, ${older.shortId}, ends at ${older.notAfter}`]
}

export const RECORD_COLUMNS = ['seq', 'at', 'actor', 'action', 'keyId', 'userId', 'outcome', 'reason']

export function recordRow(record: AuditRecord): Row {
  return {
    seq: String(record.seq),
    at: record.at,
    actor: record.actor.name === record.actor.osUser ? record.actor.name : `${record.actor.name} (${record.actor.osUser})`,
    action: record.action,
    keyId: record.keyId ?? '',
    userId: record.userId ?? '',
    outcome: record.outcome,
    reason: record.reason ?? '',
  }
}

/** The same for eyes: whole seconds, and who, what, to which key and why. */
export function recordTableRow(record: AuditRecord): Row {
  const { seq = '', actor = '', action = '', keyId = '', userId = '', reason = '' } = recordRow(record)
  return { seq, at: record.at.slice(0, 19), actor, action, key: keyId, owner: userId, reason }
}

function recordLine(record: AuditRecord): string {
  const { seq, at, actor, action, reason } = recordRow(record)
  return `  ${seq?.padStart(6)}  ${at}  ${action?.padEnd(18)}  ${displayText(actor ?? '')}${reason === '' ? '' : `: ${displayText(reason ?? '')}`}\n`
}

const FORMULA = /^[=+\-@\t\r]/

/** A cell of CSV (RFC 4180); one that a spreadsheet would calculate gets an apostrophe before it. */
function csvCell(value: unknown): string {
  const text = value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value)
  const safe = displayText(FORMULA.test(text) ? `'${text}` : text)
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export const CSV_HEADER = `${RECORD_MEMBERS.join(',')}\r\n`

export function csvLine(record: AuditRecord): string {
  return `${RECORD_MEMBERS.map((member) => csvCell(record[member])).join(',')}\r\n`
}
