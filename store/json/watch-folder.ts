// Watching a file by its folder, or by looking often where nothing can be watched. Keeps no process alive.

import type { FSWatcher } from 'node:fs'
import { watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** How often is looked where the system can't watch: too many watches, or a file system without them. */
const LOOK_MS = 250

/** Watches the folder, because a file that is replaced by rename is lost to its watcher. Keeps no process alive. */
export function watchFolder(path: string, onEvent: () => void): { close: () => void } {
  let timer: NodeJS.Timeout | null = null
  const poll = (): void => {
    timer ??= setInterval(onEvent, LOOK_MS).unref()
  }
  let watcher: FSWatcher | null = null
  try {
    watcher = watch(dirname(path), { persistent: false }, (_, name) => {
      if (name === null || name === basename(path)) onEvent()
    })
    watcher.on('error', poll)
  } catch {
    poll()
  }
  return {
    close() {
      watcher?.close()
      if (timer !== null) clearInterval(timer)
    },
  }
}
