// What panels hold: a record with its place in the chain, results per key, what a verification found. Pure.

import type { AuditRow } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import type { Explanation } from '../../src/domain/verdict.ts'
import type { ChangedItem } from '../model/effect.ts'
import type { PanelSubject } from '../model/layers.ts'
import type { State } from '../model/state.ts'
import type { Row } from '../parts/row.ts'
import { row } from '../parts/row.ts'
import { screenText, wrapped } from '../parts/text.ts'
import { tableHeight } from '../printed-table.tsx'

/** Rows, or a small table that ink-table draws. */
export type Block =
  | { readonly rows: readonly Row[] }
  | { readonly table: readonly Readonly<Record<string, string>>[]; readonly flexible: readonly string[] }

/** Results that are listed one by one. */
const MAX_RESULTS = 200

/** Digits of a hash that are enough to compare by eye. */
const HASH_DIGITS = 16

const field = (label: string, value: string): Row => row(['dim', `  ${label.padEnd(9)}`], ' ', value)

const valueText = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value)

/** Before and after side by side, a row for each field that the record holds. */
function differenceBlock({ record: { before, after } }: AuditRow): Block {
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  if (fields.length === 0) return { rows: [row(['dim', '  before'], ': nothing   ', ['dim', 'after'], ': nothing')] }
  const table = fields.map((name) => ({ field: name, before: valueText(before?.[name]), after: valueText(after?.[name]) }))
  return { table, flexible: ['before', 'after', 'field'] }
}

function recordBlocks(shown: AuditRow, width: number, state: State): Block[] {
  const { record, isProven } = shown
  const { actor } = record
  const hash = (text: string): string => text.slice(0, HASH_DIGITS)
  const said = [
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
  ]
  const place = [
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
  return [{ rows: said }, differenceBlock(shown), { rows: place }]
}

function resultBlocks(items: readonly ChangedItem[]): Block[] {
  const table = items.slice(0, MAX_RESULTS).map(({ id, name, userId, status, refusal }) => ({
    key: id,
    name: name ?? '',
    owner: userId ?? '',
    result: refusal === null ? (status ?? 'done') : `${refusal.refused}: ${refusal.message}`,
  }))
  const left = items.length - table.length
  return [
    { table, flexible: ['name', 'owner', 'result'] },
    ...(left > 0 ? [{ rows: [row(`  and ${left} more; the log names them all`)] }] : []),
  ]
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

/** The table of a block in words, a line each, for a screen reader. */
function spokenBlock(block: Block): Block {
  if (!('table' in block)) return block
  return {
    rows: block.table.map((cells) =>
      row(
        `  ${Object.entries(cells)
          .flatMap(([name, text]) => (text === '' ? [] : [`${name} ${text}`]))
          .join(', ')}`,
      ),
    ),
  }
}

export function panelBlocks(state: State, subject: PanelSubject): readonly Block[] {
  const width = state.size.columns
  const { isAscii, isSpoken } = state.setting.theme
  const blocks =
    subject.what === 'record'
      ? recordBlocks(subject.row, width, state)
      : subject.what === 'results'
        ? resultBlocks(subject.items)
        : [{ rows: subject.rows.flatMap((one) => broken(one, width, isAscii)) }]
  return isSpoken ? blocks.map(spokenBlock) : blocks
}

/** Long advice is broken into lines instead of cut. */
function broken(one: Row, width: number, isAscii: boolean): Row[] {
  const [only] = one.spans
  if (one.spans.length !== 1 || typeof only !== 'string') return [one]
  return wrapped(screenText(only, isAscii), width - 2).map((text) => row(text))
}

export function blocksHeight(blocks: readonly Block[]): number {
  return blocks.reduce((sum, block) => sum + ('table' in block ? tableHeight(block.table.length) : block.rows.length), 0)
}
