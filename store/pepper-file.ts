// Reads the peppers from a file that only its owner may read and that does not lie with the store. Repeats nothing of it.

import { closeSync, fstatSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, resolve, sep } from 'node:path'
import type { PepperOptions } from '../src/domain/hashing.ts'
import { parsePeppers } from '../src/domain/hashing.ts'
import type { Warn } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { faultAt } from './faults.ts'
import { assertLinks, isOpenToWriters } from './json/paths.ts'

const MAX_FILE_BYTES = 64 * 1024
const FOR_OTHERS = 0o077

interface Trouble {
  readonly message: string
  readonly hint: string
}

/** Why a pepper in that file would protect nothing; null when it does. `keys`: the store's real path. */
function troubleOf(path: string, keys: string, mode: number, owner: number): Trouble | null {
  const folder = dirname(keys)
  if (path.startsWith(folder.endsWith(sep) ? folder : folder + sep))
    return {
      message: `the pepper file ${path} lies in the store's folder, so that whoever copies the one has the other`,
      hint: `move it out of ${folder}`,
    }
  const me = process.getuid?.()
  if (me !== undefined && owner !== 0 && owner !== me)
    return { message: `the pepper file ${path} belongs to another user (uid ${owner})`, hint: `run: chown ${me} ${path}` }
  if ((mode & FOR_OTHERS) !== 0)
    return {
      message: `others on this machine may use the pepper file ${path} (mode ${(mode & 0o777).toString(8)})`,
      hint: `run: chmod go= ${path}`,
    }
  if (!isOpenToWriters(statSync(dirname(path)))) return null
  return { message: `others on this machine may write the folder of the pepper file ${path}`, hint: `run: chmod go-w ${dirname(path)}` }
}

/** The peppers of a file. With `isInsecureAllowed`, what would be refused as STORE_INSECURE is told of instead. */
export function readPeppers(given: string, keys: string, isInsecureAllowed: boolean, warn: Warn): PepperOptions['peppers'] {
  const full = resolve(given)
  let text: string
  try {
    if (!isInsecureAllowed) assertLinks(full)
    const path = realpathSync(full)
    const file = openSync(path, 'r')
    try {
      const status = fstatSync(file)
      if (!status.isFile() || status.size > MAX_FILE_BYTES)
        throw new KeywrightError('INVALID_INPUT', `the pepper file ${full} is not a file of at most ${MAX_FILE_BYTES} bytes`)
      const trouble = troubleOf(path, keys, status.mode, status.uid)
      if (trouble !== null && !isInsecureAllowed) throw new KeywrightError('STORE_INSECURE', trouble.message, { hint: trouble.hint })
      if (trouble !== null) warn({ code: 'STORE_INSECURE', message: trouble.message })
      text = readFileSync(file, 'latin1')
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw faultAt('STORE_UNAVAILABLE', 'reading the pepper file', full, error)
  }
  const peppers = parsePeppers(text)
  if ('problem' in peppers)
    throw new KeywrightError('INVALID_INPUT', `${full}:${peppers.line}: ${peppers.problem}`, {
      hint: 'give each pepper a line NAME:BASE64, as made by: echo "2026a:$(openssl rand -base64 32)"',
      field: 'pepperFile',
    })
  return peppers
}
