// fast-check with a fixed seed, so that a run can be repeated. Import it from here and nowhere else.

import fc from 'fast-check'

fc.configureGlobal({ seed: 20261123 })

/** Runs the check on many values; it fails by throwing. */
export function always<T>(values: fc.Arbitrary<T>, check: (value: T) => unknown, numRuns = 500): void {
  fc.assert(
    fc.property(values, (value) => {
      check(value)
    }),
    { numRuns },
  )
}

export { fc }
