// How long a key takes to the screen: from the write of the key until the emulator's buffer shows the change. It judges nothing.

import type { Terminal } from './terminal.ts'

/** Milliseconds; the program should be at rest before, and `changed` must be false of the frame at the start. */
export async function measureKey(terminal: Terminal, key: string, changed: (frame: readonly string[]) => boolean): Promise<number> {
  await terminal.settled()
  if (changed(terminal.frame())) throw new Error(`the frame shows what ${key} should change already: nothing would be measured`)
  const start = performance.now()
  terminal.sendKey(key)
  await terminal.until(changed)
  return performance.now() - start
}
