// Box lines, blocks and braille as shapes, so that they meet whatever font a reader has. Characters that it does not know stay text.

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Shapes as path data: areas to fill and lines to stroke. */
export interface Shape {
  readonly fill: string
  readonly stroke: string
}

const FIRST_BRAILLE = 0x2800
const LAST_BRAILLE = 0x28ff
const DOT_RADIUS = 1.1

const short = (value: number): string => String(Math.round(value * 100) / 100)
const rectangle = (x: number, y: number, width: number, height: number): string =>
  `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`

/** Arms of a light line from the middle: up, right, down, left. Double and heavy lines are drawn as light ones. */
const ARMS: Readonly<Record<string, string>> = {
  '─━═╌┄┈': 'rl',
  '│┃║╎┆┊': 'ud',
  '┌┏╔': 'rd',
  '┐┓╗': 'dl',
  '└┗╚': 'ur',
  '┘┛╝': 'ul',
  '├┣╠': 'urd',
  '┤┫╣': 'udl',
  '┬┳╦': 'rdl',
  '┴┻╩': 'url',
  '┼╋╬': 'urdl',
  '╴╸': 'l',
  '╵╹': 'u',
  '╶╺': 'r',
  '╷╻': 'd',
}

/** Round corners: the ends that a quarter turn joins. */
const CORNERS: Readonly<Record<string, string>> = { '╭': 'dr', '╮': 'dl', '╯': 'ul', '╰': 'ur' }

/** The eighths of a block: from which edge, and how many. */
const EIGHTHS: Readonly<Record<string, readonly ['bottom' | 'top' | 'left' | 'right', number]>> = {
  '▔': ['top', 1],
  '▀': ['top', 4],
  '▐': ['right', 4],
  '▕': ['right', 1],
  ...Object.fromEntries([...'▁▂▃▄▅▆▇█'].map((block, index) => [block, ['bottom', index + 1] as const])),
  ...Object.fromEntries([...'▏▎▍▌▋▊▉'].map((block, index) => [block, ['left', index + 1] as const])),
}

/** Quarters of a block: upper left, upper right, lower left, lower right. */
const QUARTERS: Readonly<Record<string, string>> = {
  '▖': '2',
  '▗': '3',
  '▘': '0',
  '▙': '023',
  '▚': '03',
  '▛': '012',
  '▜': '013',
  '▝': '1',
  '▞': '12',
  '▟': '123',
}

const ARMS_OF = new Map(
  Object.entries(ARMS).flatMap(([characters, arms]) => [...characters].map((character) => [character, arms] as const)),
)

/** From the middle of a cell to the end of an arm. */
const wayOf = (arm: string, { width, height }: Box): string =>
  ({ u: `v${short(-height / 2)}`, r: `h${short(width / 2)}`, d: `v${short(height / 2)}`, l: `h${short(-width / 2)}` })[arm] ?? ''

/** Two arms that lie in one line are one stroke. */
function lines(arms: string, cell: Box): string {
  const { x, y, width, height } = cell
  const across = arms.includes('r') && arms.includes('l') ? `M${short(x)} ${short(y + height / 2)}h${short(width)}` : ''
  const down = arms.includes('u') && arms.includes('d') ? `M${short(x + width / 2)} ${short(y)}v${short(height)}` : ''
  const single = [...arms].filter((arm) => ('rl'.includes(arm) ? across === '' : down === ''))
  return across + down + single.map((arm) => `M${middleOf(cell)}${wayOf(arm, cell)}`).join('')
}

const middleOf = ({ x, y, width, height }: Box): string => `${short(x + width / 2)} ${short(y + height / 2)}`

/** A quarter turn that begins at the upper or lower edge and ends at a side. */
function corner([start = '', end = '']: string, cell: Box): string {
  const edge = start === 'u' ? cell.y : cell.y + cell.height
  const side = end === 'l' ? cell.x : cell.x + cell.width
  return `M${short(cell.x + cell.width / 2)} ${short(edge)}Q${middleOf(cell)} ${short(side)} ${short(cell.y + cell.height / 2)}`
}

function braille(code: number, { x, y, width, height }: Box): string {
  // Bits count down the left column, then the right one; the lowest row came later, as bits 6 and 7.
  const places = [0, 2, 4, 1, 3, 5, 6, 7]
  return places
    .flatMap((place, bit) => ((code >> bit) & 1 ? [place] : []))
    .map((place) => {
      const left = x + width * (place % 2 === 0 ? 0.25 : 0.75) - DOT_RADIUS
      const top = y + (height * (Math.floor(place / 2) + 0.5)) / 4
      const arc = `a${DOT_RADIUS} ${DOT_RADIUS} 0 1 `
      return `M${short(left)} ${short(top)}${arc}0 ${2 * DOT_RADIUS} 0${arc}0 ${-2 * DOT_RADIUS} 0z`
    })
    .join('')
}

function eighths([edge, count]: readonly [string, number], { x, y, width, height }: Box): string {
  const part = count / 8
  if (edge === 'left') return rectangle(x, y, width * part, height)
  if (edge === 'right') return rectangle(x + width * (1 - part), y, width * part, height)
  if (edge === 'top') return rectangle(x, y, width, height * part)
  return rectangle(x, y + height * (1 - part), width, height * part)
}

const quarters = (places: string, { x, y, width, height }: Box): string =>
  [...places]
    .map(Number)
    .map((place) => rectangle(x + (place % 2 === 0 ? 0 : width / 2), y + (place < 2 ? 0 : height / 2), width / 2, height / 2))
    .join('')

/** The shape of a character in its cell; null for one that is text. */
export function shapeOf(character: string, cell: Box): Shape | null {
  const code = character.codePointAt(0) ?? 0
  if (code >= FIRST_BRAILLE && code <= LAST_BRAILLE) return { fill: braille(code - FIRST_BRAILLE, cell), stroke: '' }
  const arms = ARMS_OF.get(character)
  if (arms !== undefined) return { fill: '', stroke: lines(arms, cell) }
  const ends = CORNERS[character]
  if (ends !== undefined) return { fill: '', stroke: corner(ends, cell) }
  const eighth = EIGHTHS[character]
  if (eighth !== undefined) return { fill: eighths(eighth, cell), stroke: '' }
  const quarter = QUARTERS[character]
  return quarter === undefined ? null : { fill: quarters(quarter, cell), stroke: '' }
}
