// A file for one token, as the reveal writes it: new, and its owner's alone. Never writes over one that is there.

import { open } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { KeywrightError } from './domain/refusal.ts'
import { displayText } from './domain/text.ts'

const FILE_MODE = 0o600

/** Writes a token to a new file and answers its whole path; a file that is there is never overwritten. */
export async function writeSecret(given: string, token: string): Promise<string> {
  const path = resolve(given.startsWith('~/') ? join(homedir(), given.slice(2)) : given)
  try {
    const file = await open(path, 'wx', FILE_MODE)
    try {
      await file.writeFile(`${token}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    return path
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    const advice =
      code === 'EEXIST' ? 'there is a file of that name; give another one' : `it could not be written (${code}); give another path`
    throw new KeywrightError('INVALID_INPUT', `${displayText(path)}: ${advice}`)
  }
}
