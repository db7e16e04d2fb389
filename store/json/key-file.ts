// keys.json as lowdb sees it: an adapter that reads the file when it changed and replaces it durably. Knows nothing of commits.

import type { Stats } from 'node:fs'
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { Adapter } from 'lowdb'
import type { Key } from '../../src/domain/key.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import type { Draw } from '../../src/domain/token.ts'
import { replaceFile } from '../durable.ts'
import { errnoOf, faultAt } from '../faults.ts'
import type { Version } from '../version.ts'
import { isVersion, versionOf } from '../version.ts'
import type { KeyLines, PlacedKeys, StoreDocument } from './key-lines.ts'
import { composeLines, corrupt, emptyLines, parseLines } from './key-lines.ts'
import { createUnreadable } from './unreadable.ts'

/** How long the text stays in memory after it was read or written. A change after that reads it again, from the file that is held open. */
const KEEP_TEXT_MS = 1000
/** Far above a million keys; a larger file is not ours. */
const MAX_STORE_BYTES = 1024 * 1024 * 1024

export interface KeyFile extends Adapter<StoreDocument> {
  /** What the file held when it was last read or written. */
  readonly lines: () => PlacedKeys
  /** The same with its text. Throws STORE_UNAVAILABLE where that can't be read again. */
  readonly wholeLines: () => KeyLines
  readonly exists: () => boolean
  /** Reads the file if it is not the version that is known. True when it was another one. Synchronous: the hot path asks. */
  readonly refresh: () => boolean
  /** A key by its position, and positions by key id and shortId. */
  readonly byId: (id: string) => Key | undefined
  readonly byShortId: (shortId: string) => Key | undefined
  readonly positionOf: (id: string) => number | undefined
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
  let version: HeldVersion | null = null
  const empty = emptyLines(brand)
  let lines: PlacedKeys = empty
  let index = indexOf(lines.document.keys, path)
  /** Null when it was let go. */
  let text: Buffer | null = empty.bytes
  let letGo: NodeJS.Timeout | null = null
  const unreadable = createUnreadable()

  const forgetText = (): void => {
    text = null
  }

  /** `isInFile`: the text is what the file holds, byte for byte, and not another layout of it. */
  const adopt = ({ bytes, ...placed }: KeyLines, nextIndex: Index, nextVersion: HeldVersion, isInFile: boolean): void => {
    lines = placed
    index = nextIndex
    version?.release()
    version = nextVersion
    text = bytes
    if (letGo !== null) clearTimeout(letGo)
    letGo = isInFile ? setTimeout(forgetText, KEEP_TEXT_MS).unref() : null
    onAdopted()
  }

  /** The lines that are known with their text; null where that can't be had again: nothing is taken over from them then. */
  const knownText = (): KeyLines | null => {
    const bytes = text ?? version?.readAgain() ?? null
    return bytes === null ? null : { ...lines, bytes }
  }

  const statOf = (): Stats | null => {
    try {
      return statSync(path)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null
      throw faultAt('STORE_UNAVAILABLE', 'reading the store', path, error)
    }
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
    const { bytes, version: read } = readVersion(path)
    try {
      const next = parseLines(bytes, path, version === null ? null : knownText())
      adopt(next, nextIndex(index, lines.document.keys, next.document.keys, path), read, next.bytes === bytes)
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
      const next = composeLines(document, knownText())
      const { file, status, warning } = await replaceFile(path, next.bytes, draw)
      const written = heldVersion(file.fd, status, () => void file.close().catch(() => undefined))
      adopt(next, nextIndex(index, lines.document.keys, document.keys, path), written, true)
      if (warning !== null) onWarning(warning)
    },
    lines: () => lines,
    wholeLines() {
      const whole = knownText()
      if (whole !== null) return whole
      throw new KeywrightError('STORE_UNAVAILABLE', `the store ${path} was edited while it was read`, { hint: 'run this again' })
    },
    exists: () => version !== null,
    refresh,
    byId: (id) => keyAt(index.ids.get(id)),
    byShortId: (shortId) => keyAt(index.shortIds.get(shortId)),
    positionOf: (id) => index.ids.get(id),
    close() {
      if (letGo !== null) clearTimeout(letGo)
      unreadable.close()
      version?.release()
      version = null
    },
  }

