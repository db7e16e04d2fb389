// Sorts rows by their values in linear time: what a list of 100,000 keys needs. Pure; the order is that of `comparePlaces`.

import type { SortValue } from './selection.ts'

/** So few rows are compared with one another. */
const FEW_ROWS = 128
/** A value gives three digits of 16 bits: a number its lowest 48 bits, a text six characters. */
const DIGITS = 3
const DIGIT_SIZE = 65_536
const TOP_DIGIT = DIGIT_SIZE - 1
const CHARACTERS = 2 * DIGITS
const TOP_CHARACTER = 255
const MAX_NUMBER = 2 ** 48 - 1

/** Digits of rows, the least first; rows in the order of their digits are in the order of their values, or have the same digits. */
type Digits = readonly Uint16Array[]

/**
 * The order of rows that are given in the order of their ids: an index for each place. Rows of the same value stay in the
 * order of their ids, rows without a value come last, whichever way the rest goes.
 */
export function orderOfValues(values: readonly SortValue[], isReversed: boolean): Uint32Array {
  const rows = new Uint32Array(values.length)
  let filled = 0
  values.forEach((value, row) => {
    if (value !== null) rows[filled++] = row
  })
  const valued = rows.subarray(0, filled)
  values.forEach((value, row) => {
    if (value === null) rows[filled++] = row
  })
  sortRows(valued, values, isReversed)
  return rows
}

function sortRows(rows: Uint32Array, values: readonly SortValue[], isReversed: boolean): void {
  const compare = (a: number, b: number): number => {
    const [one, other] = [values[a] as string, values[b] as string]
    return one === other ? a - b : one < other === isReversed ? 1 : -1
  }
  if (rows.length <= FEW_ROWS) {
    rows.sort(compare)
    return
  }
  const digits = digitsOf(rows, values, isReversed)
  const order = orderOfDigits(digits, rows.length)
  rows.set(order.map((index) => rows[index] as number))
  // What has the same digits and is not the same is told apart by what follows, or where that is no help by comparing.
  const isSame = (a: number, b: number): boolean => digits.every((digit) => digit[order[a] as number] === digit[order[b] as number])
  for (let from = 0, to = 1; from < rows.length; from = to++) {
    let isOneValue = true
    for (; to < rows.length && isSame(from, to); to++) isOneValue &&= values[rows[from] as number] === values[rows[to] as number]
    if (isOneValue) continue
    if (to - from < rows.length) sortRows(rows.subarray(from, to), values, isReversed)
    else rows.sort(compare)
  }
}

function digitsOf(rows: Uint32Array, values: readonly SortValue[], isReversed: boolean): Digits {
  const digits = Array.from({ length: DIGITS }, () => new Uint16Array(rows.length))
  const [low, middle, high] = digits as [Uint16Array, Uint16Array, Uint16Array]
  const isText = typeof values[rows[0] as number] === 'string'
  const skipped = isText ? commonLength(rows, values as readonly string[]) : 0
  rows.forEach((row, index) => {
    const value = values[row] as string | number
    if (typeof value === 'string') {
      high[index] = characters(value, skipped)
      middle[index] = characters(value, skipped + 2)
      low[index] = characters(value, skipped + CHARACTERS - 2)
    } else {
      const number = Math.min(Math.max(0, Math.floor(value)), MAX_NUMBER)
      high[index] = number / DIGIT_SIZE / DIGIT_SIZE
      middle[index] = (number / DIGIT_SIZE) % DIGIT_SIZE
      low[index] = number % DIGIT_SIZE
    }
  })
  return isReversed ? digits.map((digit) => digit.map((value) => TOP_DIGIT - value)) : digits
}

/** How many characters at their beginning all texts share. */
function commonLength(rows: Uint32Array, values: readonly string[]): number {
  let common = values[rows[0] as number] as string
  for (const row of rows) while (!(values[row] as string).startsWith(common)) common = common.slice(0, -1)
  return common.length
}

/** Two characters as a digit. Rare ones beyond Latin-1 are not told apart; the end of a text comes before any character. */
function characters(text: string, at: number): number {
  return characterAt(text, at) * (TOP_CHARACTER + 1) + characterAt(text, at + 1)
}

function characterAt(text: string, at: number): number {
  return at < text.length ? Math.min(text.charCodeAt(at) + 1, TOP_CHARACTER) : 0
}

/** The stable order by digits: one pass for each, the least first. */
function orderOfDigits(digits: Digits, length: number): Uint32Array {
  let order = new Uint32Array(length).map((_, index) => index)
  let next = new Uint32Array(length)
  for (const digit of digits) {
    const begins = new Uint32Array(DIGIT_SIZE + 1)
    for (const value of digit) begins[value + 1] = (begins[value + 1] as number) + 1
    for (let value = 1; value <= DIGIT_SIZE; value++) begins[value] = (begins[value] as number) + (begins[value - 1] as number)
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
