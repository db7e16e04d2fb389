// One verification: the public method and the core inside it against the floor and against the peers.

import { openManager } from '../../src/open-manager.ts'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import { verificationFloor } from '../floors.ts'
import type { ApiKeyManager } from '../library.ts'
import type { Contender, Finding } from '../measure.ts'
import { atLeast, atMost, race, speedAgainst, timeAgainst } from '../measure.ts'
import { createBetterAuth, loadPrefixedApiKey } from '../peers.ts'
import type { BuiltStore } from '../stores.ts'
import { SCOPE, shuffle } from '../stores.ts'

const KEYS = 100_000
const SHORT_KEYS = 200
/** No flush inside a timed part: `pauses` measures those. */
const NO_FLUSH_MS = 60_000

/** Each key used once and flushed, so that no record of a first use waits. */
export async function openUsed({ library }: Bench, { path, tokens }: BuiltStore, flushIntervalMs = NO_FLUSH_MS): Promise<ApiKeyManager> {
  const manager = await library.ApiKeyManager.open({ store: path, flushIntervalMs })
  await verifyAll(manager, tokens)
  await manager.flush()
  return manager
}

async function verifyAll(manager: ApiKeyManager, tokens: readonly string[]): Promise<void> {
  for (const token of tokens) {
    const verdict = await manager.validateApiKey(token, { requiredScope: SCOPE })
    if (!verdict.valid) throw new Error(`a valid token was answered ${verdict.code}`)
  }
}

/** All tokens in another order each round, `times` times over. */
export function randomly(tokens: readonly string[], times: number, run: (tokens: readonly string[]) => unknown): Contender {
  const order = [...tokens]
  return {
    count: tokens.length * times,
    before: () => shuffle(order),
    async run() {
      for (let time = 0; time < times; time++) await run(order)
    },
  }
}

/** The public method, awaited one by one. */
export const publicCalls = (manager: ApiKeyManager, tokens: readonly string[], times = 1): Contender =>
  randomly(tokens, times, (order) => verifyAll(manager, order))

/** The floor knows all tokens, and is asked for some of them. */
export function floorCalls(known: readonly string[], asked = known, times = 1): Contender {
  const verify = verificationFloor(known)
  return randomly(asked, times, (order) => {
    for (const token of order) if (!verify(token)) throw new Error('the floor refused a token')
  })
}

async function againstFloor(bench: Bench): Promise<readonly Finding[]> {
  const store = bench.store(bench.size(KEYS, SHORT_KEYS))
  const { tokens } = store
  const manager = await openUsed(bench, store)
  // A copy of the same store, so that neither counts for the other.
  const core = await openManager({ store: bench.store(tokens.length).path, flushIntervalMs: NO_FLUSH_MS }, 'library')
  const options = { requiredScopes: [SCOPE], environment: null, ip: null, isPeek: false } as const
  const callCore = (order: readonly string[]): void => {
    for (const token of order) {
      const verdict = core.validate(token, options)
      if (verdict instanceof Promise || !verdict.valid) throw new Error('the core did not answer VALID at once')
    }
  }
  callCore(tokens)
  await core.flush()
  const times = await race({ product: publicCalls(manager, tokens), core: randomly(tokens, 1, callCore), floor: floorCalls(tokens) }, bench)
  const uses = tokens.length * (bench.rounds + bench.warmups + 1)
  const { usageCount: counted } = await manager.getUsageStats()
  assert(counted === uses, `${uses} uses were counted as ${counted}`)
  await manager.close()
  await core.close()
  const against = ['floor', times.floor] as const
  return [
    speedAgainst({ what: `validateApiKey, awaited, ${tokens.length} keys`, product: times.product, against, goal: atLeast(0.55) }),
    speedAgainst({ what: 'the synchronous core inside it', product: times.core, against, goal: atLeast(0.66) }),
  ]
}

