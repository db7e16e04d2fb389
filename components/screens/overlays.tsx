// The palette, the help and panels: lists that stand in the page's place while they are open.

import { whyNot } from '../model/actions.ts'
import { helpLines, matchesOf } from '../model/help.ts'
import type { HelpLayer, PaletteLayer, PanelLayer } from '../model/layers.ts'
import { fittingEntries } from '../model/palette.ts'
import type { State } from '../model/state.ts'
import { Rows } from '../parts/lines.tsx'
import type { Row } from '../parts/row.ts'
import { CURSOR, row } from '../parts/row.ts'
import { panelRows, panelTitle } from './panel-rows.ts'

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

export function PanelScreen({ state, layer, height }: Props<PanelLayer>) {
  const { theme } = state.setting
  const rows = panelRows(state, layer.subject)
  const room = Math.max(1, height - 1)
  const offset = Math.min(layer.offset, Math.max(0, rows.length - room))
  const shown = rows.slice(offset, offset + room).map((one, index): Row => {
    const [first, ...rest] = one.spans
    const isCursor = offset + index === Math.min(layer.line, rows.length - 1)
    const text = typeof first === 'string' ? first : (first?.[1] ?? '')
    const marked = `${isCursor ? CURSOR : ' '}${text.slice(1)}`
    return { ...one, spans: [typeof first === 'string' || first === undefined ? marked : [first[0], marked], ...rest] }
  })
  return (
    <Rows rows={[row(['strong', ` ${panelTitle(layer.subject)}`]), ...shown]} width={state.size.columns} height={height} theme={theme} />
  )
}
