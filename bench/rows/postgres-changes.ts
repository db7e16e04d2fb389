// Changes of a store in PostgreSQL against what a commit of the same server costs, and how long a server that died keeps all waiting.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import type { ApiKeyManager } from '../library.ts'
import type { Finding } from '../measure.ts'
import { alone, race, speedAgainst, timeAgainst } from '../measure.ts'
import type { PostgresBench } from '../postgres.ts'
import { closeProven, commitFloor, withServer } from '../postgres.ts'
import type { Changed } from '../worker.ts'
import { startWorker } from '../workers.ts'

const KEYS = 1000
const SHORT_KEYS = 100
const AT_ONCE = 64
const NODES = 3

let edits = 0

async function edit(manager: ApiKeyManager, id: string): Promise<void> {
  const name = `edited ${edits++}`
  const key = await manager.updateApiKey(id, { name })
  if (key.name !== name) throw new Error(`key ${id} was not changed`)
}

const lastLine = (path: string): string => readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) as string

async function changes(bench: Bench, { filled, client }: PostgresBench): Promise<readonly Finding[]> {
  const store = bench.store(bench.size(KEYS, SHORT_KEYS), bench.size(2 * KEYS, 2 * SHORT_KEYS))
  const url = await filled(store)
  const manager = await bench.library.ApiKeyManager.open({ store: url })
  const line = lastLine(store.log)
  const { commit } = await commitFloor(await client(url), line, line)
  const count = bench.size(50, 2)
  const together = store.ids.slice(0, AT_ONCE)
  const random = (): string => store.ids[Math.floor(Math.random() * store.ids.length)] as string
  const oneByOne = async (): Promise<void> => {
    for (let made = 0; made < count; made++) await edit(manager, random())
  }
  const commits = async (): Promise<void> => {
    for (let made = 0; made < count; made++) await commit()
  }
  const manyCommits = async (): Promise<void> => {
    for (let made = 0; made < AT_ONCE; made++) await commit()
  }
  const times = await race(
    {
      one: { count, run: oneByOne },
      commit: { count, run: commits },
      together: { count: AT_ONCE, run: () => Promise.all(together.map((id) => edit(manager, id))) },
      manyCommits: { count: AT_ONCE, run: manyCommits },
    },
    bench,
  )
  await closeProven(manager)
  return [
    timeAgainst({
      what: `updateApiKey, ${store.ids.length} keys`,
      product: times.one,
      against: ['one commit', times.commit],
      unit: 'ms',
      goal: null,
    }),
    speedAgainst({
      what: `${AT_ONCE} changes waiting at once`,
      product: times.together,
      against: [`${AT_ONCE} commits`, times.manyCommits],
      unit: 'ms',
      goal: null,
    }),
    ...(await manyNodes(bench, url, store.ids)),
  ]
}

async function manyNodes(bench: Bench, url: string, ids: readonly string[]): Promise<readonly Finding[]> {
  const forMs = bench.size(1000, 150)
  const nodes = await Promise.all(Array.from({ length: NODES }, () => startWorker(bench.libraryPath, url, ids.slice(0, 500))))
  let made = 0
  const changeAll = async (chosen: typeof nodes): Promise<{ msPerChange: number; longestMs: number }> => {
    const answers = await Promise.all(chosen.map((node) => node.ask<Changed>({ task: 'changes', forMs })))
    const changed = answers.reduce((sum, answer) => sum + answer.changes, 0)
    made += changed
    return { msPerChange: forMs / changed, longestMs: Math.max(...answers.map(({ longestMs }) => longestMs)) }
  }
  const manager = await bench.library.ApiKeyManager.open({ store: url })
  const revisions = async (): Promise<number> => {
    let sum = 0
    for (const id of ids) sum += (await manager.getApiKey(id))?.revision ?? 0
    return sum
  }
  const before = await revisions()
  const single: number[] = []
  const together: number[] = []
  const longest: number[] = []
  for (let round = -Math.min(1, bench.warmups); round < bench.rounds; round++) {
    const one = await changeAll(nodes.slice(0, 1))
    const all = await changeAll(nodes)
    if (round < 0) continue
    single.push(one.msPerChange)
    together.push(all.msPerChange)
    longest.push(all.longestMs)
  }
  await Promise.all(nodes.map((node) => node.end()))
  const after = await revisions()
  assert(after - before === made, `${made} changes were made and ${after - before} are in the store`)
  await closeProven(manager)
  const against = ['1 process', single] as const
  return [
    speedAgainst({ what: `changes in sum, ${NODES} processes`, product: together, against, unit: 'ms', goal: null }),
    alone('the longest wait of a change, median of rounds', 'ms', longest, null),
  ]
}

const FAILOVERS = 7
/** Shorter than the server is away: what was known before is no longer trusted. */
const STALE_MS = 100
const LOOK_EVERY_MS = 2

async function failover(bench: Bench, { server, filled }: PostgresBench): Promise<readonly Finding[]> {
  const store = bench.store(bench.size(KEYS, SHORT_KEYS))
  const url = await filled(store)
  const manager = await bench.library.ApiKeyManager.open({ store: url, maxStaleMs: STALE_MS, onWarning: () => undefined })
  const [token = ''] = store.tokens
  const recovery: number[] = []
  const change: number[] = []
  const verification: number[] = []
  for (let round = 0; round < bench.size(FAILOVERS, 1); round++) {
    for (const id of store.ids.slice(0, 20)) await edit(manager, id)
    assert((await manager.validateApiKey(token)).valid, 'a valid token was refused')
    await server.stop('immediate')
    await sleep(2 * STALE_MS)
    const begun = performance.now()
    // It waits for the server by itself.
    const changed = edit(manager, store.ids[0] as string).then(() => performance.now())
    const verified = (async () => {
      while (!(await manager.validateApiKey(token).catch(() => null))?.valid) await sleep(LOOK_EVERY_MS)
      return performance.now()
    })()
    await server.start()
    const answers = performance.now()
    recovery.push(answers - begun)
    change.push(Math.max(0, (await changed) - answers))
    verification.push(Math.max(0, (await verified) - answers))
  }
  await closeProven(manager)
  return [
    alone('failover: the server itself, from its start until it answers', 'ms', recovery, null),
    alone('a change that waited, after that', 'ms', change, null),
    alone('a verification of a key that was known, after that', 'ms', verification, null),
  ]
}

export const postgresChangeRows: readonly Row[] = [
  {
    name: 'postgres-changes',
    about: 'PostgreSQL: synced changes against commits of the same server; and after the server was killed and started again',
    run: (bench) => withServer(bench, async (postgres) => [...(await changes(bench, postgres)), ...(await failover(bench, postgres))]),
  },
]
