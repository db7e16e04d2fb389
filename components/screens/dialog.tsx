// A dangerous dialog: what it is about, what would stop working, a reason, perhaps a word, and two buttons.

import type { KeyRow } from '../../src/queries/keys.ts'
import { shortCount } from '../charts/scale.ts'
import { needsWord } from '../model/dialog.ts'
import type { DialogLayer } from '../model/layers.ts'
import type { State } from '../model/state.ts'
import { formatCount, formatWhen } from '../model/step.ts'
import { inputSpans } from '../parts/input.ts'
import { Rows } from '../parts/lines.tsx'
import type { Row, Span } from '../parts/row.ts'
import { CURSOR, cell, row } from '../parts/row.ts'
import { STATUS_WIDTH, statusSpan } from '../parts/status.ts'
import { wrapped } from '../parts/text.ts'
import type { Role } from '../theme.ts'

const LABEL = 26
/** Rows that the dialog takes beside the keys that it names. */
const OTHER_ROWS = 11
const HOUR_MS = 3_600_000
/** From this width on there is room for the shortId. */
const WIDTH_WITH_ID = 100

const USED = 16
const CALLS = 14
const OWNER = 14

/** Each key with its last use and its calls of the last hour; those in use first. What does not fit is scrolled with up and down. */
function keyRows({ facts, ids, offset }: DialogLayer, room: number, state: State): Row[] {
  const { theme } = state.setting
  if (facts === null) return [row('  looking at what this would stop')]
  const width = state.size.columns
  const idWidth = width < WIDTH_WITH_ID ? 0 : 13
  const name = Math.max(8, width - 2 - OWNER - STATUS_WIDTH - USED - CALLS - idWidth - 4)
  const sorted = facts.toSorted((a, b) => b.acceptedLastHour - a.acceptedLastHour)
  const shown = facts.length > room ? Math.max(1, room - 1) : facts.length
  const from = Math.min(offset, facts.length - shown)
  const rows = sorted.slice(from, from + shown).map((key) =>
    row(
      '  ',
      cell(key.name ?? key.id, name, theme),
      ' ',
      cell(key.userId, OWNER, theme),
      ' ',
      ...(idWidth === 0 ? [] : ([['dim', `${key.secrets[0]?.shortId ?? ''} `]] as const)),
      statusSpan(key.status, theme),
      ' ',
      cell(key.lastUsedAt === null ? 'never used' : `used ${formatWhen(key.lastUsedAt, state.now, '')}`, USED, theme, {
        role: key.acceptedLastHour > 0 ? 'warn' : 'dim',
      }),
      ' ',
      cell(`${shortCount(key.acceptedLastHour)} calls/h`, CALLS, theme, { role: key.acceptedLastHour > 0 ? 'warn' : 'dim' }),
    ),
  )
  const gone = ids.length - facts.length
  const left = facts.length - from - shown
  return [
    ...rows,
    ...(facts.length > shown
      ? [row(['dim', `  ${from > 0 ? `${formatCount(from)} above, ` : ''}and ${formatCount(left)} more; down and up scroll`])]
      : []),
    ...(gone > 0 ? [row(['warn', `  ${gone} of them are gone`])] : []),
  ]
}

/** What would happen, in a sentence with figures. */
function consequence({ command, facts }: DialogLayer, now: number): readonly [Role, string] {
  if (facts === null) return ['plain', '']
  const calls = facts.reduce((sum, { acceptedLastHour }) => sum + acceptedLastHour, 0)
  const used = facts.filter(({ lastUsedAt }: KeyRow) => lastUsedAt !== null && now - Date.parse(lastUsedAt) < HOUR_MS).length
  if (command.words === 'enable') return ['dim', 'They are accepted again at once.']
  const final = command.danger === 'final' ? ' It is final.' : ' It can be taken back with enable.'
  if (calls === 0 && used === 0) return ['dim', `Nothing used ${facts.length === 1 ? 'it' : 'them'} in the last hour.${final}`]
  return [
    'bad',
    `What made ${formatCount(calls)} calls in the last hour, with ${formatCount(used)} ${used === 1 ? 'key' : 'keys'}, would be refused from now on.${final}`,
  ]
}

function buttons({ command, focus }: DialogLayer, { setting: { keymap } }: State): Row {
  const yes = keymap.keyOf('dialog.confirm')
  const verb = `${command.words.charAt(0).toUpperCase()}${command.words.slice(1)}`
  const isHere = focus === 'cancel' || focus === 'confirm'
  const spans: Span[] = [[focus === 'cancel' ? 'bar' : 'plain', '[ Cancel ]'], ' ', [focus === 'confirm' ? 'bar' : 'plain', `[ ${verb} ]`]]
  const said =
    focus === 'cancel' ? `   on Cancel: Enter cancels, ${yes} does it` : focus === 'confirm' ? `   on ${verb}: ${yes} does it` : ''
  return row(`${isHere ? CURSOR : ' '} `, ...spans, ['dim', said])
}

export function DialogScreen({ state, dialog, height }: { readonly state: State; readonly dialog: DialogLayer; readonly height: number }) {
  const { theme } = state.setting
  const [role, told] = consequence(dialog, state.now)
  const { focus, command, reason, typed, changed, problem, isBusy } = dialog
  const width = state.size.columns
  const field = (label: string, name: 'reason' | 'word'): Row =>
    row(
      `${focus === name ? CURSOR : ' '} `,
      [focus === name ? 'strong' : 'dim', label.padEnd(LABEL)],
      ...inputSpans(name === 'reason' ? reason : typed, focus === name, width - LABEL - 4, theme),
    )
  const said: Row = isBusy
    ? row(['accent', `  working on ${formatCount(dialog.ids.length)} ${dialog.ids.length === 1 ? 'key' : 'keys'}`])
    : changed !== null
      ? row(['warn', `  changed meanwhile: ${changed}. Enter accepts`])
      : problem !== null
        ? row(['bad', `  ${problem}`])
        : row()
  const rows = [
    row([command.danger === 'final' ? 'bad' : 'strong', `  ${dialog.title}`]),
    row(),
    ...keyRows(dialog, Math.max(1, height - OTHER_ROWS), state),
    row(),
    ...wrapped(told, width - 4).map((text) => row('  ', [role, text])),
    row(),
    field('Reason', 'reason'),
    ...(needsWord(dialog, state.now) ? [field(`Type ${command.words} to confirm`, 'word')] : []),
    buttons(dialog, state),
    said,
  ]
  return <Rows rows={rows} width={width} height={height} theme={theme} />
}
