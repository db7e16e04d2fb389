// A rate limit's decision alone, and what it costs through the library's door.

import { createLimiter } from '../../src/domain/limiter.ts'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import type { Finding } from '../measure.ts'
import { atLeast, race, speedAgainst } from '../measure.ts'
import { createPeerLimiter } from '../peers.ts'

const LIMIT = 1_000_000
const WINDOW_SECONDS = 60
const PASSES = 100

async function limits(bench: Bench): Promise<readonly Finding[]> {
  const { path, ids } = bench.store(bench.size(1000, 20))
  const peer = await createPeerLimiter(LIMIT, WINDOW_SECONDS)
  const limiter = createLimiter({ wall: Date.now, monotonic: () => performance.now() }, 'bench', () => [])
  const limit = [{ name: 'default', limit: LIMIT, windowSeconds: WINDOW_SECONDS }]
  const manager = await bench.library.ApiKeyManager.open({ store: path, flushIntervalMs: 60_000 })
  const passes = bench.size(PASSES, 1)
  const count = ids.length * passes
  const decide = (): void => {
    for (let pass = 0; pass < passes; pass++)
      for (const id of ids) if (!limiter.take(id, limit, false).isAllowed) throw new Error('a call within the limit was refused')
  }
  const consume = async (): Promise<void> => {
    for (let pass = 0; pass < passes; pass++) for (const id of ids) await peer.consume(id)
  }
  const check = async (): Promise<void> => {
    for (let pass = 0; pass < passes; pass++)
      for (const id of ids) {
        const { allowed } = await manager.checkRateLimit(id, { limit: LIMIT, windowSeconds: WINDOW_SECONDS })
        if (!allowed) throw new Error('a call within the limit was refused')
      }
  }
  const times = await race({ product: { count, run: decide }, door: { count, run: check }, peer: { count, run: consume } }, bench)
  const [id = ''] = ids
  for (let call = 0; call < 3; call++) await manager.checkRateLimit(id, { limit: 3, windowSeconds: WINDOW_SECONDS })
  const { allowed } = await manager.checkRateLimit(id, { limit: 3, windowSeconds: WINDOW_SECONDS })
  assert(!allowed, 'a fourth call of three was allowed')
  await manager.close()
  const against = ['rate-limiter-flexible', times.peer] as const
  return [
    speedAgainst({ what: 'the decision alone', product: times.product, against, goal: atLeast(2) }),
    speedAgainst({ what: 'checkRateLimit, awaited', product: times.door, against, goal: null }),
  ]
}

export const limitRows: readonly Row[] = [{ name: 'limits', about: "a limit's decision, 1,000 keys in memory", run: limits }]
