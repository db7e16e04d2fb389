import { expect, test } from 'vitest'
import { createCanvas } from '../../../components/charts/canvas.ts'
import { always, fc } from '../../domain/seed.ts'

test('each of the eight dots of a cell is its own bit, counted from the floor', () => {
  const drawn = [0, 1].flatMap((x) =>
    [0, 1, 2, 3].map((y) => {
      const canvas = createCanvas(1, 1)
      canvas.set(x, y, 0)
      return canvas.rows().join('')
    }),
  )
  expect(drawn.join('')).toBe('⡀⠄⠂⠁⢀⠠⠐⠈')
})

test('lines and bars are drawn from end to end', () => {
  const canvas = createCanvas(4, 2)
  canvas.line(0, 0, 7, 7, 0)
  expect(canvas.rows()).toEqual(['  ⡠⠊', '⡠⠊  '])
  canvas.bar(7, 0, 3, 1)
  canvas.bar(6, 2, 2, 1)
  expect(canvas.rows()).toEqual(['  ⡠⠊', '⡠⠊ ⢺'])
})

test('a cell has the ink that touched it last; one that nothing touched has none', () => {
  const canvas = createCanvas(3, 1)
  canvas.set(0, 0, 0)
  canvas.set(1, 0, 1)
  canvas.set(2, 0, 1)
  canvas.clear(2, 0)
  expect(canvas.cells()).toEqual([
    [
      { glyph: '⣀', ink: 1 },
      { glyph: ' ', ink: 1 },
      { glyph: ' ', ink: null },
    ],
  ])
})

test('what lies outside changes nothing', () => {
  const canvas = createCanvas(2, 2)
  for (const [x, y] of [
    [-1, 0],
    [0, -1],
    [4, 0],
    [0, 8],
    [-5, 20],
  ] as const) {
    canvas.set(x, y, 0)
    canvas.clear(x, y)
  }
  expect(canvas.rows()).toEqual(['  ', '  '])
})

test('a line touches its ends and is nowhere interrupted', () => {
  const point = fc.tuple(fc.nat(39), fc.nat(39))
  always(fc.tuple(point, point), ([[fromX, fromY], [toX, toY]]) => {
    const canvas = createCanvas(20, 10)
    canvas.line(fromX, fromY, toX, toY, 0)
    const dots = [...canvas.rows().join('')].map((glyph) => (glyph === ' ' ? 0 : (glyph.codePointAt(0) ?? 0) - 0x2800))
    const count = dots.reduce((sum, bits) => sum + bits.toString(2).replaceAll('0', '').length, 0)
    expect(count).toBe(Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY)) + 1)
    const before = canvas.rows()
    canvas.set(fromX, fromY, 0)
    canvas.set(toX, toY, 0)
    expect(canvas.rows()).toEqual(before)
  })
})
