import { render } from 'ink-testing-library'
import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import { drawTable, PrintedTable } from '../../components/printed-table.tsx'

const rows = [
  { id: 'abcdefghijkl', owner: '日本語ユーザー', name: 'family 👩‍👩‍👧 of three' },
  { id: 'mnopqrstuvwx', owner: 'ann', name: 'plain' },
]
const props = { rows, flexible: ['owner', 'name'], columns: 62, isColoured: false }

test('a table is drawn with the text of every cell in its place', () => {
  const { lastFrame } = render(<PrintedTable {...props} />)
  const frame = lastFrame() ?? ''
  expect(frame.split('\n').map((line) => line.trimEnd())).toEqual([
    '┌──────────────┬────────────────┬────────────────────────┐',
    '│ id           │ owner          │ name                   │',
    '├──────────────┼────────────────┼────────────────────────┤',
    '│ abcdefghijkl │ 日本語ユーザー │ family 👩👩👧 of three │',
    '├──────────────┼────────────────┼────────────────────────┤',
    '│ mnopqrstuvwx │ ann            │ plain                  │',
    '└──────────────┴────────────────┴────────────────────────┘',
  ])
})

test('every line of a table is as wide as its border, at any width, and ids stay whole', () => {
  for (const columns of [44, 50, 62, 100]) {
    const lines = drawTable({ ...props, columns })
      .trimEnd()
      .split('\n')
    expect(new Set(lines.map((line) => stringWidth(line))).size).toBe(1)
    expect(stringWidth(lines[0] as string)).toBeLessThanOrEqual(columns)
    expect(lines.join('\n')).toContain('abcdefghijkl')
  }
})

test('escapes in a stored name are drawn harmless', () => {
  const drawn = drawTable({ ...props, rows: [{ id: 'x', owner: '\u001b[31mred\u001b]8;;http://x\u0007', name: 'two\nlines \u202e bidi' }] })
  const controls = [...drawn].filter((character) => character !== '\n' && /\p{Cc}|\u202e/u.test(character))
  expect(controls).toEqual([])
  expect(drawn).toContain('�[31mred')
})
