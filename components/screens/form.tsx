// A form: a line a field, the focused one with its suggestions, and what is wrong beside what is wrong.

import { generate } from '../../src/commands/generate.ts'
import { suggestionsFor } from '../model/form.ts'
import { knownFor } from '../model/form-keys.ts'
import type { FormField, FormLayer } from '../model/layers.ts'
import type { State } from '../model/state.ts'
import { inputSpans } from '../parts/input.ts'
import { Rows } from '../parts/lines.tsx'
import type { Row, Span } from '../parts/row.ts'
import { CURSOR, row } from '../parts/row.ts'
import { pad, widthOf, wrapped } from '../parts/text.ts'

const LABEL = 18
const NEVER_EXPIRES = 'it would never expire; a date bounds what a leak can cost'

/** A warning that is no error: a new key without an end. */
function warningOf({ command }: FormLayer, { name, input, problem }: FormField): string | null {
  if (command.words !== generate.words || name !== 'expiresAt' || problem !== null) return null
  return input.text.trim() === 'never' || input.text.trim() === '' ? NEVER_EXPIRES : null
}

function fieldRows(state: State, form: FormLayer, one: FormField, isFocused: boolean): Row[] {
  const { theme } = state.setting
  const width = state.size.columns
  const { field, input, problem, choices } = one
  const label: Span = [isFocused ? 'strong' : 'dim', pad(`${one.label}${field.required ? ' *' : ''}`, LABEL)]
  const value: Span[] =
    choices.length > 0 ? choiceSpans(one, isFocused) : inputSpans(input, isFocused, width - LABEL - 4, theme, field.isSecret)
  const said = problem ?? warningOf(form, one)
  const role = problem === null ? 'warn' : 'bad'
  const used = LABEL + 2 + value.reduce((sum, span) => sum + widthOf(typeof span === 'string' ? span : span[1]), 0)
  const isBeside = said !== null && used + 3 + widthOf(said) <= width
  const line = row(`${isFocused ? CURSOR : ' '} `, label, ...value, ...(said !== null && isBeside ? (['   ', [role, said]] as const) : []))
  const below = said !== null && !isBeside ? wrapped(said, width - LABEL - 4).map((text) => row(' '.repeat(LABEL + 2), [role, text])) : []
  return [line, ...below, ...(isFocused ? suggestionRows(state, form, one) : [])]
}

function choiceSpans({ choices, input }: FormField, isFocused: boolean): Span[] {
  return choices
    .flatMap((choice): Span[] => [choice === input.text ? ['strong', `[${choice}]`] : ['dim', ` ${choice} `], ' '])
    .concat(isFocused && choices.length > 1 ? [['dim', ' space chooses']] : [])
}

function suggestionRows(state: State, form: FormLayer, one: FormField): Row[] {
  if (one.choices.length > 0) return []
  const suggestions = suggestionsFor(one, knownFor(state, one))
  if (suggestions.length === 0) return []
  const spans = suggestions.flatMap((text, index): Span[] => [
    index === form.suggestion ? ['strong', `[${text}]`] : ['dim', ` ${text} `],
    ' ',
  ])
  return [row(' '.repeat(LABEL + 2), ['dim', `${state.setting.theme.glyphs.arrow} `], ...spans)]
}

/** As many rows as fit, with those of the focused field among them. */
function scrolledTo(groups: readonly (readonly Row[])[], focus: number, height: number): Row[] {
  const rows = groups.flat()
  const end = groups.slice(0, focus + 1).flat().length
  const from = Math.max(0, Math.min(end - height, rows.length - height))
  return rows.slice(from, from + height)
}

export function FormScreen({ state, form, height }: { readonly state: State; readonly form: FormLayer; readonly height: number }) {
  const { theme } = state.setting
  const width = state.size.columns
  const focused = form.fields[form.focus]
  const groups = form.fields.map((one, index) => fieldRows(state, form, one, index === form.focus))
  const said = form.isBusy ? row(['accent', '  working']) : form.problem === null ? row() : row(['bad', `  ${form.problem}`])
  const changed = form.changed === null ? [] : [row(['warn', `  ${form.changed}`])]
  const help =
    focused === undefined
      ? row(['dim', '  Enter does it'])
      : row(['dim', `  ${focused.field.summary}${focused.choices.length > 0 ? '' : `; ${focused.field.kind.accepts}`}`])
  const head = [row(['strong', `  ${form.title}`]), ...changed, said]
  const room = Math.max(1, height - head.length - 2)
  const body = scrolledTo(groups, form.focus, room)
  const padding = Array.from({ length: Math.max(0, room - body.length) }, () => row())
  return <Rows rows={[...head, ...body, ...padding, row(), help]} width={width} height={height} theme={theme} />
}
