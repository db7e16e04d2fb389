// One change under strace, which lets a chosen system call of a chosen thread fail or kill the process: below Node and below our code.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Child } from '../test/store/processes.ts'
import { startProcess } from '../test/store/processes.ts'

/** One system call on the store's files: the `when`-th of that name by that thread. */
export interface SystemCall {
  readonly thread: ThreadName
  readonly name: string
  readonly when: number
}

type ThreadName = 'main' | 'pool'
type Threads = Readonly<Record<ThreadName, number>>

/** How long it is waited for strace to say that it is attached. */
const PROBE_MS = 1000
const TRACED = 'trace=%file,%desc'
/** Counts of calls are kept for each thread, so that one thread alone may do the asynchronous ones. */
const ONE_POOL_THREAD = { UV_THREADPOOL_SIZE: '1' }

/** Why no system call can be traced here; null when it can. */
export function whyNoStrace(): string | null {
  if (process.platform !== 'linux') return 'strace is a program of Linux'
  // As the rows do it: attached to a process that is not its child, which some systems forbid.
  const sibling = spawn('sleep', [String(PROBE_MS)], { stdio: 'ignore' })
  try {
    const { error, stderr } = spawnSync('strace', ['-e', 'inject=fsync:error=EIO:when=1', '-o', '/dev/null', '-p', String(sibling.pid)], {
      encoding: 'utf8',
      timeout: PROBE_MS,
    })
    if (stderr?.includes('attached')) return null
    const isMissing = error !== undefined && 'code' in error && error.code === 'ENOENT'
    return isMissing
      ? 'strace is not installed; the kills and faults by Node’s own calls stand in for it'
      : `strace can't attach to another process here: ${(stderr ?? '').trim()}`
  } finally {
    sibling.kill('SIGKILL')
  }
}

function threadsOf(pid: number): Threads {
  const pool = readdirSync(`/proc/${pid}/task`).find(
    (thread) => readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim() === 'libuv-worker',
  )
  if (pool === undefined) throw new Error('the process has no thread for asynchronous calls')
  return { main: pid, pool: Number(pool) }
}

interface Tracer {
  readonly ended: Promise<unknown>
}

/** Attaches to threads, and answers once it has. */
async function attach(threads: readonly number[], options: readonly string[]): Promise<Tracer> {
  const args = ['-y', ...options, ...threads.flatMap((thread) => ['-p', String(thread)])]
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(tracer, 'exit')
  let attached = 0
  let said = ''
  for await (const line of createInterface({ input: tracer.stderr })) {
    said += line
    if (line.includes('attached') && ++attached === threads.length) return { ended }
  }
  throw new Error(`strace ended: ${said}`)
}

interface Traced {
  /** What the child said of its change; null when it died before. */
  readonly answer: string | null
  /** What it said of the next one. */
  readonly next: string | null
  readonly how: number | NodeJS.Signals
}

async function startChange(folder: string, scenario: string): Promise<{ child: Child; threads: Threads }> {
  const child = startProcess(new URL('./children/change-at-word.ts', import.meta.url), { args: [folder, scenario], env: ONE_POOL_THREAD })
  await child.line()
  return { child, threads: threadsOf(child.pid) }
}

async function finish(child: Child, tracer: Tracer): Promise<Traced> {
  child.say('go')
  const how = await child.ended
  await tracer.ended
  const [, answer = null, next = null] = child.lines
  return { answer, next, how }
}

/** Every system call that a scenario's change makes on its files, in its order, by a rehearsal in that folder. */
export async function systemCallsOf(folder: string, scenario: string): Promise<SystemCall[]> {
  const { child, threads } = await startChange(folder, scenario)
  const trace = `${folder}.trace`
  await finish(child, await attach([threads.main, threads.pool], ['-o', trace, '-e', TRACED]))
  const counts = new Map<string, number>()
  const calls: SystemCall[] = []
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    // Its answer ends the change.
    if (line.includes('"acknowledged')) break
    const [, thread, name] = /^(\d+) +(\w+)\(/.exec(line) ?? []
    if (name === undefined) continue
    const who = `${thread} ${name}`
    const when = (counts.get(who) ?? 0) + 1
    counts.set(who, when)
    if (line.includes(`${folder}/`) || line.includes(`${folder}>`) || line.includes(`"${folder}"`))
      calls.push({ thread: Number(thread) === threads.main ? 'main' : 'pool', name, when })
  }
  if (calls.length === 0) throw new Error(`the rehearsal of ${scenario} made no system call below ${folder}`)
  return calls
}

/** One change in which that call meets its fate, as strace names it: `signal=KILL`, `error=EIO`. `isMet`: it was a call on the store's files that did. */
export async function changeTraced(
  folder: string,
  scenario: string,
  { thread, name, when }: SystemCall,
  fate: string,
): Promise<Traced & { readonly isMet: boolean }> {
  const { child, threads } = await startChange(folder, scenario)
  const trace = `${folder}.trace`
  try {
    const options = ['-o', trace, '-e', `trace=${name}`, '-e', `inject=${name}:${fate}:when=${when}`]
    const traced = await finish(child, await attach([threads[thread]], options))
    const isMet = readFileSync(trace, 'utf8')
      .split('\n')
      .some((line) => line.includes('(INJECTED)') && line.includes(folder))
    return { ...traced, isMet }
  } finally {
    child.kill()
  }
}
