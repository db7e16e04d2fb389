// Reads a record's line without parsing it, for who proves many: takes what it can vouch for byte by byte, and leaves the rest to `parseRecord`.

import type { Action, AuditRecord } from './audit.ts'
import { ACTIONS, GENESIS_HASH, HASH_MEMBER, sha256 } from './audit.ts'

/** Actions whose records tell in `after` what the proof of a log needs to know. */
const TELLING = ['store.rollback', 'store.recover', 'log.repair', 'usage.repair', 'audit.accept-loss'] as const satisfies readonly Action[]
type PlainAction = Exclude<Action, (typeof TELLING)[number]>

/** What the proof of a log needs of any other record; the key and its digest only of a change. `end`: where the next line begins. */
export interface Glance extends Pick<AuditRecord, 'seq' | 'at' | 'keyId' | 'base' | 'digest' | 'prev' | 'hash'> {
  readonly action: PlainAction
  readonly end: number
}

/** Whole lines, each with its line end, and room behind them: four bytes are looked at together, and a member may be missing. */
export interface LineBlock {
  readonly bytes: Buffer
  /** Of the same bytes and the room. */
  readonly view: DataView
}

export const BLOCK_ROOM = 64

/** `length` bytes at the begin of a buffer which has the room behind them. */
export function lineBlock(buffer: Buffer, length: number): LineBlock {
  return { bytes: buffer.subarray(0, length), view: new DataView(buffer.buffer, buffer.byteOffset, buffer.length) }
}

/** Bytes of which at least four are expected, as words of four: the last overlaps the one before it. */
interface Expected {
  readonly length: number
  readonly words: Int32Array
}

function expected(text: string): Expected {
  const bytes = Buffer.from(text)
  const words = Array.from({ length: Math.ceil(text.length / 4) }, (_, index) => bytes.readInt32LE(Math.min(index * 4, text.length - 4)))
  return { length: text.length, words: Int32Array.from(words) }
}

const SEQ = expected('{"seq":')
const AT = expected(',"at":"')
const NAME = expected(',"actor":{"name":"')
const OS_USER = expected(',"osUser":"')
const HOST = expected(',"host":"')
const VIA = expected(',"via":"')
const ACTION = expected('},"action":"')
const KEY_ID = expected(',"keyId":')
const USER_ID = expected(',"userId":')
const DONE = expected(',"outcome":"done","reason":')
const REFUSED = expected(',"outcome":"refused","reason":')
const BEFORE = expected(',"before":')
const AFTER = expected(',"after":')
const BASE = expected(',"base":')
const DIGEST = expected(',"digest":')
const PREV = expected(',"prev":"')
const HASH = expected(`"${HASH_MEMBER}`)
const [NULL, TRUE, FALSE] = [expected('null'), expected('true'), expected('false')]

const isPlain = (action: Action): action is PlainAction => !(TELLING as readonly Action[]).includes(action)
const PLAIN_ACTIONS = ACTIONS.filter(isPlain).map((action) => ({ action, quoted: expected(`${action}"`) }))

const HASH_LENGTH = 64
/** The hash that is followed next, as text and as words: they are read where it was proven, and not made of its text for each record. */
let followed = GENESIS_HASH
const FOLLOWED = expected(GENESIS_HASH)

const LINE_END = '"}\n'
/** Of so many digits every number is a safe integer. */
const MAX_DIGITS = 15
/** Of lists and objects within `before` and `after`. */
const MAX_DEPTH = 8

const [QUOTE, SMALL_N, SMALL_T, SMALL_F] = [0x22, 0x6e, 0x74, 0x66] as const
const [COMMA, MINUS, ZERO, NINE, COLON] = [0x2c, 0x2d, 0x30, 0x39, 0x3a] as const
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const

/**
 * The record whose line begins at a place, where it is in the canonical layout, follows `prev` and matches its hash. Null says
 * nothing about a line but that it must be parsed: also of a good one with an escape, or with an action that tells of itself in
 * `after`. No step goes past a line's end: it stands in no name and in no string.
 */
export function glanceAt({ bytes, view }: LineBlock, from: number, prev: string): Glance | null {
  const seqEnd = pastDigits(view, past(view, from, SEQ))
  const at = past(view, seqEnd, AT)
  const atEnd = pastAscii(view, at)
  const osUser = past(view, pastText(view, past(view, atEnd, NAME)), OS_USER)
  const via = past(view, pastText(view, past(view, pastText(view, osUser), HOST)), VIA)
  const named = past(view, pastText(view, via), ACTION)
  const plain = plainAt(view, named)
  if (plain === undefined) return null
  const keyId = past(view, named + plain.quoted.length, KEY_ID)
  const keyIdEnd = pastAsciiOrNull(view, keyId)
  const userIdEnd = pastTextOrNull(view, past(view, keyIdEnd, USER_ID))
  const done = past(view, userIdEnd, DONE)
  const reasonEnd = pastTextOrNull(view, done < 0 ? past(view, userIdEnd, REFUSED) : done)
  const beforeEnd = pastFieldsOrNull(view, past(view, reasonEnd, BEFORE))
  const base = past(view, pastFieldsOrNull(view, past(view, beforeEnd, AFTER)), BASE)
  const isNote = base >= 0 && view.getUint8(base) === SMALL_N
  const digest = past(view, isNote ? past(view, base, NULL) : pastDigits(view, base), DIGEST)
  const digestEnd = pastAsciiOrNull(view, digest)
  if (followed !== prev) FOLLOWED.words.set(expected(prev).words)
  followed = prev
  const bodyEnd = past(view, past(view, digestEnd, PREV), FOLLOWED) + 1
  const hashAt = past(view, bodyEnd - 1, HASH)
  const end = hashAt + HASH_LENGTH + LINE_END.length
  if (hashAt < 0 || end > bytes.length) return null

  const hash = sha256(bytes.subarray(from, bodyEnd))
  if (bytes.toString('latin1', hashAt, end) !== `${hash}${LINE_END}`) return null
  followed = hash
  for (let index = 0; index < FOLLOWED.words.length; index++) FOLLOWED.words[index] = view.getInt32(hashAt + index * 4, true)
  // Copies: what is kept of a key must not keep the text of its line.
  const copy = (begin: number, behind: number): string | null =>
    isNote || bytes[begin] !== QUOTE ? null : bytes.toString('latin1', begin + 1, behind - 1)
  return {
    seq: numberAt(view, past(view, from, SEQ)),
    at: bytes.toString('latin1', at, atEnd - 1),
    action: plain.action,
    keyId: copy(keyId, keyIdEnd),
    base: isNote ? null : numberAt(view, base),
    digest: copy(digest, digestEnd),
    prev,
    hash,
    end,
  }
}

