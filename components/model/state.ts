// The state of the terminal app: pages, layers above them, and what is known of the store. Data only; never holds a bare token.

import type { AuditRow, Timeline } from '../../src/domain/audit.ts'
import type { Pulse } from '../../src/domain/ports.ts'
import type { KeywrightError } from '../../src/domain/refusal.ts'
import type { Place, Sort } from '../../src/domain/selection.ts'
import type { UsageWindow } from '../../src/domain/usage.ts'
import type { FindingRow } from '../../src/queries/hygiene.ts'
import type { KeyRow, Known, UserRow, WholeLife } from '../../src/queries/keys.ts'
import type { Glance, NamedCalls } from '../../src/queries/usage.ts'
import type { ChartMode } from '../charts/segments.ts'
import type { Keymap } from '../keymap.ts'
import type { Press } from '../keys.ts'
import type { Theme } from '../theme.ts'
import type { Answer, ChangedItem } from './effect.ts'
import type { Layer } from './layers.ts'
import type { List } from './list.ts'

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** Below this nothing is drawn but that it is too small. */
export const MIN_SIZE: Size = { columns: 60, rows: 16 }

/** A named beginning for the generate form, out of the store's settings. Texts as they are typed. */
export interface Template {
  readonly name: string
  readonly texts: Readonly<Record<string, string>>
}

/** The viewer's time zone: minutes that local time is ahead of UTC at a moment. */
export type ZoneOffset = (ms: number) => number

/** What stays the same while the app is open. */
export interface Setting {
  readonly theme: Theme
  readonly keymap: Keymap
  /** The store's file name for the header, and how a copied command names it: null when it is the default one. */
  readonly storeName: string
  readonly storeFlag: string | null
  /** The folder beside which a token is offered to be written. */
  readonly storeFolder: string
  readonly isReadOnly: boolean
  readonly isDemo: boolean
  readonly zoneOffset: ZoneOffset
  readonly templates: readonly Template[]
}

/** What is known of the chain: only `v` finds out. */
export type Chain =
  | { readonly state: 'unverified' }
  | { readonly state: 'verified'; readonly seq: number }
  | { readonly state: 'broken'; readonly at: string }

/** Where the cursor shall be once the list has answered; null: where it is. */
export type Wanted = 'first' | 'last' | { readonly id: string } | { readonly at: number } | null

export interface KeysPage {
  readonly screen: 'keys'
  readonly id: number
  readonly filter: string
  readonly sort: Sort
  readonly column: number
  readonly list: List<KeyRow>
  readonly places: ReadonlyMap<string, Place>
  /** How many rows stand before the loaded ones, and how many there are; null until it is counted. */
  readonly position: number | null
  readonly total: number | null
  /** Whether the last look left one of them open; whether it is being counted. */
  readonly isUncounted: boolean
  readonly isCounting: boolean
  readonly marks: ReadonlySet<string>
  /** Where a range of marks was begun. */
  readonly rangeFrom: string | null
  /** Rows that came since the cursor was last on the first row. */
  readonly fresh: number
  readonly wanted: Wanted
  /** Rows that the cursor still has to go, once they are loaded. */
  readonly owed: number
}

export interface UsersPage {
  readonly screen: 'users'
  readonly id: number
  readonly filter: string
  readonly list: List<UserRow>
  readonly position: number
  readonly total: number
  readonly wanted: Wanted
  /** Rows that the cursor still has to go, once they are loaded. */
  readonly owed: number
}

/** Whose usage is charted. */
export type Subject =
  | { readonly of: 'store' }
  | { readonly of: 'owner'; readonly userId: string }
  | { readonly of: 'key'; readonly keyId: string; readonly label: string }

export interface UsagePage {
  readonly screen: 'usage'
  readonly id: number
  readonly subject: Subject
  readonly window: UsageWindow
  readonly mode: ChartMode
  /** On a small terminal the heatmap stands in the chart's place. */
  readonly isHeatmapShown: boolean
  /** The keys below the chart: the most limited ones first instead of the busiest. */
  readonly isByLimited: boolean
  readonly glance: Glance | null
  readonly list: List<NamedCalls>
}

