// A server process of the demo: opens the store as the library does and verifies calls at changing rates until its parent is gone.
// Its one argument is the demo's folder. Its plan, tokens and all, comes by IPC: never as an argument, in the environment or in a file.

import { rm } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Manager } from '../manager.ts'
import { openManager } from '../open-manager.ts'
import { draw } from '../runtime.ts'
import type { Chance } from './chance.ts'
import { createChance } from './chance.ts'
import type { Client, ServerOrder } from './plan.ts'
import { FOLDER_PREFIX } from './plan.ts'

const TICK_MS = 100
/** Every so often a client has more calls for a while. */
const BURST = { probability: 1 / 600, ticks: 40, times: 4 } as const

/** The calls of one client in each tick, more of them in a burst. */
function createCaller({ token, scopes, ip, callsPerSecond, isBursting }: Client, manager: Manager, chance: Chance): () => Promise<void> {
  let burstTicks = 0
  const options = scopes.map((scope) => ({ requiredScopes: [scope], environment: null, ip, isPeek: false }))
  const anyCall = { requiredScopes: [], environment: null, ip, isPeek: false }
  return async () => {
    if (burstTicks > 0) burstTicks--
    else if (isBursting && chance.isHit(BURST.probability)) burstTicks = BURST.ticks
    const expected = ((callsPerSecond * TICK_MS) / 1000) * (burstTicks > 0 ? BURST.times : 1)
    for (let calls = chance.count(expected); calls > 0; calls--) {
      await manager.validate(token, options.length === 0 ? anyCall : chance.pick(options))
    }
  }
}

/** Verifies from now on; answers what ends that. */
async function serve({ store, actor, clients, flushIntervalMs }: ServerOrder): Promise<() => Promise<void>> {
  // What happens in the demo is no news for the sink of a real store.
  // What goes wrong with the store is the terminal app's to show: a server only tries again.
  const manager = await openManager(
    { store, actor, auditSink: '', pepperFile: '', requirePepper: false, flushIntervalMs, onWarning: () => undefined },
    'library',
  )
  const chance = createChance(draw)
  const callers = clients.map((client) => createCaller(client, manager, chance))
  const ticks = setInterval(() => {
    for (const call of callers) void call().catch(() => undefined)
  }, TICK_MS)
  return async () => {
    clearInterval(ticks)
    await manager.close()
  }
}

const [, , folder = ''] = process.argv
let serving: Promise<() => Promise<void>> | null = null
let isEnding = false

async function end(): Promise<void> {
  if (isEnding) return
  isEnding = true
  const ending = serving?.then((stop) => stop())
  await ending?.catch(() => undefined)
  if (process.connected) process.disconnect()
  // Without a parent nobody else is left to do it: the last server to end leaves nothing behind.
  else if (basename(folder).startsWith(FOLDER_PREFIX)) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
}

async function begin(order: ServerOrder): Promise<void> {
  try {
    serving = serve(order)
    await serving
    if (process.connected) process.send?.('ready')
  } catch {
    process.exitCode = 1
    await end()
  }
}

process.title = 'keywright demo server'
// Ctrl-c in the terminal, and its end, are meant for the app: it decides when the servers end.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
process.on('SIGTERM', () => void end())
process.on('disconnect', () => void end())
process.once('message', (order: ServerOrder) => void begin(order))
// The parent may have gone before anybody listened.
if (!process.connected) await end()
