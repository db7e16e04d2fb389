// Refusals: a token that is no token costs less than the floor, and an unknown one as much as one with a wrong secret.

import { composeToken } from '../../src/domain/token.ts'
import type { Bench, Row } from '../bench.ts'
import type { ApiKeyManager } from '../library.ts'
import type { Finding } from '../measure.ts'
import { alone, atLeast, atMost, race, speedAgainst } from '../measure.ts'
import { SCOPE } from '../stores.ts'
import { floorCalls, openUsed, randomly } from './verification.ts'

const PREFIX = 'kw_live'
const SHORT_ID = PREFIX.length + 1
const SECRET = SHORT_ID + 12 + 1

const seeded = (index: number): Uint8Array => Buffer.alloc(32, `${index} `)
const shortIdOf = (token: string): string => token.slice(SHORT_ID, SECRET - 1)
/** The last character of the checksum is another one. */
const mistyped = (token: string): string => token.slice(0, -1) + (token.endsWith('0') ? '1' : '0')
/** Base62 backwards: in no store, since ids are drawn at random. */
const unknown = (token: string, index: number): string =>
  composeToken(PREFIX, index.toString(36).padStart(12, 'zyxwvutsrqpo').slice(-12), seeded(index + token.length))

async function refusals(bench: Bench): Promise<readonly Finding[]> {
  const store = bench.store(bench.size(100_000, 200))
  const manager = await openUsed(bench, store)
  const { tokens } = store
  const calls = (made: readonly string[], reason: string) => randomly(made, 1, (order) => refuseAll(manager, order, reason))
  const times = await race(
    {
      checksum: calls(tokens.map(mistyped), 'BAD_CHECKSUM'),
      unknown: calls(tokens.map(unknown), 'UNKNOWN'),
      wrong: calls(
        tokens.map((token, index) => composeToken(PREFIX, shortIdOf(token), seeded(index))),
        'UNKNOWN',
      ),
      floor: floorCalls(tokens),
    },
    bench,
  )
  await manager.close()
  const against = ['floor', times.floor] as const
  const apart = times.unknown.map((time, round) => Math.abs(time - (times.wrong[round] as number)))
  return [
    speedAgainst({ what: 'a bad checksum', product: times.checksum, against, goal: atLeast(2.5) }),
    speedAgainst({ what: 'an unknown shortId', product: times.unknown, against, goal: atLeast(1) }),
    speedAgainst({ what: 'a wrong secret', product: times.wrong, against, goal: null }),
    alone('an unknown shortId and a wrong secret apart', 'µs', apart, atMost(0.5)),
  ]
}

async function refuseAll(manager: ApiKeyManager, tokens: readonly string[], reason: string): Promise<void> {
  for (const token of tokens) {
    const verdict = await manager.validateApiKey(token, { requiredScope: SCOPE })
    if (verdict.reason !== reason) throw new Error(`a token that should be ${reason} was answered ${verdict.code} ${verdict.reason}`)
  }
}

export const refusalRows: readonly Row[] = [{ name: 'refusals', about: 'refusing a token that is none, or nobody’s', run: refusals }]