  function keyAt(position: number | undefined): Key | undefined {
    return position === undefined ? undefined : lines.document.keys[position]
  }
}

/** A version, and its text once more from the file that is held open for it. */
interface HeldVersion extends Version {
  /** Null when the file was written to in place since, or can't be read: then it is another text. */
  readonly readAgain: () => Buffer | null
}

function heldVersion(descriptor: number, status: Stats | null, release: () => void): HeldVersion {
  const version = versionOf(status, release)
  return {
    ...version,
    readAgain() {
      try {
        const bytes = Buffer.allocUnsafeSlow(version.size)
        const isWhole = readInto(bytes, descriptor)
        // Its change time is that of its name, which another version may have by now.
        const { size, mtimeMs } = fstatSync(descriptor)
        return isWhole && size === version.size && mtimeMs === version.modified ? bytes : null
      } catch {
        return null
      }
    },
  }
}

/** Fills the buffer from the begin of a file; false when that holds less. */
function readInto(bytes: Buffer, descriptor: number): boolean {
  for (let filled = 0; filled < bytes.length; ) {
    const count = readSync(descriptor, bytes, filled, bytes.length - filled, filled)
    if (count === 0) return false
    filled += count
  }
  return true
}

function readVersion(path: string): { bytes: Buffer; version: HeldVersion } {
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
    const bytes = Buffer.allocUnsafeSlow(status.size)
    if (!readInto(bytes, descriptor)) throw corrupt(path, { line: 1, column: 1 }, 'the file became shorter while it was read')
    return { bytes, version: heldVersion(descriptor, status, () => closeSync(descriptor)) }
  } catch (error) {
    closeSync(descriptor)
    throw faultAt('STORE_UNAVAILABLE', 'reading the store', path, error)
  }
}

interface Index {
  readonly ids: Map<string, number>
  readonly shortIds: Map<string, number>
}

function indexOf(keys: readonly Key[], path: string): Index {
  const index: Index = { ids: new Map(), shortIds: new Map() }
  for (const [position, key] of keys.entries()) add(index, key, position, path)
  return index
}

const TWICE_HINT =
  'nothing was overwritten; remove one of the two lines, or restore the file from a backup; then run: keywright audit verify'

function add(index: Index, key: Key, position: number, path: string): void {
  const isTwice = index.ids.has(key.id) || key.secrets.some(({ shortId }) => index.shortIds.has(shortId))
  if (isTwice) throw corrupt(path, { line: position + 2, column: 1 }, `the id or a shortId of key ${key.id} stands twice`, TWICE_HINT)
  index.ids.set(key.id, position)
  for (const { shortId } of key.secrets) index.shortIds.set(shortId, position)
}

/** The index after a change. Where no key was removed or moved, only changed ones are touched. */
function nextIndex(index: Index, before: readonly Key[], after: readonly Key[], path: string): Index {
  const isGrown =
    after.length >= before.length && before.every((key, position) => key === after[position] || key.id === after[position]?.id)
  if (!isGrown || before.length === 0) return indexOf(after, path)
  const changed: number[] = []
  after.forEach((key, position) => {
    if (before[position] !== key) changed.push(position)
  })
  const fresh = new Map<string, number>()
  const isClash = changed.some((position) => {
    const key = after[position] as Key
    const isOthers = (known: ReadonlyMap<string, number>, id: string): boolean => (known.get(id) ?? fresh.get(id) ?? position) !== position
    if (isOthers(index.ids, key.id) || key.secrets.some(({ shortId }) => isOthers(index.shortIds, shortId))) return true
    for (const id of [key.id, ...key.secrets.map(({ shortId }) => shortId)]) fresh.set(id, position)
    return false
  })
  if (isClash) return indexOf(after, path)
  for (const position of changed) for (const { shortId } of before[position]?.secrets ?? []) index.shortIds.delete(shortId)
  for (const position of changed) {
    const key = after[position] as Key
    index.ids.set(key.id, position)
    for (const { shortId } of key.secrets) index.shortIds.set(shortId, position)
  }
  return index
}
