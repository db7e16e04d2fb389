// The stories of the terminal app, played on a store in PostgreSQL: the screens are the same. Those about files are left to files.

import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { playStory } from '../robot/story.ts'
import { KEYWRIGHT } from '../robot/story-steps.ts'
import type { MigratedServer } from './harness.ts'
import { startMigrated } from './harness.ts'

const STORIES = ['issue-in-eight', 'revoke', 'meanwhile']

let server: MigratedServer
beforeAll(async () => {
  server = await startMigrated()
})
afterAll(() => server.remove())

test.each(STORIES)('%s goes as it is written', async (name) => {
  const { url } = await server.fresh()
  const program = { ...KEYWRIGHT, env: { ...KEYWRIGHT.env, KEYWRIGHT_STORE: url } }
  await playStory(join(import.meta.dirname, `../stories/${name}.txt`), { program })
})
