// Hygiene: findings, worst first, each with why it matters and the one key that mends it.

import type { FindingRow } from '../../src/queries/hygiene.ts'
import type { CommandName } from '../keymap.ts'
import { listHeight } from '../model/layout.ts'
import { cursorRow, visible } from '../model/list.ts'
import type { HygienePage, State } from '../model/state.ts'
import { formatCount } from '../model/step.ts'
import { Rows } from '../parts/lines.tsx'
import type { Row } from '../parts/row.ts'
import { CURSOR, cell, row } from '../parts/row.ts'
import { wrapped } from '../parts/text.ts'
import type { Role } from '../theme.ts'

const ROLES: Readonly<Record<FindingRow['severity'], Role>> = { high: 'bad', medium: 'warn', low: 'dim' }

/** The command of the keymap that mends a finding. */
export const MENDS: Readonly<Record<FindingRow['mend'], CommandName>> = {
  revoke: 'key.revoke',
  disable: 'key.disable',
  edit: 'key.edit',
  scopes: 'key.scopes',
  overlap: 'key.overlap',
  rotate: 'key.rotate',
  open: 'open',
}

function findingRow(finding: FindingRow, isCursor: boolean, state: State): Row {
  const { theme, keymap } = state.setting
  const key = keymap.keyOf(MENDS[finding.mend])
  if (theme.isSpoken)
    return row(
      `${isCursor ? CURSOR : ' '} ${[finding.name ?? finding.shortId, finding.severity, finding.rule, `owner ${finding.userId}`, finding.detail, `press ${key}`].join(', ')}`,
    )
  const width = state.size.columns
  const flexible = Math.max(20, width - 2 - 7 - 21 - 4 - 3)
  const nameWidth = Math.floor(flexible * 0.35)
  return {
    spans: [
      `${isCursor ? CURSOR : ' '} `,
      cell(finding.severity, 7, theme, { role: ROLES[finding.severity] }),
      cell(finding.rule, 21, theme),
      cell(`${finding.name ?? finding.shortId} ${theme.glyphs.dot} ${finding.userId}`, nameWidth, theme),
      ' ',
      cell(finding.detail, flexible - nameWidth, theme),
      ' ',
      cell(key, 5, theme, { role: 'strong' }),
    ],
    isCursor,
  }
}

/** Why the finding under the cursor matters, and how it is mended. */
function explained(finding: FindingRow | null, state: State): Row[] {
  if (finding === null) return []
  const { keymap } = state.setting
  const width = Math.max(20, state.size.columns - 4)
  return [
    row(),
    ...wrapped(`${finding.why} Here: ${finding.detail}.`, width)
      .slice(0, 2)
      .map((text) => row(`  ${text}`)),
    row(['strong', `  ${keymap.keyOf(MENDS[finding.mend])}`], ` mends it, as does: ${finding.fix}`),
  ]
}

export function HygieneScreen({ state, page, height }: { readonly state: State; readonly page: HygienePage; readonly height: number }) {
  const { theme } = state.setting
  const listRows = Math.max(1, height - 4)
  const rows = visible(page.list, listHeight(state, page)).map(({ id, item }) => findingRow(item, id === page.list.cursor, state))
  const empty = row(page.list.isLoaded ? (page.all.length === 0 ? '  nothing to mend' : `  no finding fits /${page.filter}`) : '  looking')
  const padding = Array.from({ length: Math.max(0, listRows - Math.max(1, rows.length)) }, () => row())
  const shown = [...(rows.length === 0 ? [empty] : rows), ...padding, ...explained(cursorRow(page.list), state)]
  return <Rows rows={shown} width={state.size.columns} height={height} theme={theme} />
}

export function findingCounts(page: HygienePage): string {
  const counts = (['high', 'medium', 'low'] as const).map(
    (severity) => [severity, page.all.filter((one) => one.severity === severity).length] as const,
  )
  return counts.map(([severity, count]) => `${formatCount(count)} ${severity}`).join(', ')
}
