// What servers counted in the demo's past: the usage of a key, and the records that went with it. Pure.

import type { Entry } from '../domain/audit.ts'
import type { Calls } from '../domain/delta.ts'
import { addCalls } from '../domain/delta.ts'
import type { Key, Secret } from '../domain/key.ts'
import type { RateLimit } from '../domain/limit.ts'
import { DAY_MS, HOUR_MS, isoFrom, MINUTE_MS, SECOND_MS } from '../domain/time.ts'
import type { KeyUsage } from '../domain/usage.ts'
import { ACCEPTED, CODE_INDEX } from '../domain/usage.ts'
import type { VerdictCode } from '../domain/verdict.ts'
import { VERDICT_CODES } from '../domain/verdict.ts'
import { ELSEWHERE_PER_MINUTE, SERVERS, serverActor } from './cast.ts'
import type { Chance } from './chance.ts'
import type { Habit } from './lives.ts'
import type { Stretch } from './rhythm.ts'
import { busyness } from './rhythm.ts'
import type { MinuteDelta } from './tally.ts'
import { usageFrom } from './tally.ts'

export interface Past {
  readonly usage: KeyUsage
  /** What the servers put on the log, oldest first for each action. */
  readonly entries: readonly Entry[]
}

/** Where and when a past is told. */
export interface Telling {
  readonly at: number
  readonly chance: Chance
  readonly stretches: readonly Stretch[]
}

type Span = Pick<Stretch, 'begin' | 'end'>

const BURST_PROBABILITY = 0.05
/** What of a burst a limit of so many calls a second refuses. */
const SPILLED_SHARE = 0.3
/** What of the calls asks for another scope than the first one. */
const OTHER_SCOPES_SHARE = 0.4

const minutesOf = ({ begin, end }: Span): number => (end - begin) / MINUTE_MS
const msOf = (instant: string | null): number => (instant === null ? Number.POSITIVE_INFINITY : Date.parse(instant))

/** The calls of one key in one stretch. */
interface Told extends MinuteDelta {
  readonly span: Span
}

const nothing = (span: Span): Told => ({
  span,
  minute: Math.floor(span.begin / MINUTE_MS),
  counts: [],
  secrets: new Map(),
  scopes: new Map(),
  lastAt: null,
})

function add({ counts }: Told, code: VerdictCode, calls: number): void {
  if (calls === 0) return
  while (counts.length <= CODE_INDEX[code]) counts.push(0)
  counts[CODE_INDEX[code]] = (counts[CODE_INDEX[code]] ?? 0) + calls
}

/** The code that a key answers which works no more, and since when. */
function endOf({ revokedAt, disabledAt, expiresAt }: Key): { readonly code: VerdictCode; readonly endsAt: number } {
  if (revokedAt !== null) return { code: 'REVOKED', endsAt: Math.min(msOf(revokedAt), msOf(expiresAt)) }
  if (disabledAt !== null) return { code: 'DISABLED', endsAt: Math.min(msOf(disabledAt), msOf(expiresAt)) }
  return { code: 'EXPIRED', endsAt: msOf(expiresAt) }
}

const admittable = (limits: readonly RateLimit[], minutes: number): number =>
  Math.min(...limits.map(({ limit, windowSeconds }) => Math.floor((limit / windowSeconds) * 60 * minutes)))

/** The secret that is current at a moment, and the one before it. */
function secretsAt({ secrets }: Key, moment: number): readonly [Secret | undefined, Secret | undefined] {
  const current = secrets.findIndex(({ createdAt }) => Date.parse(createdAt) <= moment)
  return current < 0 ? [secrets.at(-1), undefined] : [secrets[current], secrets[current + 1]]
}

/** Calls on a key that works: admitted, limited, with the old secret or the new one, now and then for a scope it lacks. */
function tellCalls(told: Told, key: Key, habit: Habit, { at, chance }: Telling): void {
  const { begin, end } = told.span
  const minutes = minutesOf(told.span)
  const busy = busyness(habit.shape, begin, end, at)
  const isBurst = end - begin <= HOUR_MS && chance.isHit(BURST_PROBABILITY)
  const asked = chance.count(habit.callsPerMinute * minutes * busy * chance.between(isBurst ? [1.5, 3] : [0.88, 1.12]))
  const isPerSecond = key.rateLimits.some(({ windowSeconds }) => windowSeconds === 1)
  const spilled = isBurst && isPerSecond ? Math.floor(asked * SPILLED_SHARE) : 0
  const accepted = Math.min(asked - spilled, admittable(key.rateLimits, minutes))
  add(told, 'RATE_LIMITED', asked - accepted)
  add(told, 'INSUFFICIENT_SCOPE', chance.count((habit.mistakesPerMinute ?? 0) * minutes * busy))
  if (key.allowedIps.length > 0) add(told, 'FORBIDDEN', chance.count(ELSEWHERE_PER_MINUTE * minutes))
  const middle = (begin + end) / 2
  const [current, older] = secretsAt(key, middle)
  if (older !== undefined && msOf(older.notAfter) <= middle) add(told, 'REVOKED', chance.count((habit.strayPerMinute ?? 0) * minutes))
  if (accepted === 0 || current === undefined) return
  add(told, 'VALID', accepted)
  told.lastAt = Math.floor(end - (end - begin) / (accepted + 1))
  const isOverlap = older !== undefined && middle < msOf(older.notAfter)
  const isLeft = isOverlap ? Math.max(0, 1 - (middle - msOf(current.createdAt)) / habit.handoverMs) : 0
  const onOlder = Math.round(accepted * isLeft)
  if (older !== undefined && onOlder > 0) addCalls(told.secrets, older.shortId, onOlder, Math.min(told.lastAt, msOf(older.notAfter) - 1))
  if (accepted > onOlder) addCalls(told.secrets, current.shortId, accepted - onOlder, told.lastAt)
  tellScopes(told.scopes, habit.asked, { count: accepted, lastAt: told.lastAt }, chance)
}

