// Whether a process has worked since it was last looked at, as Linux tells it. It never signals one.

import { readFileSync } from 'node:fs'

export interface Activity {
  /** Grows whenever the main thread is woken or interrupted; with the id of the process that has the terminal's keys. */
  readonly trace: string
  /** It neither runs nor waits for a processor or a disk. */
  readonly isWaiting: boolean
}

/** For a process that can't be looked at, and on other systems: it waits. */
const UNKNOWN: Activity = { trace: '', isWaiting: true }

/** The leader of the group that the process's terminal gives the keys to. */
function foregroundOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Behind the name in parentheses, which may hold anything: state, parent, group, session, terminal, foreground group.
  const [, , , , , foreground = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(foreground)
}

export function activityOf(pid: number): Activity {
  try {
    const foreground = foregroundOf(pid)
    const status = readFileSync(`/proc/${foreground}/status`, 'utf8')
    const switches = [...status.matchAll(/ctxt_switches:\s*(\d+)/g)].map(([, count]) => count)
    return { trace: `${foreground} ${switches.join(' ')}`, isWaiting: /^State:\s*[STtZ]/m.test(status) }
  } catch {
    return UNKNOWN
  }
}
