// The pictures: every character of the screen is in its place, as text or as a shape, and nothing of it is taken for markup.

import { expect, test } from 'vitest'
import { drawSvg } from '../../docs/draw-svg.ts'
import { shapeOf } from '../../docs/glyphs.ts'
import { paletteColour } from '../../docs/palette.ts'
import { createEmulator } from '../robot/emulator.ts'

const size = { columns: 20, rows: 3 }
const CELL = { x: 0, y: 0, width: 8, height: 16 }

/** The picture of what a program writes. */
async function drawn(output: string, title = ''): Promise<string> {
  const emulator = createEmulator(size.columns, size.rows)
  await new Promise<void>((resolve) => emulator.write(output, resolve))
  return drawSvg(emulator.styled(), { ...size, title })
}

const textsOf = (svg: string): string[] =>
  [...svg.matchAll(/<text x="([^"]*)" y="[^"]*"(?: textLength="([^"]*)")?.*?>(.*?)<\/text>/g)].map(
    ([, x, length, text]) => `${x} ${length} ${text}`,
  )

test('a word is one text at its column, as long as its cells; wide characters stand alone', async () => {
  const texts = textsOf(await drawn('ab cd   ef\r\n日本 x'))
  expect(texts).toEqual(['0 42 ab cd', '67.2 16.8 ef', '0 16.8 日', '16.8 16.8 本', '42 undefined x'])
})

test('colours and manners are those of the cells, and inverse changes the two about', async () => {
  const svg = await drawn('\u001b[1;31mred\u001b[0m \u001b[38;2;1;2;3mexact\u001b[0m \u001b[7mback\u001b[0m')
  expect(svg).toMatch(/<text [^>]*fill="#e06c75" class="b">red</)
  expect(svg).toMatch(/<text [^>]*fill="#010203">exact</)
  expect(svg).toMatch(/<rect x="84" y="0" width="33.6" height="18" fill="#d7dae0"\/>/)
  expect(svg).toMatch(/<text [^>]*fill="#16181d">back</)
})

test('what stands in a cell or a title is text, not markup', async () => {
  const svg = await drawn('<b>&amp;', '</title><script>')
  expect(svg).toContain('>&#60;b&#62;&#38;amp;</text>')
  expect(svg).not.toContain('<script>')
})

test('lines, blocks and braille are shapes that reach the edges of their cells, a long line is one stroke', async () => {
  expect(shapeOf('┼', CELL)).toEqual({ fill: '', stroke: 'M0 8h8M4 0v16' })
  expect(shapeOf('└', CELL)?.stroke).toBe('M4 8v-8M4 8h4')
  expect(shapeOf('╭', CELL)?.stroke).toBe('M4 16Q4 8 8 8')
  expect(shapeOf('█', CELL)?.fill).toBe('M0 0h8v16h-8z')
  expect(shapeOf('▄', CELL)?.fill).toBe('M0 8h8v8h-8z')
  expect(shapeOf('▌', CELL)?.fill).toBe('M0 0h4v16h-4z')
  expect(shapeOf('▝', CELL)?.fill).toBe('M4 0h4v8h-4z')
  expect(shapeOf('⠀', CELL)?.fill).toBe('')
  expect(shapeOf('⣿', CELL)?.fill.match(/M/g)).toHaveLength(8)
  expect(shapeOf('⡀', CELL)?.fill).toMatch(/^M0\.9 14a/)
  expect(shapeOf('a', CELL)).toBe(null)
  const svg = await drawn('────── one')
  expect(svg).toContain('d="M0 9h50.4"')
  expect(textsOf(svg)).toEqual(['58.8 25.2 one'])
})

test('the palette is the one of terminals: sixteen of its own, a cube, greys', () => {
  expect([paletteColour(16), paletteColour(196), paletteColour(231), paletteColour(232), paletteColour(255)]).toEqual([
    '#000000',
    '#ff0000',
    '#ffffff',
    '#080808',
    '#eeeeee',
  ])
})
