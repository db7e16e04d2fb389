// Frames of every screen at four sizes, from one store at one moment, for a person to review: UPDATE_FRAMES=1 writes them anew.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { MAIN } from './cli/session.ts'
import { playStory } from './robot/story.ts'
import { KEYWRIGHT } from './robot/story-steps.ts'
import { buildStill } from './still/store.ts'
import { newPlace } from './store/harness.ts'

const folder = join(import.meta.dirname, 'still')

describe('frames', () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
    test(`of ${name} are what a person has seen and found good`, async () => {
      const { keys } = newPlace()
      await buildStill(keys)
      const env = { ...KEYWRIGHT.env, TZ: 'UTC', NODE_OPTIONS: `--import=${join(folder, 'clock.ts')}` }
      await playStory(join(folder, name), { program: { ...KEYWRIGHT, args: [MAIN, '--store', keys], env } })
    })
  }
})
