// Whether a process waits or works, as Linux tells it; elsewhere every process is taken to wait. It never signals one.

import { readFileSync } from 'node:fs'

interface ProcessState {
  readonly state: string
  /** The leader of the group that its terminal gives the keys to. */
  readonly foreground: number
}

function stateOf(pid: number): ProcessState | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Behind the name in parentheses, which may hold anything: state, parent, group, session, terminal, foreground group.
    const [state = '', , , , , foreground = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state, foreground: Number(foreground) }
  } catch {
    return null
  }
}

/** The process that has the terminal's keys neither runs nor waits for a processor or a disk. */
export function isAtRest(pid: number): boolean {
  const own = stateOf(pid)
  if (own === null) return true
  const foreground = own.foreground === pid ? own : stateOf(own.foreground)
  return !/[RD]/.test((foreground ?? own).state)
}
