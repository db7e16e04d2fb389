// Which forms there are: for which command, with which fields, filled in from what. The fields themselves come from the registry.

import { auditAcceptLoss } from '../../src/commands/audit.ts'
import type { ChangeCommand } from '../../src/commands/command.ts'
import { generate } from '../../src/commands/generate.ts'
import { graceEnd, graceExtend } from '../../src/commands/grace.ts'
import { rotate } from '../../src/commands/rotate.ts'
import { scopeSet } from '../../src/commands/scope.ts'
import { update } from '../../src/commands/update.ts'
import { validate } from '../../src/commands/validate.ts'
import type { Field, Fields } from '../../src/domain/field.ts'
import { optional } from '../../src/domain/field.ts'
import type { ListedKey } from '../../src/domain/key.ts'
import * as kinds from '../../src/domain/kinds.ts'
import { DAY_MS } from '../../src/domain/time.ts'
import { formField, textOfValue } from './form.ts'
import type { FormField, FormLayer } from './layers.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'
import { ask, pushed, step } from './step.ts'

type Texts = Readonly<Record<string, string>>

interface Beginning {
  readonly command: { readonly words: string; readonly fields: Fields }
  readonly title: string
  readonly names: readonly string[]
  readonly texts?: Texts
  readonly key?: ListedKey | null
  /** The field that has the focus at first. */
  readonly focus?: string
  readonly before?: readonly FormField[]
}

function form(state: State, { command, title, names, texts = {}, key = null, focus, before = [] }: Beginning): Step {
  // What was typed for one owner or key never comes back for another.
  const draftKey = `${command.words} ${key?.id ?? texts['userId'] ?? ''}`
  const draft = state.drafts.get(draftKey) ?? {}
  const own = names.map((name) => formField(command.fields, name, { initial: texts[name], draft: draft[name] }))
  const fields = [...before, ...own]
  const layer: FormLayer = {
    kind: 'form',
    id: state.nextId,
    title,
    draftKey,
    command: command as unknown as ChangeCommand,
    fixed: key === null ? {} : { key: key.id },
    keyId: key?.id ?? null,
    revision: key?.revision ?? null,
    fields,
    focus: Math.max(
      0,
      fields.findIndex(({ name }) => name === focus),
    ),
    suggestion: 0,
    problem: Object.keys(draft).length > 0 ? 'what you typed before is back; ctrl-u empties a field' : null,
    isBusy: false,
    changed: null,
  }
  return step(pushed({ ...state, nextId: state.nextId + 1 }, layer), ask('known', { ask: 'known', query: {} }))
}

/** The name of the field that chooses a template; the command does not know it. */
export const TEMPLATE = 'template'
export const SAME_AS = 'same as '

const template = (choices: readonly string[]): FormField => {
  const field: Field = optional(kinds.choice(choices), 'Template', 'fill the form in from this')
  return { name: TEMPLATE, label: 'Template', field, input: { text: 'none', caret: 4 }, initial: 'none', choices, problem: null }
}

const GENERATED = ['userId', 'name', 'environment', 'scopes', 'expiresAt', 'rateLimits', 'allowedIps', 'notBefore', 'tags', 'metadata']

/** The texts of a form for a key like this one. Its expiry is as long a life as this one was given. */
export function textsLike(key: ListedKey): Texts {
  const { fields } = generate
  const life = key.expiresAt === null ? null : Math.max(1, Math.round((Date.parse(key.expiresAt) - Date.parse(key.createdAt)) / DAY_MS))
  return {
    environment: key.environment,
    scopes: textOfValue(fields.scopes, key.scopes),
    rateLimits: textOfValue(fields.rateLimits, key.rateLimits),
    allowedIps: textOfValue(fields.allowedIps, key.allowedIps),
    tags: textOfValue(fields.tags, key.tags),
    metadata: textOfValue(fields.metadata, key.metadata),
    expiresAt: life === null ? 'never' : `${life}d`,
  }
}

/** A new key: with the owner filled in where one is in hand, and the name focused then. */
export function generateForm(state: State, owner: string | null, like: ListedKey | null): Step {
  const choices = ['none', ...(like === null ? [] : [`${SAME_AS}${like.id}`]), ...state.setting.templates.map(({ name }) => name)]
  return form(state, {
    command: generate,
    title: 'Generate a key',
    names: GENERATED,
    texts: owner === null ? {} : { userId: owner },
    focus: owner === null ? 'userId' : 'name',
    before: choices.length > 1 ? [template(choices)] : [],
  })
}

const named = (key: ListedKey): string => `${key.name ?? key.id} of ${key.userId}`

export function editForm(state: State, key: ListedKey): Step {
  const { fields } = update
  const texts: Texts = {
    name: key.name ?? '',
    expiresAt: key.expiresAt ?? '',
    notBefore: key.notBefore ?? '',
    rateLimits: textOfValue(fields.rateLimits, key.rateLimits),
    allowedIps: textOfValue(fields.allowedIps, key.allowedIps),
    tags: textOfValue(fields.tags, key.tags),
    metadata: textOfValue(fields.metadata, key.metadata),
  }
  const names = Object.keys(fields).filter((name) => name !== 'key')
  return form(state, { command: update, title: `Edit ${named(key)}`, names, texts, key })
}

export function scopesForm(state: State, key: ListedKey): Step {
  const texts = { scopes: textOfValue(scopeSet.fields.scopes, key.scopes) }
  return form(state, { command: scopeSet, title: `Scopes of ${named(key)}`, names: ['scopes'], texts, key })
}

export function rotateForm(state: State, key: ListedKey): Step {
  return form(state, {
    command: rotate,
    title: `Rotate ${named(key)}`,
    names: ['graceSeconds', 'expiresAt'],
    texts: { expiresAt: '' },
    key,
  })
}

/** The name of the field that chooses between ending and extending an overlap. */
export const OVERLAP = 'overlap'

export function overlapForm(state: State, key: ListedKey, what: 'extend' | 'end'): Step {
  const kind = kinds.choice(['extend', 'end'])
  const field: Field = optional(kind, 'Overlap', 'extend: the older secret works until then; end: it stops working now')
  const choose: FormField = {
    name: OVERLAP,
    label: 'Overlap',
    field,
    input: { text: what, caret: what.length },
    initial: what,
    choices: kind.choices ?? [],
    problem: null,
  }
  return form(state, {
    command: what === 'end' ? graceEnd : graceExtend,
    title: `Overlap of ${named(key)}`,
    names: what === 'end' ? [] : ['until'],
    key,
    before: [choose],
  })
}

/** The overlap's form for the other of its two commands. */
export function overlapSwitched(layer: FormLayer, what: string): FormLayer {
  const isEnd = what === 'end'
  const command = (isEnd ? graceEnd : graceExtend) as unknown as ChangeCommand
  const until = layer.fields.find(({ name }) => name === 'until') ?? formField(graceExtend.fields, 'until', {})
  return { ...layer, command, fields: [layer.fields[0] as FormField, ...(isEnd ? [] : [until])] }
}

/** Why a token is answered as it is; nothing is counted or consumed. */
export function explainForm(state: State): Step {
  return form(state, {
    command: validate,
    title: 'Explain the verdict on a token',
    names: ['token', 'requiredScopes', 'environment', 'ip'],
    texts: { environment: '' },
  })
}

export function acceptLossForm(state: State): Step {
  return form(state, { command: auditAcceptLoss, title: 'Accept what the log has lost, and go on', names: ['reason'] })
}
