// Picks the store by path or URL.

import type { Examination } from '../src/domain/examination.ts'
import type { Store } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { isBrand } from '../src/domain/token.ts'
import type { Surroundings } from './doctor/scene.ts'
import { pathsOf, resolveStore } from './json/paths.ts'
import type { Settings } from './json/settings.ts'
import { readSettings } from './json/settings.ts'
import type { JsonStoreOptions } from './json/store.ts'
import { openJsonStore } from './json/store.ts'

export interface OpenOptions extends Omit<JsonStoreOptions, 'paths' | 'settings'> {
  /** A path, or a URL. */
  readonly store: string
  readonly auditLog: string | undefined
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
  return resolveStore(store, isInsecureAllowed)
}

/** Looks at a store without opening it. Loaded only when it is asked for. */
export async function examineStore(store: string, isInsecureAllowed: boolean, surroundings: Surroundings): Promise<Examination> {
  assertPath(store)
  const { examine } = await import('./doctor/examine.ts')
  return examine(store, isInsecureAllowed, surroundings)
}

/** The settings beside a store, for a door that needs them without the store or before it. */
export function readStoreSettings(store: string, isInsecureAllowed: boolean): Settings {
  return readSettings(locate(store, isInsecureAllowed))
}

export async function openStore({ store, auditLog, ...options }: OpenOptions): Promise<Store> {
  const keys = locate(store, options.isInsecureAllowed)
  if (options.brand !== undefined && !isBrand(options.brand)) {
    throw new KeywrightError('INVALID_INPUT', 'the brand is not accepted; use words of a-z and 0-9 joined by _, at most 27 characters', {
      field: 'brand',
    })
  }
  const settings = readSettings(keys)
  return openJsonStore({ ...options, settings, paths: pathsOf(keys, auditLog ?? settings.auditLog) })
}
