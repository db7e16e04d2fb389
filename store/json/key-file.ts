// keys.json as lowdb sees it: an adapter that reads the file when it changed and replaces it durably. Knows nothing of commits.

import type { Stats } from 'node:fs'
import { closeSync, fstatSync, openSync, statSync } from 'node:fs'
import type { Adapter } from 'lowdb'
import type { Credential } from '../../src/domain/credential.ts'
import type { Key } from '../../src/domain/key.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import type { Draw } from '../../src/domain/token.ts'
import { replaceFile } from '../durable.ts'
import { errnoOf, faultAt } from '../faults.ts'
import type { Version } from '../version.ts'
import { isVersion, versionOf } from '../version.ts'
import type { KeyIndex } from './key-index.ts'
import { credentialIn, indexOf, keyOfShortId, nextIndex } from './key-index.ts'
import type { KeyLines, PlacedKeys, StoreDocument } from './key-lines.ts'
import { corrupt, emptyLines, layLines, parseLines } from './key-lines.ts'
import type { KnownText } from './known-text.ts'
import { blocksOf, pieceLength, readInto, textInFile, textInMemory } from './known-text.ts'
import { createUnreadable } from './unreadable.ts'

/** How much of a new file is put together at a time. */
const BLOCK_BYTES = 1024 * 1024
/**
 * The text of a file up to this size stays in memory, in two rooms that take turns: where others change keys often, it took
 * 2.0 ms of 635 kB to make the pages of new memory, 0.25 to read the known text again for each comparison, and 0.02 without.
 */
const KEPT_BYTES = 4 * 1024 * 1024
/** Far above a million keys; a larger file is not ours. */
const MAX_STORE_BYTES = 1024 * 1024 * 1024

/** Refuses a store that no process could read any more, before it is written. */
export function assertReadable(bytes: number, path: string): void {
  if (bytes > MAX_STORE_BYTES)
    throw new KeywrightError(
      'STORE_UNAVAILABLE',
      `the store ${path} would grow over the ${MAX_STORE_BYTES} bytes that this version reads`,
      {
        hint: 'nothing was changed; remove keys that ended long ago with: keywright purge',
      },
    )
}

export interface KeyFile extends Adapter<StoreDocument> {
  /** What the file held when it was last read or written. */
  readonly lines: () => PlacedKeys
  /** The same with its text. Throws STORE_UNAVAILABLE where that can't be read again. */
  readonly wholeLines: () => KeyLines
  readonly exists: () => boolean
  /** Reads the file if it is not the version that is known. True when it was another one. Synchronous: the hot path asks. */
  readonly refresh: () => boolean
  /** A key by its id and by a shortId, and its position. */
  readonly byId: (id: string) => Key | undefined
  readonly byShortId: (shortId: string) => Key | undefined
  readonly positionOf: (id: string) => number | undefined
  /** The same credential as long as its key is the same. */
  readonly credentialOf: (shortId: string) => Credential | null
  readonly close: () => void
}

export interface KeyFileOptions {
  readonly path: string
  /** Of a store that does not exist yet. */
  readonly brand: string
  readonly draw: Draw
  /** Called whenever another version is known from now on, read or written. */
  readonly onAdopted: () => void
  readonly onWarning: (problem: unknown) => void
}

