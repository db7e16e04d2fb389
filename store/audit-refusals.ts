// What every store refuses of its log in the same words.

import { KeywrightError } from '../src/domain/refusal.ts'

export function unsigned(): KeywrightError {
  return new KeywrightError('INVALID_INPUT', 'there is no key to sign with', {
    field: 'signed',
    hint: 'set KEYWRIGHT_AUDIT_KEY_FILE to the path of an Ed25519 private key that is kept away from the store',
  })
}

export function nothingLost(): KeywrightError {
  return new KeywrightError('INVALID_INPUT', 'nothing is lost: the log and the store agree', {
    hint: 'see for yourself with: keywright audit verify',
  })
}
