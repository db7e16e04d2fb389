// Keys: every key in a window of a list, with the cursor, marks, and on wide terminals the key under the cursor beside it.

import { Box } from 'ink'
import { FILTER_ACCEPTS, parseFilter } from '../../src/domain/filter-language.ts'
import { statusOf } from '../../src/domain/key.ts'
import { formatRateLimit } from '../../src/domain/kinds.ts'
import type { KeyRow } from '../../src/queries/keys.ts'
import { sparkline } from '../charts/sparkline.ts'
import { rangeOf } from '../model/actions.ts'
import type { KeyColumn } from '../model/key-columns.ts'
import { columnsOf, GUTTER, KEY_COLUMNS } from '../model/key-columns.ts'
import { bodyHeight, listHeight, paneWidth } from '../model/layout.ts'
import { cursorRow, visible } from '../model/list.ts'
import type { KeysPage, State } from '../model/state.ts'
import { formatCount, formatWhen } from '../model/step.ts'
import type { Placed } from '../parts/columns.ts'
import { Rows } from '../parts/lines.tsx'
import type { Row, Span } from '../parts/row.ts'
import { CURSOR, cell, row } from '../parts/row.ts'
import { statusSpan } from '../parts/status.ts'
import { wrapped } from '../parts/text.ts'
import type { Theme } from '../theme.ts'

const shortIdOf = ({ secrets }: KeyRow): string => secrets[0]?.shortId ?? ''

function cellOf(key: KeyRow, column: Placed<KeyColumn>, theme: Theme, now: number): Span {
  const { width, isRight = false } = column
  switch (column.name) {
    case 'status':
      return statusSpan(key.status, theme, width)
    case 'name':
      return cell(key.name ?? theme.glyphs.dash, width, theme)
    case 'userId':
      return cell(key.userId, width, theme)
    case 'id':
      return cell(shortIdOf(key), width, theme, { role: 'dim' })
    case 'scopes':
      return cell(key.scopes.join(' ') || theme.glyphs.dash, width, theme)
    case 'expiresAt':
      return cell(formatWhen(key.expiresAt, now, 'never'), width, theme, key.status === 'expiring' ? { role: 'warn' } : {})
    case 'lastUsedAt':
      return cell(formatWhen(key.lastUsedAt, now, 'never'), width, theme)
    case 'hour':
      return ['accent', sparkline(key.accepted, width, theme.isAscii || theme.isSpoken ? 'ascii' : 'block')]
    case 'limited':
      return cell(key.limitedLastHour === 0 ? '' : formatCount(key.limitedLastHour), width, theme, { role: 'limited', isRight })
  }
}

function between(spans: readonly Span[]): Span[] {
  return spans.flatMap((span, index) => (index === 0 ? [span] : [' ', span]))
}

function headingOf(page: KeysPage, columns: readonly Placed<KeyColumn>[], { glyphs }: Theme): Row {
  const titles = columns.map(({ name, title, width, isRight = false }): Span => {
    const isFocused = KEY_COLUMNS[page.column] === name
    const mark = page.sort.field === name ? (page.sort.isReversed ? glyphs.down : glyphs.up) : ''
    const text = `${isFocused ? title.toUpperCase() : title}${mark}`
    return [isFocused ? 'strong' : 'dim', isRight ? text.padStart(width) : text.padEnd(width)]
  })
  return row(' '.repeat(GUTTER), ...between(titles))
}

/** One line a key for a screen reader: name, status in words, owner, and the rest in words too. */
function spokenRow(key: KeyRow, isCursor: boolean, isMarked: boolean, now: number): Row {
  const parts = [
    key.name ?? 'no name',
    key.status,
    `owner ${key.userId}`,
    `shortId ${shortIdOf(key)}`,
    `expires ${formatWhen(key.expiresAt, now, 'never')}`,
    `last used ${formatWhen(key.lastUsedAt, now, 'never')}`,
    ...(key.limitedLastHour > 0 ? [`${formatCount(key.limitedLastHour)} rate-limited in the last hour`] : []),
    ...(isMarked ? ['marked'] : []),
  ]
  return row(`${isCursor ? CURSOR : ' '}${isMarked ? '*' : ' '} ${parts.join(', ')}`)
}

