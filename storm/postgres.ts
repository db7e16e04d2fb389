// A server for a row of the storm that syncs each commit, the judge's look at a database, and what an operator or a network does to it.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiKeyManager } from '../src/index.ts'
import { logIn, storeIn } from '../test/crash/scenarios.ts'
import type { MigratedServer } from '../test/postgres/migrated.ts'
import { startMigrated } from '../test/postgres/migrated.ts'
import type { Judgement } from './judge/judge.ts'
import { judgeStore } from './judge/judge.ts'
import type { DumpedTables } from './judge/tables.ts'
import { filesOf, judgeTables } from './judge/tables.ts'
import type { Storm } from './storm.ts'

/** The server runs as another user, who must be able to enter the run's folder. */
const ENTERABLE = 0o711

/** A server for one row, gone in the end. What is answered is on the disk; of the short form in the system's memory, which outlives it. */
export async function withServer(storm: Storm, work: (server: MigratedServer) => Promise<void>): Promise<void> {
  chmodSync(storm.folder, ENTERABLE)
  const server = await startMigrated({ parent: storm.folder, isDurable: !storm.isShort })
  try {
    await work(server)
  } finally {
    await server.remove()
  }
}

export const openNode = (url: string, options: { maxStaleMs?: number; flushIntervalMs?: number; readOnly?: boolean } = {}) =>
  ApiKeyManager.open({ store: url, actor: 'storm', onWarning: () => undefined, ...options })

const DUMPED: Readonly<Record<keyof DumpedTables, string>> = {
  audit:
    "SELECT seq, date_part('epoch', at) AS at, line, action, key_id, user_id, actor, os_user FROM keywright.audit ORDER BY seq, tableoid, ctid",
  keys: 'SELECT * FROM keywright.keys ORDER BY place',
  secrets: 'SELECT * FROM keywright.secrets',
  owners: 'SELECT * FROM keywright.owners',
  head: 'SELECT * FROM keywright.head',
}

async function dump(server: MigratedServer, database: string): Promise<DumpedTables> {
  // One statement: one moment.
  const columns = Object.entries(DUMPED).map(([name, sql]) => `(SELECT coalesce(json_agg(t), '[]') FROM (${sql}) t) AS ${name}`)
  const [row] = await server.admin(database, `SELECT ${columns.join(', ')}`)
  const tables = row as unknown as Omit<DumpedTables, 'head'> & { readonly head: readonly DumpedTables['head'][] }
  return { ...tables, head: tables.head[0] ?? {} }
}

/** The judgement of the lines of a database, as the judge of files has it, and what contradicts them beside. */
export async function judge(storm: Storm, server: MigratedServer, database: string): Promise<Judgement> {
  const tables = await dump(server, database)
  const folder = storm.newFolder()
  const { keys, usage, log } = filesOf(tables)
  mkdirSync(dirname(logIn(folder)))
  writeFileSync(storeIn(folder), keys)
  writeFileSync(join(folder, 'keys.usage.json'), usage)
  writeFileSync(logIn(folder), log)
  const judgement = judgeStore(storeIn(folder))
  return { ...judgement, wrong: [...judgement.wrong, ...judgeTables(tables)] }
}

/** What the judge and `audit verify` say of a database, as problems. */
export async function judged(storm: Storm, server: MigratedServer, name: string, manager: ApiKeyManager, when: string): Promise<string[]> {
  const { wrong, wrongKeys } = await judge(storm, server, name)
  const { ok, problems } = await manager.verifyAudit()
  return [
    ...wrong.slice(0, 3).map((one) => `${when} the judge says: ${one}`),
    ...wrongKeys.map((id) => `${when} the judge says: ${id} is not as the log has it`),
    ...(ok ? [] : [`${when} audit verify says: ${JSON.stringify(problems.slice(0, 3))}`]),
  ]
}

/** Ends one connection after the other, drawn by the seed, until it is told to stop; answers how many it ended. */
export function cutting(storm: Storm, server: MigratedServer, database: string, mostPauseMs: number): () => Promise<number> {
  let isDone = false
  let cuts = 0
  const run = (async () => {
    while (!isDone) {
      await sleep(storm.below(mostPauseMs))
      const pids = await server.admin(
        database,
        'SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY pid',
      )
      const chosen = pids[storm.below(pids.length)]
      if (chosen === undefined) continue
      await server.admin(database, 'SELECT pg_terminate_backend($1)', [chosen['pid']])
      cuts++
    }
  })()
  run.catch(() => undefined)
  return async () => {
    isDone = true
    await run
    return cuts
  }
}

/** How often a number of things is tried at once; the first answer that holds. */
export async function until(what: string, look: () => Promise<boolean> | boolean, withinMs = 30_000): Promise<void> {
  for (const end = performance.now() + withinMs; !(await look()); await sleep(5))
    if (performance.now() > end) throw new Error(`waited for ever: ${what}`)
}
