import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    // A bound for what hangs, not a measure: a busy machine may be ten times slower than a quiet one.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Two cores, and a third who works while others wait: tests that start processes of their own must not starve each other.
    maxWorkers: 3,
  },
})
