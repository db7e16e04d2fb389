// Writes docs/keys.md out of the table of bindings: `npm run docs`. A test fails when the page is stale.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { keysPage } from './keys-page.ts'

writeFileSync(join(import.meta.dirname, 'keys.md'), keysPage())
