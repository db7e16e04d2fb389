// Hygiene: rules as data that find what is wrong with a key, why it matters and what mends it. Pure; mends nothing itself.

import type { KeyView } from './key.ts'
import { EXPIRING_MS, isExpired, secretState } from './key.ts'
import { covers } from './scope.ts'
import { countsWithin } from './stats.ts'
import { shellWord } from './text.ts'
import { DAY_MS, formatDistance, formatDuration, isoFrom, SECOND_MS } from './time.ts'
import type { UsageGlance } from './usage.ts'
import { CODE_INDEX } from './usage.ts'

/** Worst first. */
export const SEVERITIES = ['high', 'medium', 'low'] as const
export type Severity = (typeof SEVERITIES)[number]

export const RULE_NAMES = ['retired-secret-tried', 'expiring', 'idle', 'never-expires', 'over-scoped', 'never-used', 'safe-to-end'] as const
export type RuleName = (typeof RULE_NAMES)[number]

/** The terminal app's action that mends a finding; `open` shows the key, because a person must judge. */
export type Mend = 'revoke' | 'disable' | 'edit' | 'scopes' | 'overlap' | 'rotate' | 'open'

export interface Finding {
  readonly rule: RuleName
  readonly severity: Severity
  readonly keyId: string
  readonly userId: string
  /** What is so with this key, in a few words. */
  readonly detail: string
  /** The command line that mends it, ready for a shell. */
  readonly fix: string
}

/** What a rule judges: one key and its usage, with the calls of `TRIED_WINDOW`, at a moment in milliseconds since 1970. */
export interface HygieneFacts {
  readonly key: KeyView
  readonly usage: UsageGlance
  readonly at: number
}

interface Found {
  readonly detail: string
  /** The words behind `keywright`, before they are quoted for a shell. */
  readonly fix: readonly string[]
  /** Where it is not the rule's. */
  readonly severity?: Severity
}

export interface Rule {
  /** Of its findings, unless one says otherwise. */
  readonly severity: Severity
  /** Why it matters, in one sentence. */
  readonly why: string
  readonly mend: Mend
  /** A disabled key takes no call: what its use or its end says counts only while it is enabled. */
  readonly isForDisabled: boolean
  readonly judge: (facts: HygieneFacts) => Found | null
}

/** From when on a rule speaks. */
const NEVER_USED_MS = 30 * DAY_MS
const IDLE_MS = 90 * DAY_MS
const UNUSED_SCOPE_MS = 90 * DAY_MS
const USED_LATELY_MS = DAY_MS
const QUIET_MS = DAY_MS
export const TRIED_WINDOW = '24h'
/** Which keys may earn a finding of severity high: those that end so soon, and those that gave that answer within `TRIED_WINDOW`. */
export const HIGH_SUSPECTS = { expiringWithinSeconds: EXPIRING_MS / SECOND_MS, code: 'REVOKED' } as const
/** What a fix gives a key that ends too soon or never. */
const NEW_LIFE_MS = 90 * DAY_MS
const MAX_NAMED_SCOPES = 5

const spanText = (ms: number): string => (ms === DAY_MS ? '24 h' : `${ms / DAY_MS} days`)

/** From when on the key could be used. */
const usableSince = ({ createdAt, notBefore }: KeyView): number =>
  Math.max(Date.parse(createdAt), notBefore === null ? 0 : Date.parse(notBefore))

/** An expiry that the key can take: counted from its not-before where that is still to come. */
function newExpiry(key: KeyView, at: number): string {
  return usableSince(key) > at ? isoFrom(usableSince(key) + NEW_LIFE_MS) : formatDuration(NEW_LIFE_MS / SECOND_MS)
}

function neverUsed({ key, usage, at }: HygieneFacts): Found | null {
  const since = usableSince(key)
  if (usage.total.lastAt !== null || at - since < NEVER_USED_MS) return null
  return { detail: `never used, though usable since ${isoFrom(since)}`, fix: ['revoke', key.id, '--reason', 'never used'] }
}

function idle({ key, usage, at }: HygieneFacts): Found | null {
  const { lastAt } = usage.total
  if (lastAt === null || at - Math.max(lastAt, usableSince(key)) < IDLE_MS) return null
  return { detail: `last used ${formatDistance(lastAt, at)}`, fix: ['disable', key.id, '--reason', `idle for ${spanText(IDLE_MS)}`] }
}

function expiring({ key, usage, at }: HygieneFacts): Found | null {
  if (key.expiresAt === null || Date.parse(key.expiresAt) - at > EXPIRING_MS) return null
  const { lastAt } = usage.total
  const isUsed = lastAt !== null && at - lastAt <= USED_LATELY_MS
  const use =
    lastAt === null ? 'never used' : isUsed ? `used within ${spanText(USED_LATELY_MS)}` : `last used ${formatDistance(lastAt, at)}`
  return {
    detail: `expires ${formatDistance(Date.parse(key.expiresAt), at)}, ${use}`,
    fix: ['update', key.id, '--expires', newExpiry(key, at)],
    ...(isUsed ? { severity: 'high' } : {}),
  }
}

