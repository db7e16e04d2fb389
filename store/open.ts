// Picks the store by path or URL.

import type { Store } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { isBrand } from '../src/domain/token.ts'
import { pathsOf, resolveStore } from './json/paths.ts'
import type { Settings } from './json/settings.ts'
import { readSettings } from './json/settings.ts'
import type { JsonStoreOptions } from './json/store.ts'
import { openJsonStore } from './json/store.ts'
import { createSinkFeed } from './sink/feed.ts'

export interface OpenOptions extends Omit<JsonStoreOptions, 'paths' | 'settings' | 'sink'> {
  /** A path, or a URL. */
  readonly store: string
  readonly auditLog: string | undefined
  /** The address of the log's sink; of the settings when not given, none when empty. */
  readonly auditSink: string | undefined
}

const URL_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i

/** The real path of the store that is meant. */
function locate(store: string, isInsecureAllowed: boolean): string {
  if (store === '') throw new KeywrightError('INVALID_INPUT', 'the store is empty; give a path, as in ./keys.json', { field: 'store' })
  if (URL_SCHEME.test(store))
    throw new KeywrightError('INVALID_INPUT', 'the store is a URL, of which this version knows none; give the path of a file', {
      field: 'store',
    })
  return resolveStore(store, isInsecureAllowed)
}

/** The settings beside a store, for a door that needs them without the store or before it. */
export function readStoreSettings(store: string, isInsecureAllowed: boolean): Settings {
  return readSettings(locate(store, isInsecureAllowed))
}

export async function openStore({ store, auditLog, auditSink, ...options }: OpenOptions): Promise<Store> {
  const keys = locate(store, options.isInsecureAllowed)
  if (options.brand !== undefined && !isBrand(options.brand)) {
    throw new KeywrightError('INVALID_INPUT', 'the brand is not accepted; use words of a-z and 0-9 joined by _, at most 27 characters', {
      field: 'brand',
    })
  }
  const settings = readSettings(keys)
  const paths = pathsOf(keys, auditLog ?? settings.auditLog)
  const address = auditSink ?? settings.auditSink ?? ''
  const sink = address === '' ? null : createSinkFeed({ address, keysPath: paths.keys, logPath: paths.log, warn: options.warn })
  return openJsonStore({ ...options, settings, paths, sink })
}