export interface AuditPageState {
  readonly screen: 'audit'
  readonly id: number
  readonly filter: string
  readonly list: List<AuditRow>
  readonly lastSeq: number
  /** Records that came since the cursor was last on the newest one. */
  readonly fresh: number
  readonly timeline: Timeline | null
  readonly wanted: Wanted
  /** Rows that the cursor still has to go, once they are loaded. */
  readonly owed: number
}

export interface HygienePage {
  readonly screen: 'hygiene'
  readonly id: number
  readonly filter: string
  readonly all: readonly FindingRow[]
  readonly list: List<FindingRow>
}

export interface KeyPage {
  readonly screen: 'key'
  readonly id: number
  readonly keyId: string
  readonly label: string
  readonly window: UsageWindow
  readonly mode: ChartMode
  readonly life: WholeLife | null
  readonly isGone: boolean
  readonly records: readonly AuditRow[]
  /** The line of the page that the cursor is on, and the first one drawn. */
  readonly line: number
  readonly offset: number
}

export type Page = KeysPage | UsersPage | UsagePage | AuditPageState | HygienePage | KeyPage
export type Screen = Page['screen']

export interface Toast {
  readonly text: string
  readonly role: 'good' | 'warn' | 'bad' | 'accent'
  readonly at: number
}

/** Work for a slot that takes so long that it is told. `progress`: the part that is done, from 0 to 1; null where it is not known. */
export interface Busy {
  readonly label: string
  readonly progress: number | null
  /** A change that is on its way is not. */
  readonly isCancellable: boolean
}

export interface State {
  readonly setting: Setting
  readonly size: Size
  /** Milliseconds since 1970 of the last message. */
  readonly now: number
  readonly pulse: Pulse | null
  /** Verifications of all processes as they were told, the newest last; what the live rate is made of. */
  readonly counted: readonly { readonly calls: number; readonly at: number }[]
  /** When the page was last asked for because something had changed, or because time had passed. */
  readonly askedAt: number
  /** Whether what searches look into was made ready. */
  readonly isWarm: boolean
  readonly chain: Chain
  /** A fault that a change met: told for a while, or until the store works again. */
  readonly trouble: { readonly error: KeywrightError; readonly at: number } | null
  readonly pages: readonly Page[]
  readonly pageAt: number
  readonly layers: readonly Layer[]
  readonly toast: Toast | null
  readonly isPaused: boolean
  readonly isMouseOn: boolean
  readonly busy: ReadonlyMap<string, Busy>
  readonly known: Known
  /** What was typed into forms that were left, by form. */
  readonly drafts: ReadonlyMap<string, Readonly<Record<string, string>>>
  /** A command that was named in the palette and waits for its key. */
  readonly pending: { readonly keyId: string; readonly words: string } | null
  readonly nextId: number
}

export type Message =
  | { readonly on: 'press'; readonly press: Press; readonly at: number }
  | { readonly on: 'paste'; readonly text: string; readonly at: number }
  | { readonly on: 'click'; readonly row: number; readonly at: number }
  | { readonly on: 'wheel'; readonly by: number; readonly at: number }
  | { readonly on: 'resize'; readonly size: Size; readonly at: number }
  | { readonly on: 'tick'; readonly at: number }
  | { readonly on: 'pulse'; readonly pulse: Pulse; readonly at: number }
  | ({ readonly on: 'answer'; readonly slot: string; readonly at: number } & Answer)
  | { readonly on: 'changed'; readonly slot: string; readonly command: string; readonly items: readonly ChangedItem[]; readonly at: number }
  | { readonly on: 'written'; readonly slot: string; readonly path: string; readonly at: number }
  | { readonly on: 'failed'; readonly slot: string; readonly error: KeywrightError; readonly at: number }
  | {
      readonly on: 'progress'
      readonly slot: string
      readonly label: string
      readonly progress: number | null
      readonly isCancellable: boolean
      readonly at: number
    }
  | { readonly on: 'cancelled'; readonly slot: string; readonly at: number }
  | { readonly on: 'warning'; readonly text: string; readonly at: number }
