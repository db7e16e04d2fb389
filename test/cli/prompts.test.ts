// What the command line asks on a terminal: a token without showing it, and the word that confirms what is final.

import { expect, test } from 'vitest'
import { allFiles, inFolder, shell, typed } from './session.ts'

test('validate asks for the token on a terminal, and what is typed is not shown', () => {
  inFolder((folder) => {
    const token = shell('keywright generate --user ann --expires 1', folder).stdout.trim()
    const [printed = ''] = typed(['stty -echo; keywright validate; stty echo'], folder, `${token}\n`)
    expect(printed).toMatch(/^token: \nVALID\n/)
    expect(printed).not.toContain(token)
    expect(allFiles(folder)).not.toContain(token)
  })
})

test('revoking two keys on a terminal takes the typed word, and another word changes nothing', () => {
  inFolder((folder) => {
    shell('keywright generate --user ann --expires 1; keywright generate --user ann --expires 1', folder)
    const revoke = 'keywright revoke --user ann --reason over; echo code $?'
    const [refused = ''] = typed([revoke], folder, 'yes\n')
    expect(refused).toContain('revoke would change 2 keys. Type revoke to confirm:')
    expect(refused).toContain('nothing was changed (INVALID_INPUT)')
    expect(refused).toMatch(/code 2$/)
    const [done = ''] = typed([revoke], folder, 'revoke\n')
    expect(done.match(/ revoked$/gm)).toHaveLength(2)
    expect(done).toMatch(/code 0$/)
  })
})
