// The live traffic of the demo as a plan: which client calls which server with which token, how often. Tokens stay in memory.

import type { Key, Secret } from '../domain/key.ts'
import { isExpired, secretsInGrace } from '../domain/key.ts'
import { MINUTE_MS, SECOND_MS } from '../domain/time.ts'
import type { Draw } from '../domain/token.ts'
import { drawShortId, mintToken } from '../domain/token.ts'
import { ELSEWHERE_PER_MINUTE, MISTAKEN_SCOPE, SERVERS } from './cast.ts'
import type { History } from './history.ts'
import type { Habit } from './lives.ts'
import { busyness } from './rhythm.ts'

/** Someone who calls a server with one token. */
export interface Client {
  readonly token: string
  /** Each call requires one of them. */
  readonly scopes: readonly string[]
  readonly ip: string | null
  readonly callsPerSecond: number
  /** Every so often there are more calls for a while. */
  readonly isBursting: boolean
}

/** What one server process is to do. */
export interface ServerPlan {
  readonly actor: string
  /** Not all write each second: together they must cost next to nothing. */
  readonly flushIntervalMs: number
  readonly clients: readonly Client[]
}

export type TrafficPlan = readonly ServerPlan[]

/** What a server process is told when it has started. */
export interface ServerOrder extends ServerPlan {
  readonly store: string
}

/** What the name of a demo's folder begins with: no other folder is ever removed. */
export const FOLDER_PREFIX = 'keywright-demo-'

/** Too few calls to be seen while a demo is open are not worth a client. */
const LEAST_CALLS_PER_MINUTE = 0.05
const MISTYPED_PER_MINUTE = 8

const FLUSH_MS = { first: 1000, others: 4000 } as const

/** An address inside a block, as in 10.20.0.0/16; good enough for the blocks of the cast. */
const addressIn = (block: string): string => block.replace(/0\/\d+$|\/\d+$/, '7')

function isWorking(key: Key, at: number): boolean {
  const isStarted = key.notBefore === null || Date.parse(key.notBefore) <= at
  return key.revokedAt === null && key.disabledAt === null && !isExpired(key, at) && isStarted
}

/** The clients of one key: on its current secret, on an older one, on one that works no more; one who asks for too much, one from elsewhere. */
function clientsOf(key: Key, habit: Habit, tokens: History['tokens'], at: number): Client[] {
  const [current, older] = key.secrets
  const isUsed = isWorking(key, at) && habit.stopsAt > at
  const perMinute = isUsed ? habit.callsPerMinute * busyness(habit.shape, at, at, at) : 0
  const age = at - Date.parse(current?.createdAt ?? key.createdAt)
  const isLeft = secretsInGrace(key, at).length === 0 ? 0 : Math.max(0, 1 - age / habit.handoverMs)
  const [block] = key.allowedIps
  const inside = block === undefined ? null : addressIn(block)
  const client = (secret: Secret | undefined, callsPerMinute: number, different: Partial<Client> = {}): Client[] => {
    const token = tokens.get(secret?.shortId ?? '')
    if (token === undefined || callsPerMinute < LEAST_CALLS_PER_MINUTE) return []
    const callsPerSecond = (callsPerMinute * SECOND_MS) / MINUTE_MS
    return [{ token, scopes: habit.asked, ip: inside, callsPerSecond, isBursting: false, ...different }]
  }
  return [
    ...client(current, perMinute * (1 - isLeft), { isBursting: true }),
    ...client(older, perMinute * isLeft, { isBursting: true }),
    ...client(isUsed ? older : current, habit.strayPerMinute ?? 0),
    ...client(current, isUsed ? (habit.mistakesPerMinute ?? 0) : 0, { scopes: [MISTAKEN_SCOPE] }),
    ...client(current, isUsed && block !== undefined ? ELSEWHERE_PER_MINUTE : 0, { ip: null }),
  ]
}

export function planTraffic({ keys, tokens }: History, at: number, draw: Draw): TrafficPlan {
  const all = [...keys].flatMap(([{ habit }, key]) => clientsOf(key, habit, tokens, at).map((client) => ({ client, server: habit.server })))
  const stranger = mintToken('kw', 'live', drawShortId(draw), draw)
  const mistyped: Client = {
    token: stranger,
    scopes: [],
    ip: null,
    callsPerSecond: (MISTYPED_PER_MINUTE * SECOND_MS) / MINUTE_MS,
    isBursting: false,
  }
  return SERVERS.map((actor, index) => ({
    actor,
    flushIntervalMs: index === 0 ? FLUSH_MS.first : FLUSH_MS.others,
    clients: [...(index === 0 ? [mistyped] : []), ...all.filter(({ server }) => server === actor).map(({ client }) => client)],
  }))
}
