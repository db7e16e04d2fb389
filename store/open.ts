// Picks the store by path or URL.

import { dirname } from 'node:path'
import type { Examination } from '../src/domain/examination.ts'
import type { Hashing } from '../src/domain/hashing.ts'
import { PLAIN_HASHING, pepperedHashing } from '../src/domain/hashing.ts'
import type { Store, Warn } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { isBrand } from '../src/domain/token.ts'
import type { Surroundings } from './doctor/scene.ts'
import { assertOwnFiles, checkTrust, pathsOf, resolveStore, warnOfReadable } from './json/paths.ts'
import type { Settings } from './json/settings.ts'
import { configPathOf, readSettings } from './json/settings.ts'
import type { JsonStoreOptions } from './json/store.ts'
import { openJsonStore } from './json/store.ts'
import { readPeppers } from './pepper-file.ts'
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
}

const URL_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i

function assertPath(store: string): void {
  if (store === '') throw new KeywrightError('INVALID_INPUT', 'the store is empty; give a path, as in ./keys.json', { field: 'store' })
  if (URL_SCHEME.test(store))
    throw new KeywrightError('INVALID_INPUT', 'the store is a URL, of which this version knows none; give the path of a file', {
      field: 'store',
    })
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
  assertPath(store)
  const { examine } = await import('./doctor/examine.ts')
  return examine(store, isInsecureAllowed, surroundings)
}

/** The settings beside a store, for a door that needs them without the store or before it. */
export function readStoreSettings(store: string, isInsecureAllowed: boolean): Settings {
  return trustedSettings(locate(store, isInsecureAllowed), isInsecureAllowed, () => undefined)
}

/** Settings say where the log is and who gets a copy of it: they are looked at before they are believed. */
function trustedSettings(keys: string, isInsecureAllowed: boolean, warn: Warn): Settings {
  checkTrust([keys, configPathOf(keys)], [], isInsecureAllowed, warn)
  return readSettings(keys)
}

function hashingOf({ pepperFile, isPepperRequired = false, isInsecureAllowed, warn }: Omit<OpenOptions, 'store'>, keys: string): Hashing {
  if (pepperFile !== undefined)
    return pepperedHashing({ peppers: readPeppers(pepperFile, keys, isInsecureAllowed, warn), isRequired: isPepperRequired })
  if (!isPepperRequired) return PLAIN_HASHING
  throw new KeywrightError('INVALID_INPUT', 'a pepper is required and no pepper file is given; name one in KEYWRIGHT_PEPPER_FILE', {
    field: 'pepperFile',
  })
}

export async function openStore(options: OpenOptions): Promise<Store> {
  const { store, auditLog, auditSink, pepperFile: _file, isPepperRequired: _isRequired, ...given } = options
  const keys = locate(store, options.isInsecureAllowed)
  if (options.brand !== undefined && !isBrand(options.brand)) {
    throw new KeywrightError('INVALID_INPUT', 'the brand is not accepted; use words of a-z and 0-9 joined by _, at most 27 characters', {
      field: 'brand',
    })
  }
  const { isInsecureAllowed, warn } = options
  const settings = trustedSettings(keys, isInsecureAllowed, warn)
  const paths = pathsOf(keys, auditLog ?? settings.auditLog)
  const logFolder = dirname(paths.log)
  const beside = [paths.usage, paths.lock, paths.checkpoints, ...(logFolder === dirname(paths.keys) ? [] : [logFolder])]
  checkTrust([paths.log], beside, isInsecureAllowed, warn)
  warnOfReadable([paths.keys, paths.usage, paths.lock, paths.log], warn)
  const address = auditSink ?? settings.auditSink ?? ''
  const sink =
    address === '' ? null : createSinkFeed({ address, keysPath: paths.keys, logPath: paths.log, uptime: options.clocks.uptime, warn })
  return openJsonStore({ ...given, hashing: hashingOf(options, keys), settings, paths, sink })
}
