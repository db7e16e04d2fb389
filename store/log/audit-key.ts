// The keys that sign checkpoints and prove them, out of PEM files that are kept away from the store. Never names what is in a file.

import type { KeyObject } from 'node:crypto'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { resolve } from 'node:path'
import { KeywrightError } from '../../src/domain/refusal.ts'
import type { PrivateFile } from '../private-file.ts'
import { readPrivateFile, readPublicFile } from '../private-file.ts'

const KEY_FILE = { what: 'the key of the audit log', maxBytes: 16 * 1024 } as const

/** Where the keys are that sign checkpoints of the log and prove them; undefined: there is none. */
export interface AuditKeyFiles {
  readonly signing: string | undefined
  readonly public: string | undefined
}

/** Where a key must not lie, and whether it is used though others may read it. */
export type KeyTrust = Pick<PrivateFile, 'awayFrom' | 'isInsecureAllowed' | 'warn'>

/** The private key that signs: who can write the log must not come by it. Null where none is given. */
export function readSigningKey(given: string | undefined, trust: KeyTrust): KeyObject | null {
  if (given === undefined) return null
  return ed25519From(given, () => createPrivateKey(readPrivateFile(given, { ...KEY_FILE, ...trust })), {
    what: 'private key (PKCS#8)',
    hint: 'make one with: openssl genpkey -algorithm ed25519 -out FILE',
  })
}

/** The public key that proves. A private key is refused: where it proves it could be read. */
export function readPublicKey(given: string): KeyObject {
  const publicOnly = (): KeyObject => {
    const pem = readPublicFile(given, KEY_FILE)
    if (pem.includes('PRIVATE KEY')) throw new Error('a private key')
    return createPublicKey(pem)
  }
  return ed25519From(given, publicOnly, {
    what: 'public key (SPKI)',
    hint: 'make it of the private one with: openssl pkey -in KEY -pubout -out FILE',
  })
}

function ed25519From(given: string, read: () => KeyObject, { what, hint }: { readonly what: string; readonly hint: string }): KeyObject {
  const isNone = (): KeywrightError => new KeywrightError('INVALID_INPUT', `${resolve(given)} is no Ed25519 ${what} in PEM`, { hint })
  let key: KeyObject
  try {
    key = read()
  } catch (error) {
    if (error instanceof KeywrightError) throw error
    throw isNone()
  }
  if (key.asymmetricKeyType !== 'ed25519') throw isNone()
  return key
}
