// Stores in PostgreSQL for benchmarks: a server that syncs each commit, on the disk that is measured; and floors over the same driver.

import { hash, randomBytes } from 'node:crypto'
import { chmodSync } from 'node:fs'
import pg from 'pg'
import { copyStore } from '../store/copy.ts'
import { pathsOf } from '../store/json/paths.ts'
import { wholeFiles } from '../store/json/whole.ts'
import { wholeDatabase } from '../store/postgres/whole.ts'
import type { MigratedServer } from '../test/postgres/migrated.ts'
import { startMigrated } from '../test/postgres/migrated.ts'
import type { Bench } from './bench.ts'
import { assert } from './bench.ts'
import type { ApiKeyManager } from './library.ts'
import type { BuiltStore } from './stores.ts'

/** The server runs as another user, who must be able to enter the run's folder. */
const ENTERABLE = 0o711

export interface PostgresBench {
  readonly server: MigratedServer
  /** A database with what an embedded store holds. */
  readonly filled: (store: BuiltStore) => Promise<string>
  /** The driver by itself. Closed in the end. */
  readonly client: (url: string) => Promise<pg.Client>
}

/** A server for one row, gone in the end. */
export async function withServer<T>(bench: Bench, work: (postgres: PostgresBench) => Promise<T>): Promise<T> {
  chmodSync(bench.folder, ENTERABLE)
  const server = await startMigrated({ parent: bench.folder, isDurable: !bench.isShort })
  const clients: pg.Client[] = []
  try {
    return await work({
      server,
      async filled({ path }) {
        const { url } = await server.fresh()
        await copyInto(path, url)
        return url
      },
      async client(url) {
        // As the product's: statements that don't wait for each other's answers are sent together.
        const client = new pg.Client({ connectionString: url, pipeline: true } as pg.ClientConfig)
        // A row may stop the server.
        client.on('error', () => undefined)
        await client.connect()
        clients.push(client)
        return client
      },
    })
  } finally {
    await Promise.allSettled(clients.map((client) => client.end()))
    await server.remove()
  }
}

async function copyInto(path: string, url: string): Promise<void> {
  const draw = (bytes: number): Uint8Array => randomBytes(bytes)
  const paths = pathsOf(path, undefined)
  const files = wholeFiles({ paths, pid: process.pid, host: 'bench', wall: Date.now, draw, warn: () => undefined })
  await copyStore(files, wholeDatabase(url), { signal: new AbortController().signal, onProgress: () => undefined })
}

export interface CommitFloor {
  readonly commit: () => Promise<void>
}

/** One transaction of one INSERT and one UPDATE of so many bytes each, all of it sent together: what a commit costs with this driver. */
export async function commitFloor(client: pg.Client, line: string, row: string): Promise<CommitFloor> {
  await client.query('CREATE SCHEMA floor; CREATE TABLE floor.log (seq bigint PRIMARY KEY, line text); CREATE TABLE floor.row (line text)')
  await client.query('INSERT INTO floor.row VALUES ($1)', [row])
  let seq = 0
  return {
    async commit() {
      await Promise.all([
        client.query('BEGIN'),
        client.query('INSERT INTO floor.log VALUES ($1, $2)', [++seq, line]),
        client.query('UPDATE floor.row SET line = $1', [row]),
        client.query('COMMIT'),
      ])
    },
  }
}

const LINES_AT_ONCE = 2_000

/** Read the lines of the log, page by page, and hash each; answers how many there were. */
export async function readLines(client: pg.Client): Promise<number> {
  let count = 0
  for (let after = 0; ; ) {
    const { rows } = await client.query<{ seq: string; line: string }>(
      'SELECT seq, line FROM keywright.audit WHERE seq > $1 ORDER BY seq LIMIT $2',
      [after, LINES_AT_ONCE],
    )
    const last = rows.at(-1)
    if (last === undefined) return count
    for (const { line } of rows) hash('sha256', line, 'hex')
    count += rows.length
    after = Number(last.seq)
  }
}

/** Closes a manager whose store proves itself. */
export async function closeProven(manager: ApiKeyManager): Promise<void> {
  const { ok, problems } = await manager.verifyAudit()
  assert(ok, `the store does not prove itself: ${JSON.stringify(problems.slice(0, 3))}`)
  await manager.close()
}
