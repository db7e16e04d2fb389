// The text of keys.json in pieces: put together again in blocks of any size, or refused where it became another meanwhile.

import { closeSync, openSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { KnownText, Piece } from '../../store/json/known-text.ts'
import { blocksOf, textInFile, textInMemory } from '../../store/json/known-text.ts'
import { versionOf } from '../../store/version.ts'
import { newPlace } from './harness.ts'

const TEXT = Buffer.from(Array.from({ length: 1000 }, (_, index) => `line ${index}`).join('\n'))
const PIECES: readonly Piece[] = [Buffer.from('first,'), { begin: 0, end: 700 }, Buffer.from('between'), { begin: 690, end: TEXT.length }]
const WHOLE = Buffer.concat(PIECES.map((piece) => (piece instanceof Uint8Array ? piece : TEXT.subarray(piece.begin, piece.end))))

function textOnDisk(): { path: string; text: KnownText } {
  const path = join(newPlace().folder, 'text')
  writeFileSync(path, TEXT)
  const descriptor = openSync(path, 'r')
  onTestFinished(() => closeSync(descriptor))
  return {
    path,
    text: textInFile(
      descriptor,
      versionOf(statSync(path), () => undefined),
    ),
  }
}

const together = (text: KnownText, blockBytes: number): Buffer =>
  Buffer.concat([...blocksOf(PIECES, text, Buffer.alloc(blockBytes)).map((block) => Buffer.from(block))])

test.each([1, 2, 7, 690, 700, WHOLE.length - 1, WHOLE.length, WHOLE.length + 1])(
  'blocks of %i bytes hold every octet once and in order',
  (size) => {
    expect(together(textInMemory(TEXT), size).equals(WHOLE)).toBe(true)
    expect(together(textOnDisk().text, size).equals(WHOLE)).toBe(true)
  },
)

test('a file that is edited in place while it is copied is refused, at whatever block', () => {
  for (const taken of [0, 1, 5]) {
    const { path, text } = textOnDisk()
    const blocks = blocksOf(PIECES, text, Buffer.alloc(1000))
    for (let block = 0; block < taken; block++) expect(blocks.next().done).toBe(false)
    writeFileSync(path, `${TEXT}?`)
    expect(() => [...blocks]).toThrow('edited in place')
  }
})

test('a file that became shorter is refused', () => {
  const { path, text } = textOnDisk()
  writeFileSync(path, TEXT.subarray(0, 800))
  expect(() => together(text, 64)).toThrow('could not be read again')
  expect(text.whole()).toBeNull()
})
