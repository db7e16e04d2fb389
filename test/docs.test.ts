// What is generated is not stale.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keysPage } from '../docs/keys-page.ts'
import { fullHelp } from '../src/cli/help.ts'

test('docs/keys.md is what the table of bindings says; if not: npm run docs', () => {
  expect(readFileSync(join(import.meta.dirname, '../docs/keys.md'), 'utf8')).toBe(keysPage())
})

test('every variable of the environment that the program reads is in its help', () => {
  const root = join(import.meta.dirname, '..')
  const sources = ['src', 'store', 'components'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('help.ts'))
      .map((name) => readFileSync(join(root, folder, name), 'utf8')),
  )
  const named = new Set(sources.flatMap((text) => text.match(/KEYWRIGHT_[A-Z_]+/g) ?? []))
  expect(named.size).toBeGreaterThan(5)
  expect([...named].filter((name) => !fullHelp('0').includes(name))).toEqual([])
})
