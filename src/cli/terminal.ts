// The world as the command line sees it: streams, questions and the store as functions. Only types.

import type { Examination } from '../domain/examination.ts'
import type { Warn } from '../domain/ports.ts'
import type { Upkeep } from '../domain/upkeep.ts'
import type { Manager } from '../manager.ts'
import type { Arguments } from './arguments.ts'
import type { Table } from './present.ts'

interface OpenOptions {
  store?: string
  actor?: string
  readOnly: boolean
  insecure: boolean
  onWarning: Warn
}

export interface Terminal {
  readonly version: string
  readonly isOutputTTY: boolean
  /** Whether someone can be asked. */
  readonly isInputTTY: boolean
  readonly columns: number
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly writeOut: (text: string) => void
  readonly writeError: (text: string) => void
  readonly readInput: () => Promise<string>
  readonly ask: (question: string, isHidden: boolean) => Promise<string>
  readonly signal: AbortSignal
  readonly drawTable: (table: Table) => Promise<string>
  readonly open: (options: OpenOptions) => Promise<Manager>
  /** Looks at a store without opening it. */
  readonly examine: (options: Pick<OpenOptions, 'store' | 'insecure'>) => Promise<Examination>
  /** What works on stores as wholes. */
  readonly upkeep: (options: Omit<OpenOptions, 'store' | 'readOnly'>) => Upkeep
  readonly closeSoon: (manager: Manager, warn: (message: string) => void) => Promise<void>
  readonly now: () => number
  /** Whether both ends are a terminal that the app could be drawn on. */
  readonly isAppPossible: boolean
  /** Opens the terminal app; answers its exit code. */
  readonly openApp: (options: AppOptions) => Promise<number>
}

/** How the terminal app is asked for on the command line. */
export interface AppOptions {
  readonly store: string | null
  readonly actor: string | null
  readonly isReadOnly: boolean
  readonly isInsecureAllowed: boolean
  readonly isColoured: boolean
  readonly isAscii: boolean
  readonly isAnimated: boolean
  readonly isSpoken: boolean
  readonly isDemo: boolean
}

/** One command line that is being run. */
export interface Run {
  readonly terminal: Terminal
  readonly manager: Manager
  readonly parsed: Arguments
  readonly warn: (message: string) => void
  readonly isJson: boolean
  readonly isColoured: boolean
}
