// Usage out of many counts at once is the usage of the domain.

import { expect, test } from 'vitest'
import type { MinuteDelta } from '../../src/demo/tally.ts'
import { usageFrom } from '../../src/demo/tally.ts'
import { MINUTE_MS } from '../../src/domain/time.ts'
import { addDelta, EMPTY_KEY_USAGE } from '../../src/domain/usage.ts'
import { always, fc } from '../domain/seed.ts'
import { NOON } from '../store/harness.ts'

const LAST_MINUTE = NOON / MINUTE_MS
const MINUTES_BACK = 120 * 24 * 60

const calls = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 50 })), { maxLength: 3 })
const delta = fc.record({
  minutesAgo: fc.oneof(fc.integer({ min: 0, max: 150 }), fc.integer({ min: 0, max: MINUTES_BACK })),
  accepted: fc.integer({ min: 1, max: 99 }),
  limited: fc.integer({ min: 0, max: 9 }),
  secrets: calls,
  scopes: calls,
})

test('usage from counts in the order of time is what adding them one after the other makes', () => {
  always(
    fc.array(delta, { maxLength: 60 }),
    (given) => {
      const deltas = given
        .toSorted((a, b) => b.minutesAgo - a.minutesAgo)
        .map(({ minutesAgo, accepted, limited, secrets, scopes }): MinuteDelta => {
          const minute = LAST_MINUTE - minutesAgo
          const lastAt = minute * MINUTE_MS + 5
          const named = (all: typeof secrets) => new Map(all.map(([name, count]) => [name, { count, lastAt }]))
          const counts = limited === 0 ? [accepted] : [accepted, limited]
          return { minute, counts, secrets: named(secrets), scopes: named(scopes), lastAt }
        })
      const oneByOne = deltas.reduce((usage, one) => addDelta(usage, one, one.minute, NOON), EMPTY_KEY_USAGE)
      expect(usageFrom(deltas, NOON)).toEqual(oneByOne)
    },
    100,
  )
})
