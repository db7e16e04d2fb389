// Where a text stops being JSON: line and column for the message about a broken file. Only asked when parsing failed.

export interface Place {
  readonly line: number
  readonly column: number
}

export function placeAt(text: string, offset: number): Place {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  let line = 1
  for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line++
  return { line, column: offset - lineStart + 1 }
}

const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
// A bounded run at a time: a pattern over a whole long string would exhaust the stack of the regular expression engine.
const PLAIN = /[^"\\\p{Cc}]{1,4096}|[\u007f-\u009f]/uy
const SPACE = /[ \t\r\n]*/y

type Expected = 'value' | 'value or ]' | 'name' | 'name or }' | 'colon' | 'comma or end'

/** The offset of the first character that no JSON text could have there; null when the text is JSON. No recursion. */
export function firstJsonError(text: string): number | null {
  const open: string[] = []
  let expected: Expected = 'value'
  let at = 0
  const takes = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    const isTaken = pattern.test(text)
    if (isTaken) at = pattern.lastIndex
    return isTaken
  }
  /** Takes a string up to its end; where it is broken, stands at the first wrong character. */
  const takesString = (): boolean => {
    if (text[at] !== '"') return false
    at++
    while (takes(PLAIN) || takes(ESCAPE));
    if (text[at] !== '"') return false
    at++
    return true
  }
  for (;;) {
    takes(SPACE)
    const character = text[at]
    if (character === undefined) return open.length === 0 && expected === 'comma or end' ? null : at
    if (expected === 'comma or end') {
      const closer = open.at(-1)
      if (closer === undefined) return at
      if (character === ',') expected = closer === '}' ? 'name' : 'value'
      else if (character === closer) open.pop()
      else return at
      at++
    } else if (expected === 'colon') {
      if (character !== ':') return at
      at++
      expected = 'value'
    } else if ((expected === 'name or }' && character === '}') || (expected === 'value or ]' && character === ']')) {
      open.pop()
      at++
      expected = 'comma or end'
    } else if (expected === 'name' || expected === 'name or }') {
      if (!takesString()) return at
      expected = 'colon'
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? '}' : ']')
      at++
      expected = character === '{' ? 'name or }' : 'value or ]'
    } else if (character === '"' ? takesString() : takes(LITERAL)) expected = 'comma or end'
    else return at
  }
}
