// Many nodes and one database: connections that end, nodes that are killed, revocations elsewhere, limits that all share.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiKeyManager } from '../../src/index.ts'
import type { MigratedServer } from '../../test/postgres/migrated.ts'
import type { Child } from '../../test/store/processes.ts'
import { startProcess } from '../../test/store/processes.ts'
import { cutting, judged, openNode, withServer } from '../postgres.ts'
import type { Row, Storm, Wrong } from '../storm.ts'
import { upTo } from '../storm.ts'
import type { Told } from './processes.ts'
import { allKeys, checkTold, reign, revokeEach, stormWorker } from './processes.ts'

const changeStore = new URL('../../test/race/change-store.ts', import.meta.url)
const verifyTokens = new URL('../../test/race/verify-tokens.ts', import.meta.url)
const takeLimit = new URL('../children/take-limit.ts', import.meta.url)

const MOST_PAUSE_MS = 60

/** Compiled modules that all processes of a run share. */
const compiledIn = (storm: Storm) => ({ NODE_COMPILE_CACHE: join(storm.folder, 'compiled') })

async function begin(children: readonly Child[]): Promise<void> {
  for (const child of children) await child.line()
  for (const child of children) child.say('go')
}

/** N processes make M changes each while their connections end at random. */
async function tryCuts(storm: Storm, server: MigratedServer, wrong: Wrong, processes: number, changes: number): Promise<number> {
  const { name, url } = await server.fresh()
  const manager = await openNode(url)
  const ids: string[] = []
  for (const number of upTo(processes)) ids.push((await manager.generateApiKey({ userId: `u${number}` })).key.id)
  const children = Array.from(upTo(processes), (number) =>
    startProcess(changeStore, { args: [url, `p${number}`, `${changes}`, ...storm.shuffled(ids)], env: compiledIn(storm) }),
  )
  await begin(children)
  const end = cutting(storm, server, name, MOST_PAUSE_MS)
  const outcomes = await Promise.allSettled(children.map((child) => child.done()))
  const cuts = await end()
  for (const outcome of outcomes) if (outcome.status === 'rejected') wrong(String(outcome.reason).slice(0, 300))
  const made = new Set((await Promise.all(ids.map(async (id) => (await manager.getApiKey(id))?.scopes ?? []))).flat()).size
  let recorded = 0
  for await (const _ of manager.auditRecords({ action: 'key.scope.add' })) recorded++
  if (made !== processes * changes || recorded !== made)
    wrong(`${processes * changes} were acknowledged, ${made} are in the store and ${recorded} on the log`)
  for (const one of await judged(storm, server, name, manager, 'in the end')) wrong(one)
  await manager.close()
  return cuts
}

async function cuts(storm: Storm): Promise<void> {
  const [processes, changes] = [storm.size(6, 2), storm.size(40, 10)]
  const trials = storm.trials(`${processes} nodes × ${changes} changes while connections end at random: lost or doubled`)
  let ended = 0
  await withServer(storm, async (server) => {
    await trials.each(upTo(storm.size(10, 1)), async (_, wrong) => {
      ended += await tryCuts(storm, server, wrong, processes, changes)
    })
    trials.measured('connections ended', ended, '')
    await kills(storm, server)
  })
}

async function kills(storm: Storm, server: MigratedServer): Promise<void> {
  const trials = storm.trials('a node killed at any moment, others of its kind beside it')
  const { name, url } = await server.fresh()
  const env = compiledIn(storm)
  await startProcess(stormWorker, { args: [url, 'rehearsal', 'once'], env }).done()
  const told: Told = { counts: new Map(), made: new Set(), revokedUpTo: new Map() }
  const workers = storm.size(4, 2)
  // A name is one process at a time.
  const names = Array.from(upTo(workers), (number) => `worker${number}`)
  await trials.each(
    upTo(storm.size(300, 2)),
    async () => {
      const own = names.pop() as string
      await reign(storm, url, own, env, told).finally(() => names.push(own))
    },
    { atOnce: workers },
  )
  const after = storm.trials('what was acknowledged before those kills')
  const manager = await openNode(url)
  await manager.generateApiKey({ userId: 'last' })
  await after.each(
    [url],
    async (_, wrong) => {
      checkTold(await allKeys(manager), told, wrong)
      for (const one of await judged(storm, server, name, manager, 'in the end')) wrong(one)
    },
    { isBounded: false },
  )
  await manager.close()
  after.measured('keys made', told.made.size, '')
}

/** Changes of other keys, some at once, until it is told to stop. */
function underLoad(manager: ApiKeyManager, ids: readonly string[]): () => Promise<void> {
  let isDone = false
  const loads = ids.map(async (id) => {
    for (let change = 0; !isDone; change++) await manager.updateApiKey(id, { name: `${change}` })
  })
  return async () => {
    isDone = true
    await Promise.all(loads)
  }
}

