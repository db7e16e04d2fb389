// How things look: roles instead of colours, glyphs with an ASCII twin. Colour never carries meaning alone.

/** What a piece of text is for; what it looks like is decided here alone. */
export type Role = 'plain' | 'dim' | 'strong' | 'accent' | 'good' | 'warn' | 'bad' | 'limited' | 'bar' | 'off'

const SGR: Readonly<Record<Role, string>> = {
  plain: '',
  dim: '2',
  strong: '1',
  accent: '36',
  good: '32',
  warn: '33',
  bad: '31;1',
  limited: '35',
  bar: '7',
  off: '2;9',
}

const UNICODE = {
  ellipsis: '…',
  dot: '·',
  path: '›',
  rule: '─',
  mask: '•',
  up: '▲',
  down: '▼',
  full: '█',
  empty: '░',
  caret: '▏',
  dash: '–',
  arrow: '→',
  spin: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
  status: { active: '●', expiring: '◔', rotating: '↻', pending: '○', expired: '◌', disabled: '‖', revoked: '✕' },
}
const ASCII: typeof UNICODE = {
  ellipsis: '~',
  dot: '-',
  path: '/',
  rule: '-',
  mask: '*',
  up: '^',
  down: 'v',
  full: '#',
  empty: '.',
  caret: '_',
  dash: '-',
  arrow: '->',
  spin: ['|', '/', '-', '\\'],
  status: { active: '+', expiring: '!', rotating: '%', pending: '.', expired: ':', disabled: '=', revoked: 'x' },
}

export interface Theme {
  /** Draws stored text that is not ASCII as question marks. */
  readonly isAscii: boolean
  readonly isColoured: boolean
  readonly isAnimated: boolean
  /** Linear text: one line an item, no boxes, no charts. */
  readonly isSpoken: boolean
  readonly glyphs: typeof UNICODE
  readonly paint: (role: Role, text: string) => string
}

export interface ThemeOptions {
  readonly isAscii: boolean
  readonly isColoured: boolean
  readonly isAnimated: boolean
  readonly isSpoken: boolean
}

export function createTheme(options: ThemeOptions): Theme {
  return {
    ...options,
    glyphs: options.isAscii || options.isSpoken ? ASCII : UNICODE,
    paint: (role, text) => (options.isColoured && SGR[role] !== '' && text !== '' ? `\u001b[${SGR[role]}m${text}\u001b[0m` : text),
  }
}
