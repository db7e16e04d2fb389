// The peers: what others use for the same job. They are installed in bench/ only, and rows that need an absent one are left out.

import { isBuiltin } from 'node:module'

export const INSTALL = 'npm ci --prefix bench'
const NAMES = ['better-auth', '@better-auth/api-key', 'prefixed-api-key', 'rate-limiter-flexible']

/** Thrown by a row that can't be run here; says why. */
export class Skipped extends Error {}

/** The names of peers that are not installed. */
export function missingPeers(): string[] {
  return NAMES.filter((name) => {
    try {
      return isBuiltin(name) || import.meta.resolve(name) === ''
    } catch {
      return true
    }
  })
}

/** Loaded by name, so that nothing here needs the peers' own types. */
async function load<T>(name: string): Promise<T> {
  try {
    return (await import(name)) as T
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') throw new Skipped(`${name} is not installed`)
    throw error
  }
}

export interface PrefixedApiKey {
  readonly generateAPIKey: (options: { keyPrefix: string }) => Promise<{ shortToken: string; longTokenHash: string; token: string }>
  readonly extractShortToken: (token: string) => string
  readonly checkAPIKey: (token: string, expectedLongTokenHash: string) => boolean
}

export const loadPrefixedApiKey = (): Promise<PrefixedApiKey> => load('prefixed-api-key')

export interface MemoryLimiter {
  readonly consume: (key: string) => Promise<{ readonly remainingPoints: number }>
}

export async function createPeerLimiter(points: number, seconds: number): Promise<MemoryLimiter> {
  type Module = { readonly RateLimiterMemory: new (options: { points: number; duration: number }) => MemoryLimiter }
  const { RateLimiterMemory } = await load<Module>('rate-limiter-flexible')
  return new RateLimiterMemory({ points, duration: seconds })
}

export interface BetterAuthKeys {
  readonly tokens: readonly string[]
  readonly verify: (token: string) => Promise<boolean>
}

interface BetterAuthApi {
  readonly createApiKey: (input: { body: object }) => Promise<{ key: string }>
  readonly verifyApiKey: (input: { body: object }) => Promise<{ valid: boolean }>
}

/** better-auth with its API key plugin, memory adapter, rate limit on, so many keys. */
export async function createBetterAuth(count: number): Promise<BetterAuthKeys> {
  const { betterAuth } = await load<{ betterAuth: (options: object) => { api: BetterAuthApi } }>('better-auth')
  const { memoryAdapter } = await load<{ memoryAdapter: (tables: object) => unknown }>('better-auth/adapters/memory')
  const { apiKey } = await load<{ apiKey: (options: object) => unknown }>('@better-auth/api-key')
  const now = new Date()
  const user = { id: 'user-0', name: 'bench', email: 'bench@example.com', emailVerified: true, createdAt: now, updatedAt: now }
  const { api } = betterAuth({
    baseURL: 'http://localhost',
    secret: 'zQ8vR2mW5kX1nB7cL4pT9sD3fG6hJ0yA',
    database: memoryAdapter({ user: [user], session: [], account: [], verification: [], apikey: [] }),
    telemetry: { enabled: false },
    logger: { disabled: true },
    plugins: [apiKey({ rateLimit: { enabled: true, timeWindow: 60_000, maxRequests: 1_000_000 } })],
  })
  const permissions = { users: ['read'] }
  const tokens: string[] = []
  for (let made = 0; made < count; made++) tokens.push((await api.createApiKey({ body: { userId: user.id, permissions } })).key)
  return { tokens, verify: async (key) => (await api.verifyApiKey({ body: { key, permissions } })).valid }
}
