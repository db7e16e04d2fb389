// Every story in ./stories is played against the built program in a real terminal. UPDATE_FRAMES=1 writes the frames anew, for a person to review.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { playStory } from './robot/story.ts'

const folder = join(import.meta.dirname, 'stories')

describe('stories', () => {
  for (const name of readdirSync(folder).sort()) {
    test(`${name} goes as it is written, and no token is left behind`, () => playStory(join(folder, name)))
  }
})
