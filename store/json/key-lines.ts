// The text of keys.json: one key a line. Parses it, only what changed; puts it together again, only what changed. Touches no file.

import type { Anchor } from '../../src/domain/audit.ts'
import { EMPTY_ANCHOR } from '../../src/domain/audit.ts'
import type { Key } from '../../src/domain/key.ts'
import { keyLine } from '../../src/domain/key.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { quoted } from '../../src/domain/text.ts'
import { isBrand } from '../../src/domain/token.ts'
import { wrongMember } from './check-key.ts'
import type { Piece } from './known-text.ts'
import type { Place } from './locate.ts'
import { firstJsonError, placeAt } from './locate.ts'
import type { KnownLines, LineBounds } from './unchanged-lines.ts'
import { FRESH, knownPlaces } from './unchanged-lines.ts'

export const FORMAT = 'keywright/1'
export const DEFAULT_BRAND = 'kw'
const NEWLINE = 10
const COMMA = 44
const CLOSING_BRACE = 125
/** Some 40 kB of text: strings that stay in the young heap, of which one of 1,000 lines is no part; new pages are what a start is made of. */
const LINES_AT_ONCE = 64

/** What keys.json holds. */
export interface StoreDocument {
  readonly format: typeof FORMAT
  readonly brand: string
  readonly audit: Anchor
  readonly keys: readonly Key[]
}

