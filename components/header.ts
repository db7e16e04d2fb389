// The rows that are always there: header, breadcrumb, banner, toast, hints. Pure.

import { formatSort } from '../src/domain/selection.ts'
import { SECOND_MS } from '../src/domain/time.ts'
import type { Context } from './bindings.ts'
import type { CommandName } from './keymap.ts'
import { whyNot } from './model/actions.ts'
import { filterOf, filterSuggestions } from './model/filter.ts'
import type { Layer } from './model/layers.ts'
import { cursorIndex } from './model/list.ts'
import type { Page, State } from './model/state.ts'
import { formatCount, pageOf, RATE_MS, topLayer } from './model/step.ts'
import { inputSpans } from './parts/input.ts'
import type { Row, Span } from './parts/row.ts'
import { row } from './parts/row.ts'
import { findingCounts } from './screens/hygiene.tsx'
import { formatRate } from './screens/users.tsx'
import type { Theme } from './theme.ts'

const SPIN_MS = 100
const BAR_CELLS = 20

function chainSpan({ chain }: State): Span {
  if (chain.state === 'verified') return ['good', `verified to ${chain.seq}`]
  return chain.state === 'broken' ? ['bad', `BROKEN at ${chain.at}`] : ['dim', 'unverified']
}

export function headerRow(state: State): Row {
  const { setting, pulse, isPaused } = state
  const rate = rateOf(state)
  const right: Span[] = [
    ...(rate > 0 ? ([['accent', `${formatRate(rate)} calls/s  `]] as const) : []),
    ...(pulse !== null && pulse.others > 0
      ? ([['dim', `${pulse.others} other ${pulse.others === 1 ? 'process' : 'processes'} `]] as const)
      : []),
  ]
  return {
    spans: [
      ' ',
      ['strong', setting.storeName],
      ...(setting.isDemo ? ([' ', ['warn', 'demo']] as const) : []),
      '  ',
      `${pulse === null ? '…' : formatCount(pulse.keys)} keys`,
      '  ',
      chainSpan(state),
      ...(setting.isReadOnly ? (['  ', ['warn', 'read-only']] as const) : []),
      ...(isPaused ? (['  ', ['warn', 'paused']] as const) : []),
    ],
    right,
  }
}

/** Verifications per second over the last seconds; the first sample only says where counting began. */
function rateOf({ counted, now }: State): number {
  const recent = counted.filter(({ at }) => now - at <= RATE_MS)
  const [first, last] = [recent[0], recent.at(-1)]
  if (first === undefined || last === undefined || first === last) return 0
  return Math.max(0, last.calls - first.calls) / Math.max(1, (now - first.at) / SECOND_MS)
}

const NAMES: Readonly<Record<Page['screen'], string>> = {
  keys: 'Keys',
  users: 'Users',
  usage: 'Usage',
  audit: 'Audit',
  hygiene: 'Hygiene',
  key: 'Key',
}

function nameOf(page: Page): string {
  if (page.screen === 'key') return `Key ${page.label}`
  if (page.screen !== 'usage' || page.subject.of === 'store') return NAMES[page.screen]
  return page.subject.of === 'owner' ? `Usage of ${page.subject.userId}` : `Usage of ${page.subject.label}`
}

/** Stands for a number that is being counted. */
const UNCOUNTED = '…'

/** Where in the list: `12 of 300`. */
function placeOf(page: Page): string {
  if (page.screen === 'keys' || page.screen === 'users') {
    if (page.list.rows.length === 0) return ''
    const { position, total } = page
    const row = position === null ? UNCOUNTED : formatCount(position + Math.max(0, cursorIndex<unknown>(page.list)) + 1)
    return `${row} of ${total === null ? UNCOUNTED : formatCount(total)}`
  }
  if (page.screen === 'hygiene') return findingCounts(page)
  return page.screen === 'audit' ? `to seq ${page.lastSeq}` : page.screen === 'usage' || page.screen === 'key' ? `last ${page.window}` : ''
}

function notesOf(page: Page): Span[] {
  const spans: Span[] = []
  if (page.screen === 'keys') {
    if (page.marks.size > 0) spans.push('  ', ['strong', `${formatCount(page.marks.size)} marked`])
    if (page.rangeFrom !== null) spans.push('  ', ['strong', 'range'])
    spans.push('  ', ['dim', `by ${formatSort(page.sort)}`])
  }
  if ((page.screen === 'keys' || page.screen === 'audit') && page.fresh > 0) spans.push('  ', ['warn', `${page.fresh} new`])
  return spans
}

/** The screen that a page was opened from; one of the five stands for itself. */
function above({ pages, pageAt }: State): string[] {
  const page = pages[pageAt] as Page
  const before = pages[pageAt - 1]
  const isOpened = page.screen === 'key' || (page.screen === 'usage' && page.subject.of !== 'store')
  return isOpened && before !== undefined ? [nameOf(before)] : []
}

const TITLES: Readonly<Partial<Record<Layer['kind'], string>>> = {
  help: 'Help',
  form: 'Form',
  dialog: 'Confirm',
  reveal: 'Secret',
  panel: 'Details',
}

