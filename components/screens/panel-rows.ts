// The rows of panels: a record with its place in the chain, results per key, what a verification found. Pure.

import type { AuditRow } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import type { Explanation } from '../../src/domain/verdict.ts'
import type { ChangedItem } from '../model/effect.ts'
import type { PanelSubject } from '../model/layers.ts'
import type { State } from '../model/state.ts'
import type { Row } from '../parts/row.ts'
import { row } from '../parts/row.ts'
import { smallTable } from '../parts/small-table.tsx'
import { screenText, wrapped } from '../parts/text.ts'

/** Digits of a hash that are enough to compare by eye. */
const HASH_DIGITS = 16

const field = (label: string, value: string): Row => row(['dim', `  ${label.padEnd(9)}`], ' ', value)

const valueText = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value)

/** Before and after side by side, a row for each field that the record holds. */
function differenceRows({ record: { before, after } }: AuditRow, width: number, state: State): Row[] {
  const { theme } = state.setting
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  if (fields.length === 0) return [row(['dim', '  before'], ': nothing   ', ['dim', 'after'], ': nothing')]
  const cells = fields.map((name) => ({ field: name, before: valueText(before?.[name]), after: valueText(after?.[name]) }))
  return smallTable(cells, ['before', 'after', 'field'], Math.min(width, MAX_TABLE_COLUMNS) - 2, theme)
}

const MAX_TABLE_COLUMNS = 160

function recordRows(shown: AuditRow, width: number, state: State): Row[] {
  const { record, isProven } = shown
  const { actor } = record
  const hash = (text: string): string => text.slice(0, HASH_DIGITS)
  return [
    row(['strong', `  ${record.action}`], '  ', record.outcome === 'refused' ? ['warn', 'refused'] : ''),
    field('seq', String(record.seq)),
    field('at', record.at),
    field('actor', `${actor.name}, via ${actor.via}, as ${actor.osUser} on ${actor.host}`),
    field('key', record.keyId ?? 'none'),
    field('owner', record.userId ?? 'none'),
    ...(record.reason === null
      ? []
      : wrapped(record.reason, Math.max(20, width - 14)).map((text, index) => field(index === 0 ? 'reason' : '', text))),
    row(),
    ...differenceRows(shown, width, state),
    row(),
    row(['dim', '  its place in the chain']),
    field('prev', `${hash(record.prev)}${record.seq > 1 ? `  the hash of seq ${record.seq - 1}` : '  the beginning'}`),
    field('hash', hash(record.hash)),
    isProven
      ? row(['good', '  the record matches its own hash'], state.chain.state === 'unverified' ? '; v on Audit proves its place' : '')
      : row(['bad', '  the record does not match its own hash: it was edited']),
    ...(record.base === null ? [] : [field('base', `the change was decided on seq ${record.base}`)]),
    ...(record.digest === null ? [] : [field('digest', `${hash(record.digest)}  of the key's line after it`)]),
  ]
}

function resultRows(items: readonly ChangedItem[], width: number, state: State): Row[] {
  const cells = items.map(({ id, name, userId, status, refusal }) => ({
    key: id,
    name: name ?? '',
    owner: userId ?? '',
    result: refusal === null ? (status ?? 'done') : `${refusal.refused}: ${refusal.message}`,
  }))
  return smallTable(cells, ['name', 'owner', 'result'], Math.min(width, MAX_TABLE_COLUMNS) - 2, state.setting.theme)
}

/** What `audit verify` found, a line each. */
export function reportRows({ problems, notes, records }: AuditReport): Row[] {
  return [
    row(`  ${records} records were read`),
    row(),
    ...problems.map(({ seq, keyId, problem }) =>
      row(['bad', '  problem  '], `${seq === undefined ? '' : `seq ${seq} `}${keyId === undefined ? '' : `key ${keyId} `}${problem}`),
    ),
    ...notes.map((note) => row(['dim', '  note     '], note)),
  ]
}

/** Every check of a verification, in order. */
export function explanationRows({ verdict, checks }: Explanation): Row[] {
  return [
    row([verdict.valid ? 'good' : 'bad', `  ${verdict.code}`], verdict.reason === null ? '' : ` ${verdict.reason}`),
    row(),
    ...checks.map(({ check, outcome, detail }) =>
      row([outcome === 'fail' ? 'bad' : outcome === 'pass' ? 'good' : 'dim', `  ${outcome.padEnd(8)}`], check.padEnd(12), detail),
    ),
  ]
}

export function panelTitle(subject: PanelSubject): string {
  return subject.what === 'record' ? `Record ${subject.row.record.seq}` : subject.title
}

export function panelRows(state: State, subject: PanelSubject): readonly Row[] {
  const width = state.size.columns
  if (subject.what === 'record') return recordRows(subject.row, width, state)
  if (subject.what === 'results') return resultRows(subject.items, width, state)
  const { isAscii } = state.setting.theme
  // Long advice is broken into lines instead of cut.
  return subject.rows.flatMap((one) =>
    one.spans.length === 1 && typeof one.spans[0] === 'string'
      ? wrapped(screenText(one.spans[0], isAscii), width - 2).map((text) => row(text))
      : [one],
  )
}
