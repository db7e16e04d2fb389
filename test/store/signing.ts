// Keys that sign the log, kept away from every store of the tests.

import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export interface SigningKey {
  readonly folder: string
  readonly privateFile: string
  readonly publicFile: string
}

export function newSigningKey(): SigningKey {
  const folder = mkdtempSync(join(tmpdir(), 'keywright-audit-key-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const [privateFile, publicFile] = [join(folder, 'audit.pem'), join(folder, 'audit.pub.pem')]
  writeFileSync(privateFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  writeFileSync(publicFile, publicKey.export({ type: 'spki', format: 'pem' }), { mode: 0o600 })
  return { folder, privateFile, publicFile }
}
