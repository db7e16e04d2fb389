// What a command is: an operation described once, from which library method, flags, help, form and confirmation come.

import type { Actor } from '../domain/audit.ts'
import type { ChangeAction } from '../domain/change.ts'
import type { Minting } from '../domain/edit.ts'
import type { Examination } from '../domain/examination.ts'
import type { Fields, InputOf } from '../domain/field.ts'
import type { Key, KeyRef, SeenKey } from '../domain/key.ts'
import type { Store, VerifyOptions } from '../domain/ports.ts'
import type { Refusal } from '../domain/refusal.ts'
import type { KeyFilter } from '../domain/selection.ts'
import type { Draw } from '../domain/token.ts'
import type { CopyRequest, Upkeep } from '../domain/upkeep.ts'
import type { CallOptions, Explanation, Verdict } from '../domain/verdict.ts'

/** The one moment of a command: read once, under the lock. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly actor: Actor
  readonly draw: Draw
}

/** What a decision may know beside its key. */
export interface Circumstances extends Minting {
  /** The key that `like` names. */
  readonly model: Key | null
}

/** The key as it shall be, null where it is removed; and the token that was made for it, if one was. */
export interface Decided {
  readonly key: Key | null
  readonly token?: string
}

/** How careful the doors must be: a `final` change asks for a word, a `reversible` one for a `y`. */
export type Danger = 'none' | 'reversible' | 'final'

interface Description<F extends Fields> {
  /** The words on the command line, and in the palette. */
  readonly words: string
  readonly summary: string
  /** More for the help of this one command. */
  readonly notes: readonly string[]
  readonly fields: F
}

/** The keys that an input is about. */
export type Selected =
  | { readonly refs: readonly KeyRef[] }
  /** Keys that the guard refuses are left out instead of reported. */
  | { readonly filter: KeyFilter }

/** A command that changes keys. `guard` may be asked at any time, to grey an action out with its reason. */
export interface ChangeCommand<F extends Fields = Fields> extends Description<F> {
  readonly kind: 'change'
  readonly action: ChangeAction
  readonly danger: Danger
  /** `new`: makes a key. `one`: changes one, answers it. `many`: a result for each. */
  readonly on: 'new' | 'one' | 'many'
  select(input: InputOf<F>): Selected | Refusal
  /** Why the key can't be changed so, whatever the input; null when it can. */
  readonly guard: (key: SeenKey, at: number) => Refusal | null
  decide(key: Key | null, input: InputOf<F>, moment: Moment, circumstances: Circumstances): Decided | Refusal
  reason(input: InputOf<F>): string | null
}

/** What a reading command may ask. */
export interface Reader {
  readonly store: Store
  readonly at: number
  readonly actor: Actor
  readonly isReadOnly: boolean
  /** Ends what would go on: a follow, a verification. */
  readonly signal: AbortSignal
  readonly onProgress?: VerifyOptions['onProgress']
  readonly verify: (token: unknown, options: CallOptions) => Promise<Verdict>
  readonly explain: (token: unknown, options: CallOptions) => Promise<Explanation>
}

/** A command that answers and changes no key. */
export interface ReadCommand<F extends Fields = Fields, R = unknown> extends Description<F> {
  readonly kind: 'read'
  answer(input: InputOf<F>, reader: Reader): Promise<R>
  /** 1 when the answer is a "no". */
  exitCode(result: R): 0 | 1
}

/** Opens the terminal app in a way of its own; takes no input. */
export interface AppCommand extends Description<Record<never, never>> {
  readonly kind: 'app'
}

/** Looks at the files of a store without opening it; takes no input. */
export interface ExamineCommand extends Description<Record<never, never>> {
  readonly kind: 'examine'
  /** 1 when there is a problem. */
  readonly exitCode: (result: Examination) => 0 | 1
}

/** What a command of upkeep may ask. */
export interface Keeper {
  readonly upkeep: Upkeep
  /** A path or a URL, where one is named. */
  readonly store: string | undefined
  readonly signal: AbortSignal
  readonly onProgress: CopyRequest['onProgress']
}

/** Works on stores as wholes and opens none: one may not be there yet, or not be of use. */
export interface UpkeepCommand<F extends Fields = Fields, R = unknown> extends Description<F> {
  readonly kind: 'upkeep'
  /** False where its fields name the stores. */
  readonly takesStore: boolean
  isWriting(input: InputOf<F>): boolean
  run(input: InputOf<F>, keeper: Keeper): Promise<R>
}

export type Command = ChangeCommand | ReadCommand | AppCommand | ExamineCommand | UpkeepCommand

type ChangeDetails<F extends Fields> = Omit<ChangeCommand<F>, 'kind' | 'notes' | 'reason'> &
  Partial<Pick<ChangeCommand<F>, 'notes' | 'reason'>>

export function defineChange<F extends Fields>(details: ChangeDetails<F>): ChangeCommand<F> {
  return { kind: 'change', notes: [], reason: () => null, ...details }
}

type ReadDetails<F extends Fields, R> = Omit<ReadCommand<F, R>, 'kind' | 'notes' | 'exitCode'> &
  Partial<Pick<ReadCommand<F, R>, 'notes' | 'exitCode'>>

export function defineRead<F extends Fields, R>(details: ReadDetails<F, R>): ReadCommand<F, R> {
  return { kind: 'read', notes: [], exitCode: () => 0, ...details }
}

export function defineApp(details: Pick<AppCommand, 'words' | 'summary' | 'notes'>): AppCommand {
  return { kind: 'app', fields: {}, ...details }
}

export function defineExamine(details: Omit<ExamineCommand, 'kind' | 'fields'>): ExamineCommand {
  return { kind: 'examine', fields: {}, ...details }
}

export function defineUpkeep<F extends Fields, R>(details: Omit<UpkeepCommand<F, R>, 'kind'>): UpkeepCommand<F, R> {
  return { kind: 'upkeep', ...details }
}

/** The answer for a command on one key. */
export interface ItemResult {
  readonly id: string
  readonly ok: boolean
  readonly error?: { readonly code: string; readonly message: string }
}
