// Layers above a page: each takes the keys while it is on top. Data only.

import type { ChangeCommand, ReadCommand } from '../../src/commands/command.ts'
import type { AuditRow } from '../../src/domain/audit.ts'
import type { Field } from '../../src/domain/field.ts'
import type { KeyRow } from '../../src/queries/keys.ts'
import type { Row } from '../parts/row.ts'
import type { ChangedItem, Sealed } from './effect.ts'
import type { LineInput } from './line-input.ts'

/** The filter of the page below, as it is being typed. */
export interface FilterLayer {
  readonly kind: 'filter'
  readonly input: LineInput
  readonly suggestion: number
}

export interface PaletteLayer {
  readonly kind: 'palette'
  readonly input: LineInput
  readonly choice: number
}

export interface HelpLayer {
  readonly kind: 'help'
  readonly offset: number
  /** What is looked for; null while nothing is. */
  readonly search: LineInput | null
  readonly isTyping: boolean
  readonly match: number
}

/** One input of a form. `choices`: it is one of these and no free text. */
export interface FormField {
  readonly name: string
  readonly label: string
  readonly field: Field
  readonly input: LineInput
  readonly initial: string
  readonly choices: readonly string[]
  readonly problem: string | null
}

export interface FormLayer {
  readonly kind: 'form'
  readonly id: number
  readonly title: string
  /** Under which what was typed is kept. */
  readonly draftKey: string
  readonly command: ChangeCommand | ReadCommand
  /** Input that is not typed: the key that the form is about. */
  readonly fixed: Readonly<Record<string, unknown>>
  readonly keyId: string | null
  readonly revision: number | null
  readonly fields: readonly FormField[]
  readonly focus: number
  readonly suggestion: number
  readonly problem: string | null
  readonly isBusy: boolean
  /** Something changed under the form. */
  readonly changed: string | null
}

/** Where the focus of a dialog is. */
export type DialogFocus = 'reason' | 'word' | 'cancel' | 'confirm'

export interface DialogLayer {
  readonly kind: 'dialog'
  readonly id: number
  readonly command: ChangeCommand
  readonly title: string
  /** Frozen when the dialog opened. */
  readonly ids: readonly string[]
  /** Keys that are scrolled away above. */
  readonly offset: number
  /** Null until they are known. */
  readonly facts: readonly KeyRow[] | null
  readonly revisions: ReadonlyMap<string, number>
  readonly reason: LineInput
  readonly typed: LineInput
  readonly focus: DialogFocus
  readonly openedAt: number
  readonly changed: string | null
  readonly problem: string | null
  readonly isBusy: boolean
}

export interface RevealLayer {
  readonly kind: 'reveal'
  readonly id: number
  readonly token: Sealed
  readonly shortId: string
  readonly prefix: string
  readonly owner: string
  readonly isShown: boolean
  readonly shownAt: number
  readonly isCopied: boolean
  readonly isWritten: boolean
  readonly isAsked: boolean
  /** The path that is being typed. */
  readonly path: LineInput | null
  readonly note: string | null
}

/** Something to read: a record, results, a report. `offset`: lines scrolled away. */
export interface PanelLayer {
  readonly kind: 'panel'
  readonly id: number
  readonly subject: PanelSubject
  readonly offset: number
}

export type PanelSubject =
  | { readonly what: 'record'; readonly row: AuditRow }
  | { readonly what: 'results'; readonly title: string; readonly items: readonly ChangedItem[] }
  | { readonly what: 'rows'; readonly title: string; readonly rows: readonly Row[] }

export type Layer = FilterLayer | PaletteLayer | HelpLayer | FormLayer | DialogLayer | RevealLayer | PanelLayer
