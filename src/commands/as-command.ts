// A command with its input as the line that a shell would take, and such words back. What "copy as command" gives; never holds a token.

import type { Field, Fields } from '../domain/field.ts'
import { shellWord } from '../domain/text.ts'

function flagWords({ flag, kind, isSecret }: Field, value: unknown): string[] {
  if (isSecret) return [`--${flag}`, '-']
  if (value === null && kind.placeholder !== '' && kind.toTexts(value).length === 0) return []
  const texts = kind.toTexts(value)
  if (kind.placeholder === '') return value === true ? [`--${flag}`] : []
  // A value that looks like a flag is joined to its own.
  if (texts.some((text) => text.startsWith('-'))) return texts.map((text) => `--${flag}=${text}`)
  return texts.length === 0 ? [] : [`--${flag}`, ...texts]
}

/** `keywright revoke key_… --reason 'left the company'`: the line that does the same. `store`: named where it is not the default one. */
export function commandText(command: { readonly words: string; readonly fields: Fields }, input: object, store: string | null): string {
  const given = new Map(Object.entries(input).filter(([, value]) => value !== undefined))
  const positions: string[] = []
  const flags: string[] = []
  const cleared: string[] = []
  for (const [name, field] of Object.entries(command.fields)) {
    if (!given.has(name)) continue
    const value = given.get(name)
    if (field.position) positions.push(...field.kind.toTexts(value))
    else if (field.flag === null) continue
    else if (value === null && field.isClearable) cleared.push(field.flag)
    else flags.push(...flagWords(field, value))
  }
  const clear = cleared.length === 0 ? [] : ['--clear', ...cleared]
  const flagged = [...flags, ...clear, ...(store === null ? [] : ['--store', store])]
  // A value that looks like a flag stands behind the end of the flags.
  const words = positions.some((text) => text.startsWith('-')) ? [...flagged, '--', ...positions] : [...positions, ...flagged]
  return ['keywright', command.words, ...words.map(shellWord)].join(' ')
}

/** Words of a typed text: split at spaces, with quotes around what holds some; in double quotes a backslash keeps the next as it is. */
export function splitWords(text: string): string[] {
  return [...text.matchAll(/'([^']*)'?|"((?:[^"\\]|\\.)*)"?|([^\s'"]\S*)/g)].map(
    ([, single, double, plain]) => single ?? double?.replace(/\\(.)/g, '$1') ?? plain ?? '',
  )
}

function quotedWord(word: string): string {
  if (word !== '' && !/[\s'"]/.test(word)) return word
  return word.includes("'") ? `"${word.replace(/["\\]/g, '\\$&')}"` : `'${word}'`
}

/** The words as one text that `splitWords` takes apart again. */
export function joinWords(words: readonly string[]): string {
  return words.map(quotedWord).join(' ')
}

/** Typed words as texts by field: flags with their values, what stands without a flag to the fields that take it; or the word that fits nowhere. */
export function textsOfWords(fields: Fields, words: readonly string[]): Map<string, readonly string[]> | { readonly stray: string } {
  const texts = new Map<string, readonly string[]>()
  const entries = Object.entries(fields)
  const position = entries.find(([, field]) => field.position)?.[0]
  let name = position
  for (const word of words) {
    if (word.startsWith('--')) {
      const [flag = '', ...inline] = word.slice(2).split('=')
      name = entries.find(([, field]) => field.flag === flag)?.[0]
      if (name === undefined) return { stray: word }
      texts.set(name, [...(texts.get(name) ?? []), ...(inline.length > 0 ? [inline.join('=')] : [])])
    } else if (name === undefined) return { stray: word }
    else {
      texts.set(name, [...(texts.get(name) ?? []), word])
      // One value a flag, several where it takes a list.
      if (fields[name]?.kind.isList !== true) name = position
    }
  }
  return texts
}
