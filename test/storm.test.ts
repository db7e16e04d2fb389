// The short form of the storm: every row with a fixed seed, its trials without a failure. Never a duration.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RowResult } from '../storm/report.ts'
import { ROWS } from '../storm/rows/index.ts'

const MAIN = join(import.meta.dirname, '../storm/main.ts')
const MOST_MS = 600_000

test(
  'every row of the storm in its short form: something was tried, nothing failed',
  () => {
    const { stdout } = spawnSync(process.execPath, [MAIN, '--short', '--json', '--seed', 'npm test', '--seconds', '120'], {
      encoding: 'utf8',
      timeout: MOST_MS,
    })
    const { rows } = JSON.parse(stdout) as { rows: readonly RowResult[] }
    expect(rows.map(({ name }) => name)).toEqual(ROWS.map(({ name }) => name))
    for (const { name, findings, broken } of rows) {
      expect(broken, name).toBeNull()
      expect(findings.length).toBeGreaterThan(0)
      for (const { what, tried, failures, leftOut } of findings) {
        expect(failures, `${name}: ${what}`).toEqual([])
        // What a machine lacks is said, and nothing else may be left out.
        if (tried === 0) expect(leftOut, `${name}: ${what}`).not.toBeNull()
        else expect(leftOut, `${name}: ${what}`).toBeNull()
      }
    }
  },
  MOST_MS,
)
