// What the model asks of the world, as data: questions to the store, changes, the clipboard, the terminal. It does none of it itself.

import type { ChangeCommand } from '../../src/commands/command.ts'
import type { AuditPage, AuditPageQuery, Timeline } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import type { KeyRef } from '../../src/domain/key.ts'
import type { UsageSelector } from '../../src/domain/ports.ts'
import type { Refusal } from '../../src/domain/refusal.ts'
import type { KeyFilter, Place, Sort, Span, Window } from '../../src/domain/selection.ts'
import type { UsageWindow } from '../../src/domain/usage.ts'
import type { Explanation } from '../../src/domain/verdict.ts'
import type { Look } from '../../src/domain/windows.ts'
import type { FindingRow } from '../../src/queries/hygiene.ts'
import type { KeyCount, KeyRow, Known, UserRow, WholeLife } from '../../src/queries/keys.ts'
import type { Glance } from '../../src/queries/usage.ts'

/** A token that must not be seen by chance: neither printed nor serialised, only opened. */
export interface Sealed {
  readonly open: () => string
}

export function sealed(token: string): Sealed {
  return { open: () => token }
}

/** Questions by name, with what they need and what they answer. */
export interface Questions {
  readonly keys: { query: { filter: KeyFilter; sort: Sort; span: Span }; answer: Look<KeyRow> }
  readonly count: { query: { filter: KeyFilter; sort: Sort; place: Place | null }; answer: KeyCount | null }
  readonly users: { query: { search?: string; span: Span }; answer: Window<UserRow> }
  readonly life: { query: { id: string; window: UsageWindow }; answer: WholeLife | null }
  readonly glance: { query: { selector: UsageSelector; window: UsageWindow }; answer: Glance }
  readonly audit: { query: Pick<AuditPageQuery, 'filter' | 'around' | 'newer' | 'older'>; answer: AuditPage }
  readonly timeline: { query: { from: number | null; to: number | null; spans: number }; answer: Timeline | null }
  readonly hygiene: { query: Record<never, never>; answer: readonly FindingRow[] }
  readonly facts: { query: { ids: readonly string[] }; answer: readonly KeyRow[] }
  readonly ids: { query: { filter: KeyFilter; sort?: Sort }; answer: { ids: readonly string[]; total: number } }
  readonly named: { query: { ref: KeyRef }; answer: string }
  readonly known: { query: Record<never, never>; answer: Known }
  readonly owners: { query: { search: string }; answer: readonly string[] }
  readonly verify: { query: Record<never, never>; answer: { report: AuditReport; seq: number } }
  readonly explain: {
    query: { token: Sealed; requiredScopes: readonly string[]; ip: string | null; environment: 'live' | 'test' | null }
    answer: Explanation
  }
  readonly acceptLoss: { query: { reason: string }; answer: { seq: number } }
}
export type QuestionName = keyof Questions

export type Question = { [N in QuestionName]: { readonly ask: N } & { readonly query: Questions[N]['query'] } }[QuestionName]
export type Answer = { [N in QuestionName]: { readonly ask: N; readonly result: Questions[N]['answer'] } }[QuestionName]

/** What became of one key. The token, if one was made, is sealed from here on. */
export interface ChangedItem {
  readonly id: string
  readonly userId: string | null
  readonly name: string | null
  readonly shortId: string | null
  readonly status: string | null
  readonly refusal: Refusal | null
  readonly token: Sealed | null
}

export type Effect =
  /** Asked again for the same slot, the earlier answer is not waited for. */
  | { readonly effect: 'ask'; readonly slot: string; readonly question: Question }
  | { readonly effect: 'cancel'; readonly slot: string }
  | {
      readonly effect: 'change'
      readonly slot: string
      readonly command: ChangeCommand
      readonly input: object
      /** The revision that each key must still have. */
      readonly expected: ReadonlyMap<string, number>
    }
  | { readonly effect: 'copy'; readonly text: string | Sealed }
  | { readonly effect: 'write'; readonly slot: string; readonly path: string; readonly token: Sealed }
  | { readonly effect: 'mouse'; readonly isOn: boolean }
  | { readonly effect: 'redraw' }
  | { readonly effect: 'suspend' }
  | { readonly effect: 'exit'; readonly code: number; readonly next?: 'demo' }
