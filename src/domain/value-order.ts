// Sorts rows by their values in linear time: what a list of 100,000 keys needs. Pure; the order is that of `comparePlaces`.
// Values are read in the order in which they lie in memory; of a list this long, reading them to and fro costs most.

import type { SortValue } from './selection.ts'

/** So few rows are compared with one another. */
const FEW_ROWS = 64
/** A value gives six digits of a byte: a number its lowest 48 bits, a text six characters. */
const DIGITS = 6
const BITS = 8
const DIGIT_SIZE = 2 ** BITS
const TOP_DIGIT = DIGIT_SIZE - 1
const MAX_NUMBER = DIGIT_SIZE ** DIGITS - 1
const HALF = DIGIT_SIZE ** (DIGITS / 2)

/** Digits by row, the first first. Rows in the order of their digits are in the order of their values, or have the same digits. */
type Digits = readonly Uint8Array[]

/**
 * Sorts rows, each a number into `values`, that are given in the order of their ids. Rows of the same value stay in that
 * order, rows without a value come last, whichever way the rest goes.
 */
export function sortByValues(rows: Uint32Array, values: readonly SortValue[], isReversed: boolean): void {
  const empty: number[] = []
  let filled = 0
  for (const row of rows) {
    if (values[row] === null) empty.push(row)
    else rows[filled++] = row
  }
  rows.set(empty, filled)
  const valued = rows.subarray(0, filled)
  const digits = Array.from({ length: DIGITS }, () => new Uint8Array(values.length))
  sortFilled(valued, ranksOf(valued, values) ?? values, isReversed, digits)
}

/** The ranks of values that rise from row to row already, as times of creation do; null where they don't. */
function ranksOf(rows: Uint32Array, values: readonly SortValue[]): readonly number[] | null {
  const ranks = new Array<number>(values.length).fill(0)
  let rank = 0
  let before: SortValue = null
  for (const row of inMemory(rows, values.length)) {
    const value = values[row] as string
    if (before !== null && value < before) return null
    if (value !== before) rank++
    ranks[row] = rank
    before = value
  }
  return ranks
}

/** The rows in the order of their values' places: where they are many of all, by looking which there are. */
function inMemory(rows: Uint32Array, length: number): Uint32Array {
  if (rows.length < length / FEW_ROWS) return rows.toSorted()
  const isThere = new Uint8Array(length)
  for (const row of rows) isThere[row] = 1
  const ordered = new Uint32Array(rows.length)
  for (let row = 0, next = 0; row < length; row++) if (isThere[row] === 1) ordered[next++] = row
  return ordered
}

function sortFilled(rows: Uint32Array, values: readonly SortValue[], isReversed: boolean, digits: Digits): void {
  const compare = (a: number, b: number): number => {
    const [one, other] = [values[a] as string, values[b] as string]
    return one === other ? 0 : one < other === isReversed ? 1 : -1
  }
  if (rows.length <= FEW_ROWS) {
    rows.sort(compare)
    return
  }
  const isTold = fill(digits, rows, values, isReversed)
  sortByDigits(rows, digits)
  if (isTold) return
  // What has the same digits and is not the same is told apart by what follows, or where that is no help by comparing.
  const isSame = (a: number, b: number): boolean => {
    for (const digit of digits) if (digit[a] !== digit[b]) return false
    return true
  }
  for (let from = 0, to = 1; from < rows.length; from = to++) {
    const first = rows[from] as number
    let isOneValue = true
    for (; to < rows.length && isSame(first, rows[to] as number); to++) isOneValue &&= values[first] === values[rows[to] as number]
    if (isOneValue) continue
    if (to - from < rows.length) sortFilled(rows.subarray(from, to), values, isReversed, digits)
    else rows.sort(compare)
  }
}

/** Makes the digits of rows. True when the same digits are the same value. */
function fill(digits: Digits, rows: Uint32Array, values: readonly SortValue[], isReversed: boolean): boolean {
  const ordered = inMemory(rows, values.length)
  const isText = typeof values[rows[0] as number] === 'string'
  const isTold = isText
    ? fillFromTexts(digits, ordered, values as readonly string[])
    : fillFromNumbers(digits, ordered, values as readonly number[])
  if (isReversed) for (const digit of digits) for (const row of ordered) digit[row] = ~(digit[row] as number)
  return isTold
}

function fillFromTexts(digits: Digits, rows: Uint32Array, values: readonly string[]): boolean {
  const skipped = commonLength(rows, values)
  let isTold = true
  for (const row of rows) {
    const text = values[row] as string
    if (text.length - skipped > DIGITS) isTold = false
    let isRare = false
    for (let at = 0; at < DIGITS; at++) {
      // The end of a text, 0, comes before any character. What follows one beyond Latin-1 is left aside: those are not told apart.
      const digit = isRare || skipped + at >= text.length ? 0 : Math.min(text.charCodeAt(skipped + at) + 1, TOP_DIGIT)
      ;(digits[at] as Uint8Array)[row] = digit
      if (digit === TOP_DIGIT) isRare = true
    }
    if (isRare) isTold = false
  }
  return isTold
}

/** How many characters at their beginning all texts share. */
function commonLength(rows: Uint32Array, values: readonly string[]): number {
  const first = values[rows[0] as number] as string
  let common = first.length
  for (const row of rows) {
    const text = values[row] as string
    let at = 0
    while (at < common && text.charCodeAt(at) === first.charCodeAt(at)) at++
    common = at
  }
  return common
}

function fillFromNumbers(digits: Digits, rows: Uint32Array, values: readonly number[]): boolean {
  let isTold = true
  for (const row of rows) {
    const value = values[row] as number
    const number = Math.min(Math.max(0, Math.floor(value)), MAX_NUMBER)
    if (number !== value) isTold = false
    const [high, low] = [Math.floor(number / HALF), number % HALF]
    for (let at = 0; at < DIGITS; at++) {
      const half = at < DIGITS / 2 ? high : low
      ;(digits[at] as Uint8Array)[row] = half >>> (BITS * ((DIGITS - 1 - at) % (DIGITS / 2)))
    }
  }
  return isTold
}

/** The stable sort by digits: one pass for each that differs, the last first. */
function sortByDigits(rows: Uint32Array, digits: Digits): void {
  let from = rows.slice()
  let to = new Uint32Array(rows.length)
  for (const digit of digits.toReversed()) {
    const begins = new Uint32Array(DIGIT_SIZE + 1)
    for (const row of from) begins[(digit[row] as number) + 1] = (begins[(digit[row] as number) + 1] as number) + 1
    if (begins.includes(rows.length)) continue
    for (let value = 1; value < DIGIT_SIZE; value++) begins[value] = (begins[value] as number) + (begins[value - 1] as number)
    for (const row of from) {
      const value = digit[row] as number
      const place = begins[value] as number
      to[place] = row
      begins[value] = place + 1
    }
    ;[from, to] = [to, from]
  }
  rows.set(from)
}