async function revocations(storm: Storm): Promise<void> {
  const trials = storm.trials('a revocation under load, refused on another node that verifies without a pause')
  await withServer(storm, async (server) => {
    const { url } = await server.fresh()
    const [manager, busy] = [await openNode(url), await openNode(url)]
    const made = await Promise.all(Array.from(upTo(storm.size(200, 3)), () => manager.generateApiKey({ userId: 'ann' })))
    const others = await Promise.all(Array.from(upTo(8), () => busy.generateApiKey({ userId: 'bob' })))
    const end = underLoad(
      busy,
      others.map(({ key }) => key.id),
    )
    const child = startProcess(verifyTokens, { args: [url, ...made.map(({ token }) => token)], env: compiledIn(storm) })
    await revokeEach({ storm, trials, manager, child }, made)
    await end()
    await Promise.all([manager.close(), busy.close()])
    await limits(storm, server)
  })
}

const NODES = 3
const LEAST_REACHED = 0.8
/** Two clocks of one machine, one of them read by the server. */
const CLOCK_MS = 1

interface Admitted {
  /** Between these two it passed. */
  readonly from: number
  readonly to: number
}

/** The most calls that were certainly in one window. */
function mostInWindow(admitted: readonly Admitted[], windowMs: number): number {
  const ends = admitted.toSorted((a, b) => a.from - b.from)
  let most = 0
  for (const [index, { from }] of ends.entries()) {
    let inside = 0
    for (let other = index; other < ends.length && (ends[other] as Admitted).from < from + windowMs; other++)
      if ((ends[other] as Admitted).to < from + windowMs - CLOCK_MS) inside++
    most = Math.max(most, inside)
  }
  return most
}

interface LimitTrial {
  readonly limit: number
  readonly windowSeconds: number
}

/** Three nodes ask as fast as they can; one of them is killed in between and another takes its place. */
async function tryLimit(storm: Storm, url: string, token: string, { limit, windowSeconds }: LimitTrial, wrong: Wrong): Promise<number> {
  const start = (): Child => startProcess(takeLimit, { args: [url, token], env: compiledIn(storm) })
  const children = Array.from({ length: NODES }, start)
  await begin(children)
  const windowMs = windowSeconds * 1000
  const windows = storm.size(6, 1)
  const begun = performance.now()
  await sleep(windowMs * 0.5 + storm.below(windowMs))
  children[0]?.kill()
  const another = start()
  children.push(another)
  await begin([another])
  await sleep(Math.max(0, windows * windowMs - (performance.now() - begun)))
  for (const child of children.slice(1)) child.say('end')
  await Promise.all(children.map((child) => child.ended))
  const admitted = children.flatMap(({ lines }) =>
    lines.flatMap((line): Admitted[] => {
      const [from, to] = line.split(' ').map(Number)
      return from !== undefined && to !== undefined ? [{ from, to }] : []
    }),
  )
  const most = mostInWindow(admitted, windowMs)
  if (most > limit) wrong(`${most} calls of ${limit} were admitted in one window`)
  const span = Math.max(...admitted.map(({ to }) => to)) - Math.min(...admitted.map(({ from }) => from))
  const reached = admitted.length / (limit * Math.max(1, span / windowMs))
  if (reached < LEAST_REACHED && !storm.isShort) wrong(`only ${reached.toFixed(2)} of the limit were admitted`)
  if (admitted.length <= limit / 2) wrong(`only ${admitted.length} calls were admitted`)
  return reached
}

async function limits(storm: Storm, server: MigratedServer): Promise<void> {
  const trials = storm.trials('three nodes that saturate a limit, one of them killed: never more in any window')
  const { url } = await server.fresh()
  const manager = await openNode(url)
  const reached: number[] = []
  const all: readonly LimitTrial[] = [
    { limit: 400, windowSeconds: 1 },
    { limit: 5, windowSeconds: 1 },
    { limit: 60, windowSeconds: 2 },
    { limit: 2000, windowSeconds: 3 },
  ]
  await trials.each(
    Array.from(upTo(storm.size(5, 1))).flatMap(() => all.slice(0, storm.size(all.length, 1))),
    async (limit, wrong) => {
      const { token } = await manager.generateApiKey({ userId: 'ann', rateLimits: [{ name: 'default', ...limit }] })
      reached.push(await tryLimit(storm, url, token, limit, wrong))
    },
    { name: ({ limit, windowSeconds }) => `${limit} in ${windowSeconds} s` },
  )
  await manager.close()
  if (reached.length > 0) trials.measured('of the limit, least', Math.min(...reached), '')
}

export const postgresRows: readonly Row[] = [
  { name: 'postgres-nodes', about: 'PostgreSQL: N nodes × M changes, connections ended and nodes killed at random', lines: 2, run: cuts },
  {
    name: 'postgres-shared',
    about: 'PostgreSQL: revocation elsewhere refused within 250 ms; limits that nodes share',
    lines: 2,
    run: revocations,
  },
]
