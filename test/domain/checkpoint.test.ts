// The text of a checkpoint: as others write and read signed notes, back and forth, and what is no note.

import { createPublicKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkpointText, composeNote, endOfNotes, keyIdOf, parseNotes } from '../../src/domain/checkpoint.ts'
import { isSignedWith } from '../../store/log/signed-note.ts'

// The example of golang.org/x/mod/sumdb/note: another implementation's key, text and signature.
const NEUMANN = Buffer.from('ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW', 'base64').subarray(1)
const NOTE = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`

const CHECKPOINT = { origin: 'keywright/security-audit', seq: 4711, hash: 'ab'.repeat(32), at: '2026-11-23T12:00:00.000Z' }
const SIGNATURE = { name: CHECKPOINT.origin, keyId: Buffer.alloc(4, 1), signature: Buffer.alloc(64, 2) }
const note = composeNote(checkpointText(CHECKPOINT), SIGNATURE)

test('a note that another implementation signed is read and proven, and its key has the id that is known', () => {
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: NEUMANN.toString('base64url') }, format: 'jwk' })
  expect(keyIdOf('PeterNeumann', NEUMANN).toString('hex')).toBe('c74f20a3')
  const [read] = parseNotes(Buffer.from(NOTE)).notes
  if (read === undefined) expect.fail('the note was not read')
  expect(isSignedWith(read, publicKey)).toBe(true)
  expect(isSignedWith({ ...read, text: read.text.replace('don', 'do') }, publicKey)).toBe(false)
})

test('notes stand in a file one after the other, an empty line between them, and are read as they were written', () => {
  const second = note.replace('4711', '4712')
  const { notes, rest } = parseNotes(Buffer.from(`${note}\n${second}`))
  expect(rest).toBe(0)
  expect(notes.map(({ checkpoint }) => checkpoint)).toEqual([CHECKPOINT, { ...CHECKPOINT, seq: 4712 }])
  expect(notes[1]).toMatchObject({ text: checkpointText({ ...CHECKPOINT, seq: 4712 }), signatures: [SIGNATURE] })
})

test('a note that was cut off anywhere is none, and the one before it stands', () => {
  for (let length = 1; length < Buffer.byteLength(note); length++) {
    const torn = Buffer.from(note).subarray(0, length)
    const bytes = Buffer.concat([Buffer.from(`${note}\n`), torn])
    expect(endOfNotes(bytes)).toBe(Buffer.byteLength(note))
    expect(parseNotes(bytes)).toMatchObject({ notes: [{ checkpoint: CHECKPOINT }], rest: 1 + length })
    expect(parseNotes(torn)).toEqual({ notes: [], rest: length })
  }
})

test.each([
  ['a garbled hash', note.replace(/\n[^\n]{44}\n/, '\nno hash\n')],
  ['a seq that is no number', note.replace('4711', '47x1')],
  ['another line', note.replace('\n\n', '\nmore\n\n')],
])('%s makes a note no checkpoint, and is noticed', (_, text) => {
  expect(parseNotes(Buffer.from(`${text}\n${note}`)).notes).toMatchObject([{ checkpoint: null }, { checkpoint: CHECKPOINT }])
})

test('a text without its signature is noticed where another note follows', () => {
  expect(parseNotes(Buffer.from(`${checkpointText(CHECKPOINT)}\n${note}`)).notes).toMatchObject([
    { checkpoint: null, signatures: [] },
    { checkpoint: CHECKPOINT },
  ])
})