// Below, a place that is negative says that something before it was not found, and is handed on.

/** The action that is named here. */
function plainAt(view: DataView, at: number): (typeof PLAIN_ACTIONS)[number] | undefined {
  for (const plain of PLAIN_ACTIONS) if (past(view, at, plain.quoted) >= 0) return plain
  return undefined
}

/** The place behind these bytes. */
function past(view: DataView, at: number, { length, words }: Expected): number {
  if (at < 0) return -1
  const last = words.length - 1
  for (let index = 0; index < last; index++) if (view.getInt32(at + index * 4, true) !== words[index]) return -1
  return view.getInt32(at + length - 4, true) === words[last] ? at + length : -1
}

const HIGHEST_BITS = 0x80808080 | 0

/**
 * The place behind the closing quote of the string whose first character this is; none for one with escapes. Bytes above ASCII
 * stand for themselves whatever they are, since reading UTF-8 never fails; `refused`: the highest bits, where they are not wanted.
 *
 * Four bytes at a time: taking 1 from a byte of 0, or 0x20 from a control, sets its highest bit, and the lowest so marked is right.
 */
function pastText(view: DataView, from: number, refused = 0): number {
  if (from < 0) return -1
  for (let at = from; ; at += 4) {
    const word = view.getInt32(at, true)
    const quotes = word ^ 0x22222222
    const backslashes = word ^ 0x5c5c5c5c
    const marks =
      (((quotes - 0x01010101) & ~quotes) | ((backslashes - 0x01010101) & ~backslashes) | ((word - 0x20202020) & ~word) | (word & refused)) &
      HIGHEST_BITS
    if (marks === 0) continue
    const stop = at + ((31 - Math.clz32(marks & -marks)) >> 3)
    return view.getUint8(stop) === QUOTE ? stop + 1 : -1
  }
}

/** The same of one whose bytes are its characters. */
function pastAscii(view: DataView, from: number): number {
  return pastText(view, from, HIGHEST_BITS)
}

function pastTextOrNull(view: DataView, at: number, refused = 0): number {
  if (at < 0) return -1
  return view.getUint8(at) === QUOTE ? pastText(view, at + 1, refused) : past(view, at, NULL)
}

function pastAsciiOrNull(view: DataView, at: number): number {
  return pastTextOrNull(view, at, HIGHEST_BITS)
}

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= NINE

/** A whole number from 0 on that is exact as a number. */
function pastDigits(view: DataView, at: number): number {
  if (at < 0 || !isDigit(view.getUint8(at))) return -1
  const end = pastNumber(view, at)
  return end - at > MAX_DIGITS ? -1 : end
}

/** Whole numbers only. A digit behind a zero, a fraction or an exponent is left standing, where nothing that may follow begins so. */
function pastNumber(view: DataView, from: number): number {
  const first = view.getUint8(from) === MINUS ? from + 1 : from
  if (view.getUint8(first) === ZERO) return first + 1
  let at = first
  while (isDigit(view.getUint8(at))) at++
  return at === first ? -1 : at
}

function numberAt(view: DataView, from: number): number {
  let value = 0
  for (let at = from, byte = view.getUint8(at); isDigit(byte); byte = view.getUint8(++at)) value = value * 10 + byte - ZERO
  return value
}

function pastFieldsOrNull(view: DataView, at: number): number {
  if (at < 0) return -1
  return view.getUint8(at) === OPEN_OBJECT ? pastParts(view, at, MAX_DEPTH) : past(view, at, NULL)
}

function pastValue(view: DataView, at: number, depth: number): number {
  const byte = view.getUint8(at)
  if (byte === QUOTE) return pastText(view, at + 1)
  if (byte === OPEN_OBJECT || byte === OPEN_LIST) return depth === 0 ? -1 : pastParts(view, at, depth)
  if (byte === SMALL_N) return past(view, at, NULL)
  if (byte === SMALL_T) return past(view, at, TRUE)
  return byte === SMALL_F ? past(view, at, FALSE) : pastNumber(view, at)
}

/** The place behind the object or list that begins here. */
function pastParts(view: DataView, from: number, depth: number): number {
  const isObject = view.getUint8(from) === OPEN_OBJECT
  const close = isObject ? CLOSE_OBJECT : CLOSE_LIST
  let at = from + 1
  if (view.getUint8(at) === close) return at + 1
  for (;;) {
    if (isObject) {
      at = view.getUint8(at) === QUOTE ? pastText(view, at + 1) : -1
      if (at < 0 || view.getUint8(at++) !== COLON) return -1
    }
    at = pastValue(view, at, depth - 1)
    if (at < 0) return -1
    const byte = view.getUint8(at++)
    if (byte === close) return at
    if (byte !== COMMA) return -1
  }
}
