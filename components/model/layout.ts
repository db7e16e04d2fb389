// How much room each part of the screen has. Shared by the model, which scrolls, and the screens, which draw.

import { bannerRows } from './banner.ts'
import type { Page, Size, State } from './state.ts'

/** Header, breadcrumb, toast and hints. */
const FRAME_ROWS = 4
/** From this width on a detail pane stands beside the list. */
const WIDE_COLUMNS = 116
const PANE_COLUMNS = 40
const USAGE_LIST_ROWS = 6
const FINDING_ROWS = 4

/** A line of linear text may take two of the terminal. */
export function spokenRows(height: number, isSpoken: boolean): number {
  return isSpoken ? Math.max(1, Math.floor(height / 2)) : height
}

export function bodyHeight({ rows }: Size): number {
  return Math.max(1, rows - FRAME_ROWS)
}

export function paneWidth({ columns }: Size): number {
  return columns >= WIDE_COLUMNS ? PANE_COLUMNS : 0
}

type Drawn = Pick<State, 'size' | 'pulse' | 'trouble' | 'setting'>

export function bannerHeight(state: Drawn): number {
  return bannerRows(state).length
}

/** Rows that the list of a page may take. */
export function listHeight(state: Drawn, { screen }: Page): number {
  const body = bodyHeight(state.size) - bannerHeight(state)
  const taken = {
    keys: 1,
    users: 1,
    audit: 2,
    hygiene: FINDING_ROWS,
    key: 0,
    usage: body - Math.min(USAGE_LIST_ROWS, Math.floor(body / 3)),
  }[screen]
  return spokenRows(Math.max(1, body - taken), state.setting.theme.isSpoken)
}
