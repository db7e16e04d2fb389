// The keys that sign checkpoints and prove them, out of PEM files that are kept away from the store. Never names what is in a file.

import type { KeyObject } from 'node:crypto'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { Stats } from 'node:fs'
import { readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Warn } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { faultAt } from '../faults.ts'

const MAX_KEY_BYTES = 16 * 1024
const OTHERS_MAY_USE = 0o066

/** Where the keys are that sign checkpoints of the log and prove them; undefined: there is none. */
export interface AuditKeyFiles {
  readonly signing: string | undefined
  readonly public: string | undefined
}

/** Where a key must not lie, and whether it is used though others may read it. */
export interface KeyTrust {
  readonly folders: readonly string[]
  readonly isInsecureAllowed: boolean
  readonly warn: Warn
}

/** The private key that signs. Who can write the log must not come by it: it may not lie beside the store, nor be readable by others. Null where none is given. */
export function readSigningKey(given: string | undefined, trust: KeyTrust): KeyObject | null {
  if (given === undefined) return null
  const { path, status } = located(given)
  assertTrusted(path, status, trust)
  return ed25519From(path, status, createPrivateKey, {
    what: 'private key (PKCS#8)',
    hint: 'make one with: openssl genpkey -algorithm ed25519 -out FILE',
  })
}

/** The public key that proves. A private key is refused: where it proves it could be read. */
export function readPublicKey(given: string): KeyObject {
  const { path, status } = located(given)
  const publicOnly = (pem: Buffer): KeyObject => {
    if (pem.includes('PRIVATE KEY')) throw new Error('a private key')
    return createPublicKey(pem)
  }
  return ed25519From(path, status, publicOnly, {
    what: 'public key (SPKI)',
    hint: 'make it of the private one with: openssl pkey -in KEY -pubout -out FILE',
  })
}

function located(given: string): { path: string; status: Stats } {
  const full = resolve(given)
  try {
    const path = realpathSync(full)
    return { path, status: statSync(path) }
  } catch (error) {
    throw faultAt('STORE_UNAVAILABLE', 'opening the key of the audit log', full, error)
  }
}

function assertTrusted(path: string, { mode }: Stats, { folders, isInsecureAllowed, warn }: KeyTrust): void {
  if (folders.includes(dirname(path)))
    throw new KeywrightError('STORE_INSECURE', `the key of the audit log ${path} lies beside what it signs`, {
      hint: 'keep it where who can write the store or its log can not read; then set KEYWRIGHT_AUDIT_KEY_FILE to that place',
    })
  if ((mode & OTHERS_MAY_USE) === 0) return
  const message = `others on this machine may read the key of the audit log ${path} (mode ${(mode & 0o777).toString(8)})`
  if (!isInsecureAllowed)
    throw new KeywrightError('STORE_INSECURE', message, { hint: `run: chmod go= ${path}; or pass --insecure to use it all the same` })
  warn({ code: 'STORE_INSECURE', message })
}

function ed25519From(
  path: string,
  { size }: Stats,
  parse: (pem: Buffer) => KeyObject,
  { what, hint }: { readonly what: string; readonly hint: string },
): KeyObject {
  const isNone = (): KeywrightError => new KeywrightError('INVALID_INPUT', `${path} is no Ed25519 ${what} in PEM`, { hint })
  if (size > MAX_KEY_BYTES) throw isNone()
  let pem: Buffer
  try {
    pem = readFileSync(path)
  } catch (error) {
    throw faultAt('STORE_UNAVAILABLE', 'reading the key of the audit log', path, error)
  }
  let key: KeyObject
  try {
    key = parse(pem)
  } catch {
    throw isNone()
  }
  if (key.asymmetricKeyType !== 'ed25519') throw isNone()
  return key
}
