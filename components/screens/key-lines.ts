// One key's whole life as lines: fields, secrets, scopes, limits, chart, records. Pure; the page scrolls over them.

import type { AuditRow } from '../../src/domain/audit.ts'
import { statusOf } from '../../src/domain/key.ts'
import { formatDuration } from '../../src/domain/time.ts'
import type { ScopeLife, SecretLife, WholeLife } from '../../src/queries/keys.ts'
import type { KeyPage, State } from '../model/state.ts'
import { formatCount, formatWhen } from '../model/step.ts'
import { localTime } from '../parts/local-time.ts'
import type { Row, Span } from '../parts/row.ts'
import { row } from '../parts/row.ts'
import { statusSpan } from '../parts/status.ts'
import { pad, screenText, wrapped } from '../parts/text.ts'
import { roleOfAction } from './audit-roles.ts'
import { chartRows } from './chart-rows.ts'

export interface KeyPageLine {
  readonly row: Row
  /** The record that the line is about. */
  readonly record: AuditRow | null
}

const LABEL = 12
const CHART_ROWS = 8
const BAR_CELLS = 10

const field = (label: string, value: string, width: number): Row[] =>
  wrapped(value, Math.max(20, width - LABEL - 3)).map((text, index) => row(['dim', pad(index === 0 ? label : '', LABEL)], ' ', text))

const heading = (text: string): Row[] => [row(), row(['strong', text])]

function fieldRows({ key }: WholeLife, state: State, width: number): Row[] {
  const { now } = state
  const when = (instant: string | null, absent: string): string =>
    instant === null ? absent : `${formatWhen(instant, now, '')}  ${instant}`
  const pairs = Object.entries(key.metadata).map(([name, value]) => `${name}=${value}`)
  return [
    row(['strong', key.name ?? key.id], '  ', statusSpan(statusOf(key, now), state.setting.theme), ` ${key.environment}`),
    ...field('owner', key.userId, width),
    ...field('id', key.id, width),
    ...field('expires', when(key.expiresAt, 'never'), width),
    ...(key.notBefore === null ? [] : field('not before', when(key.notBefore, ''), width)),
    ...field('last used', when(key.lastUsedAt, 'never'), width),
    ...(key.disabledAt === null ? [] : field('disabled', when(key.disabledAt, ''), width)),
    ...(key.revokedAt === null ? [] : field('revoked', `${when(key.revokedAt, '')} by ${key.revokedBy}: ${key.revokedReason}`, width)),
    ...field('addresses', key.allowedIps.join(' ') || 'any', width),
    ...(key.tags.length === 0 ? [] : field('tags', key.tags.join(' '), width)),
    ...(pairs.length === 0 ? [] : field('metadata', pairs.join(' '), width)),
    ...field('created', `${when(key.createdAt, '')} by ${key.createdBy}`, width),
    ...field('revision', `${key.revision}, ${formatWhen(key.updatedAt, now, '')}`, width),
  ]
}

function secretRow(secret: SecretLife, now: number): Row {
  const { shortId, state, notAfter, calls, callsLastDay, isSafeToEnd, lastUsedAt, createdAt, retiredReason } = secret
  const used = `${formatCount(calls)} calls, ${formatCount(callsLastDay)} in 24 h`
  const spans: Span[] = [shortId, '  ', [state === 'current' ? 'good' : state === 'grace' ? 'warn' : 'dim', state.padEnd(8)]]
  if (state === 'current') return row(...spans, `made ${formatWhen(createdAt, now, '')}  ${used}`)
  if (state === 'retired')
    return row(...spans, `ended ${formatWhen(notAfter, now, '')}${retiredReason === null ? '' : `, ${retiredReason}`}  ${used}`)
  const verdict: Span = isSafeToEnd
    ? ['good', 'safe to end: no call on the old secret for 24 h']
    : ['warn', `still used: last ${formatWhen(lastUsedAt, now, 'never')}`]
  return row(...spans, `ends ${formatWhen(notAfter, now, '')}  ${used}  `, verdict)
}

function scopeRow({ scope, isGranted, calls, lastUsedAt }: ScopeLife, width: number, state: State): Row {
  const name = pad(screenText(scope, state.setting.theme.isAscii), Math.min(30, Math.max(16, width - 50)))
  const use: Span =
    calls === 0 ? ['warn', 'never exercised'] : `${formatCount(calls)} calls, last ${formatWhen(lastUsedAt, state.now, 'never')}`
  return row(name, ' ', isGranted ? ['good', 'granted  '] : ['dim', 'not granted now  '], use)
}

function limitRows({ limits }: WholeLife, state: State): Row[] {
  const { glyphs } = state.setting.theme
  if (limits.length === 0) return [row('unlimited')]
  return limits.map(({ name, limit, windowSeconds, remaining, resetAt }) => {
    const full = Math.round((remaining / limit) * BAR_CELLS)
    const bar = state.setting.theme.isSpoken ? '' : `${glyphs.full.repeat(full)}${glyphs.empty.repeat(BAR_CELLS - full)} `
    const whole = remaining === limit ? 'whole' : `whole ${formatWhen(resetAt, state.now, '')}`
    return row(
      pad(name, 14),
      ' ',
      [remaining === 0 ? 'bad' : 'accent', bar],
      `${formatCount(remaining)} of ${formatCount(limit)} left in ${formatDuration(windowSeconds)}, ${whole}`,
    )
  })
}

function recordLine(item: AuditRow, state: State): KeyPageLine {
  const { record } = item
  const reason = record.reason === null ? '' : `: ${record.reason}`
  const spans: Span[] = [
    ['dim', String(record.seq).padStart(8)],
    ' ',
    localTime(record.at, state.setting.zoneOffset),
    ' ',
    [roleOfAction(item), pad(record.action, 19)],
    `${record.actor.name}${reason}`,
  ]
  return { row: row(...spans), record: item }
}

const plain = (rows: readonly Row[]): KeyPageLine[] => rows.map((one) => ({ row: one, record: null }))

export function keyPageLines(state: State, page: KeyPage): KeyPageLine[] {
  const { life } = page
  if (page.isGone) return plain([row(`the key ${page.keyId} is gone: it was purged; its records are on the log`)])
  if (life === null) return plain([row('loading')])
  const width = state.size.columns - 2
  const { usageCount, rateLimitedCount } = life.lastWindow
  const chart = chartRows({ series: life.lastWindow.series, window: page.window, mode: page.mode, width, height: CHART_ROWS }, state)
  const records =
    page.records.length === 0 ? plain([row(['dim', 'none was found yet'])]) : page.records.map((item) => recordLine(item, state))
  return [
    ...plain(fieldRows(life, state, width)),
    ...plain([...heading('secrets'), ...life.secrets.map((secret) => secretRow(secret, state.now))]),
    ...plain([
      ...heading('scopes: granted and exercised'),
      ...(life.scopes.length === 0
        ? [row('none: it grants nothing that requires a scope')]
        : life.scopes.map((scope) => scopeRow(scope, width, state))),
    ]),
    ...plain([...heading('limits'), ...limitRows(life, state)]),
    ...plain([
      ...heading(`usage, last ${page.window}: accepted ${formatCount(usageCount)}, rate-limited ${formatCount(rateLimitedCount)}`),
      ...chart,
    ]),
    ...plain(heading('last records')),
    ...records,
  ]
}
