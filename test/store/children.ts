// Processes of their own for the tests of stores, races and crashes, killed when their test has finished.

import { onTestFinished } from 'vitest'
import type { Child, ChildOptions } from './processes.ts'
import { startProcess } from './processes.ts'

export type { Child } from './processes.ts'

/** Starts a script in a Node of its own. */
export function startChild(script: URL, options?: ChildOptions): Child {
  const child = startProcess(script, options)
  onTestFinished(() => child.kill())
  return child
}
