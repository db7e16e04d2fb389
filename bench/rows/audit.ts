// Proving the log against reading and hashing its lines; and the memory that takes, whatever the length.

import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import { logFloor } from '../floors.ts'
import type { Finding } from '../measure.ts'
import { alone, atLeast, atMost, race, speedAgainst } from '../measure.ts'
import type { Audited } from '../worker.ts'
import { startWorker } from '../workers.ts'

const KEYS = 1000
const RECORDS = 100_000
const MANY_RECORDS = 1_000_000

async function audit(bench: Bench): Promise<readonly Finding[]> {
  const keys = bench.size(KEYS, 20)
  const count = bench.size(RECORDS, 500)
  const store = bench.store(keys, count)
  const manager = await bench.library.ApiKeyManager.open({ store: store.path })
  const folder = dirname(store.log)
  const files = readdirSync(folder).map((name) => join(folder, name))
  const verify = async (): Promise<void> => {
    const { ok, records, problems } = await manager.verifyAudit()
    // A verification may itself go on the log.
    assert(ok && records >= count, `${records} records were checked: ${JSON.stringify(problems.slice(0, 3))}`)
  }
  const read = (): void => assert(logFloor(files) >= count, 'the floor read another log')
  const times = await race({ product: { count, run: verify }, floor: { count, run: read } }, bench)
  await manager.close()
  const speed = speedAgainst({
    what: `verifyAudit, ${count} records over ${keys} keys`,
    product: times.product,
    against: ['lines + SHA-256', times.floor],
    goal: atLeast(0.5),
  })
  return [speed, await memoryFor(bench, keys, count), await memoryFor(bench, keys, bench.size(MANY_RECORDS, 1000))]
}

/** The most memory of a whole process that verified such a log, once. */
async function memoryFor(bench: Bench, keys: number, count: number): Promise<Finding> {
  const { path } = bench.store(keys, count)
  const worker = await startWorker(bench.libraryPath, path, [])
  const { ok, records, memoryMB } = await worker.ask<Audited>({ task: 'audit' })
  await worker.end()
  assert(ok && records >= count, `${records} of ${count} records were checked`)
  return alone(`resident memory of the process, ${count} records`, 'MB', [memoryMB], atMost(150))
}

export const auditRows: readonly Row[] = [{ name: 'audit', about: 'audit verify against reading lines and hashing each', run: audit }]
