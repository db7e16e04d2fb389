import { defineConfig } from 'vitest/config'
import type { TestSpecification } from 'vitest/node'
import { BaseSequencer } from 'vitest/node'

/** Those that take longest begin first, so that none of them is left over at the end while a core has nothing to do. */
const LONG = ['cli/sessions', 'storm', 'crash/kill', 'bench', 'stories', 'crash/', 'postgres/', 'store/lock', 'demo/', 'still']

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification): number => {
      const rank = LONG.findIndex((part) => moduleId.includes(`/test/${part}`))
      return rank < 0 ? LONG.length : rank
    }
    return (await super.sort(files)).sort((a, b) => rankOf(a) - rankOf(b))
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    // A bound for what hangs, not a measure: a busy machine may be ten times slower than a quiet one.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Two cores, and a third who works while others wait: tests that start processes of their own must not starve each other.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
})
