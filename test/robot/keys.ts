// What a keyboard, a mouse and a clipboard send to a program, by the names that people use. It never sends anything itself.

const ESCAPE = '\u001b'

const NAMED: Readonly<Record<string, string>> = {
  enter: '\r',
  esc: ESCAPE,
  tab: '\t',
  'shift-tab': `${ESCAPE}[Z`,
  space: ' ',
  backspace: '\u007f',
  delete: `${ESCAPE}[3~`,
  up: `${ESCAPE}[A`,
  down: `${ESCAPE}[B`,
  right: `${ESCAPE}[C`,
  left: `${ESCAPE}[D`,
  home: `${ESCAPE}[H`,
  end: `${ESCAPE}[F`,
  pgup: `${ESCAPE}[5~`,
  pgdn: `${ESCAPE}[6~`,
}

/** What a terminal sends for a key; programs that asked for it get the cursor keys in their application form. */
export function bytesOfKey(key: string, { isApplicationMode }: { isApplicationMode: boolean }): string {
  const control = /^ctrl-([a-z[\\\]^_])$/.exec(key)?.[1]
  if (control !== undefined) return String.fromCharCode(control.toUpperCase().charCodeAt(0) & 0x1f)
  const named = NAMED[key]
  if (named !== undefined) return isApplicationMode ? named.replace(/\[([ABCDHF])$/, 'O$1') : named
  if ([...new Intl.Segmenter().segment(key)].length === 1) return key
  throw new Error(`there is no key "${key}": a key is one character, ctrl- with a letter, or one of ${Object.keys(NAMED).join(', ')}`)
}

export type MouseAction = 'click' | 'wheel-up' | 'wheel-down'

/** A mouse report in the SGR form; column and row count from 1. */
export function bytesOfMouse(action: MouseAction, column: number, row: number): string {
  const report = (button: number, end: 'M' | 'm'): string => `${ESCAPE}[<${button};${column};${row}${end}`
  if (action === 'click') return report(0, 'M') + report(0, 'm')
  return report(action === 'wheel-up' ? 64 : 65, 'M')
}

/** Pasted text, in brackets where the program asked for them. */
export function bytesOfPaste(text: string, { isBracketed }: { isBracketed: boolean }): string {
  const typed = text.replaceAll('\n', '\r')
  return isBracketed ? `${ESCAPE}[200~${typed}${ESCAPE}[201~` : typed
}
