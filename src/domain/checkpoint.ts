// A checkpoint of the log as text: a signed note as transparency logs write it (C2SP tlog-checkpoint, signed-note). Signs and proves nothing.

import { hash } from 'node:crypto'
import type { Anchor } from './audit.ts'

/** The log up to a record, and when that was signed. `origin` names the log, and the key. */
export interface Checkpoint extends Anchor {
  readonly origin: string
  /** ISO 8601. */
  readonly at: string
}

/**
 * One note: its text, with the last line end, is what is signed. In a file each note but the first has an empty line before it:
 *
 *     keywright/security-audit/9f86d081884c7d65    whose log
 *     4711                                  how many records: the seq of the last
 *     2jmj7l5rSw0yVb/vlWAYkK/YBwk=          that record's hash, in Base64
 *     2026-11-23T12:00:00.000Z              when it was signed
 *
 *     — keywright/security-audit/9f86d081884c7d65 c2lnbmF0dXJl…    the key's name; its id and the signature, in Base64
 */
export interface Note {
  readonly text: string
  /** Null where the text is no checkpoint. */
  readonly checkpoint: Checkpoint | null
  readonly signatures: readonly NoteSignature[]
}

export interface NoteSignature {
  readonly name: string
  readonly keyId: Buffer
  readonly signature: Buffer
}

/** So much of the hash of a log's first record tells it from all others. */
const IDENTITY_DIGITS = 16

/** The name of a log in its checkpoints: two logs under one key are not taken for each other. */
export function originOf(logName: string, firstHash: string): string {
  return `keywright/${encodeURIComponent(logName)}/${firstHash.slice(0, IDENTITY_DIGITS)}`
}

const KEY_ID_BYTES = 4
const ED25519 = 0x01
const DASH = '— '
const CHECKPOINT =
  /^(?<origin>[^\s+]+)\n(?<seq>0|[1-9]\d{0,15})\n(?<hash>[A-Za-z0-9+/]{43}=)\n(?<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\n$/

/** Which key: the first bytes of SHA-256 over its name and the 32 bytes of the public key. */
export function keyIdOf(name: string, publicKey: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ED25519), publicKey])
  return hash('sha256', named, 'buffer').subarray(0, KEY_ID_BYTES)
}

export function checkpointText({ origin, seq, hash, at }: Checkpoint): string {
  return `${origin}\n${seq}\n${Buffer.from(hash, 'hex').toString('base64')}\n${at}\n`
}

export function composeNote(text: string, { name, keyId, signature }: NoteSignature): string {
  return `${text}\n${DASH}${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`
}

function checkpointFrom(text: string): Checkpoint | null {
  const { origin, seq, hash, at } = CHECKPOINT.exec(text)?.groups ?? {}
  if (origin === undefined || seq === undefined || hash === undefined || at === undefined) return null
  return { origin, seq: Number(seq), hash: Buffer.from(hash, 'base64').toString('hex'), at }
}

function signatureFrom(line: string): NoteSignature | null {
  const [, name, base64] = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? []
  if (name === undefined || base64 === undefined) return null
  const bytes = Buffer.from(base64, 'base64')
  return { name, keyId: bytes.subarray(0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) }
}

/** The notes of a file in order. `rest`: how many bytes at its end are no whole note. */
export function parseNotes(bytes: Buffer): { readonly notes: readonly Note[]; readonly rest: number } {
  const end = endOfNotes(bytes)
  const notes: Note[] = []
  let text: string | null = null
  for (const part of end === 0 ? [] : bytes.toString('utf8', 0, end - 1).split('\n\n')) {
    if (part.startsWith(DASH) && text !== null) {
      const signatures = part.split('\n').flatMap((line) => signatureFrom(line) ?? [])
      notes.push({ text, checkpoint: checkpointFrom(text), signatures })
      text = null
    } else {
      // A text without a signature stands for itself, so that it is noticed.
      if (text !== null) notes.push({ text, checkpoint: null, signatures: [] })
      text = `${part}\n`
    }
  }
  if (text !== null) notes.push({ text, checkpoint: null, signatures: [] })
  return { notes, rest: bytes.length - end }
}

/** Where the last whole note ends: behind the line of its signature. */
export function endOfNotes(bytes: Buffer): number {
  const lastLineEnd = bytes.lastIndexOf('\n')
  const signature = lastLineEnd < 0 ? -1 : bytes.lastIndexOf(`\n${DASH}`, lastLineEnd - 1)
  return signature < 0 ? 0 : bytes.indexOf('\n', signature + 1) + 1
}
