// Audit: the log, newest first, with a strip that shows how many records fell when.

import type { AuditRow, Timeline } from '../../src/domain/audit.ts'
import { AUDIT_FILTER_WORDS, parseAuditFilter } from '../../src/domain/audit-filter.ts'
import { histogram } from '../charts/histogram.ts'
import { listHeight } from '../model/layout.ts'
import { cursorRow, visible } from '../model/list.ts'
import type { AuditPageState, State } from '../model/state.ts'
import { formatWhen } from '../model/step.ts'
import type { Column, Placed } from '../parts/columns.ts'
import { placed } from '../parts/columns.ts'
import { Rows } from '../parts/lines.tsx'
import { localTime } from '../parts/local-time.ts'
import type { Row, Span } from '../parts/row.ts'
import { CURSOR, cell, headingRow, row } from '../parts/row.ts'
import type { Role } from '../theme.ts'
import { roleOfAction } from './audit-roles.ts'

type Name = 'seq' | 'at' | 'age' | 'action' | 'actor' | 'key' | 'owner' | 'reason'

const COLUMNS: readonly Column<Name>[] = [
  { name: 'seq', title: 'seq', least: 8, grow: 0, isRight: true, rank: 0 },
  { name: 'at', title: 'time', least: 15, grow: 0, rank: 1 },
  { name: 'age', title: 'ago', least: 10, grow: 0, rank: 6 },
  { name: 'action', title: 'action', least: 18, grow: 0, rank: 0 },
  { name: 'actor', title: 'actor', least: 10, grow: 1, rank: 0 },
  { name: 'owner', title: 'owner', least: 9, grow: 1, rank: 2 },
  { name: 'key', title: 'key', least: 16, grow: 0, rank: 3 },
  { name: 'reason', title: 'reason', least: 14, grow: 3, rank: 4 },
]
const GUTTER = 2

function textOf({ record, isProven }: AuditRow, name: Name, state: State): string {
  switch (name) {
    case 'seq':
      return String(record.seq)
    case 'at':
      return localTime(record.at, state.setting.zoneOffset)
    case 'age':
      return formatWhen(record.at, state.now, '')
    case 'action':
      return `${isProven ? '' : '!'}${record.action}`
    case 'actor':
      return record.actor.name
    case 'owner':
      return record.userId ?? ''
    case 'key':
      return record.keyId ?? ''
    case 'reason':
      return record.reason ?? ''
  }
}

const cellsOf = (item: AuditRow, columns: readonly Placed<Name>[], state: State): Span[] =>
  columns.flatMap(({ name, width, isRight = false }, index) => {
    const role: Role = name === 'action' ? roleOfAction(item) : name === 'seq' || name === 'age' ? 'dim' : 'plain'
    const span = cell(textOf(item, name, state), width, state.setting.theme, { isRight, role })
    return index === 0 ? [span] : [' ', span]
  })

function spokenRow(item: AuditRow, isCursor: boolean, state: State): Row {
  const { record } = item
  const parts = [
    `seq ${record.seq}`,
    record.action,
    formatWhen(record.at, state.now, ''),
    `by ${record.actor.name}`,
    ...(record.userId === null ? [] : [`owner ${record.userId}`]),
    ...(record.reason === null ? [] : [record.reason]),
  ]
  return row(`${isCursor ? CURSOR : ' '} ${parts.join(', ')}`)
}

/** The strip over the table: the range in words at its ends, and where the cursor is. */
function stripOf(page: AuditPageState, width: number, state: State): Row {
  const { timeline } = page
  const { theme, zoneOffset } = state.setting
  if (timeline === null || theme.isSpoken) return row()
  const [from, to] = [timeline.from, timeline.to].map((ms) => localTime(new Date(ms).toISOString(), zoneOffset))
  const room = Math.max(8, width - 4 - (from?.length ?? 0) - (to?.length ?? 0) - 2)
  const at = cursorRow(page.list)?.record.at
  const { counts } = timeline
  const cursor = at === undefined || timeline.to <= timeline.from ? null : spanOf(Date.parse(at), timeline)
  const strip = histogram({ counts, width: room, mode: theme.isAscii ? 'ascii' : 'block', cursor, isLog: true })
  return row(['dim', `  ${from} `], ...strip.map(({ text, ink }): Span => [ink === 1 ? 'warn' : 'accent', text]), ['dim', ` ${to}`])
}

/** The span of the timeline that a moment falls into. */
function spanOf(at: number, { from, to, counts }: Timeline): number {
  return Math.max(0, Math.min(counts.length - 1, Math.floor(((at - from) / (to - from)) * counts.length)))
}

function emptyText(page: AuditPageState, state: State): string {
  if (parseAuditFilter(page.filter, state.now) === null)
    return `  /${page.filter} is no filter; use words and ${AUDIT_FILTER_WORDS.join(' ')}`
  if (!page.list.isLoaded || page.wanted !== null) return '  reading the log'
  if (page.filter !== '') return `  no record fits /${page.filter}`
  return page.lastSeq === 0 ? '  the log is empty' : '  reading the log'
}

export function AuditScreen({ state, page, height }: { readonly state: State; readonly page: AuditPageState; readonly height: number }) {
  const { theme } = state.setting
  const { columns: width } = state.size
  const columns = placed(COLUMNS, width - GUTTER)
  const heading = headingRow(columns, GUTTER)
  const rows = visible(page.list, listHeight(state, page)).map(({ id, item }): Row => {
    const isCursor = id === page.list.cursor
    if (theme.isSpoken) return spokenRow(item, isCursor, state)
    return { spans: [`${isCursor ? CURSOR : ' '} `, ...cellsOf(item, columns, state)], isCursor }
  })
  const empty = row(emptyText(page, state))
  return (
    <Rows
      rows={
        rows.length === 0 ? [stripOf(page, width, state), empty] : theme.isSpoken ? rows : [stripOf(page, width, state), heading, ...rows]
      }
      width={width}
      height={height}
      theme={theme}
    />
  )
}
