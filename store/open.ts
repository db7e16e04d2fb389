// Picks the store by path or URL.

import { basename, dirname } from 'node:path'
import type { Examination } from '../src/domain/examination.ts'
import type { Hashing } from '../src/domain/hashing.ts'
import { PLAIN_HASHING, pepperedHashing } from '../src/domain/hashing.ts'
import type { Store, Warn } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { isBrand } from '../src/domain/token.ts'
import type { Surroundings } from './doctor/scene.ts'
import type { Paths } from './json/paths.ts'
import { assertOwnFiles, checkTrust, pathsOf, resolveStore, warnOfReadable } from './json/paths.ts'
import type { Settings } from './json/settings.ts'
import { configPathOf, readSettings } from './json/settings.ts'
import type { JsonStoreOptions } from './json/store.ts'
import { openJsonStore } from './json/store.ts'
import { readSigningKey } from './log/audit-key.ts'
import { readPeppers } from './pepper-file.ts'
import { isDatabaseUrl, parseDatabaseUrl } from './postgres/url.ts'
import { createSinkFeed } from './sink/feed.ts'

export interface OpenOptions extends Omit<JsonStoreOptions, 'hashing' | 'paths' | 'settings' | 'sink'> {
  /** A path, or a URL. */
  readonly store: string
  readonly auditLog: string | undefined
  /** The address of the log's sink; of the settings when not given, none when empty. */
  readonly auditSink: string | undefined
  /** The path of a file of peppers; without one, secrets are hashed plainly. */
  readonly pepperFile?: string | undefined
  /** Refuse secrets that were hashed without a pepper. */
  readonly isPepperRequired?: boolean
  /** Of a database: how long what was read is trusted while its connection is lost. */
  readonly maxStaleMs: number
  /** Whether the clocks are a test's: then shared limits go by them and not by the database's. */
  readonly isClockGiven: boolean
}

const URL_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i

function assertPath(store: string): void {
  if (store === '') throw new KeywrightError('INVALID_INPUT', 'the store is empty; give a path, as in ./keys.json', { field: 'store' })
  if (URL_SCHEME.test(store))
    throw new KeywrightError(
      'INVALID_INPUT',
      'the store is a URL of no kind that is known; give a path, or postgres://USER@HOST/DATABASE',
      {
        field: 'store',
      },
    )
}

/** The real path of the store that is meant. */
function locate(store: string, isInsecureAllowed: boolean): string {
  assertPath(store)
  const path = resolveStore(store, isInsecureAllowed)
  assertOwnFiles(path)
  return path
}

/** Looks at a store without opening it. Loaded only when it is asked for. */
export async function examineStore(store: string, isInsecureAllowed: boolean, surroundings: Surroundings): Promise<Examination> {
  if (isDatabaseUrl(store)) return (await import('./rarely.ts')).examineDatabase(store, surroundings)
  assertPath(store)
  const { examine } = await import('./rarely.ts')
  return examine(store, isInsecureAllowed, surroundings)
}

/** The settings beside a store, for a door that needs them without the store or before it. Beside a database there are none. */
export function readStoreSettings(store: string, isInsecureAllowed: boolean): Settings {
  if (isDatabaseUrl(store)) return {}
  return trustedSettings(locate(store, isInsecureAllowed), isInsecureAllowed, () => undefined)
}

/** Settings say where the log is and who gets a copy of it: they are looked at before they are believed. */
function trustedSettings(keys: string, isInsecureAllowed: boolean, warn: Warn): Settings {
  checkTrust([keys, configPathOf(keys)], [], isInsecureAllowed, warn)
  return readSettings(keys)
}

function hashingOf(
  { pepperFile, isPepperRequired = false, isInsecureAllowed, warn }: Omit<OpenOptions, 'store'>,
  keys: string | null,
): Hashing {
  if (pepperFile !== undefined)
    return pepperedHashing({ peppers: readPeppers(pepperFile, keys, isInsecureAllowed, warn), isRequired: isPepperRequired })
  if (!isPepperRequired) return PLAIN_HASHING
  throw new KeywrightError('INVALID_INPUT', 'a pepper is required and no pepper file is given; name one in KEYWRIGHT_PEPPER_FILE', {
    field: 'pepperFile',
  })
}

function assertBrand(brand: string | undefined): void {
  if (brand === undefined || isBrand(brand)) return
  throw new KeywrightError('INVALID_INPUT', 'the brand is not accepted; use words of a-z and 0-9 joined by _, at most 27 characters', {
    field: 'brand',
  })
}

/** How people are told which store it is: a database without its password. */
export function storeNameOf(store: string): string {
  return isDatabaseUrl(store) ? parseDatabaseUrl(store).short : basename(store)
}

/** The store as a command line names it that is shown or copied. */
export function storeFlagOf(store: string): string {
  return isDatabaseUrl(store) ? parseDatabaseUrl(store).withoutPassword : store
}

export function openStore(options: OpenOptions): Promise<Store> {
  assertBrand(options.brand)
  return isDatabaseUrl(options.store) ? openDatabase(options) : openFiles(options)
}

/** What only a log in a file has is refused, not left out in silence. */
function assertNoFileOption(field: 'auditLog' | 'auditSink', value: string | undefined): void {
  if (value === undefined || value === '') return
  throw new KeywrightError('INVALID_INPUT', `${field} belongs to a store in a file; in a database the log is a table`, {
    hint: 'leave it out, KEYWRIGHT_AUDIT_SINK too; to keep a copy, replicate keywright.audit or read it as keywright_auditor',
    field,
  })
}

async function openDatabase(options: OpenOptions): Promise<Store> {
  const { store, auditLog, auditSink, auditKeys, isInsecureAllowed, warn } = options
  assertNoFileOption('auditLog', auditLog)
  assertNoFileOption('auditSink', auditSink)
  const { openPostgresStore } = await import('./rarely.ts')
  return openPostgresStore({
    ...options,
    url: store,
    hashing: hashingOf(options, null),
    signingKey: () => readSigningKey(auditKeys.signing, { awayFrom: [], isInsecureAllowed, warn }),
    publicKeyFile: auditKeys.public,
  })
}

/** Where the files of a store are, and what people have set for it: both must be out of others' reach. */
export function trustedFiles({
  store,
  auditLog,
  isInsecureAllowed,
  warn,
}: Pick<OpenOptions, 'store' | 'auditLog' | 'isInsecureAllowed' | 'warn'>): { readonly paths: Paths; readonly settings: Settings } {
  const keys = locate(store, isInsecureAllowed)
  const settings = trustedSettings(keys, isInsecureAllowed, warn)
  const paths = pathsOf(keys, auditLog ?? settings.auditLog)
  const logFolder = dirname(paths.log)
  const beside = [paths.usage, paths.lock, paths.checkpoints, ...(logFolder === dirname(paths.keys) ? [] : [logFolder])]
  checkTrust([paths.log], beside, isInsecureAllowed, warn)
  return { paths, settings }
}

async function openFiles(options: OpenOptions): Promise<Store> {
  const { store, auditLog, auditSink, pepperFile: _file, isPepperRequired: _isRequired, ...given } = options
  const { warn } = options
  const { paths, settings } = trustedFiles({ ...options, store, auditLog })
  warnOfReadable([paths.keys, paths.usage, paths.lock, paths.log], warn)
  const address = auditSink ?? settings.auditSink ?? ''
  const sink =
    address === '' ? null : createSinkFeed({ address, keysPath: paths.keys, logPath: paths.log, uptime: options.clocks.uptime, warn })
  return openJsonStore({ ...given, hashing: hashingOf(options, paths.keys), settings, paths, sink })
}