function keysRows(state: State, page: KeysPage, height: number): Row[] {
  const { theme } = state.setting
  const columns = columnsOf(state.size)
  const range = new Set(rangeOf(page))
  const rows = visible(page.list, height - 1).map(({ id, item: asked }): Row => {
    // Nobody tells when a key expires or its overlap ends: time does.
    const item = { ...asked, status: statusOf(asked, state.now) }
    const isCursor = id === page.list.cursor
    const isMarked = page.marks.has(id) || range.has(id)
    if (theme.isSpoken) return spokenRow(item, isCursor, isMarked, state.now)
    const gutter = `${isCursor ? CURSOR : ' '}${isMarked ? '*' : ' '} `
    return {
      spans: [[isMarked ? 'strong' : 'plain', gutter], ...between(columns.map((column) => cellOf(item, column, theme, state.now)))],
      isCursor,
    }
  })
  return theme.isSpoken ? rows : [headingOf(page, columns, theme), ...rows]
}

const labelled = (label: string, value: string, width: number): Row[] =>
  wrapped(value, Math.max(8, width - 12)).map((text, index) => row(['dim', (index === 0 ? label : '').padEnd(11)], ' ', text))

/** The key under the cursor, whole. */
function paneRows(key: KeyRow | null, width: number, { setting: { theme }, now }: State): Row[] {
  if (key === null) return []
  const inner = width - 2
  const status = statusOf(key, now)
  const rows = [
    row(['strong', key.name ?? key.id]),
    row(statusSpan(status, theme), ` ${key.environment}`),
    ...labelled('owner', key.userId, inner),
    ...labelled('id', key.id, inner),
    ...labelled('shortId', shortIdOf(key), inner),
    ...labelled(
      'expires',
      key.expiresAt === null ? 'never' : `${formatWhen(key.expiresAt, now, '')}, ${key.expiresAt.slice(0, 16).replace('T', ' ')}Z`,
      inner,
    ),
    ...labelled('last used', formatWhen(key.lastUsedAt, now, 'never'), inner),
    ...labelled('last hour', `${formatCount(key.acceptedLastHour)} accepted, ${formatCount(key.limitedLastHour)} limited`, inner),
    ...labelled('scopes', key.scopes.join(' ') || 'none', inner),
    ...labelled('limits', key.rateLimits.map(formatRateLimit).join(' ') || 'none', inner),
    ...labelled('addresses', key.allowedIps.join(' ') || 'any', inner),
    ...(key.tags.length === 0 ? [] : labelled('tags', key.tags.join(' '), inner)),
    ...labelled('created', `${formatWhen(key.createdAt, now, '')} by ${key.createdBy}`, inner),
    ...labelled('revision', String(key.revision), inner),
    ...(key.revokedAt === null
      ? []
      : labelled('revoked', `${formatWhen(key.revokedAt, now, '')} by ${key.revokedBy}: ${key.revokedReason}`, inner)),
  ]
  return rows.map(({ spans }) => row(['dim', theme.isAscii ? '| ' : '│ '], ...spans))
}

/** What an empty list says: how to begin, or how to see something again. */
function emptyRows(state: State, page: KeysPage): Row[] {
  const { keymap, isReadOnly, isDemo } = state.setting
  if (parseFilter(page.filter) === null) return [row(), row(`   /${page.filter} is no filter`), row(['dim', `   use ${FILTER_ACCEPTS}`])]
  const isAsked = !page.list.isLoaded || page.wanted !== null
  if (isAsked || (page.filter === '' && (state.pulse?.keys ?? 0) > 0)) return [row('   loading')]
  if (page.filter !== '') return [row(), row(`   no key fits /${page.filter}`), row(['dim', '   esc clears the filter'])]
  return [
    row(),
    row(['strong', '   No keys yet']),
    row(),
    row(isReadOnly ? '   the app is open read-only' : `   ${keymap.keyOf('key.generate')} generate the first key`),
    ...(isDemo ? [] : [row(`   ${keymap.keyOf('demo')} open the demo: a temporary store with live traffic`)]),
    row(`   ${keymap.keyOf('help')} help`),
  ]
}

export function KeysScreen({ state, page, height }: { readonly state: State; readonly page: KeysPage; readonly height: number }) {
  const { theme } = state.setting
  const { columns } = state.size
  const pane = theme.isSpoken ? 0 : paneWidth(state.size)
  const width = columns - pane
  const rows = page.list.rows.length === 0 ? emptyRows(state, page) : keysRows(state, page, Math.min(height, listHeight(state, page) + 1))
  const list = <Rows rows={rows} width={width} height={height} theme={theme} />
  if (pane === 0) return list
  return (
    <Box width={columns} height={height}>
      {list}
      <Rows
        rows={paneRows(cursorRow(page.list), pane, state)}
        width={pane}
        height={Math.min(height, bodyHeight(state.size))}
        theme={theme}
      />
    </Box>
  )
}