export function createKeyFile({ path, brand, draw, onAdopted, onWarning }: KeyFileOptions): KeyFile {
  let version: Version | null = null
  const empty = emptyLines(brand)
  let lines: PlacedKeys = empty
  let index = indexOf(lines.document.keys, path)
  let text = textInMemory(empty.bytes)
  let block: Buffer | null = null
  /** Room for the next version; with whoever takes it, until that version is known. */
  let spare: Buffer | null = null
  const unreadable = createUnreadable()

  const adopt = (next: PlacedKeys, nextText: KnownText, nextKeys: KeyIndex, nextVersion: Version): void => {
    lines = next
    spare = text.kept ?? spare
    text = nextText
    index = nextKeys
    version?.release()
    version = nextVersion
    onAdopted()
  }

  const statOf = (): Stats | null => {
    try {
      return statSync(path)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null
      throw faultAt('STORE_UNAVAILABLE', 'reading the store', path, error)
    }
  }

  /** At least so much; null for a file that is not kept. */
  const roomFor = (size: number): Buffer | null => {
    if (size > KEPT_BYTES) return null
    // Half as much again, since a store grows.
    const room = spare !== null && spare.length >= size ? spare : Buffer.allocUnsafeSlow(Math.min(KEPT_BYTES, Math.ceil(size * 1.5)))
    spare = null
    return room
  }

  const refresh = (): boolean => {
    const status = statOf()
    if (status === null) {
      if (version === null) return false
      throw new KeywrightError('STORE_UNAVAILABLE', `the store ${path} is gone; every key is refused until it is there again`, {
        hint: `put ${path} back, from a backup if need be, then run: keywright audit verify; nothing needs to be started again`,
      })
    }
    if (version !== null && isVersion(version, status)) return false
    unreadable.assertOther(status)
    const { bytes, room, descriptor, version: read } = readVersion(path, roomFor)
    try {
      const { bytes: laid, ...next } = parseLines(bytes, path, version === null ? null : { ...lines, text })
      // Another layout than ours stays in memory as we would lay it out.
      const nextText = laid === bytes ? textInFile(descriptor, read, room) : textInMemory(laid)
      adopt(next, nextText, nextIndex(index, lines.document.keys, next.document.keys, path), read)
    } catch (error) {
      unreadable.remember(read, error)
      throw error
    }
    unreadable.close()
    return true
  }

  return {
    read: async () => {
      refresh()
      return lines.document
    },
    async write(document) {
      const { pieces, ...next } = layLines(document, lines)
      const size = pieces.reduce((sum, piece) => sum + pieceLength(piece), 0)
      const room = roomFor(size)
      block ??= room === null ? Buffer.allocUnsafeSlow(BLOCK_BYTES) : null
      // What is kept is put together before anything is waited for: the known text may be another afterwards.
      const blocks = room === null ? blocksOf(pieces, text, block as Buffer) : [...blocksOf(pieces, text, room.subarray(0, size))]
      const { file, status, warning } = await replaceFile(path, blocks, draw)
      const written = versionOf(status, () => void file.close().catch(() => undefined))
      adopt(next, textInFile(file.fd, written, room), nextIndex(index, lines.document.keys, document.keys, path), written)
      if (warning !== null) onWarning(warning)
    },
    lines: () => lines,
    wholeLines() {
      const bytes = text.whole()
      if (bytes !== null) return { ...lines, bytes }
      throw new KeywrightError('STORE_UNAVAILABLE', `the store ${path} was edited while it was read`, { hint: 'run this again' })
    },
    exists: () => version !== null,
    refresh,
    byId(id) {
      const position = index.ids.get(id)
      return position === undefined ? undefined : lines.document.keys[position]
    },
    byShortId: (shortId) => keyOfShortId(index, shortId, lines.document.keys),
    positionOf: (id) => index.ids.get(id),
    credentialOf: (shortId) => credentialIn(index, shortId, lines.document.keys),
    close() {
      unreadable.close()
      version?.release()
      version = null
      spare = null
      // The system may give the descriptor's number to another file.
      text = textInMemory(empty.bytes)
    },
  }
}

interface ReadVersion {
  readonly bytes: Buffer
  /** Where the bytes stand, if they are kept. */
  readonly room: Buffer | null
  readonly descriptor: number
  readonly version: Version
}

function readVersion(path: string, roomFor: (size: number) => Buffer | null): ReadVersion {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (error) {
    throw faultAt('STORE_UNAVAILABLE', 'reading the store', path, error)
  }
  try {
    const status = fstatSync(descriptor)
    if (!status.isFile())
      throw new KeywrightError('STORE_UNAVAILABLE', `the store ${path} is not a file`, {
        hint: 'give the path of a file, as in ./keys.json',
      })
    if (status.size > MAX_STORE_BYTES)
      throw new KeywrightError(
        'STORE_UNAVAILABLE',
        `the store ${path} has ${status.size} bytes, more than the ${MAX_STORE_BYTES} that this version reads`,
        { hint: 'it is likely no store of Keywright; where it is one, remove old keys with: keywright purge' },
      )
    const room = roomFor(status.size)
    const bytes = room?.subarray(0, status.size) ?? Buffer.allocUnsafeSlow(status.size)
    if (!readInto(bytes, descriptor, 0)) throw corrupt(path, { line: 1, column: 1 }, 'the file became shorter while it was read')
    return { bytes, room, descriptor, version: versionOf(status, () => closeSync(descriptor)) }
  } catch (error) {
    closeSync(descriptor)
    throw faultAt('STORE_UNAVAILABLE', 'reading the store', path, error)
  }
}