function neverExpires({ key, at }: HygieneFacts): Found | null {
  if (key.expiresAt !== null || key.environment !== 'live') return null
  return { detail: 'a live key without an expiry', fix: ['update', key.id, '--expires', newExpiry(key, at)] }
}

function overScoped({ key, usage, at }: HygieneFacts): Found | null {
  if (usage.total.lastAt === null || at - usableSince(key) < UNUSED_SCOPE_MS) return null
  const exercised = Object.entries(usage.scopes).flatMap(([scope, { lastAt }]) =>
    lastAt !== null && at - lastAt < UNUSED_SCOPE_MS ? [scope] : [],
  )
  const unused = key.scopes.filter((granted) => !exercised.some((scope) => covers(granted, scope)))
  if (unused.length === 0) return null
  const left = unused.length - MAX_NAMED_SCOPES
  const named = unused.slice(0, MAX_NAMED_SCOPES).join(' ')
  return {
    detail: `no call needed ${named}${left > 0 ? ` and ${left} more` : ''} within ${spanText(UNUSED_SCOPE_MS)}`,
    fix: ['scope', 'remove', key.id, ...unused],
    ...(unused.some((scope) => scope.includes('*')) ? { severity: 'medium' } : {}),
  }
}

/** Only where all older secrets are quiet, because ending the overlap ends every one of them. */
function safeToEnd({ key, usage, at }: HygieneFacts): Found | null {
  const older = key.secrets.filter((secret) => secretState(secret, at) === 'grace')
  const isQuiet = older.every(({ shortId, createdAt }) => at - Math.max(lastCallOn(usage, shortId) ?? 0, Date.parse(createdAt)) >= QUIET_MS)
  if (older.length === 0 || !isQuiet) return null
  const names = older.map(({ shortId }) => shortId).join(' ')
  return { detail: `no call on ${names} for ${spanText(QUIET_MS)}`, fix: ['grace', 'end', key.id] }
}

/** When the last call on a secret was. */
const lastCallOn = ({ secrets }: UsageGlance, shortId: string): number | null =>
  Object.hasOwn(secrets, shortId) ? (secrets[shortId]?.lastAt ?? null) : null

/** A key that is not revoked answers REVOKED only to a secret that is retired. */
function retiredSecretTried({ key, usage, at }: HygieneFacts): Found | null {
  const tries = countsWithin(usage.total, TRIED_WINDOW, at)[CODE_INDEX[HIGH_SUSPECTS.code]] ?? 0
  if (tries === 0) return null
  return {
    detail: `a retired secret was tried ${tries === 1 ? 'once' : `${tries} times`} within 24 h`,
    fix: ['audit', 'list', '--id', key.id, '--action', 'validate.refused', '--since', TRIED_WINDOW],
  }
}

export const RULES: Readonly<Record<RuleName, Rule>> = {
  'retired-secret-tried': {
    severity: 'high',
    why: 'A caller was forgotten when the secret was rotated, or the old secret is in wrong hands.',
    mend: 'open',
    isForDisabled: true,
    judge: retiredSecretTried,
  },
  expiring: {
    severity: 'medium',
    why: `Its callers are refused once it ends, which is within ${spanText(EXPIRING_MS)}; high if it was used within ${spanText(USED_LATELY_MS)}.`,
    mend: 'edit',
    isForDisabled: false,
    judge: expiring,
  },
  idle: {
    severity: 'medium',
    why: `A key that was not used for ${spanText(IDLE_MS)} is likely forgotten, and still opens the door to whoever finds it.`,
    mend: 'disable',
    isForDisabled: false,
    judge: idle,
  },
  'never-expires': {
    severity: 'medium',
    why: 'A live key without an expiry that leaks works until somebody notices.',
    mend: 'edit',
    isForDisabled: false,
    judge: neverExpires,
  },
  'over-scoped': {
    severity: 'low',
    why: `A scope that no call needed for ${spanText(UNUSED_SCOPE_MS)} serves only whoever steals the key; medium if it is a wildcard.`,
    mend: 'scopes',
    isForDisabled: false,
    judge: overScoped,
  },
  'never-used': {
    severity: 'low',
    why: `A key that was not used once in ${spanText(NEVER_USED_MS)} is missed by nobody and can still be stolen.`,
    mend: 'revoke',
    isForDisabled: false,
    judge: neverUsed,
  },
  'safe-to-end': {
    severity: 'low',
    why: `All callers seem to have the new secret: none used an older one for ${spanText(QUIET_MS)}.`,
    mend: 'overlap',
    isForDisabled: false,
    judge: safeToEnd,
  },
}

/** What is wrong with a key, in the order of the rules. One that is revoked or expired can do no more harm. */
export function findingsOf(facts: HygieneFacts): readonly Finding[] {
  const { key, at } = facts
  if (key.revokedAt !== null || isExpired(key, at)) return []
  return RULE_NAMES.flatMap((name): Finding[] => {
    const rule = RULES[name]
    const found = key.disabledAt === null || rule.isForDisabled ? rule.judge(facts) : null
    if (found === null) return []
    const { detail, fix, severity = rule.severity } = found
    return [{ rule: name, severity, keyId: key.id, userId: key.userId, detail, fix: ['keywright', ...fix].map(shellWord).join(' ') }]
  })
}
