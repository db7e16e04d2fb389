// Forms: made from a command's fields, checked as they are typed, submitted as the command line would. Pure.

import { joinWords, splitWords } from '../../src/commands/as-command.ts'
import type { ChangeCommand, ReadCommand } from '../../src/commands/command.ts'
import { scopeSet } from '../../src/commands/scope.ts'
import type { Field, Fields } from '../../src/domain/field.ts'
import { inputFromTexts } from '../../src/domain/field.ts'
import type { Refusal } from '../../src/domain/refusal.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import type { FormField, FormLayer } from './layers.ts'
import { inputOf } from './line-input.ts'

/** Suggestions that are shown at once. */
export const MAX_SUGGESTIONS = 8

/** The text of a field's value as it would be typed into a form. */
export function textOfValue({ kind }: Field, value: unknown): string {
  const texts = kind.toTexts(value)
  return kind.isList ? joinWords(texts) : (texts[0] ?? '')
}

/** The words that a text means to a field: several where it is a list. */
function wordsOf({ kind }: Field, text: string): readonly string[] {
  return kind.isList ? splitWords(text) : [text]
}

/** What is wrong with a typed text; null for a good or an empty one. */
function problemOf(field: Field, text: string): string | null {
  if (text === '') return null
  const parsed = field.kind.fromTexts(wordsOf(field, text))
  return 'problem' in parsed ? `${parsed.problem}; use ${field.kind.accepts}` : null
}

/** The fallback where it is something that could be typed; `unlimited` and `any` are what an empty field means. */
function typedFallback({ fallback, kind }: Field): string {
  return fallback === null || 'problem' in kind.fromTexts([fallback]) ? '' : fallback
}

/** A field that stands without a flag is labelled for a usage line; a form names it by its name. */
function labelOf(name: string, { label, position }: Field): string {
  return position ? `${name.charAt(0).toUpperCase()}${name.slice(1)}` : label
}

/** A form's field: the texts of a draft or of a key before the field's own beginning. */
export function formField(fields: Fields, name: string, texts: { initial?: string | undefined; draft?: string | undefined }): FormField {
  const field = fields[name] as Field
  const initial = texts.initial ?? typedFallback(field)
  const input = inputOf(texts.draft ?? initial)
  return {
    name,
    label: labelOf(name, field),
    field,
    input,
    initial,
    choices: field.kind.choices ?? [],
    problem: problemOf(field, input.text),
  }
}

/** The form after one of its fields was typed into. */
export function withText(form: FormLayer, index: number, input: FormField['input']): FormLayer {
  const fields = form.fields.map((one, at) => (at === index ? { ...one, input, problem: problemOf(one.field, input.text) } : one))
  return { ...form, fields, suggestion: 0, problem: null }
}

/** The word at the caret of a list, or the whole text: what suggestions complete. */
export function wordAtCaret({ field, input }: FormField): { word: string; from: number } {
  const before = input.text.slice(0, input.caret)
  const from = field.kind.isList ? before.length - (/\S*$/.exec(before)?.[0].length ?? 0) : 0
  return { word: before.slice(from), from }
}

/** What a field offers to complete what is typed: words in use that hold it, or presets while nothing else was typed. */
export function suggestionsFor(one: FormField, known: readonly string[]): readonly string[] {
  const { word } = wordAtCaret(one)
  const offered = one.field.kind.presets ?? known
  const taken = new Set(one.field.kind.isList ? splitWords(one.input.text) : [])
  const isPreset = one.field.kind.presets !== undefined
  const lower = word.toLowerCase()
  const holds = (text: string): boolean => isPreset || text.toLowerCase().includes(lower)
  const fitting = offered.filter((text) => text !== word && !taken.has(text) && holds(text))
  const starts = (text: string): number => (text.toLowerCase().startsWith(lower) ? 0 : 1)
  return fitting.sort((a, b) => starts(a) - starts(b)).slice(0, MAX_SUGGESTIONS)
}

/** The field with a suggestion in place of the word at the caret. */
export function completed(one: FormField, suggestion: string): FormField['input'] {
  const { from } = one.field.kind.presets === undefined || one.field.kind.isList ? wordAtCaret(one) : { from: 0 }
  const after = one.field.kind.isList ? `${joinWords([suggestion])} ` : suggestion
  return inputOf(one.input.text.slice(0, from) + after)
}

/** Texts for the command: what was typed, and of an edit only what differs from how it was. Null empties the field. */
function textsOf({ command, fixed, fields }: FormLayer): { texts: Map<string, readonly string[]>; cleared: string[] } {
  const texts = new Map<string, readonly string[]>()
  const cleared: string[] = []
  for (const [name, value] of Object.entries(fixed)) texts.set(name, Array.isArray(value) ? value : [String(value)])
  for (const { name, field, input, initial } of fields) {
    if (!Object.hasOwn(command.fields, name)) continue
    const text = input.text.trim()
    const isEdit = field.isClearable
    if (isEdit && text === initial.trim()) continue
    if (text !== '') texts.set(name, wordsOf(field, text))
    else if (isEdit) cleared.push(name)
  }
  return { texts, cleared }
}

/** The command's input out of a form, or what is wrong and with which field. */
export function inputOfForm(form: FormLayer): object | Refusal {
  const { texts, cleared } = textsOf(form)
  // A form that shows all scopes of a key may take all of them away.
  if (form.command.words === scopeSet.words && !texts.has('scopes')) texts.set('scopes', [])
  const wrong = form.fields.find(({ problem }) => problem !== null)
  if (wrong !== undefined) return { refused: 'INVALID_INPUT', message: wrong.problem as string, field: wrong.name }
  const input = inputFromTexts((form.command as ChangeCommand | ReadCommand).fields, texts)
  if (isRefusal(input)) return input
  return { ...input, ...Object.fromEntries(cleared.map((name) => [name, null])) }
}

/** The form with the focus on the field that is wrong, and what is wrong beside it. */
export function withRefusal(form: FormLayer, { message, field }: Pick<Refusal, 'message' | 'field'>): FormLayer {
  const index = form.fields.findIndex(({ name }) => name === field)
  if (index < 0) return { ...form, isBusy: false, problem: message }
  const fields = form.fields.map((one, at) => (at === index ? { ...one, problem: message } : one))
  return { ...form, isBusy: false, fields, focus: index, problem: null }
}

/** What was typed, to be kept when the form is left. */
export function draftOf({ fields }: FormLayer): Readonly<Record<string, string>> | null {
  const typed = fields.filter(({ input, initial }) => input.text !== initial).map(({ name, input }) => [name, input.text])
  return typed.length === 0 ? null : Object.fromEntries(typed)
}
