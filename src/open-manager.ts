// Puts a manager together from what a door was given: real clock, real randomness, the store behind a path.

import { examineStore, openStore } from '../store/open.ts'
import type { Via } from './domain/audit.ts'
import type { Examination } from './domain/examination.ts'
import type { Warn } from './domain/ports.ts'
import { KeywrightError } from './domain/refusal.ts'
import type { Manager } from './manager.ts'
import { createManager } from './manager.ts'
import { createActor, createClocks, DEFAULT_STORE, draw, environmentSink, pepperSetting, processId, surroundings } from './runtime.ts'

export interface OpenManagerOptions {
  store?: string
  auditLog?: string
  auditSink?: string
  brand?: string
  actor?: string
  flushIntervalMs?: number
  readOnly?: boolean
  insecure?: boolean
  pepperFile?: string
  requirePepper?: boolean
  clock?: () => number
  entropy?: (bytes: number) => Uint8Array
  onWarning?: Warn
}

const DEFAULT_FLUSH_MS = 1000
const MIN_FLUSH_MS = 10
const MAX_FLUSH_MS = 60_000

/** Checked one by one: what a caller without types may get wrong. */
const OPTION_TYPES: Readonly<Record<keyof OpenManagerOptions, string>> = {
  store: 'string',
  auditLog: 'string',
  auditSink: 'string',
  brand: 'string',
  actor: 'string',
  flushIntervalMs: 'number',
  readOnly: 'boolean',
  insecure: 'boolean',
  pepperFile: 'string',
  requirePepper: 'boolean',
  clock: 'function',
  entropy: 'function',
  onWarning: 'function',
}

function assertOptions(options: OpenManagerOptions): void {
  if (typeof options !== 'object' || options === null) throw new KeywrightError('INVALID_INPUT', 'the options of open are not an object')
  for (const [name, value] of Object.entries(options)) {
    const type = Object.hasOwn(OPTION_TYPES, name) ? OPTION_TYPES[name as keyof OpenManagerOptions] : null
    if (type === null)
      throw new KeywrightError(
        'INVALID_INPUT',
        `${JSON.stringify(name)} is not an option of open; use ${Object.keys(OPTION_TYPES).join(', ')}`,
        { field: name },
      )
    if (value !== undefined && typeof value !== type)
      throw new KeywrightError('INVALID_INPUT', `the option ${name} is not a ${type}`, { field: name })
  }
  const { flushIntervalMs: flush } = options
  if (flush !== undefined && !(flush >= MIN_FLUSH_MS && flush <= MAX_FLUSH_MS)) {
    throw new KeywrightError('INVALID_INPUT', `flushIntervalMs is not accepted; use ${MIN_FLUSH_MS} to ${MAX_FLUSH_MS}`, {
      field: 'flushIntervalMs',
    })
  }
}

const processWarning: Warn = ({ code, message }) => process.emitWarning(message, { type: 'KeywrightWarning', code })

export async function openManager(options: OpenManagerOptions, via: Via): Promise<Manager> {
  assertOptions(options)
  const actor = createActor(via, options.actor)
  const clocks = createClocks(options.clock)
  const isReadOnly = options.readOnly ?? false
  const warn = options.onWarning ?? processWarning
  const entropy = options.entropy ?? draw
  const store = await openStore({
    store: options.store ?? DEFAULT_STORE,
    auditLog: options.auditLog,
    auditSink: options.auditSink ?? environmentSink(),
    brand: options.brand,
    ...pepperSetting(options.pepperFile, options.requirePepper),
    isReadOnly,
    isInsecureAllowed: options.insecure ?? false,
    actor,
    clocks,
    draw: entropy,
    pid: processId,
    warn,
  })
  return createManager({
    store,
    actor,
    clock: clocks.wall,
    draw: entropy,
    isReadOnly,
    flushIntervalMs: options.flushIntervalMs ?? DEFAULT_FLUSH_MS,
    warn,
  })
}

/** Looks at the files of a store that may be in any state; opens and writes nothing. */
export function examineFiles({ store, insecure }: Pick<OpenManagerOptions, 'store' | 'insecure'>): Promise<Examination> {
  return examineStore(store ?? DEFAULT_STORE, insecure ?? false, surroundings())
}
