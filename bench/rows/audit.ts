// The log: proving it against reading and hashing its lines, and in how much memory; its first page, and a search of it all against reading it.

import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { AuditPageFilter } from '../../src/domain/audit.ts'
import { auditPage } from '../../store/log/page.ts'
import { auditTimeline } from '../../store/log/timeline.ts'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import { logFloor, readFloor } from '../floors.ts'
import type { Finding } from '../measure.ts'
import { alone, atLeast, atMost, race, speedAgainst, timeAgainst } from '../measure.ts'
import type { BuiltStore } from '../stores.ts'
import type { Audited } from '../worker.ts'
import { startWorker } from '../workers.ts'

const KEYS = 1000
const RECORDS = 100_000
const MANY_RECORDS = 1_000_000

/** The files of a store's log. */
export function filesOf({ log }: BuiltStore): string[] {
  const folder = dirname(log)
  return readdirSync(folder).map((name) => join(folder, name))
}

async function audit(bench: Bench): Promise<readonly Finding[]> {
  const keys = bench.size(KEYS, 20)
  const count = bench.size(RECORDS, 500)
  const store = bench.store(keys, count)
  const manager = await bench.library.ApiKeyManager.open({ store: store.path })
  const files = filesOf(store)
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

const PAGE = 50
const SPANS = 120
/** Searches that find nothing: by any text, in capitals or not; and by exact members. */
const NOTHING: readonly AuditPageFilter[] = [
  { text: 'no such text' },
  { text: 'q#' },
  { keyId: 'key_zzzzzzzzzzzz' },
  { actor: 'nobody' },
  { action: 'key.update', userId: 'nobody' },
]

async function auditPages(bench: Bench): Promise<readonly Finding[]> {
  const count = bench.size(MANY_RECORDS, 1000)
  const store = bench.store(bench.size(KEYS, 20), count)
  const files = filesOf(store)
  const size = files.reduce((sum, path) => sum + statSync(path).size, 0)
  const page = (filter: AuditPageFilter) => auditPage(store.log, { filter, around: 'newest', newer: 0, older: PAGE })
  const first = async (): Promise<void> => {
    const { rows, hasOlder, lastSeq } = await page({})
    assert(rows.length === PAGE && hasOlder && rows[0]?.record.seq === lastSeq && lastSeq >= count, 'the first page is another')
  }
  const timeline = async (): Promise<void> => {
    const counts = (await auditTimeline(store.log, { from: null, to: null, spans: SPANS }))?.counts ?? []
    assert(counts.reduce((sum, one) => sum + one, 0) >= count, 'the timeline is another')
  }
  const searches = NOTHING.map((filter, index) => {
    const run = async (): Promise<void> => assert((await page(filter)).rows.length === 0, `${JSON.stringify(filter)} found something`)
    return [`search ${index}`, { count: 1, run }] as const
  })
  const read = (): void => assert(readFloor(files) === size, 'the floor read another log')
  const contenders = { floor: { count: 1, run: read }, first: { count: 1, run: first }, timeline: { count: 1, run: timeline } }
  const times = await race({ ...contenders, ...Object.fromEntries(searches) }, bench)
  const timesOf = (name: string): readonly number[] => (times as Record<string, number[]>)[name] ?? []
  return [
    alone(`first page of ${count} records`, 'ms', times.first, atMost(200)),
    alone(`timeline of ${SPANS} spans`, 'ms', times.timeline, null),
    ...NOTHING.map((filter, index) =>
      timeAgainst({
        what: `search that finds nothing in ${Math.round(size / 1e6)} MB: ${JSON.stringify(filter)}`,
        product: timesOf(`search ${index}`),
        against: ['one read', times.floor],
        unit: 'ms',
        goal: atMost(2),
      }),
    ),
  ]
}

export const auditRows: readonly Row[] = [
  { name: 'audit', about: 'audit verify against reading lines and hashing each', run: audit },
  { name: 'audit-pages', about: 'pages and searches of 1,000,000 records against one sequential read of them', run: auditPages },
]
