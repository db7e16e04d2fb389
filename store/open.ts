// Picks the store by path or URL.

import type { Store } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { isBrand } from '../src/domain/token.ts'
import { pathsOf, readSettings, resolveStore } from './json/paths.ts'
import type { JsonStoreOptions } from './json/store.ts'
import { openJsonStore } from './json/store.ts'

export interface OpenOptions extends Omit<JsonStoreOptions, 'paths' | 'settings'> {
  /** A path, or a URL. */
  readonly store: string
  readonly auditLog: string | undefined
}

const URL_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i

export async function openStore({ store, auditLog, ...options }: OpenOptions): Promise<Store> {
  if (store === '') throw new KeywrightError('INVALID_INPUT', 'the store is empty; give a path, as in ./keys.json', { field: 'store' })
  if (URL_SCHEME.test(store))
    throw new KeywrightError('INVALID_INPUT', 'the store is a URL, of which this version knows none; give the path of a file', {
      field: 'store',
    })
  if (options.brand !== undefined && !isBrand(options.brand)) {
    throw new KeywrightError('INVALID_INPUT', 'the brand is not accepted; use words of a-z and 0-9 joined by _, at most 27 characters', {
      field: 'brand',
    })
  }
  const keys = resolveStore(store, options.isInsecureAllowed)
  const settings = readSettings(keys)
  return openJsonStore({ ...options, settings, paths: pathsOf(keys, auditLog ?? settings.auditLog) })
}
