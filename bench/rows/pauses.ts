// What a verification feels of the flush beside it: its slowest calls, and the longest time in which none could run.

import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import type { Finding } from '../measure.ts'
import { alone, atMost, quantile } from '../measure.ts'
import { SCOPE, shuffle } from '../stores.ts'
import { openUsed } from './verification.ts'

const CALLS_PER_TURN = 32
const MAX_CALLS = 4_000_000

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function pauses(bench: Bench): Promise<readonly Finding[]> {
  const store = bench.store(bench.size(10_000, 100))
  const manager = await openUsed(bench, store, bench.size(1000, 50))
  const tokens = [...store.tokens]
  const roundMs = bench.size(2000, 200)
  const latencies = new Float64Array(MAX_CALLS)
  const found = {
    p50: [] as number[],
    p99: [] as number[],
    ratio: [] as number[],
    longestCall: [] as number[],
    longestPause: [] as number[],
  }
  for (let round = -Math.min(1, bench.warmups); round < bench.rounds; round++) {
    shuffle(tokens)
    let calls = 0
    let longestPause = 0
    let last = performance.now()
    const end = last + roundMs
    while (last < end && calls < MAX_CALLS) {
      for (let call = 0; call < CALLS_PER_TURN; call++) {
        const begin = performance.now()
        const { valid } = await manager.validateApiKey(tokens[calls % tokens.length], { requiredScope: SCOPE })
        const now = performance.now()
        assert(valid, 'a valid token was refused')
        latencies[calls++] = now - begin
        if (now - last > longestPause) longestPause = now - last
        last = now
      }
      await nextTurn()
    }
    if (round < 0) continue
    const sorted = latencies.subarray(0, calls).sort()
    const p50 = quantile(sorted, 0.5)
    const p99 = quantile(sorted, 0.99)
    found.p50.push(p50)
    found.p99.push(p99)
    found.ratio.push(p99 / p50)
    found.longestCall.push(sorted.at(-1) as number)
    found.longestPause.push(longestPause)
  }
  await manager.close()
  return [
    alone('p99 / p50 of one verification', '×', found.ratio, atMost(10)),
    alone('the longest pause between two, flushes included', 'ms', found.longestPause, atMost(20), 'worst'),
    alone('p50', 'µs', found.p50, null),
    alone('p99', 'µs', found.p99, null),
    alone('the longest verification itself', 'ms', found.longestCall, null, 'worst'),
  ]
}

export const pauseRows: readonly Row[] = [
  { name: 'pauses', about: 'verifications while usage is flushed each second, 10,000 active keys', run: pauses },
]
