// The reveal of a new token: masked until it is asked for. Nothing else ever draws one.

import type { RevealLayer } from '../model/layers.ts'
import type { State } from '../model/state.ts'
import { inputSpans } from '../parts/input.ts'
import { Rows } from '../parts/lines.tsx'
import type { Row } from '../parts/row.ts'
import { CURSOR, row } from '../parts/row.ts'

const MASKED = 16

/** The token in one piece where it fits, else in pieces of the width. */
function tokenRows({ token, isShown, prefix, shortId }: RevealLayer, width: number, mask: string): Row[] {
  const text = isShown ? token.open() : `${prefix}_${shortId}_${mask.repeat(MASKED)}`
  const room = width - 2
  const pieces = Array.from({ length: Math.ceil(text.length / room) }, (_, index) => text.slice(index * room, (index + 1) * room))
  return pieces.map((piece, index) => row(`${index === 0 ? CURSOR : ' '} `, [isShown ? 'strong' : 'plain', piece]))
}

export function RevealScreen({ state, reveal, height }: { readonly state: State; readonly reveal: RevealLayer; readonly height: number }) {
  const { theme, keymap } = state.setting
  const width = state.size.columns
  const key = (command: 'reveal.show' | 'reveal.copy' | 'reveal.write' | 'reveal.leave') => keymap.keyOf(command)
  const pathRow =
    reveal.path === null
      ? []
      : [
          row('  write it to  ', ...inputSpans(reveal.path, true, width - 16, theme)),
          row(['dim', '  Enter writes a file that only you can read; esc does not']),
        ]
  const rows = [
    row(['strong', `  The secret of ${reveal.owner}`]),
    row(['dim', '  It is shown this once; the store keeps only its hash.']),
    row(),
    ...tokenRows(reveal, width, theme.glyphs.mask),
    row(),
    row('  ', ['strong', key('reveal.copy')], " copy to the terminal's clipboard", reveal.isCopied ? ['good', '  done'] : ''),
    row('  ', ['strong', key('reveal.write')], ' write to a file', reveal.isWritten ? ['good', '  done'] : ''),
    row('  ', ['strong', key('reveal.show')], reveal.isShown ? ' hide' : ' show for 30 s'),
    row('  ', ['strong', key('reveal.leave')], ' leave'),
    row(),
    ...pathRow,
    reveal.note === null ? row() : row([reveal.isAsked && !reveal.isCopied && !reveal.isWritten ? 'warn' : 'accent', `  ${reveal.note}`]),
  ]
  return <Rows rows={rows} width={width} height={height} theme={theme} />
}
