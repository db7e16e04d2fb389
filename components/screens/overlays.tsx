// The palette, the help and panels: lists that stand in the page's place while they are open.

import { Box } from 'ink'
import { whyNot } from '../model/actions.ts'
import { helpLines, matchesOf } from '../model/help.ts'
import type { HelpLayer, PaletteLayer, PanelLayer } from '../model/layers.ts'
import { spokenRows } from '../model/layout.ts'
import { fittingEntries } from '../model/palette.ts'
import type { State } from '../model/state.ts'
import { Rows } from '../parts/lines.tsx'
import type { Row } from '../parts/row.ts'
import { CURSOR, row } from '../parts/row.ts'
import { PrintedTable } from '../printed-table.tsx'
import type { Theme } from '../theme.ts'
import type { Block } from './panel-blocks.ts'
import { blocksHeight, panelBlocks, panelTitle } from './panel-blocks.ts'

interface Props<L> {
  readonly state: State
  readonly layer: L
  readonly height: number
}

const WORDS = 18

export function PaletteScreen({ state, layer, height }: Props<PaletteLayer>) {
  const entries = fittingEntries(layer)
  const choice = Math.min(layer.choice, Math.max(0, entries.length - 1))
  const from = Math.max(0, Math.min(choice - height + 1, entries.length - height))
  const rows = entries.slice(from, from + height).map(({ words, summary }, index): Row => {
    const isCursor = from + index === choice
    return { spans: [`${isCursor ? CURSOR : ' '} `, ['strong', words.padEnd(WORDS)], ' ', summary], isCursor }
  })
  return (
    <Rows
      rows={rows.length === 0 ? [row('  no command is called that')] : rows}
      width={state.size.columns}
      height={height}
      theme={state.setting.theme}
    />
  )
}

const KEYS = 16

export function HelpScreen({ state, layer, height }: Props<HelpLayer>) {
  const lines = helpLines(state)
  const matches = new Set(matchesOf(lines, layer.search?.text ?? ''))
  const first = Math.min(layer.offset, Math.max(0, lines.length - height))
  const cursor = layer.match >= 0 ? layer.match : first
  const rows = lines.slice(first, first + height).map(({ keys, text, isHeading, command }, index): Row => {
    const isCursor = first + index === cursor
    const mark = `${isCursor ? CURSOR : ' '} `
    if (isHeading) return row(mark, ['strong', text])
    const why = command === null ? null : whyNot(state, command)
    return row(
      mark,
      ['accent', keys.padEnd(KEYS)],
      ' ',
      [matches.has(first + index) ? 'warn' : why === null ? 'plain' : 'dim', text],
      why === null ? '' : ['dim', `  (${why})`],
    )
  })
  return <Rows rows={rows} width={state.size.columns} height={height} theme={state.setting.theme} />
}

/** What a panel holds, scrolled under its title. */
export function PanelScreen({ state, layer, height }: Props<PanelLayer>) {
  const { theme } = state.setting
  const { columns } = state.size
  const blocks = panelBlocks(state, layer.subject)
  const room = Math.max(1, height - 1)
  const offset = Math.max(0, Math.min(layer.offset, blocksHeight(blocks) - room))
  if (theme.isSpoken) {
    const rows = blocks.flatMap((block) => ('table' in block ? [] : block.rows)).slice(offset, offset + spokenRows(room, true))
    return <Rows rows={[row(CURSOR, ` ${panelTitle(layer.subject)}`), ...rows]} width={columns} height={height} theme={theme} />
  }
  return (
    <Box flexDirection="column" width={columns} height={height}>
      <Rows rows={[row(CURSOR, ['strong', ` ${panelTitle(layer.subject)}`])]} width={columns} height={1} theme={theme} />
      <Box flexDirection="column" overflow="hidden" height={room}>
        <Box flexDirection="column" flexShrink={0} marginTop={-offset}>
          {blocks.map((block, index) => (
            <PanelBlock key={String(index)} block={block} width={columns} theme={theme} />
          ))}
        </Box>
      </Box>
    </Box>
  )
}

/** A table is no wider than is pleasant to read. */
const MAX_TABLE_COLUMNS = 160

function PanelBlock({ block, width, theme }: { readonly block: Block; readonly width: number; readonly theme: Theme }) {
  if (!('table' in block)) return <Rows rows={block.rows} width={width} height={block.rows.length} theme={theme} />
  return (
    <Box marginLeft={2} flexShrink={0} flexDirection="column">
      <PrintedTable
        rows={block.table}
        flexible={block.flexible}
        columns={Math.min(width, MAX_TABLE_COLUMNS) - 2}
        isColoured={theme.isColoured}
        isAscii={theme.isAscii}
      />
    </Box>
  )
}
