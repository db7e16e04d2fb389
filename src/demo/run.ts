// Starts the demo: a temporary store, and server processes that verify against it. Knows nothing of what is drawn on the screen.

import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeywrightError } from '../domain/refusal.ts'
import { createClocks, draw } from '../runtime.ts'
import { buildDemo } from './build.ts'
import { SERVERS } from './cast.ts'
import type { ServerOrder } from './plan.ts'
import { FOLDER_PREFIX } from './plan.ts'

export interface Demo {
  /** The path of the store, to be opened like every other. */
  readonly store: string
  /** The server processes. */
  readonly pids: readonly number[]
  /** Ends the servers and removes the store. Close what has the store open before. */
  readonly stop: () => Promise<void>
}

/** How long a server may take to begin; then it is killed. */
const START_WAIT_MS = 30_000
/** How long a server may take to end by itself; then it is killed. */
const END_WAIT_MS = 2000
/** Where the server's script is: in dist beside this code or above it, whichever file it was bundled into; in the source beside it. */
const SCRIPTS = ['demo-traffic.js', '../demo-traffic.js', 'traffic.ts']

function serverScript(): string {
  const script = SCRIPTS.map((name) => join(import.meta.dirname, name)).find((path) => existsSync(path))
  if (script === undefined)
    throw new KeywrightError('STORE_UNAVAILABLE', 'the demo has no server script: demo-traffic.js is missing; install Keywright again', {
      hint: `it belongs into ${import.meta.dirname}`,
    })
  return script
}

/** Hands the order over and waits until the server has the store open. */
async function start(server: ChildProcess, order: ServerOrder): Promise<void> {
  const waiting = new AbortController()
  const { signal } = waiting
  const failed = Promise.race([once(server, 'exit', { signal }), once(server, 'error', { signal })]).then(([how]) => {
    throw new KeywrightError('STORE_UNAVAILABLE', `the demo's server ${order.actor} ended before it began: ${how}`)
  })
  const killer = setTimeout(() => server.kill('SIGKILL'), START_WAIT_MS)
  try {
    server.send(order)
    await Promise.race([once(server, 'message', { signal }), failed])
  } finally {
    clearTimeout(killer)
    failed.catch(() => undefined)
    waiting.abort()
  }
}

async function end(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, 'exit')
  const killer = setTimeout(() => server.kill('SIGKILL'), END_WAIT_MS)
  // The loss of its parent is what a server ends at, and it works everywhere.
  if (server.connected) server.disconnect()
  await ended
  clearTimeout(killer)
}

/** Builds a temporary store and lets servers verify against it. The servers end with this process, however it ends. */
export async function startDemo(): Promise<Demo> {
  const script = serverScript()
  const folder = await mkdtemp(join(tmpdir(), FOLDER_PREFIX))
  // Started first: from here on there is someone to remove the folder, and they are ready when the store is.
  const servers = SERVERS.map(() => fork(script, [folder], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }))
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map(end))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const { store, traffic } = await buildDemo(folder, { at: createClocks(undefined).wall(), draw })
    await Promise.all(traffic.map((plan, index) => start(servers[index] as ChildProcess, { ...plan, store })))
    return { store, pids: servers.flatMap(({ pid }) => pid ?? []), stop }
  } catch (error) {
    await stop()
    throw error
  }
}
