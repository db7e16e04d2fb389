// Chance for the demo: numbers out of one seed that is drawn once, so that the same draw makes the same store. Never a secret.

import type { Draw } from '../domain/token.ts'

export type Range = readonly [least: number, most: number]

export interface Chance {
  readonly isHit: (probability: number) => boolean
  readonly between: (range: Range) => number
  /** As `between`, but as often below the middle of the orders of magnitude as above it. */
  readonly scaled: (range: Range) => number
  readonly pick: <T>(items: readonly T[]) => T
  /** The items in another order. */
  readonly shuffled: <T>(items: readonly T[]) => T[]
  /** How often something happened of which so much is expected. */
  readonly count: (expected: number) => number
}

const SEED_BYTES = 4
/** Above that a bell curve is as good as counting. */
const MAX_COUNTED = 24

export function createChance(draw: Draw): Chance {
  let state = Buffer.from(draw(SEED_BYTES)).readUInt32LE()
  /** Mulberry32: small, and good enough to look at. */
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = ([least, most]: Range): number => least + next() * (most - least)
  const bell = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  return {
    isHit: (probability) => next() < probability,
    between,
    scaled: ([least, most]) => Math.exp(between([Math.log(least), Math.log(most)])),
    pick: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T,
    shuffled: (items) =>
      items
        .map((item) => [next(), item] as const)
        .sort(([a], [b]) => a - b)
        .map(([, item]) => item),
    count(expected) {
      if (expected > MAX_COUNTED) return Math.max(0, Math.round(expected + Math.sqrt(expected) * bell()))
      let happened = -1
      const end = Math.exp(-expected)
      for (let left = 1; left > end || happened < 0; left *= next()) happened++
      return happened
    },
  }
}
