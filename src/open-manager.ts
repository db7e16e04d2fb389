// Puts a manager together from what a door was given: real clock, real randomness, the store behind a path.

import { examineStore, openStore } from '../store/open.ts'
import { createUpkeep } from '../store/upkeep.ts'
import type { Via } from './domain/audit.ts'
import type { Examination } from './domain/examination.ts'
import type { Warn } from './domain/ports.ts'
import { KeywrightError } from './domain/refusal.ts'
import type { Upkeep } from './domain/upkeep.ts'
import type { Manager } from './manager.ts'
import { createManager } from './manager.ts'
import {
  auditKeyFiles,
  createActor,
  createClocks,
  DEFAULT_STORE,
  draw,
  environmentSink,
  pepperSetting,
  processId,
  surroundings,
} from './runtime.ts'

export interface OpenOptions {
  /** Path of the store, or `postgres://USER@HOST/DATABASE`. Default: `keys.json`. */
  store?: string
  /** Path of the audit log. Default: `logs/security-audit.log` beside the store. */
  auditLog?: string
  /** A second place for every record: `file:/PATH`, `unix:/PATH` or `tcp://HOST:PORT`. Default: KEYWRIGHT_AUDIT_SINK, else the settings'. */
  auditSink?: string
  /** What new tokens begin with. Default: the store's, at first `kw`. */
  brand?: string
  /** Who acts, for the audit log. Default: KEYWRIGHT_ACTOR, else the operating system's user. */
  actor?: string
  /**
   * Path of an Ed25519 private key (PEM, PKCS#8) that signs checkpoints of the log; it must be kept away from the store.
   * Default: KEYWRIGHT_AUDIT_KEY_FILE, else nothing is signed.
   */
  auditKeyFile?: string
  /** Path of the public key (PEM, SPKI) that `verifyAudit` proves checkpoints with. Default: KEYWRIGHT_AUDIT_PUBLIC_KEY_FILE. */
  auditPublicKeyFile?: string
  /** How often counts are written, in milliseconds. Default: 1000. */
  flushIntervalMs?: number
  /** Of a store in PostgreSQL: how long, in milliseconds, a key that was read is trusted while the connection is lost. Default: 5000. */
  maxStaleMs?: number
  /** Verify and read; count nothing and change nothing. */
  readOnly?: boolean
  /** Use the store though others on this machine may write it. */
  insecure?: boolean
  /** Peppers, a line `NAME:BASE64` each: new secrets are kept as HMACs under the first. Default: KEYWRIGHT_PEPPER_FILE; '' for none. */
  pepperFile?: string
  /** Refuse secrets that are kept without a pepper. Default: KEYWRIGHT_REQUIRE_PEPPER=1. */
  requirePepper?: boolean
  /** For tests: milliseconds since 1970. Drives verification, limits, expiry, log and usage. */
  clock?: () => number
  /** For tests: where randomness comes from. */
  entropy?: (bytes: number) => Uint8Array
  /** Told of what an operator should see and what stops nothing. Default: a process warning. */
  onWarning?: Warn
}

const DEFAULT_FLUSH_MS = 1000
const MIN_FLUSH_MS = 10
const MAX_FLUSH_MS = 60_000
const DEFAULT_STALE_MS = 5_000
const MAX_STALE_MS = 60_000

/** Checked one by one: what a caller without types may get wrong. */
const OPTION_TYPES: Readonly<Record<keyof OpenOptions, string>> = {
  store: 'string',
  auditLog: 'string',
  auditSink: 'string',
  brand: 'string',
  actor: 'string',
  auditKeyFile: 'string',
  auditPublicKeyFile: 'string',
  flushIntervalMs: 'number',
  maxStaleMs: 'number',
  readOnly: 'boolean',
  insecure: 'boolean',
  pepperFile: 'string',
  requirePepper: 'boolean',
  clock: 'function',
  entropy: 'function',
  onWarning: 'function',
}

function assertOptions(options: OpenOptions): void {
  if (typeof options !== 'object' || options === null) throw new KeywrightError('INVALID_INPUT', 'the options of open are not an object')
  for (const [name, value] of Object.entries(options)) {
    const type = Object.hasOwn(OPTION_TYPES, name) ? OPTION_TYPES[name as keyof OpenOptions] : null
    if (type === null)
      throw new KeywrightError(
        'INVALID_INPUT',
        `${JSON.stringify(name)} is not an option of open; use ${Object.keys(OPTION_TYPES).join(', ')}`,
        { field: name },
      )
    if (value !== undefined && typeof value !== type)
      throw new KeywrightError('INVALID_INPUT', `the option ${name} is not a ${type}`, { field: name })
  }
  const { flushIntervalMs: flush, maxStaleMs: stale } = options
  if (flush !== undefined && !(flush >= MIN_FLUSH_MS && flush <= MAX_FLUSH_MS)) {
    throw new KeywrightError('INVALID_INPUT', `flushIntervalMs is not accepted; use ${MIN_FLUSH_MS} to ${MAX_FLUSH_MS}`, {
      field: 'flushIntervalMs',
    })
  }
  if (stale !== undefined && !(stale >= 0 && stale <= MAX_STALE_MS))
    throw new KeywrightError('INVALID_INPUT', `maxStaleMs is not accepted; use 0 to ${MAX_STALE_MS}`, { field: 'maxStaleMs' })
}

const processWarning: Warn = ({ code, message }) => process.emitWarning(message, { type: 'KeywrightWarning', code })

export async function openManager(options: OpenOptions, via: Via): Promise<Manager> {
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
    auditKeys: auditKeyFiles(options),
    clocks,
    isClockGiven: options.clock !== undefined,
    maxStaleMs: options.maxStaleMs ?? DEFAULT_STALE_MS,
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
export function examineFiles({ store, insecure }: Pick<OpenOptions, 'store' | 'insecure'>): Promise<Examination> {
  const options: OpenOptions = { store: store ?? DEFAULT_STORE, insecure: insecure ?? false, readOnly: true, onWarning: () => undefined }
  return examineStore(options.store ?? DEFAULT_STORE, options.insecure ?? false, {
    ...surroundings(),
    auditKeys: auditKeyFiles({}),
    auditSink: environmentSink(),
    tryToOpen: async () => (await openManager(options, 'cli')).close(),
  })
}

/** Upkeep of stores as wholes; opens none. */
export function openUpkeep({ actor, insecure, onWarning }: Pick<OpenOptions, 'actor' | 'insecure' | 'onWarning'>): Upkeep {
  return createUpkeep({
    isInsecureAllowed: insecure ?? false,
    actor: createActor('cli', actor),
    wall: createClocks(undefined).wall,
    draw,
    pid: processId,
    warn: onWarning ?? processWarning,
  })
}
