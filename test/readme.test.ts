// The README's examples do what they say: the tour in a terminal of 100 columns, the library's lines as they stand.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createNames, inFolder, typed } from './cli/session.ts'

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text]) => text as string)

interface Step {
  readonly command: string
  readonly printed: string
}

const tour: Step[] = blocks('console')
  .join('')
  .split(/^\$ /m)
  .slice(1)
  .map((block) => {
    const [command = '', ...lines] = block.split('\n')
    return { command, printed: lines.join('\n').trimEnd() }
  })

/** What differs from run to run, named. A shortId is known by the place where it stands. */
function hidden(texts: readonly string[], folder: string): string[] {
  const names = createNames()
  return texts.map((text) => names.hide(text, folder).replace(/(secret |before it, |│ )[0-9A-Za-z]{12}(?=[ ,\n]|$)/g, '$1<SHORTID>'))
}

describe('the README', () => {
  test('its tour prints what it shows', () => {
    inFolder((folder) => {
      const printed = typed(
        tour.map(({ command }) => command),
        folder,
      )
      const shown = tour.map(({ printed: text }) => text)
      const named = (texts: readonly string[]): string[] => hidden(texts, folder).map((text, index) => `${tour[index]?.command}\n${text}`)
      expect(named(printed)).toEqual(named(shown))
    })
  })

  test('its library example runs as it stands', () => {
    inFolder((folder) => {
      mkdirSync(join(folder, 'node_modules'))
      symlinkSync(root, join(folder, 'node_modules/keywright'))
      const [example = ''] = blocks('ts')
      writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
      writeFileSync(join(folder, 'server.ts'), example)
      execFileSync(process.execPath, ['server.ts'], { cwd: folder })
    })
  })
})
