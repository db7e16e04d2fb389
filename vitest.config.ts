import { join } from 'node:path'
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

const ALL = 'test/**/*.test.{ts,tsx}'
/** Of functions that keep nothing between two calls: they load the modules once a worker, and not each file anew. */
const PURE = 'test/{domain,commands,components}/**/*.test.{ts,tsx}'

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'pure', include: [PURE], isolate: false } },
      { extends: true, test: { name: 'whole', include: [ALL], exclude: [PURE] } },
    ],
    // A bound for what hangs, not a measure: a busy machine may be ten times slower than a quiet one.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Two cores, and a third who works while others wait: tests that start processes of their own must not starve each other.
    maxWorkers: 3,
    // What one process that a test starts has compiled the others need not: half of what starting one takes.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/keywright-tests') },
    sequence: { sequencer: LongestFirst },
  },
})
