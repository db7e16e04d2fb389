// The search for two bytes at a distance: every variant against looking at each place, one by one.

import { expect, test } from 'vitest'
import { createVectorSearch } from '../../store/log/vector-search.ts'
import { seededDraw, seededRandom } from './harness.ts'

const BYTES = 1000
const CASES = 500
const { memory, find } = createVectorSearch(BYTES)

test.each(Object.keys(find) as (keyof typeof find)[])('%s finds the first place, and none behind its stop', (name) => {
  const random = seededRandom(`search ${name}`)
  const draw = seededDraw(`bytes ${name}`)
  const upTo = (limit: number): number => Math.floor(random() * limit)
  for (let made = 0; made < CASES; made++) {
    // From texts full of hits to texts almost without.
    const letters = 2 + upTo(60)
    draw(BYTES).forEach((byte, at) => {
      memory[at] = 64 + (byte % letters)
    })
    const mask = name.startsWith('masked') ? 0x20 : 0
    const [first, second] = [(64 + upTo(letters)) | mask, (64 + upTo(letters)) | mask]
    const [at, distance] = [100 + upTo(100), upTo(200) - 100]
    const stop = at + upTo(700)
    let expected = at
    while (expected < stop && !(((memory[expected] ?? 0) | mask) === first && ((memory[expected + distance] ?? 0) | mask) === second))
      expected++
    expect(Math.min(stop, find[name](at, stop, distance, first, second, mask, mask))).toBe(expected)
  }
})