export function breadcrumbRow(state: State): Row {
  const page = pageOf(state)
  const layer = topLayer(state)
  const { theme } = state.setting
  const { glyphs } = theme
  const width = state.size.columns
  if (layer?.kind === 'palette') return row(['strong', ':'], ...inputSpans(layer.input, true, width - 2, theme))
  if (layer?.kind === 'help' && layer.search !== null)
    return row(' Help ', ['strong', '/'], ...inputSpans(layer.search, layer.isTyping, width - 8, theme))
  const trail: Span[] = [' ', ...above(state).map((name): Span => ['dim', `${name} ${glyphs.path} `]), ['strong', nameOf(page)]]
  const title = layer === null ? undefined : TITLES[layer.kind]
  if (title !== undefined) return row(...trail, ['dim', ` ${glyphs.path} `], ['strong', title])
  const filter: Span[] =
    layer?.kind === 'filter'
      ? ['  ', ['strong', '/'], ...inputSpans(layer.input, true, Math.max(10, width - 40), theme)]
      : filterOf(state) === ''
        ? []
        : ['  ', ['accent', `/${filterOf(state)}`]]
  return { spans: [...trail, ...filter, ...notesOf(page)], right: [['dim', `${placeOf(page)} `]] }
}

/** The work that has gone on for the longest time, of what takes long enough to be told. */
function busyRow({ busy, now, setting: { theme } }: State): Row | null {
  const [slow] = busy.values()
  if (slow === undefined) return null
  const { glyphs, isAnimated } = theme
  const spin = isAnimated ? `${glyphs.spin[Math.floor(now / SPIN_MS) % glyphs.spin.length]} ` : ''
  const bar = theme.isSpoken ? '' : `  ${barOf(slow.progress, Math.floor(now / SPIN_MS), theme)}`
  const percent = slow.progress === null ? '' : `  ${Math.floor(Math.min(1, slow.progress) * 100)} %`
  return row(['accent', ` ${spin}${slow.label}${bar}${percent}`], slow.isCancellable ? ['dim', '   esc cancels'] : '')
}

const RUNNER_CELLS = 4

/** A progress bar; of work that can't say how far it is, a piece that runs through it. */
function barOf(progress: number | null, turn: number, { glyphs, isAnimated }: Theme): string {
  if (progress !== null) {
    const full = Math.round(Math.min(1, progress) * BAR_CELLS)
    return glyphs.full.repeat(full) + glyphs.empty.repeat(BAR_CELLS - full)
  }
  const at = isAnimated ? turn % (BAR_CELLS - RUNNER_CELLS + 1) : 0
  return glyphs.empty.repeat(at) + glyphs.full.repeat(RUNNER_CELLS) + glyphs.empty.repeat(BAR_CELLS - RUNNER_CELLS - at)
}

export function toastRow(state: State): Row {
  const layer = topLayer(state)
  const busy = busyRow(state)
  if (busy !== null) return busy
  if (state.toast !== null) return row([state.toast.role, ` ${state.toast.text}`])
  if (layer?.kind !== 'filter') return row()
  const suggestions = filterSuggestions(state, layer)
  return row(
    ' ',
    ...suggestions.flatMap((text, index): Span[] => [index === layer.suggestion ? ['strong', `[${text}]`] : ['dim', ` ${text} `], ' ']),
  )
}

const CONTEXTS: Readonly<Record<Layer['kind'], Context>> = {
  filter: 'filter',
  palette: 'palette',
  help: 'help',
  form: 'form',
  dialog: 'dialog',
  reveal: 'reveal',
  panel: 'panel',
}

/** Help and filter first, then what can be done here, then the rest; what can't be done now is greyed. */
export function hintsRow(state: State): Row {
  const layer = topLayer(state)
  const { keymap, theme } = state.setting
  const context: readonly Context[] = layer === null ? [pageOf(state).screen, 'global'] : [CONTEXTS[layer.kind]]
  const seen = new Set<string>()
  const hinted = keymap.bindings
    .filter(({ hint, keys, in: contexts }) => hint !== undefined && keys.length > 0 && contexts.some((one) => context.includes(one)))
    .toSorted((a, b) => rank(a) - rank(b))
  const spans = hinted.flatMap(({ command, keys, label }): Span[] => {
    if (seen.has(command)) return []
    seen.add(command)
    const isOff = layer === null && whyNot(state, command as CommandName) !== null
    const key = keys[0] as string
    if (isOff) return [['off', theme.isColoured ? `${key} ${label}` : `(${key} ${label})`], '  ']
    return [['strong', key], ['dim', ` ${label}`], '  ']
  })
  return row(' ', ...spans)
}

const FIRST: readonly string[] = ['help', 'filter', 'find']

function rank({ command, hint }: { readonly command: string; readonly hint?: number }): number {
  const first = FIRST.indexOf(command)
  return first < 0 ? (hint ?? 0) + FIRST.length : first
}
