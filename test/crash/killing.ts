// Kills one change at one of its file-system calls, by the hand laid on Node's own (faults.ts). Answers what was wrong afterwards.

import type { Aftermath } from '../../storm/aftermath.ts'
import { aftermathOf } from '../../storm/aftermath.ts'
import { startProcess } from '../store/processes.ts'
import type { Scenario } from './scenarios.ts'
import { copyFolder } from './scenarios.ts'

export interface Kill {
  /** From 1 on; 0 kills at none. */
  readonly at: number
  /** Whether half of a write is written first. */
  readonly half: '' | 'half'
}

export interface Killed extends Aftermath {
  /** The calls that it made, when it lived to tell. */
  readonly calls: readonly string[] | null
}

/** Changes a copy of the template, in a process of its own. */
export async function killOnce(
  scenario: Scenario,
  template: string,
  folder: string,
  env: Readonly<Record<string, string>>,
  { at, half }: Kill,
): Promise<Killed> {
  copyFolder(template, folder)
  const child = startProcess(new URL('./change-once.ts', import.meta.url), { args: [folder, scenario.name, `${at}`, half], env })
  const how = await child.ended
  const isAcknowledged = child.lines[0] === 'acknowledged'
  if (how !== 'SIGKILL') await child.done()
  const aftermath = await aftermathOf(scenario, folder, isAcknowledged)
  return { ...aftermath, calls: isAcknowledged ? (child.lines[1] ?? '').split(' ') : null }
}

/** A kill at each of the calls, and one in the middle of each write. */
export function killsAt(calls: readonly string[]): Kill[] {
  return calls.flatMap((call, index): Kill[] => [
    { at: index + 1, half: '' },
    ...(call.startsWith('write') ? [{ at: index + 1, half: 'half' } as const] : []),
  ])
}
