// Four processes that change one store at once against one process alone.

import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import type { Finding } from '../measure.ts'
import { alone, atLeast, atMost, speedAgainst } from '../measure.ts'
import type { Changed } from '../worker.ts'
import type { Worker } from '../workers.ts'
import { startWorker } from '../workers.ts'

const PROCESSES = 4

async function processes(bench: Bench): Promise<readonly Finding[]> {
  const store = bench.store(bench.size(1000, 50))
  const forMs = bench.size(1000, 150)
  const workers = await Promise.all(
    Array.from({ length: PROCESSES }, () => startWorker(bench.libraryPath, store.path, store.ids.slice(0, 500))),
  )
  const changeAll = async (chosen: readonly Worker[]): Promise<{ msPerChange: number; longestMs: number }> => {
    const answers = await Promise.all(chosen.map((worker) => worker.ask<Changed>({ task: 'changes', forMs })))
    const changes = answers.reduce((sum, answer) => sum + answer.changes, 0)
    assert(changes > 0, 'nothing was changed')
    made += changes
    return { msPerChange: forMs / changes, longestMs: Math.max(...answers.map(({ longestMs }) => longestMs)) }
  }
  let made = 0
  const together: number[] = []
  const single: number[] = []
  const longest: number[] = []
  for (let round = -Math.min(1, bench.warmups); round < bench.rounds; round++) {
    const one = await changeAll(workers.slice(0, 1))
    const four = await changeAll(workers)
    if (round < 0) continue
    single.push(one.msPerChange)
    together.push(four.msPerChange)
    longest.push(four.longestMs)
  }
  await Promise.all(workers.map((worker) => worker.end()))
  const manager = await bench.library.ApiKeyManager.open({ store: store.path })
  let revisions = 0
  for (const id of store.ids) revisions += ((await manager.getApiKey(id))?.revision ?? 0) - 1
  assert(revisions === made, `${made} changes were made and ${revisions} are in the store`)
  const { ok } = await manager.verifyAudit()
  assert(ok, 'the store does not prove itself')
  await manager.close()
  return [
    speedAgainst({
      what: 'changes per second in sum, 4 processes',
      product: together,
      against: ['1 process', single],
      unit: 'ms',
      goal: atLeast(0.6),
    }),
    alone('the longest wait of a change, median of rounds', 'ms', longest, atMost(50)),
  ]
}

export const processRows: readonly Row[] = [
  { name: 'processes', about: '4 processes changing one store of 1,000 keys at once', run: processes },
]
