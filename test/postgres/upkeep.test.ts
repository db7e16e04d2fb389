// migrate and copy on the command line, against a server: what they print, how soon they give up, and that no password is shown.

import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inFolder, inFolderAsync, shell, typed } from '../cli/session.ts'
import type { PostgresServer } from './server.ts'
import { startPostgres } from './server.ts'

let server: PostgresServer
let made = 0
beforeAll(async () => {
  server = await startPostgres()
}, 60_000)
afterAll(() => server.remove())

/** An empty database: its URL with a password, and as messages name it. */
async function emptyDatabase(): Promise<{ url: string; name: string; database: string }> {
  const database = `upkeep_${made++}`
  const name = await server.create(database)
  return { database, name, url: name.replace('postgres@', 'postgres:hunter2@') }
}

describe('keywright migrate', () => {
  test('says what it would do, does it, and then that there is nothing to do', async () => {
    const { url, name } = await emptyDatabase()
    inFolder((folder) => {
      const run = (more: string): string => shell(`keywright migrate --store '${url}' ${more}`, folder).stdout
      const steps = [{ version: 1, about: 'keys, log, usage, limits and nodes' }]
      expect(run('--dry-run')).toBe(`would migrate ${name} from version 0 to 1\n  1  keys, log, usage, limits and nodes\n`)
      expect(JSON.parse(run('--dry-run --json'))).toEqual({ store: name, from: 0, to: 1, steps, dryRun: true })
      expect(run('')).toBe(`migrated ${name} from version 0 to 1: keys, log, usage, limits and nodes\n`)
      expect(run('')).toBe(`nothing to do: ${name} has version 1\n`)
      expect(JSON.parse(run('--json'))).toEqual({ store: name, from: 1, to: 1, steps: [], dryRun: false })
    })
  })

  test('of a newer version, and of a database that is not there, is refused with advice', async () => {
    const { url, name, database } = await emptyDatabase()
    await inFolderAsync(async (folder) => {
      shell(`keywright migrate --store '${url}'`, folder)
      await server.admin(database, `INSERT INTO keywright.schema_version (version, about) VALUES (99, 'later')`)
      const newer = shell(`keywright migrate --store '${url}'`, folder)
      expect(newer.stderr).toContain(`${name} has tables of version 99`)
      expect(newer.code).toBe(4)
      const absent = shell(`keywright migrate --store '${url}_absent'`, folder)
      expect(absent.stderr).toContain('there is no such database')
      const refused = shell(`keywright migrate --store '${url.replace('postgres:hunter2', 'nobody:hunter2')}'`, folder)
      expect(refused.stderr).toMatch(/the login was refused.*PGPASSWORD/s)
      expect(newer.stderr + absent.stderr + refused.stderr).not.toContain('hunter2')
    })
  })

  test('gives up within ten seconds where a server says nothing', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    inFolder((folder) => {
      for (const command of ['migrate --store', 'copy --from keys.json --to', 'copy --to x.json --from']) {
        shell('keywright generate --user ann --expires 9', folder)
        const began = Date.now()
        const { stderr, code } = shell(`keywright ${command} postgres://ann:hunter2@127.0.0.1:${port}/db`, folder)
        expect(Date.now() - began, command).toBeLessThan(10_000)
        expect(stderr).toContain('nobody answers there')
        expect(stderr).not.toContain('hunter2')
        expect(code).toBe(4)
      }
    })
    silent.close()
  }, 60_000)
})

describe('keywright copy', () => {
  test('prints what both sides hold, shows how far it is on a terminal, and no password anywhere', async () => {
    const { url, name } = await emptyDatabase()
    inFolder((folder) => {
      shell(`for user in ann bob; do keywright generate --user $user --expires 9; done; keywright migrate --store '${url}'`, folder)
      const [there = '', again = ''] = typed(
        [`keywright copy --from keys.json --to '${url}'`, `keywright copy --from keys.json --to '${url}'`],
        folder,
      )
      expect(there).toMatch(/copied 2 of 2 records.*proved 2 of 2 records/s)
      expect(there).toMatch(/copied 2 records, 2 keys and 0 counted calls; both end with record 2 [0-9a-f]{12}…; keys digest [0-9a-f]{12}…/)
      expect(again).toContain(`${name} is not empty: it holds 2 keys`)
      const back = shell(`keywright copy --from '${url}' --to back.json --json`, folder)
      expect(JSON.parse(back.stdout)).toMatchObject({
        from: name,
        to: join(folder, 'back.json'),
        records: 2,
        keys: 2,
        calls: 0,
        resumedBehind: 0,
      })
      expect(back.stderr).toBe('')
      expect(there + again + back.stdout).not.toContain('hunter2')
      expect(shell('cmp keys.json back.json && cmp logs/security-audit.log logs/back.security-audit.log', folder).code).toBe(0)
    })
  })

  test('onto a database without tables says how to make them', async () => {
    const { url } = await emptyDatabase()
    inFolder((folder) => {
      copyFileSync(join(import.meta.dirname, '../../keys.json'), join(folder, 'keys.json'))
      const { stderr, code } = shell(`keywright copy --from keys.json --to '${url}'`, folder)
      expect(stderr).toMatch(/has no tables of Keywright yet \(STORE_FORMAT\)\n {2}make them with: keywright migrate/)
      expect(code).toBe(4)
    })
  })
})