/** A document and where its lines stand: line i, without comma and newline, in the bytes [starts[i], ends[i]) of its text. */
export interface PlacedKeys {
  readonly document: StoreDocument
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/** The same, and the text. */
export interface KeyLines extends PlacedKeys {
  readonly bytes: Buffer
}

function headerLine({ format, brand, audit }: Omit<StoreDocument, 'keys'>): string {
  return `${JSON.stringify({ format, brand, audit: { seq: audit.seq, hash: audit.hash } }).slice(0, -1)},"keys":[\n`
}

export function emptyLines(brand: string): KeyLines {
  const document: StoreDocument = { format: FORMAT, brand, audit: EMPTY_ANCHOR, keys: [] }
  return { document, bytes: Buffer.from(`${headerLine(document)}]}\n`), starts: new Uint32Array(0), ends: new Uint32Array(0) }
}

/** The text of a document, in memory. */
export function composeLines(document: StoreDocument): KeyLines {
  const { pieces, ...placed } = layLines(document, null)
  return { ...placed, bytes: Buffer.concat(pieces as Uint8Array[]) }
}

/** The pieces of a document's text. Lines of keys that stand unchanged in `before` are not serialised again: it says where they stand. */
export function layLines(document: StoreDocument, before: PlacedKeys | null): PlacedKeys & { readonly pieces: readonly Piece[] } {
  const { keys } = document
  const starts = new Uint32Array(keys.length)
  const ends = new Uint32Array(keys.length)
  const header = Buffer.from(headerLine(document))
  const pieces: Piece[] = [header]
  let position = header.length
  const old = before?.document.keys ?? []
  let oldAt = 0
  let runFrom = -1
  const endRun = (): void => {
    if (before !== null && runFrom >= 0) pieces.push({ begin: before.starts[runFrom] as number, end: before.ends[oldAt - 1] as number })
    runFrom = -1
  }
  keys.forEach((key, index) => {
    if (index > 0) position += 2
    starts[index] = position
    // Removed keys leave the order of the others as it was.
    let oldIndex = oldAt
    if (old[oldIndex] !== key && old[oldIndex]?.id !== key.id) while (oldIndex < old.length && old[oldIndex]?.id !== key.id) oldIndex++
    const isKept = before !== null && old[oldIndex] === key
    if (!isKept || oldIndex !== oldAt) endRun()
    if (isKept) {
      if (runFrom < 0) {
        if (index > 0) pieces.push(SEPARATOR)
        runFrom = oldIndex
      }
      position += (before.ends[oldIndex] as number) - (before.starts[oldIndex] as number)
    } else {
      const line = Buffer.from(keyLine(key))
      if (index > 0) pieces.push(SEPARATOR)
      pieces.push(line)
      position += line.length
    }
    if (oldIndex < old.length) oldAt = oldIndex + 1
    ends[index] = position
  })
  endRun()
  pieces.push(Buffer.from(keys.length === 0 ? ']}\n' : '\n]}\n'))
  return { document, pieces, starts, ends }
}

const SEPARATOR = Buffer.from(',\n')

/** Reads the text of keys.json. Lines that stand in `before` are not parsed again. Throws STORE_CORRUPT with the place, or STORE_FORMAT. */
export function parseLines(bytes: Buffer, path: string, before: KnownLines | null): KeyLines {
  const headerEnd = bytes.indexOf(NEWLINE) + 1
  const header = parseHeader(bytes.toString('utf8', 0, headerEnd))
  const bounds = header === null ? null : lineBounds(bytes, headerEnd, before)
  if (header === null || bounds === null) return parseWhole(bytes, path)
  const places = before === null ? null : knownPlaces(before, bytes, bounds)
  const old = before?.document.keys ?? []
  const keys: Key[] = []
  for (let line = 0; line < bounds.starts.length; ) {
    const place = places?.[line] ?? FRESH
    if (place !== FRESH) {
      keys.push(old[place] as Key)
      line++
      continue
    }
    const end = Math.min(line + LINES_AT_ONCE, places === null ? bounds.starts.length : endOfFresh(places, line))
    const fresh = parseFresh(bytes, bounds, line, end)
    if (fresh === null) return parseWhole(bytes, path)
    for (const key of fresh) keys.push(key)
    line = end
  }
  return { document: { ...header, keys }, bytes, ...bounds }
}

function endOfFresh(places: Int32Array, from: number): number {
  let end = from
  while (places[end] === FRESH) end++
  return end
}

/** The keys in the lines from one to before another, of which there are not too many; null where they are not one key each, as we write it. */
function parseFresh(bytes: Buffer, { starts, ends }: LineBounds, first: number, end: number): Key[] | null {
  try {
    const fresh = JSON.parse(`[${bytes.toString('utf8', starts[first], ends[end - 1])}]`) as unknown[]
    if (fresh.length !== end - first) return null
    const isOurs = (key: unknown, index: number): boolean => {
      if (wrongMember(key) !== null) return false
      const start = starts[first + index] as number
      const begin = `{"id":"${(key as Key).id}`
      return bytes.toString('latin1', start, start + begin.length) === begin
    }
    return fresh.every(isOurs) ? (fresh as Key[]) : null
  } catch {
    return null
  }
}

type Header = Omit<StoreDocument, 'keys'>

/** The first line as a header; null when it is none, of which `parseWhole` then says why. */
function parseHeader(line: string): Header | null {
  if (!line.endsWith('"keys":[\n')) return null
  try {
    const header: unknown = JSON.parse(`${line}]}`)
    return wrongHeaderMember(header) === null ? (({ format, brand, audit }) => ({ format, brand, audit }))(header as StoreDocument) : null
  } catch {
    return null
  }
}

function wrongHeaderMember(value: unknown): string | null {
  const { format, brand, audit, keys, ...more } = value as Record<string, unknown>
  const { seq, hash, ...rest } = (typeof audit === 'object' && audit !== null ? audit : {}) as Record<string, unknown>
  if (format !== FORMAT) return 'format'
  if (typeof brand !== 'string' || !isBrand(brand)) return 'brand'
  if (
    !Number.isSafeInteger(seq) ||
    (seq as number) < 0 ||
    typeof hash !== 'string' ||
    !/^[0-9a-f]{64}$/.test(hash) ||
    Object.keys(rest).length > 0
  )
    return 'audit'
  if (!Array.isArray(keys)) return 'keys'
  return Object.keys(more)[0] ?? null
}

/**
 * Where the lines of keys begin and end; null when the text is not laid out one key a line. A line most likely ends where the
 * known one at its place does; were two taken for one, they would be neither that line nor one key, and the whole is parsed.
 */
function lineBounds(bytes: Buffer, headerEnd: number, known: LineBounds | null): LineBounds | null {
  const tail = bytes.toString('latin1', Math.max(headerEnd, bytes.length - 4))
  const bodyEnd = tail.endsWith('\n]}\n') ? bytes.length - 4 : headerEnd
  if (bodyEnd === headerEnd)
    return bytes.toString('latin1', headerEnd) === ']}\n' ? { starts: new Uint32Array(0), ends: new Uint32Array(0) } : null
  const starts: number[] = []
  const ends: number[] = []
  for (let start = headerEnd; start <= bodyEnd; ) {
    const line = starts.length
    const likely =
      known !== null && line < known.ends.length ? start + (known.ends[line] as number) - (known.starts[line] as number) + 1 : 0
    const newline = bytes[likely] === NEWLINE && bytes[likely - 1] === COMMA ? likely : bytes.indexOf(NEWLINE, start)
    const isLast = newline === bodyEnd
    const end = isLast ? newline : newline - 1
    if (newline < 0 || newline > bodyEnd || bytes[end - 1] !== CLOSING_BRACE || (!isLast && bytes[end] !== COMMA)) return null
    starts.push(start)
    ends.push(end)
    start = newline + 1
  }
  return { starts: Uint32Array.from(starts), ends: Uint32Array.from(ends) }
}

/** Reads a text in any layout, and says exactly where it is wrong. Its lines are those that will be written. */
function parseWhole(bytes: Buffer, path: string): KeyLines {
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    if (text.trim() === '') throw corrupt(path, placeAt(text, text.length), 'the file is empty', EMPTY_HINT)
    throw corrupt(path, placeAt(text, firstJsonError(text) ?? 0), 'this is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw corrupt(path, { line: 1, column: 1 }, 'this is not a Keywright store')
  const format = (value as Record<string, unknown>)['format']
  if (typeof format === 'string' && format !== FORMAT) {
    throw new KeywrightError('STORE_FORMAT', `${path} has a format that this version does not know; it knows ${FORMAT}`)
  }
  const wrong = wrongHeaderMember(value)
  if (wrong !== null) throw corrupt(path, placeOfMember(text, 0, wrong), `the store's ${quoted(wrong)} is missing or wrong`)
  const document = value as StoreDocument
  let from = text.indexOf('"keys"')
  for (const key of document.keys as readonly unknown[]) {
    const member = wrongMember(key)
    const id = typeof key === 'object' && key !== null && 'id' in key ? JSON.stringify(key.id) : ''
    const at = id === '' ? from : Math.max(from, text.indexOf(id, from))
    if (member !== null)
      throw corrupt(
        path,
        placeOfMember(text, at, member),
        member === '' ? 'this is not a key' : `the key's ${quoted(member)} is missing or wrong`,
      )
    from = at
  }
  return composeLines(document)
}

/** Where a member stands behind an offset, else the offset's own place. */
function placeOfMember(text: string, from: number, member: string): Place {
  const at = member === '' ? -1 : text.indexOf(`${JSON.stringify(member)}`, text.lastIndexOf('\n', from) + 1)
  return placeAt(text, at < 0 ? from : at)
}

const EMPTY_HINT = 'restore it from a backup, or, where it never held a key, remove it; then run: keywright audit verify'

export function corrupt(path: string, { line, column }: Place, problem: string, hint?: string): KeywrightError {
  return new KeywrightError('STORE_CORRUPT', `${path}:${line}:${column}: ${problem}`, hint === undefined ? {} : { hint })
}
