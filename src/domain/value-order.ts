// Sorts rows by their values in linear time: what a list of 100,000 keys needs. Pure; the order is that of `comparePlaces`.

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

/** Digits of rows, the first first; rows in the order of their digits are in the order of their values, or have the same digits. */
type Digits = readonly Uint8Array[]

/**
 * Sorts rows, each a number into `values`, that are given in the order of their ids. Rows of the same value stay in that
 * order, rows without a value come last, whichever way the rest goes.
 */
export function sortByValues(rows: Uint32Array, values: readonly SortValue[], isReversed: boolean): void {
  const empty = rows.filter((row) => values[row] === null)
  const filled = rows.length - empty.length
  if (empty.length > 0) {
    rows.set(rows.filter((row) => values[row] !== null))
    rows.set(empty, filled)
  }
  sortFilled(rows.subarray(0, filled), values, isReversed)
}

function sortFilled(rows: Uint32Array, values: readonly SortValue[], isReversed: boolean): void {
  const compare = (a: number, b: number): number => {
    const [one, other] = [values[a] as string, values[b] as string]
    return one === other ? 0 : one < other === isReversed ? 1 : -1
  }
  if (rows.length <= FEW_ROWS) {
    rows.sort(compare)
    return
  }
  const digits = digitsOf(rows, values, isReversed)
  const order = orderOfDigits(digits, rows.length)
  rows.set(order.map((index) => rows[index] as number))
  // What has the same digits and is not the same is told apart by what follows, or where that is no help by comparing.
  const isSame = (a: number, b: number): boolean => {
    for (const digit of digits) if (digit[order[a] as number] !== digit[order[b] as number]) return false
    return true
  }
  for (let from = 0, to = 1; from < rows.length; from = to++) {
    let isOneValue = true
    for (; to < rows.length && isSame(from, to); to++) isOneValue &&= values[rows[from] as number] === values[rows[to] as number]
    if (isOneValue) continue
    if (to - from < rows.length) sortFilled(rows.subarray(from, to), values, isReversed)
    else rows.sort(compare)
  }
}

function digitsOf(rows: Uint32Array, values: readonly SortValue[], isReversed: boolean): Digits {
  const digits = Array.from({ length: DIGITS }, () => new Uint8Array(rows.length))
  const isText = typeof values[rows[0] as number] === 'string'
  if (isText) fillFromTexts(digits, rows, values as readonly string[])
  else fillFromNumbers(digits, rows, values as readonly number[])
  if (isReversed) for (const digit of digits) for (let index = 0; index < digit.length; index++) digit[index] = ~(digit[index] as number)
  return digits
}

function fillFromTexts(digits: Digits, rows: Uint32Array, values: readonly string[]): void {
  const skipped = commonLength(rows, values)
  for (let index = 0; index < rows.length; index++) {
    const text = values[rows[index] as number] as string
    const end = Math.min(DIGITS, text.length - skipped)
    // The end of a text, 0, comes before any character. What follows one beyond Latin-1 is left aside: those are not told apart.
    for (let at = 0; at < end; at++) {
      const digit = Math.min(text.charCodeAt(skipped + at) + 1, TOP_DIGIT)
      ;(digits[at] as Uint8Array)[index] = digit
      if (digit === TOP_DIGIT) break
    }
  }
}

function fillFromNumbers(digits: Digits, rows: Uint32Array, values: readonly number[]): void {
  for (let index = 0; index < rows.length; index++) {
    const number = Math.min(Math.max(0, Math.floor(values[rows[index] as number] as number)), MAX_NUMBER)
    const [high, low] = [Math.floor(number / HALF), number % HALF]
    for (let at = 0; at < DIGITS; at++) {
      const half = at < DIGITS / 2 ? high : low
      ;(digits[at] as Uint8Array)[index] = half >>> (BITS * ((DIGITS - 1 - at) % (DIGITS / 2)))
    }
  }
}

/** How many characters at their beginning all texts share. */
function commonLength(rows: Uint32Array, values: readonly string[]): number {
  let common = values[rows[0] as number] as string
  for (const row of rows) while (!(values[row] as string).startsWith(common)) common = common.slice(0, -1)
  return common.length
}

/** The stable order by digits: one pass for each, the last first. */
function orderOfDigits(digits: Digits, length: number): Uint32Array {
  let order = new Uint32Array(length)
  for (let index = 0; index < length; index++) order[index] = index
  let next = new Uint32Array(length)
  for (const digit of digits.toReversed()) {
    const begins = new Uint32Array(DIGIT_SIZE + 1)
    for (const value of digit) begins[value + 1] = (begins[value + 1] as number) + 1
    if (begins.includes(length)) continue
    for (let value = 1; value < DIGIT_SIZE; value++) begins[value] = (begins[value] as number) + (begins[value - 1] as number)
    for (const index of order) {
      const value = digit[index] as number
      const place = begins[value] as number
      next[place] = index
      begins[value] = place + 1
    }
    ;[order, next] = [next, order]
  }
  return order
}
