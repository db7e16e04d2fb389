// Reads a file that holds a secret of Keywright's own – peppers, the key that signs the log – and refuses one that keeps nothing secret.

import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { dirname, resolve, sep } from 'node:path'
import type { Warn } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { shellWord } from '../src/domain/text.ts'
import { faultAt } from './faults.ts'
import { assertLinks, isOpenToWriters } from './json/paths.ts'

const FOR_OTHERS = 0o077

interface Bounds {
  /** As in `the pepper file`. */
  readonly what: string
  readonly maxBytes: number
}

export interface PrivateFile extends Bounds {
  /** Where it must not lie, nor below: whoever copies a store would have both. */
  readonly awayFrom: readonly string[]
  readonly isInsecureAllowed: boolean
  readonly warn: Warn
}

interface Trouble {
  readonly message: string
  readonly hint: string
}

/** Its bytes. With `isInsecureAllowed`, what would be refused as STORE_INSECURE is told of instead. */
export function readPrivateFile(given: string, rules: PrivateFile): Buffer {
  const { what, isInsecureAllowed, warn } = rules
  const full = resolve(given)
  try {
    if (!isInsecureAllowed) assertLinks(full)
    const path = realpathSync(full)
    return readBounded(path, rules, (mode, owner) => {
      const trouble = troubleOf(path, rules, mode, owner)
      if (trouble !== null && !isInsecureAllowed)
        throw new KeywrightError('STORE_INSECURE', trouble.message, { hint: `${trouble.hint}; or pass --insecure to use it all the same` })
      if (trouble !== null) warn({ code: 'STORE_INSECURE', message: trouble.message })
    })
  } catch (error) {
    throw faultAt('STORE_UNAVAILABLE', `reading ${what}`, full, error)
  }
}

/** The bytes of a file that everyone may read. */
export function readPublicFile(given: string, bounds: Bounds): Buffer {
  const full = resolve(given)
  try {
    return readBounded(full, bounds, () => undefined)
  } catch (error) {
    throw faultAt('STORE_UNAVAILABLE', `reading ${bounds.what}`, full, error)
  }
}

/** What was opened is what is looked at and read, and nothing waits for the writer of a pipe. */
function readBounded(path: string, { what, maxBytes }: Bounds, look: (mode: number, owner: number) => void): Buffer {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const status = fstatSync(file)
    const bytes = Buffer.alloc(status.isFile() ? Math.min(status.size, maxBytes) : 0)
    if (!status.isFile() || status.size > maxBytes)
      throw new KeywrightError('INVALID_INPUT', `${what} ${path} is not a file of at most ${maxBytes} bytes`)
    look(status.mode, status.uid)
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(file)
  }
}

/** Why a secret in that file would protect nothing; null when it does. */
function troubleOf(path: string, { what, awayFrom }: PrivateFile, mode: number, owner: number): Trouble | null {
  const beside = awayFrom.find((folder) => path.startsWith(folder.endsWith(sep) ? folder : folder + sep))
  if (beside !== undefined)
    return {
      message: `${what} ${path} lies in the store's folder, so that whoever copies the one has the other`,
      hint: `move it out of ${beside}`,
    }
  const me = process.getuid?.()
  if (me !== undefined && owner !== 0 && owner !== me)
    return { message: `${what} ${path} belongs to another user (uid ${owner})`, hint: `run: chown ${me} ${shellWord(path)}` }
  if ((mode & FOR_OTHERS) !== 0)
    return {
      message: `others on this machine may use ${what} ${path} (mode ${(mode & 0o777).toString(8)})`,
      hint: `run: chmod go= ${shellWord(path)}`,
    }
  if (!isOpenToWriters(statSync(dirname(path)))) return null
  return { message: `others on this machine may write the folder of ${what} ${path}`, hint: `run: chmod go-w ${shellWord(dirname(path))}` }
}
