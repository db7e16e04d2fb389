// The world as the command line sees it: streams, questions and the store as functions. Only types.

import type { Warn } from '../domain/ports.ts'
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
  readonly closeSoon: (manager: Manager, warn: (message: string) => void) => Promise<void>
  readonly now: () => number
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
