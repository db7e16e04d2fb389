// THREATS.md names the test of each defence: each of them exists, and each place has what it does not defend.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROWS } from '../storm/rows/index.ts'

const root = join(import.meta.dirname, '..')
const threats = readFileSync(join(root, 'THREATS.md'), 'utf8')
const named = [...threats.matchAll(/`(test\/[^`]*?) › ([^`]+)`/g)].map(([, file, name]) => ({ file: file as string, name: name as string }))

/** The names of tests as they stand in a file, those of tables with their placeholders. */
function testsIn(file: string): string[] {
  const path = join(root, file)
  if (!existsSync(path)) return []
  const text = readFileSync(path, 'utf8')
  return [...text.matchAll(/\b(?:test|asRoot)(?:\.each\([\s\S]*?\))?\(\s*(['`"])(.+?)\1,/g)].map(([, , name]) => name as string)
}

test('every test that THREATS.md names exists', () => {
  expect(named.length).toBeGreaterThan(30)
  expect(named.filter(({ file, name }) => !testsIn(file).includes(name)).map(({ file, name }) => `${file} › ${name}`)).toEqual([])
})

test('every row of the storm that THREATS.md names exists', () => {
  const rows = [...threats.matchAll(/`storm › ([^`]+)`/g)].map(([, name]) => name)
  expect(rows.length).toBeGreaterThan(0)
  expect(rows.filter((row) => !ROWS.some(({ name }) => name === row))).toEqual([])
})

test('every section says what is not defended, but that of what is worth protecting', () => {
  const sections = threats.split(/^##+ /m).slice(1)
  const titles = sections.filter((section) => !section.includes('**Not defended')).map((section) => section.split('\n')[0])
  expect(titles).toEqual(['What is worth protecting', 'Who may try what'])
})

test('every test is named in one line, so that it can be searched for', () => {
  expect(threats.match(/`test\/[^`\n]* › /g)?.length).toBe(named.length)
})