function tellScopes(
  scopes: Map<string, Calls>,
  [first = '', ...others]: readonly string[],
  { count, lastAt }: Calls,
  chance: Chance,
): void {
  let left = count
  for (const scope of others) {
    const calls = Math.min(left, chance.count((count * OTHER_SCOPES_SHARE) / others.length))
    if (calls > 0) addCalls(scopes, scope, calls, lastAt)
    left -= calls
  }
  if (left > 0) addCalls(scopes, first, left, lastAt)
}

/** The past of one key. */
export function tellPast(key: Key, habit: Habit, telling: Telling): Past {
  const { at, chance, stretches } = telling
  const { code, endsAt } = endOf(key)
  const worksUntil = Math.min(at, endsAt, habit.stopsAt)
  const told: Told[] = []
  for (const { begin, end, isGap } of stretches) {
    if (isGap || habit.callsPerMinute === 0) continue
    const works: Span = { begin: Math.max(begin, habit.startsAt), end: Math.min(end, worksUntil) }
    if (works.begin < works.end) {
      const calls = nothing(works)
      tellCalls(calls, key, habit, telling)
      told.push(calls)
    }
    const after: Span = { begin: Math.max(begin, endsAt), end }
    if (after.begin < after.end && (habit.strayPerMinute ?? 0) > 0) {
      const calls = nothing(after)
      add(calls, code, chance.count((habit.strayPerMinute ?? 0) * minutesOf(after)))
      told.push(calls)
    }
  }
  return pastOf(told, key, habit.server, at)
}

const SCAN = { daysAgo: [3.45, 3.3], callsPerMinute: 45 } as const
const STRANGERS_PER_MINUTE = 0.3

/** Calls that name no key: mistyped tokens, and one who tried many. */
export function tellStrangers({ at, chance, stretches }: Telling): Past {
  const [scanBegins, scanEnds] = SCAN.daysAgo.map((days) => at - days * DAY_MS) as [number, number]
  const told = stretches.flatMap((span) => {
    if (span.isGap) return []
    const calls = nothing(span)
    const isScan = span.begin < scanEnds && span.end > scanBegins
    add(calls, 'NOT_FOUND', chance.count((STRANGERS_PER_MINUTE + (isScan ? SCAN.callsPerMinute : 0)) * minutesOf(span)))
    return [calls]
  })
  return pastOf(told, null, SERVERS[0], at)
}

function pastOf(all: readonly Told[], key: Key | null, server: string, at: number): Past {
  const told = all.filter(({ counts }) => counts.length > 0)
  return { usage: usageFrom(told, at), entries: entriesOf(told, key, server, at) }
}

/** Up to when accepted calls have been summed up on the log when the demo is opened. */
export const summarisedUntil = (at: number): number => Math.floor((at - MINUTE_MS) / HOUR_MS) * HOUR_MS

/** Days are summed up as days, but for the last ones: the setting was changed. */
const SUMMED_UP_DAYS = 60
const SUMMED_UP_BY_HOUR_DAYS = 1

const startOfDay = (at: number, daysAgo: number): number => (Math.floor(at / DAY_MS) - daysAgo) * DAY_MS

/** First use, refusals and summaries, as the flushes of a server would have written them. */
function entriesOf(told: readonly Told[], key: Key | null, server: string, at: number): Entry[] {
  const said = { actor: serverActor(server), keyId: key?.id ?? null, userId: key?.userId ?? null }
  const entries: Entry[] = []
  const first = told.find(({ lastAt }) => lastAt !== null)
  if (first !== undefined) {
    const { span, counts } = first
    const firstAt = Math.floor(span.begin + (span.end - span.begin) / ((counts[ACCEPTED] ?? 0) + 1))
    entries.push({ ...said, action: 'validate.first-use', at: isoFrom(firstAt + SECOND_MS), after: { at: isoFrom(firstAt) } })
  }
  for (const { counts, span, minute } of told) {
    const flushedAt = (minute + 1) * MINUTE_MS + SECOND_MS
    if (flushedAt >= at) continue
    for (const code of VERDICT_CODES) {
      const count = counts[CODE_INDEX[code]] ?? 0
      if (code === 'VALID' || count === 0) continue
      const after = { count, since: isoFrom(Math.floor(span.begin)) }
      entries.push({ ...said, action: 'validate.refused', at: isoFrom(flushedAt), outcome: 'refused', reason: code, after })
    }
  }
  if (key !== null) {
    for (const { since, until, count } of summariesOf(told, at))
      entries.push({ ...said, action: 'validate.summary', at: isoFrom(until + MINUTE_MS), after: { count, since: isoFrom(since) } })
  }
  return entries
}

/** Accepted calls by day and, of the last days, by hour. */
function summariesOf(told: readonly Told[], at: number): { since: number; until: number; count: number }[] {
  const sums = new Map<number, { since: number; until: number; count: number }>()
  for (const { counts, span } of told) {
    const count = counts[ACCEPTED] ?? 0
    if (count === 0 || span.begin < startOfDay(at, SUMMED_UP_DAYS)) continue
    const periodMs = span.begin < startOfDay(at, SUMMED_UP_BY_HOUR_DAYS) ? DAY_MS : HOUR_MS
    const since = Math.floor(span.begin / periodMs) * periodMs
    const sum = sums.get(since)
    if (sum === undefined) sums.set(since, { since, until: since + periodMs, count })
    else sum.count += count
  }
  return [...sums.values()].filter(({ until }) => until <= summarisedUntil(at))
}
