// Every session in ./sessions runs as it is written. UPDATE_SESSIONS=1 writes them anew, for a person to review.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { play, readSession, writeSession } from './session.ts'

const folder = join(import.meta.dirname, 'sessions')

describe('command-line sessions', () => {
  for (const name of readdirSync(folder).sort()) {
    test(`${name} goes as it is written, and no token is in any file or message`, () => {
      const path = join(folder, name)
      const session = readSession(path)
      const { steps, printed, tokens, files } = play(session)
      for (const token of tokens) {
        expect(files.includes(token), 'a token in a file').toBe(false)
        expect(printed.includes(token), 'a token in a message').toBe(false)
      }
      if (process.env['UPDATE_SESSIONS'] === '1') writeSession(path, steps)
      else expect(steps).toEqual(session)
    })
  }
})
