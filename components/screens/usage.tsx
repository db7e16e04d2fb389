// Usage: accepted and rate-limited calls, live, for the store, an owner or a key; the busiest keys below.

import { Box } from 'ink'
import { listHeight } from '../model/layout.ts'
import { visible } from '../model/list.ts'
import type { State, UsagePage } from '../model/state.ts'
import { formatCount, formatWhen } from '../model/step.ts'
import { Rows } from '../parts/lines.tsx'
import type { Row, Span } from '../parts/row.ts'
import { CURSOR, cell, row } from '../parts/row.ts'
import { wrapped } from '../parts/text.ts'
import { chartRows, heatmapRows } from './chart-rows.ts'

const HEATMAP_COLUMNS = 58
/** From this width on the heatmap stands beside the chart. */
const WIDE_COLUMNS = 150
const HEATMAP_ROWS = 10
/** From this height on it stands below the chart. */
const TALL_ROWS = 30
const COUNT_WIDTH = 12

function totalsRows(state: State, page: UsagePage): Row[] {
  const { glance } = page
  if (glance === null) return [row('  counting')]
  const refused = Object.entries(glance.refused).filter(([code, count]) => count > 0 && code !== 'RATE_LIMITED')
  const totals: Span[] = [
    '  ',
    ['accent', `accepted ${formatCount(glance.usageCount)}`],
    '   ',
    ['limited', `rate-limited ${formatCount(glance.rateLimitedCount)}`],
  ]
  const first: Row = { spans: totals, right: [['dim', `last use ${formatWhen(glance.lastUsedAt, state.now, 'never')}  `]] }
  const words = refused.map(([code, count]) => `${code}\u00a0${formatCount(count)}`).join(' ')
  if (words === '') return [first]
  return [first, ...wrapped(words, state.size.columns - 4).map((line) => row('  ', ['warn', line.replaceAll('\u00a0', ' ')]))]
}

/** The keys with the most calls, with both counts in words above them. */
function keyRowsOf(state: State, page: UsagePage, height: number): Row[] {
  const { theme } = state.setting
  const width = state.size.columns
  const name = Math.max(10, Math.floor((width - 2 - 2 * (COUNT_WIDTH + 1) - 13) * 0.55))
  const owner = Math.max(8, width - 2 - 2 * (COUNT_WIDTH + 1) - 13 - name - 2)
  const heading = row([
    'dim',
    `  ${(page.isByLimited ? 'most limited keys' : 'busiest keys').padEnd(name)} ${'owner'.padEnd(owner)} ${'shortId'.padEnd(12)} ${'accepted'.padStart(COUNT_WIDTH)} ${'rate-limited'.padStart(COUNT_WIDTH)}`,
  ])
  const rows = visible(page.list, Math.max(1, height - 1)).map(({ id, item }): Row => {
    const isCursor = id === page.list.cursor
    const mark = `${isCursor ? CURSOR : ' '} `
    if (theme.isSpoken)
      return row(
        `${mark}${item.name ?? item.keyId}, owner ${item.userId}, ${formatCount(item.accepted)} accepted, ${formatCount(item.rateLimited)} rate-limited`,
      )
    const limited = item.rateLimited === 0 ? '' : formatCount(item.rateLimited)
    return {
      isCursor,
      spans: [
        mark,
        cell(item.name ?? item.keyId, name, theme),
        ' ',
        cell(item.userId, owner, theme),
        ' ',
        cell(item.shortId, 12, theme, { role: 'dim' }),
        ' ',
        cell(formatCount(item.accepted), COUNT_WIDTH, theme, { isRight: true }),
        ' ',
        cell(limited, COUNT_WIDTH, theme, { role: 'limited', isRight: true }),
      ],
    }
  })
  return rows.length === 0 ? [row(['dim', '  no key was called in this window'])] : theme.isSpoken ? rows : [heading, ...rows]
}

export function UsageScreen({ state, page, height }: { readonly state: State; readonly page: UsagePage; readonly height: number }) {
  const { theme } = state.setting
  const { columns } = state.size
  const { glance, window, mode } = page
  const listRows = listHeight(state, page)
  const totals = totalsRows(state, page)
  const room = Math.max(3, height - totals.length - listRows)
  const isWide = columns >= WIDE_COLUMNS && !theme.isSpoken
  const isTall = !isWide && room >= TALL_ROWS - HEATMAP_ROWS && !page.isHeatmapShown
  const heat =
    glance === null
      ? []
      : heatmapRows(glance.hours, mode, Math.min(isWide ? HEATMAP_COLUMNS : columns - 4, columns - 4), state).map((one) =>
          row('  ', ...one.spans),
        )
  const chartHeight = isTall ? room - HEATMAP_ROWS : room
  const chartWidth = isWide ? columns - HEATMAP_COLUMNS - 6 : columns - 4
  const chart =
    glance === null
      ? []
      : chartRows({ series: glance.series, window, mode, width: chartWidth, height: chartHeight }, state).map((one) =>
          row('  ', ...one.spans),
        )
  const middle = page.isHeatmapShown && !isWide ? heat : [...chart, ...(isTall ? heat : [])]
  return (
    <Box flexDirection="column" width={theme.isSpoken ? undefined : columns}>
      <Rows rows={totals} width={columns} height={totals.length} theme={theme} />
      {isWide ? (
        <Box width={columns} height={room}>
          <Rows rows={chart} width={columns - HEATMAP_COLUMNS - 2} height={room} theme={theme} />
          <Rows rows={heat} width={HEATMAP_COLUMNS + 2} height={room} theme={theme} />
        </Box>
      ) : (
        <Rows rows={middle} width={columns} height={room} theme={theme} />
      )}
      <Rows rows={keyRowsOf(state, page, listRows)} width={columns} height={listRows} theme={theme} />
    </Box>
  )
}
