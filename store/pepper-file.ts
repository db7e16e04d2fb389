// The peppers, out of a file that only its owner may read and that does not lie with the store. Repeats nothing of it.

import { dirname, resolve } from 'node:path'
import type { PepperOptions } from '../src/domain/hashing.ts'
import { parsePeppers } from '../src/domain/hashing.ts'
import type { Warn } from '../src/domain/ports.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { readPrivateFile } from './private-file.ts'

const MAX_FILE_BYTES = 64 * 1024

/** The peppers of a file. `keys`: the store's real path, null where it is no file. With `isInsecureAllowed`, what would be refused as STORE_INSECURE is told of instead. */
export function readPeppers(given: string, keys: string | null, isInsecureAllowed: boolean, warn: Warn): PepperOptions['peppers'] {
  const rules = {
    what: 'the pepper file',
    maxBytes: MAX_FILE_BYTES,
    awayFrom: keys === null ? [] : [dirname(keys)],
    isInsecureAllowed,
    warn,
  }
  const peppers = parsePeppers(readPrivateFile(given, rules).toString('latin1'))
  if ('problem' in peppers)
    throw new KeywrightError('INVALID_INPUT', `${resolve(given)}:${peppers.line}: ${peppers.problem}`, {
      hint: 'give each pepper a line NAME:BASE64, as made by: echo "2026a:$(openssl rand -base64 32)"',
      field: 'pepperFile',
    })
  return peppers
}
