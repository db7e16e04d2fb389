// Signing a checkpoint, and proving one with the public key alone. Touches no file.

import type { KeyObject } from 'node:crypto'
import { createPublicKey, sign, verify } from 'node:crypto'
import type { Checkpoint, Note } from '../../src/domain/checkpoint.ts'
import { checkpointText, composeNote, keyIdOf } from '../../src/domain/checkpoint.ts'

/** The 32 bytes of an Ed25519 public key. */
function bytesOf(publicKey: KeyObject): Buffer {
  return Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url')
}

export function signCheckpoint(checkpoint: Checkpoint, privateKey: KeyObject): string {
  const text = checkpointText(checkpoint)
  const name = checkpoint.origin
  const keyId = keyIdOf(name, bytesOf(createPublicKey(privateKey)))
  return composeNote(text, { name, keyId, signature: sign(null, Buffer.from(text), privateKey) })
}

/** Whether one of the note's signatures is of that key. Those of other keys count for nothing. */
export function isSignedWith({ text, signatures }: Pick<Note, 'text' | 'signatures'>, publicKey: KeyObject): boolean {
  const bytes = bytesOf(publicKey)
  return signatures.some(
    ({ name, keyId, signature }) => keyId.equals(keyIdOf(name, bytes)) && verify(null, Buffer.from(text), publicKey, signature),
  )
}
