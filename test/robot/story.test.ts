// The story language: each step does what it says, and a story that should fail does, with the line, the reason and the frame.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { inFolderAsync } from '../cli/session.ts'
import { brokenPromise, playStory, readStory } from './story.ts'
import type { Program } from './story-steps.ts'

const here = import.meta.dirname
const LIST: Program = {
  command: process.execPath,
  args: [join(here, 'programs/list.ts')],
  env: { NODE_ENV: 'production' },
  framesFolder: join(here, 'frames'),
}
/** A program that a story opens by a script: `open 60x12 SCRIPT=…` with + for its spaces. */
const SCRIPTED: Program = { ...LIST, command: 'sh', args: ['-c', 'eval "$(echo "$SCRIPT" | tr + " ")"'] }

/** What a story fails with; an empty text when it does not. */
async function failureOf(lines: readonly string[], program = SCRIPTED): Promise<string> {
  let message = ''
  await inFolderAsync(async (folder) => {
    const path = join(folder, 'story.txt')
    writeFileSync(path, lines.join('\n'))
    await playStory(path, { program }).catch((error: unknown) => {
      message = String(error)
    })
  })
  return message
}

test('a story that keeps to the program is played through, its frame and its pictures with it', async () => {
  const pictures: string[] = []
  await playStory(join(here, 'stories/list.txt'), {
    program: LIST,
    onPicture: (name, terminal) => pictures.push(`${name} ${terminal.columns()} ${terminal.frame()[0]}`),
  })
  expect(pictures).toEqual(['list 80 list of 5 at 80x24'])
})

describe('a story fails', () => {
  beforeEach(() => void vi.stubEnv('UPDATE_FRAMES', ''))
  afterEach(() => void vi.unstubAllEnvs())

  const TOKEN = `kw_live_${'a'.repeat(12)}_${'b'.repeat(49)}`
  const SHOWS = 'open 60x12 SCRIPT=printf+here;read+wait'
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      'where a command fails, with what it printed',
      ['# first', '$ echo oh >&2; exit 3'],
      /story\.txt:2: \$ echo.*\nthe command ended with 3\noh/,
    ],
    ['where a step needs a terminal and none is open', ['press x'], /story\.txt:1: press x\nnothing is open/],
    [
      'where a text is missing, with the frame',
      ['open 60x12 SCRIPT=printf+here', 'see there'],
      /story\.txt:2: see there\nwaiting for a frame: the program has ended[\s\S]*│here\n/,
    ],
    ['where another code ends the program', ['open 60x12 SCRIPT=echo+hi;exit+4', 'exit 0'], /ended with 4, not with 0\n┌[\s\S]*│hi/],
    ['where a signal ends the program', [SHOWS, 'kill SIGKILL', 'exit 0'], /ended with SIGKILL, not with 0/],
    ['where two rows have the cursor', ['open 60x12 SCRIPT=echo+">a";echo+">b";read+wait'], /story\.txt:1[\s\S]*rows 1, 2 begin with ">"/],
    ['where colours are', ['open 60x12 SCRIPT=printf+"\\033[31mred";read+wait', 'no colour'], /row 1 has colour/],
    ['where glyphs are', ['open 60x12 SCRIPT=printf+"⣿";read+wait', 'no glyphs'], /row 1 has glyphs/],
    ['where a frame is not kept', [SHOWS, 'frame nowhere'], /there is no frame .*nowhere\.txt; UPDATE_FRAMES=1/],
    ['where a secret file can be read by others', ['$ echo x > f; chmod 644 f', 'secret f'], /f has mode 644, not 600/],
    ['where a secret file holds none', ['$ umask 077; echo x > f', 'secret f'], /f holds no token/],
    ['when a token stays in the scrollback', [`$ echo ${TOKEN}`, 'open 60x12 SCRIPT=echo+<TOKEN1>'], /<TOKEN1> stayed in the scrollback/],
    ['when a token stays in a file', [`$ echo ${TOKEN} | tee f`], /<TOKEN1> stayed in a file/],
  ]
  for (const [when, lines, message] of cases) {
    test(when, async () => expect(await failureOf(lines)).toMatch(message))
  }

  test('before anything is started, where a step is misspelt', () =>
    inFolderAsync(async (folder) => {
      const path = join(folder, 'story.txt')
      writeFileSync(path, '$ true\n\nlook here\n')
      expect(() => readStory(path)).toThrow(/story\.txt:3: there is no step "look"; the steps are \$ open /)
    }))
})

test('a secret file that the user asked for is no leak, and a terminal that went away is an end like another', async () => {
  const token = `kw_live_${'a'.repeat(12)}_${'b'.repeat(49)}`
  expect(
    await failureOf([`$ umask 077; echo ${token} > f`, 'secret f', 'open 60x12 SCRIPT=printf+here;read+wait', 'hangup', 'exit SIGHUP']),
  ).toBe('')
})

test('a screen keeps its promises with one cursor and no overflow, not with two cursors or a wide row', () => {
  expect(brokenPromise(['> a', '  b'], [])).toBe(null)
  expect(brokenPromise(['> a', '>b'], [])).toMatch('rows 1, 2')
  expect(brokenPromise(['> a', '  b'], [2])).toMatch('rows 2 are wider')
})
