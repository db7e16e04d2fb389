// Key: one key's whole life, scrolled line by line.

import { spokenRows } from '../model/layout.ts'
import type { KeyPage, State } from '../model/state.ts'
import { Rows } from '../parts/lines.tsx'
import type { Row } from '../parts/row.ts'
import { CURSOR } from '../parts/row.ts'
import { keyPageLines } from './key-lines.ts'

export function KeyScreen({ state, page, height }: { readonly state: State; readonly page: KeyPage; readonly height: number }) {
  const { theme } = state.setting
  const lines = keyPageLines(state, page)
  const room = spokenRows(height, theme.isSpoken)
  // Lines may have become fewer since the cursor was moved.
  const line = Math.min(page.line, Math.max(0, lines.length - 1))
  const offset = Math.min(page.offset, Math.max(0, lines.length - room))
  const rows = lines.slice(offset, offset + room).map(({ row }, index): Row => {
    const isCursor = offset + index === line
    return { spans: [`${isCursor ? CURSOR : ' '} `, ...row.spans], isCursor: isCursor && lines[line]?.record != null }
  })
  return <Rows rows={rows} width={state.size.columns} height={height} theme={theme} />
}
