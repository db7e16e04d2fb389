// What stays the same while the terminal app is open: out of the command line, the store's settings and the system's time zone.

import { dirname, resolve } from 'node:path'
import { createKeymap, keysProblem } from '../components/keymap.ts'
import type { Setting, Template } from '../components/model/state.ts'
import { createTheme } from '../components/theme.ts'
import { readStoreSettings, storeFlagOf, storeNameOf } from '../store/open.ts'
import type { AppOptions } from './cli/terminal.ts'
import { joinWords } from './commands/as-command.ts'
import { formatRateLimit } from './domain/kinds.ts'
import { KeywrightError } from './domain/refusal.ts'
import { formatDuration } from './domain/time.ts'
import { DEFAULT_STORE } from './runtime.ts'

export function settingOf(options: AppOptions): Setting {
  const store = options.store ?? DEFAULT_STORE
  const { keys = {}, templates = {} } = readStoreSettings(store, options.isInsecureAllowed)
  const problem = keysProblem(keys)
  if (problem !== null) throw new KeywrightError('INVALID_INPUT', `keywright.config.json: keys: ${problem}`)
  const keymap = createKeymap(keys)
  return {
    theme: createTheme(options),
    keymap,
    storeName: storeNameOf(store),
    storeFlag: options.store === null ? null : storeFlagOf(options.store),
    storeFolder: dirname(resolve(store)),
    isReadOnly: options.isReadOnly,
    isDemo: options.isDemo,
    zoneOffset: (ms) => -new Date(ms).getTimezoneOffset(),
    templates: Object.entries(templates).map(([name, { expiresSeconds, rateLimits = [], tags = [] }]): Template => {
      const texts = { rateLimits: joinWords(rateLimits.map(formatRateLimit)), tags: joinWords(tags) }
      return { name, texts: expiresSeconds === undefined ? texts : { ...texts, expiresAt: formatDuration(expiresSeconds) } }
    }),
  }
}
