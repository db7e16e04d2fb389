// Runs a child that makes each call of a change or a flush fail once, on copies of a template, and hears what it found.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startProcess } from '../store/processes.ts'

export interface Outcome {
  readonly tried: number
  readonly problems: readonly string[]
}

export const FAIL_EACH = new URL('./fail-each.ts', import.meta.url)
export const FAIL_FLUSH = new URL('./fail-flush.ts', import.meta.url)

export async function outcomeOf(
  script: URL,
  folder: string,
  prepare: (template: string) => Promise<void>,
  ...more: string[]
): Promise<Outcome> {
  const [template, copies] = [join(folder, 'template'), join(folder, 'copies')]
  for (const path of [template, copies]) mkdirSync(path, { mode: 0o700 })
  await prepare(template)
  const child = startProcess(script, { args: [copies, template, ...more] })
  try {
    const outcome = JSON.parse(await child.line()) as Outcome
    await child.done()
    return outcome
  } finally {
    child.kill()
  }
}
