// Where the keys of a document stand, by id and by shortId; and with the shortId, once it was asked for, the credential that it names.

import type { Credential } from '../../src/domain/credential.ts'
import { credentialOf } from '../../src/domain/credential.ts'
import type { Key } from '../../src/domain/key.ts'
import { corrupt } from './key-lines.ts'

export interface KeyIndex {
  /** Positions. */
  readonly ids: Map<string, number>
  /**
   * The position of the key, or the credential in its place: one look finds that there is none, or all that a verification needs.
   * There are no more credentials than secrets in the store, whose size is bounded (key-file.ts).
   */
  readonly shortIds: Map<string, number | Credential>
}

export function indexOf(keys: readonly Key[], path: string): KeyIndex {
  const index: KeyIndex = { ids: new Map(), shortIds: new Map() }
  for (const [position, key] of keys.entries()) add(index, key, position, path)
  return index
}

const TWICE_HINT =
  'nothing was overwritten; remove one of the two lines, or restore the file from a backup; then run: keywright audit verify'

function add(index: KeyIndex, key: Key, position: number, path: string): void {
  const isTwice = index.ids.has(key.id) || key.secrets.some(({ shortId }) => index.shortIds.has(shortId))
  if (isTwice) throw corrupt(path, { line: position + 2, column: 1 }, `the id or a shortId of key ${key.id} stands twice`, TWICE_HINT)
  put(index, key, position)
}

function put({ ids, shortIds }: KeyIndex, key: Key, position: number): void {
  ids.set(key.id, position)
  for (const { shortId } of key.secrets) shortIds.set(shortId, position)
}

const positionIn = ({ ids }: KeyIndex, found: number | Credential | undefined): number | undefined =>
  typeof found === 'object' ? ids.get(found.keyId) : found

export function keyOfShortId(index: KeyIndex, shortId: string, keys: readonly Key[]): Key | undefined {
  const found = index.shortIds.get(shortId)
  return typeof found === 'number' ? keys[found] : found?.key
}

/** The credential of a shortId; null where no key has it. */
export function credentialIn(index: KeyIndex, shortId: string, keys: readonly Key[]): Credential | null {
  const found = index.shortIds.get(shortId)
  if (typeof found === 'object') return found
  const key = found === undefined ? undefined : keys[found]
  const credential = key === undefined ? null : credentialOf(key, shortId)
  if (credential === null) return null
  index.shortIds.set(shortId, credential)
  return credential
}

/** The index after a change. Where no key was removed or moved, only changed ones are touched: what is kept of the others is as good as before. */
export function nextIndex(index: KeyIndex, before: readonly Key[], after: readonly Key[], path: string): KeyIndex {
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
    const isOthers = (known: number | undefined, id: string): boolean => (known ?? fresh.get(id) ?? position) !== position
    const ofOthers = ({ shortId }: Key['secrets'][number]): boolean => isOthers(positionIn(index, index.shortIds.get(shortId)), shortId)
    if (isOthers(index.ids.get(key.id), key.id) || key.secrets.some(ofOthers)) return true
    for (const id of [key.id, ...key.secrets.map(({ shortId }) => shortId)]) fresh.set(id, position)
    return false
  })
  if (isClash) return indexOf(after, path)
  for (const position of changed) for (const { shortId } of before[position]?.secrets ?? []) index.shortIds.delete(shortId)
  for (const position of changed) put(index, after[position] as Key, position)
  return index
}
