// Users: owners with their keys by status, last use and live rate.

import type { Status } from '../../src/domain/key.ts'
import type { UserRow } from '../../src/queries/keys.ts'
import { listHeight } from '../model/layout.ts'
import { visible } from '../model/list.ts'
import type { State, UsersPage } from '../model/state.ts'
import { formatCount, formatWhen } from '../model/step.ts'
import type { Column, Placed } from '../parts/columns.ts'
import { placed } from '../parts/columns.ts'
import { Rows } from '../parts/lines.tsx'
import type { Row, Span } from '../parts/row.ts'
import { CURSOR, cell, headingRow, row } from '../parts/row.ts'
import type { Role, Theme } from '../theme.ts'

type Name = 'userId' | 'total' | Status | 'lastUsedAt' | 'rate'

/** The statuses that matter most have room first. */
const status = (name: Status, rank: number): Column<Name> => ({ name, title: name, least: 8, grow: 0, isRight: true, rank })

const COLUMNS: readonly Column<Name>[] = [
  { name: 'userId', title: 'owner', least: 16, grow: 1, rank: 0 },
  { name: 'total', title: 'keys', least: 5, grow: 0, isRight: true, rank: 0 },
  status('active', 1),
  status('expiring', 5),
  status('rotating', 6),
  status('pending', 9),
  status('disabled', 7),
  status('expired', 8),
  status('revoked', 4),
  { name: 'lastUsedAt', title: 'last used', least: 10, grow: 0, rank: 2 },
  { name: 'rate', title: 'calls/s', least: 7, grow: 0, isRight: true, rank: 3 },
]

const ROLES: Readonly<Partial<Record<Name, Role>>> = {
  active: 'good',
  expiring: 'warn',
  rotating: 'accent',
  disabled: 'warn',
  revoked: 'bad',
  rate: 'accent',
}
const GUTTER = 2

export function formatRate(perSecond: number): string {
  return perSecond === 0 ? '' : perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond))
}

function textOf(user: UserRow, name: Name, now: number): string {
  if (name === 'userId') return user.userId
  if (name === 'total') return formatCount(user.total)
  if (name === 'lastUsedAt') return formatWhen(user.lastUsedAt, now, 'never')
  if (name === 'rate') return formatRate(user.perSecond)
  return user[name] === 0 ? '' : formatCount(user[name])
}

const cellsOf = (user: UserRow, columns: readonly Placed<Name>[], theme: Theme, now: number): Span[] =>
  columns.flatMap(({ name, width, isRight = false }, index) => {
    const role = ROLES[name]
    const span = cell(textOf(user, name, now), width, theme, { isRight, ...(role === undefined ? {} : { role }) })
    return index === 0 ? [span] : [' ', span]
  })

function spokenRow(user: UserRow, isCursor: boolean, now: number): Row {
  const counts = COLUMNS.flatMap(({ name }) => {
    const count = name === 'userId' || name === 'total' || name === 'lastUsedAt' || name === 'rate' ? 0 : user[name]
    return count === 0 ? [] : [`${count} ${name}`]
  })
  return row(
    `${isCursor ? CURSOR : ' '} ${[user.userId, `${user.total} keys`, ...counts, `last used ${formatWhen(user.lastUsedAt, now, 'never')}`].join(', ')}`,
  )
}

export function UsersScreen({ state, page, height }: { readonly state: State; readonly page: UsersPage; readonly height: number }) {
  const { theme } = state.setting
  const { columns: width } = state.size
  const columns = placed(COLUMNS, width - GUTTER)
  const heading = headingRow(columns, GUTTER)
  const rows = visible(page.list, listHeight(state, page)).map(({ id, item }): Row => {
    const isCursor = id === page.list.cursor
    if (theme.isSpoken) return spokenRow(item, isCursor, state.now)
    return { spans: [`${isCursor ? CURSOR : ' '} `, ...cellsOf(item, columns, theme, state.now)], isCursor }
  })
  const empty = row(
    page.list.isLoaded ? (page.filter === '' ? '  no owner has a key yet' : `  no owner fits /${page.filter}`) : '  loading',
  )
  const shown = rows.length === 0 ? [empty] : theme.isSpoken ? rows : [heading, ...rows]
  return <Rows rows={shown} width={width} height={height} theme={theme} />
}
