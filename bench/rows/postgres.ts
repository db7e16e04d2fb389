// A store in PostgreSQL on its hot path: verifications that are at hand and ones that are not, and limits that all nodes share.

import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import type { ApiKeyManager } from '../library.ts'
import type { Contender, Finding } from '../measure.ts'
import { race, speedAgainst, timeAgainst } from '../measure.ts'
import type { PostgresBench } from '../postgres.ts'
import { withServer } from '../postgres.ts'
import { shuffle } from '../stores.ts'
import { publicCalls, randomly } from './verification.ts'

const KEYS = 1000
const SHORT_KEYS = 20
const SCOPES = ['read:users']
const NO_FLUSH_MS = 60_000
/** So high that a node takes many calls ahead, and all rounds together stay below it. */
const HIGH_LIMIT = { limit: 5_000_000, windowSeconds: 60 }

/** The path of an embedded store that does not exist yet. */
const newStore = ({ folder }: Bench): string => join(mkdtempSync(join(folder, 'embedded-')), 'keys.json')

/** A store with so many keys, each used once and flushed; and their tokens. */
async function populated(bench: Bench, store: string, rateLimits: readonly { limit: number; windowSeconds: number }[]) {
  const manager = await bench.library.ApiKeyManager.open({ store, flushIntervalMs: NO_FLUSH_MS })
  const made = await Promise.all(
    Array.from({ length: bench.size(KEYS, SHORT_KEYS) }, (_, index) =>
      manager.generateApiKey({ userId: `user-${index % 10}`, scopes: SCOPES, rateLimits }),
    ),
  )
  const tokens = made.map(({ token }) => token)
  await publicCalls(manager, tokens).run(0)
  await manager.flush()
  return { manager, tokens, ids: made.map(({ key }) => key.id) }
}

async function cached(bench: Bench, { server }: PostgresBench): Promise<readonly Finding[]> {
  const times = bench.size(10, 1)
  const found: Finding[] = []
  for (const [what, limits] of [
    ['without limits', []],
    ['with a limit, taken ahead', [HIGH_LIMIT]],
  ] as const) {
    const database = await populated(bench, (await server.fresh()).url, limits)
    const embedded = await populated(bench, newStore(bench), limits)
    const contenders = {
      product: publicCalls(database.manager, database.tokens, times),
      embedded: publicCalls(embedded.manager, embedded.tokens, times),
    }
    const timed = await race(contenders, bench)
    const uses = database.tokens.length * (times * (bench.rounds + bench.warmups) + 1)
    const { usageCount } = await database.manager.getUsageStats()
    assert(usageCount === uses, `${uses} uses were counted as ${usageCount}`)
    await database.manager.close()
    await embedded.manager.close()
    const against = ['the embedded store', timed.embedded] as const
    found.push(timeAgainst({ what: `validateApiKey, known keys, ${what}`, product: timed.product, against, goal: null }))
  }
  return found
}

async function uncached(bench: Bench, { server, client }: PostgresBench): Promise<readonly Finding[]> {
  const { url } = await server.fresh()
  const { manager, tokens, ids } = await populated(bench, url, [])
  await manager.close()
  const driver = await client(url)
  let cold: ApiKeyManager | null = null
  const lookUps = publicCallsOf(() => cold as ApiKeyManager, tokens)
  const product: Contender = {
    ...lookUps,
    // A node that knows no key yet, but has its connections: the first call opens one.
    async before(round) {
      cold = await bench.library.ApiKeyManager.open({ store: url, flushIntervalMs: NO_FLUSH_MS })
      await cold.getApiKey(ids[0] as string)
      await lookUps.before?.(round)
    },
    after: () => cold?.close(),
  }
  const floor = randomly(ids, 1, async (order) => {
    for (const id of order) {
      const { rows } = await driver.query('SELECT line FROM keywright.keys WHERE id = $1', [id])
      if (rows.length !== 1) throw new Error('a key was not found')
    }
  })
  const timed = await race({ product, floor }, bench)
  const against = ['one SELECT', timed.floor] as const
  return [timeAgainst({ what: 'validateApiKey, keys that are not known yet, one by one', product: timed.product, against, goal: null })]
}

const publicCallsOf = (managerOf: () => ApiKeyManager, tokens: readonly string[]): Contender =>
  randomly(tokens, 1, (order) => publicCalls(managerOf(), order).run(0))

/** The most that is taken one by one: a lease of it would be less than two calls. */
const LOW_LIMIT = { limit: 90, windowSeconds: 60 }
const AT_ONCE = 64

async function limits(bench: Bench, { server, client }: PostgresBench): Promise<readonly Finding[]> {
  const { url } = await server.fresh()
  const low = await populated(bench, url, [LOW_LIMIT])
  const high = await populated(bench, (await server.fresh()).url, [HIGH_LIMIT])
  const driver = await client(url)
  const order = [...low.tokens]
  shuffle(order)
  let next = 0
  const call = async ({ manager }: typeof low, token: string): Promise<void> => {
    const { valid, code } = await manager.validateApiKey(token)
    if (!valid) throw new Error(`a call within the limit was answered ${code}`)
  }
  const count = bench.size(AT_ONCE, 8)
  const oneByOne = async (): Promise<void> => {
    for (let made = 0; made < count; made++) await call(low, order[next++ % order.length] as string)
  }
  const together = (): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, () => call(low, order[next++ % order.length] as string)))
  const many = bench.size(100_000, 20)
  const ahead = async (): Promise<void> => {
    for (let made = 0; made < many; made++) await call(high, high.tokens[0] as string)
  }
  const floor = async (): Promise<void> => {
    for (let made = 0; made < count; made++) await driver.query('SELECT 1')
  }
  const timed = await race(
    {
      oneByOne: { count, run: oneByOne },
      together: { count, run: together },
      ahead: { count: many, run: ahead },
      floor: { count, run: floor },
    },
    bench,
  )
  const [id = ''] = low.ids
  const few = { limit: 3, windowSeconds: 3600 }
  for (let made = 0; made < few.limit; made++) await low.manager.checkRateLimit(id, few)
  assert(!(await low.manager.checkRateLimit(id, few)).allowed, 'a fourth call of three was allowed')
  await low.manager.close()
  await high.manager.close()
  const against = ['one SELECT 1', timed.floor] as const
  return [
    speedAgainst({ what: 'a limit: one call, one synced question of the server', product: timed.oneByOne, against, goal: null }),
    speedAgainst({ what: `the same, ${count} keys at once`, product: timed.together, against, goal: null }),
    speedAgainst({ what: 'one call of a busy key, calls taken ahead', product: timed.ahead, against, goal: null }),
  ]
}

const hotPath = (bench: Bench): Promise<readonly Finding[]> =>
  withServer(bench, async (postgres) => [
    ...(await cached(bench, postgres)),
    ...(await uncached(bench, postgres)),
    ...(await limits(bench, postgres)),
  ])

export const postgresRows: readonly Row[] = [
  {
    name: 'postgres',
    about: 'PostgreSQL: one verification, 1,000 keys, and limits that all nodes share, against one round trip',
    run: hotPath,
  },
]
