// A version of a file that could not be read, and why: a large one is not parsed again at every look. Never kept for long.

import type { Stats } from 'node:fs'
import type { Version } from '../version.ts'
import { isVersion } from '../version.ts'

/** Below that, reading again costs nothing that anybody would notice. */
const LARGE_BYTES = 1024 * 1024
/** Two versions of one size within one tick of the file system's clock look the same: after so long it is read all the same. */
const KEEP_MS = 10_000

export interface Unreadable {
  /** Throws what was wrong with the version when that is the one that is known. */
  readonly assertOther: (status: Stats) => void
  /** Takes the version over, and lets go of it at the latest when it is closed. */
  readonly remember: (version: Version, error: unknown) => void
  readonly close: () => void
}

export function createUnreadable(): Unreadable {
  let known: { readonly version: Version; readonly error: unknown; readonly letGo: NodeJS.Timeout } | null = null
  const close = (): void => {
    if (known === null) return
    clearTimeout(known.letGo)
    known.version.release()
    known = null
  }
  return {
    assertOther(status) {
      if (known !== null && isVersion(known.version, status)) throw known.error
    },
    remember(version, error) {
      close()
      if (version.size < LARGE_BYTES) version.release()
      else known = { version, error, letGo: setTimeout(close, KEEP_MS).unref() }
    },
    close,
  }
}