async function againstBetterAuth(bench: Bench): Promise<readonly Finding[]> {
  const peer = await createBetterAuth(bench.size(100, 3))
  const store = bench.store(bench.size(KEYS, SHORT_KEYS))
  const manager = await openUsed(bench, store)
  const run = async (): Promise<void> => {
    for (const token of peer.tokens) assert(await peer.verify(token), 'better-auth refused a token')
  }
  const times = await race({ product: publicCalls(manager, store.tokens), peer: { count: peer.tokens.length, run } }, bench)
  await manager.close()
  return [speedAgainst({ what: 'validateApiKey', product: times.product, against: ['better-auth', times.peer], goal: atLeast(60) })]
}

async function againstPrefixedApiKey(bench: Bench): Promise<readonly Finding[]> {
  const { generateAPIKey, extractShortToken, checkAPIKey } = await loadPrefixedApiKey()
  const store = bench.store(bench.size(KEYS, SHORT_KEYS))
  const manager = await openUsed(bench, store)
  const made = await Promise.all(Array.from({ length: bench.size(1000, 20) }, () => generateAPIKey({ keyPrefix: 'kw' })))
  const hashes = new Map(made.map(({ shortToken, longTokenHash }) => [shortToken, longTokenHash]))
  const tokens = made.map(({ token }) => token)
  const times = bench.size(100, 1)
  const run = (): void => {
    for (let time = 0; time < times; time++)
      for (const token of tokens)
        if (!checkAPIKey(token, hashes.get(extractShortToken(token)) ?? '')) throw new Error('prefixed-api-key refused a token')
  }
  const result = await race({ product: publicCalls(manager, store.tokens), peer: { count: tokens.length * times, run } }, bench)
  await manager.close()
  const against = ['prefixed-api-key', result.peer] as const
  return [speedAgainst({ what: 'validateApiKey', product: result.product, against, goal: atLeast(0.65) })]
}

const GROWTH = [100, 1000, 10_000, 100_000, 1_000_000]
/** Calls of a round at any number of keys; of more keys than that, so many at random. */
const GROWTH_CALLS = 100_000
const SHORT_GROWTH = [20, 100]

async function growth(bench: Bench): Promise<readonly Finding[]> {
  const counts = bench.isShort ? SHORT_GROWTH : GROWTH
  const calls = Math.min(GROWTH_CALLS, counts.at(-1) as number)
  const contenders: Record<string, Contender> = {}
  const managers: ApiKeyManager[] = []
  for (const count of counts) {
    const store = bench.store(count)
    const tokens = [...store.tokens]
    shuffle(tokens)
    tokens.length = Math.min(count, calls)
    const manager = await openUsed(bench, { ...store, tokens })
    managers.push(manager)
    contenders[`${count}`] = publicCalls(manager, tokens, calls / tokens.length)
    contenders[`floor ${count}`] = floorCalls(store.tokens, tokens, calls / tokens.length)
  }
  const times = await race(contenders, bench)
  for (const manager of managers) await manager.close()
  const smallest = counts[0] as number
  return counts.flatMap((count) => {
    const what = `validateApiKey, ${count} keys`
    const product = times[`${count}`] as number[]
    const smaller = [`${smallest} keys`, times[`${smallest}`] as number[]] as const
    const flat = timeAgainst({ what, product, against: smaller, goal: atMost(2) })
    const ofFloor = speedAgainst({ what, keys: count, product, against: ['floor', times[`floor ${count}`] as number[]], goal: null })
    return count === smallest ? [ofFloor] : [flat, ofFloor]
  })
}

export const verificationRows: readonly Row[] = [
  { name: 'verification', about: 'one verification, 100,000 keys in random order, with scope, limit and usage', run: againstFloor },
  { name: 'verification-better-auth', about: 'the same against better-auth, 100 keys in memory, rate limit on', run: againstBetterAuth },
  { name: 'verification-prefixed-api-key', about: 'the same against the bare hash check of 1,000 keys', run: againstPrefixedApiKey },
  { name: 'growth', about: 'time per verification as the number of keys grows', run: growth },
]
