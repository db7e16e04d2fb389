// What is generated is not stale.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keysPage } from '../docs/keys-page.ts'

test('docs/keys.md is what the table of bindings says; if not: npm run docs', () => {
  expect(readFileSync(join(import.meta.dirname, '../docs/keys.md'), 'utf8')).toBe(keysPage())
})
