// The store of the frames: some keys in every status, a month of calls with a gap in its last hour, the same bytes on any day. Made by the library.

import { ApiKeyManager } from '../../src/index.ts'
import { seededDraw } from '../store/harness.ts'
import { NOON } from './noon.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const MONTH_DAYS = 30
/** Nobody was there to count in these minutes before noon. */
const GAP_BEGIN_MINUTES = 27
const GAP_END_MINUTES = 19
const REASON = { reason: 'the vendor left; nothing of ours calls it any more' }

interface Deed {
  readonly at: number
  readonly run: (manager: ApiKeyManager) => Promise<unknown>
}

const iso = (ms: number): string => new Date(ms).toISOString()

/** Ids and tokens by name, known once the deed that makes the key was run. */
interface Made {
  readonly id: string
  readonly token: string
}

function lives(made: Map<string, Made>): Deed[] {
  const born = (at: number, name: string, input: Parameters<ApiKeyManager['generateApiKey']>[0]): Deed => ({
    at,
    run: async (manager) => {
      const { key, token } = await manager.generateApiKey({ name, ...input })
      made.set(name, { id: key.id, token })
    },
  })
  const idOf = (name: string): string => made.get(name)?.id ?? ''
  return [
    born(NOON - 40 * DAY - HOUR / 2, 'frontend', {
      userId: 'ann',
      scopes: ['read:users', 'write:orders'],
      rateLimits: [{ name: 'default', limit: 25, windowSeconds: 60 }],
      allowedIps: ['10.0.0.0/8'],
      tags: ['web'],
      metadata: { team: 'shop' },
      expiresAt: iso(NOON + 120 * DAY + HOUR / 2),
    }),
    born(NOON - 39 * DAY - HOUR / 2, 'nightly report', {
      userId: 'ann',
      environment: 'test',
      scopes: ['read:*'],
      expiresAt: iso(NOON + 5 * DAY + HOUR / 2),
    }),
    born(NOON - 38 * DAY - HOUR / 2, 'batch', { userId: 'bob', scopes: ['read:users'], expiresAt: iso(NOON + 300 * DAY + HOUR / 2) }),
    born(NOON - 37 * DAY - HOUR / 2, 'old app', { userId: 'bob' }),
    born(NOON - 36 * DAY - HOUR / 2, 'trial', { userId: 'carol', expiresAt: iso(NOON - 6 * DAY - HOUR / 2) }),
    born(NOON - 35 * DAY - HOUR / 2, 'vendor', { userId: 'carol', scopes: ['write:*'] }),
    born(NOON - 34 * DAY - HOUR / 2, 'next year', { userId: '北京快递有限公司', notBefore: iso(NOON + 39 * DAY + HOUR / 2) }),
    born(NOON - 33 * DAY - HOUR / 2, 'family 👩‍👩‍👧 of three', {
      userId: 'someone.with.a.very.long.name@department.example.org',
      scopes: ['*'],
    }),
    { at: NOON - 9 * DAY - HOUR / 2, run: (manager) => manager.disableApiKey(idOf('old app'), { reason: 'not used since spring' }) },
    { at: NOON - 3 * DAY - HOUR / 2, run: (manager) => manager.revokeApiKey(idOf('vendor'), REASON) },
    { at: NOON - 6 * HOUR - HOUR / 2, run: (manager) => manager.rotateApiKey(idOf('batch'), { graceSeconds: 86_400 }) },
    born(NOON - 2 * HOUR - HOUR / 2, 'console', { userId: 'ann', environment: 'test', scopes: ['read:users'] }),
  ]
}

/** So many calls: more by day than by night, the same for the same hour. */
const callsAt = (at: number): number => 2 + (Math.floor(at / HOUR) % 24 > 7 ? 6 : 0) + (Math.floor(at / MINUTE) % 5)

function traffic(made: ReadonlyMap<string, Made>): Deed[] {
  const called = (at: number, name: string, times: number, requiredScopes: readonly string[]): Deed => ({
    at,
    run: async (manager) => {
      const options = { requiredScopes, ip: '10.1.2.3' }
      for (let call = 0; call < times; call++) await manager.validateApiKey(made.get(name)?.token ?? '', options)
    },
  })
  const month = Array.from({ length: MONTH_DAYS * 8 }, (_, index) => NOON - MONTH_DAYS * DAY + index * 3 * HOUR + HOUR / 2)
  const lastHour = Array.from({ length: 60 }, (_, index) => NOON - HOUR + index * MINUTE + MINUTE / 2)
  return [
    ...month.map((at) => called(at, 'frontend', callsAt(at), ['read:users'])),
    ...month.filter((_, index) => index % 5 === 0).map((at) => called(at + MINUTE, 'batch', 3, [])),
    ...month.filter((_, index) => index % 40 === 0).map((at) => called(at + MINUTE, 'vendor', 2, ['write:orders'])),
    ...lastHour.map((at, index) => called(at, 'frontend', index > 40 && index < 50 ? 40 : callsAt(at), ['write:orders'])),
    ...lastHour.filter((_, index) => index % 7 === 0).map((at) => called(at, 'nightly report', 2, ['read:orders'])),
  ]
}

/** Writes `keys.json` with its log and usage into a folder that is fresh. */
export async function buildStill(store: string): Promise<void> {
  const made = new Map<string, Made>()
  let now = 0
  const draw = seededDraw('still')
  const open = () => ApiKeyManager.open({ store, actor: 'ann', clock: () => now, entropy: draw, onWarning: () => undefined })
  const gap = { begin: NOON - GAP_BEGIN_MINUTES * MINUTE, end: NOON - GAP_END_MINUTES * MINUTE }
  const deeds = [...lives(made), ...traffic(made)].filter(({ at }) => at < gap.begin || at >= gap.end).sort((a, b) => a.at - b.at)
  const runAll = async (some: readonly Deed[], until: number): Promise<void> => {
    now = some[0]?.at ?? until
    const manager = await open()
    for (const { at, run } of some) {
      now = at
      await run(manager)
      // Minutes in which nothing is written count as minutes in which nobody was there.
      if (at > NOON - HOUR) await manager.flush()
    }
    now = until
    await manager.flush()
    await manager.close()
  }
  await runAll(
    deeds.filter(({ at }) => at < gap.begin),
    gap.begin,
  )
  await runAll(
    deeds.filter(({ at }) => at >= gap.end),
    NOON,
  )
}
