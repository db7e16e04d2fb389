// Every way in which a verification can fail, one by one or together: a key, a token and a call to which just these apply.

import type { Key } from '../../src/domain/key.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { composeToken } from '../../src/domain/token.ts'
import type { CallOptions, CheckName, VerdictCode } from '../../src/domain/verdict.ts'
import { NOON, newKey } from '../store/harness.ts'

export const CALL: CallOptions = { requiredScopes: ['read:users'], environment: 'live', ip: '10.0.0.1', isPeek: false }
export const LIMIT = { name: 'burst', limit: 1, windowSeconds: 60 }
const GOOD: Partial<Key> = { scopes: ['read:*'], allowedIps: ['10.0.0.0/8'], rateLimits: [LIMIT] }

export interface Failing {
  readonly check: CheckName
  readonly code: VerdictCode
  readonly reason: string
  readonly key?: (key: Key) => Partial<Key>
  readonly call?: Partial<CallOptions>
  readonly token?: (token: string) => string
}

const withWrongSecret = (token: string): string => composeToken('kw_live', token.slice(8, 20), new Uint8Array(32))
const breakChecksum = (token: string): string => token.slice(0, -1) + (token.endsWith('0') ? '1' : '0')
export const retire = ({ secrets }: Key): Partial<Key> => ({ secrets: secrets.map((secret) => ({ ...secret, notAfter: isoFrom(NOON) })) })

/** In the order of the checks. The last one also needs that the limit was used up. */
export const FAILING: readonly Failing[] = [
  { check: 'shape', code: 'NOT_FOUND', reason: 'MALFORMED', token: (token) => `${token}!` },
  { check: 'checksum', code: 'NOT_FOUND', reason: 'BAD_CHECKSUM', token: breakChecksum },
  { check: 'lookup', code: 'NOT_FOUND', reason: 'UNKNOWN', token: withWrongSecret },
  { check: 'revoked', code: 'REVOKED', reason: 'KEY_REVOKED', key: () => ({ revokedAt: isoFrom(NOON) }) },
  { check: 'secret', code: 'REVOKED', reason: 'SECRET_RETIRED', key: retire },
  { check: 'disabled', code: 'DISABLED', reason: 'KEY_DISABLED', key: () => ({ disabledAt: isoFrom(NOON) }) },
  { check: 'expiry', code: 'EXPIRED', reason: 'KEY_EXPIRED', key: () => ({ expiresAt: isoFrom(NOON) }) },
  { check: 'not-before', code: 'FORBIDDEN', reason: 'NOT_YET_VALID', key: () => ({ notBefore: isoFrom(NOON + 1) }) },
  { check: 'environment', code: 'FORBIDDEN', reason: 'ENVIRONMENT_MISMATCH', call: { environment: 'test' } },
  { check: 'ip', code: 'FORBIDDEN', reason: 'IP_NOT_ALLOWED', call: { ip: '192.168.0.1' } },
  { check: 'scopes', code: 'INSUFFICIENT_SCOPE', reason: 'MISSING_SCOPE', call: { requiredScopes: ['write'] } },
  { check: 'limits', code: 'RATE_LIMITED', reason: 'LIMIT:burst' },
]

/** The key, the token and the call at noon to which just these conditions apply. */
export function callWith(conditions: readonly Failing[]): { token: string; call: CallOptions; key: Key } {
  let { key, token } = newKey(GOOD)
  let call = CALL
  for (const condition of conditions) {
    key = { ...key, ...condition.key?.(key) }
    call = { ...call, ...condition.call }
  }
  // The earlier a check of the token's text, the later its change is made, so that the later one is still there.
  for (const condition of conditions.toReversed()) token = condition.token?.(token) ?? token
  return { token, call, key }
}
