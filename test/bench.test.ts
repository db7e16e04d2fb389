// The short form of the benchmarks: every row runs and its answers are right. Never a duration.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const MAIN = join(import.meta.dirname, '../bench/main.ts')
// The rows that need no peer: those are installed for `npm run bench` only.
const ROWS = [
  'verification',
  'refusals',
  'pauses',
  'change',
  'bulk-revoke',
  'group-commit',
  'open',
  'command-line',
  'audit',
  'audit-pages',
  'processes',
  'windows',
  'first-frame',
  'key-press',
  'audit-screen',
  'postgres',
  'postgres-changes',
  'postgres-lists',
  'postgres-year',
]

test('every row of the benchmarks runs in its short form, and its answers are right', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [MAIN, '--short'], { encoding: 'utf8', timeout: 480_000 })
  expect(`${status} ${stderr}`).toBe('0 ')
  for (const row of ROWS) expect(stdout).toMatch(new RegExp(`^${row}: .*\\n  the answers are right$`, 'm'))
}, 480_000)
