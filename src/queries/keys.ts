// What the terminal app asks of keys: windows with live columns, the whole life of one, what a dangerous dialog must show. Pure answers.

import type { Reader } from '../commands/command.ts'
import type { KeyRef, ListedKey, SecretState } from '../domain/key.ts'
import { secretState } from '../domain/key.ts'
import type { RateLimit } from '../domain/limit.ts'
import { KeywrightError, noSuchKey } from '../domain/refusal.ts'
import { covers } from '../domain/scope.ts'
import type { KeyFilter, Place, Sort, Span, UserSummary, Window } from '../domain/selection.ts'
import { DEFAULT_SORT, MAX_PAGE } from '../domain/selection.ts'
import type { Overview, UsageStats } from '../domain/stats.ts'
import { callSeries, countsWithin, usageStats } from '../domain/stats.ts'
import { DAY_MS, HOUR_MS, isoFrom } from '../domain/time.ts'
import type { KeyUsage, Series, Tally, UsageWindow } from '../domain/usage.ts'
import { ACCEPTED, CODE_INDEX, EMPTY_KEY_USAGE } from '../domain/usage.ts'
import type { LimitVerdict } from '../domain/verdict.ts'
import type { Look } from '../domain/windows.ts'
import { withItems } from '../domain/windows.ts'

/** Keys that one bulk action may be about. */
export const MAX_BULK_KEYS = 10_000
/** Scopes and tags in use that forms suggest. */
const MAX_KNOWN_WORDS = 500

type Asker = Pick<Reader, 'store' | 'at'>

/** A key of a list with its last hour. */
export interface KeyRow extends ListedKey {
  readonly accepted: readonly (number | null)[]
  readonly acceptedLastHour: number
  readonly limitedLastHour: number
}

export async function keyRows({ store, at }: Asker, query: { filter: KeyFilter; sort: Sort; span: Span }): Promise<Look<KeyRow>> {
  const look = await store.keyLook({ ...query, at })
  const ids = look.rows.map(({ item }) => item.id)
  const { usages, alive } = await store.usage.readEach(ids, '1h', at)
  const withLastHour = (key: ListedKey): KeyRow => {
    const { total } = usages.get(key.id) ?? EMPTY_KEY_USAGE
    const counts = countsWithin(total, '1h', at)
    return {
      ...key,
      accepted: callSeries(total, alive, '1h', at).accepted,
      acceptedLastHour: counts[ACCEPTED] ?? 0,
      limitedLastHour: counts[CODE_INDEX.RATE_LIMITED] ?? 0,
    }
  }
  return { ...look, rows: look.rows.map(({ place, item }) => ({ place, item: withLastHour(item) })) }
}

/** How long a list is, and how many rows stand before the one that was asked about; null where none was. */
export interface KeyCount {
  readonly filter: KeyFilter
  readonly sort: Sort
  readonly row: { readonly id: string; readonly position: number } | null
  readonly total: number
}

/** What a look left open, counted; null where that takes longer than the store waits for anything. */
export async function keyCount(
  { store, at }: Asker,
  query: { filter: KeyFilter; sort: Sort; place: Place | null },
): Promise<KeyCount | null> {
  const { filter, sort, place } = query
  try {
    const { position, total } = await store.keyWindow({ filter, sort, span: { around: place ?? 'first', before: 0, after: 1 }, at })
    return { filter, sort, row: place === null ? null : { id: place.id, position }, total }
  } catch {
    return null
  }
}

/** An owner of a list with the calls of the last whole minute. */
export type UserRow = UserSummary & { readonly perSecond: number; readonly acceptedLastHour: number }

const MINUTE_SECONDS = 60

export async function userRows({ store, at }: Asker, query: { search?: string; span: Span }): Promise<Window<UserRow>> {
  const window = await store.userWindow({ ...query, at })
  const overviews = await store.usage.overviewEach(
    window.rows.map(({ item }) => item.userId),
    '1h',
    at,
  )
  const withLastHour = (user: UserSummary): UserRow => {
    const { usageCount, series } = overviews.get(user.userId) as Pick<Overview, 'usageCount' | 'series'>
    const lastWhole = [series.accepted, series.rateLimited].reduce((sum, counts) => sum + (counts.at(-2) ?? 0), 0)
    return { ...user, perSecond: lastWhole / MINUTE_SECONDS, acceptedLastHour: usageCount }
  }
  return withItems(window, withLastHour)
}

/** Ids of all keys that a filter selects, in order, up to the bound of a bulk action. */
export async function keyIds(
  { store, at }: Asker,
  { filter, sort = DEFAULT_SORT }: { filter: KeyFilter; sort?: Sort },
): Promise<{ ids: string[]; total: number }> {
  const ids: string[] = []
  let around: Span['around'] = 'first'
  for (let total = 0; ; ) {
    const window: Window<ListedKey> = await store.keyWindow({ filter, sort, at, span: { around, before: 0, after: MAX_PAGE } })
    total = window.total
    const fresh = window.rows.filter(({ item }) => item.id !== ids.at(-1)).map(({ item }) => item.id)
    ids.push(...fresh.slice(0, MAX_BULK_KEYS - ids.length))
    const last = window.rows.at(-1)
    if (last === undefined || window.position + window.rows.length >= total || ids.length >= MAX_BULK_KEYS) return { ids, total }
    around = last.place
  }
}

export interface SecretLife {
  readonly shortId: string
  readonly state: SecretState
  readonly createdAt: string
  readonly notAfter: string | null
  readonly retiredReason: string | null
  readonly calls: number
  readonly callsLastDay: number
  readonly lastUsedAt: string | null
  /** An older secret that still works and was not used for 24 h. */
  readonly isSafeToEnd: boolean
}

export interface ScopeLife {
  readonly scope: string
  readonly isGranted: boolean
  readonly calls: number
  readonly lastUsedAt: string | null
}

export interface WholeLife {
  readonly key: ListedKey
  readonly lastWindow: UsageStats
  readonly allTime: UsageStats
  readonly secrets: readonly SecretLife[]
  readonly scopes: readonly ScopeLife[]
  readonly limits: readonly LimitVerdict[]
}

const isoOrNull = (ms: number | null): string | null => (ms === null ? null : isoFrom(ms))

function callsSince({ series }: Tally, since: number): number {
  const first = Math.floor(since / HOUR_MS)
  return series.hour.reduce((sum, [hour, accepted = 0]) => (hour > first ? sum + accepted : sum), 0)
}

function secretLives(key: ListedKey, { secrets }: KeyUsage, at: number): SecretLife[] {
  return key.secrets.map((secret) => {
    const tally = Object.hasOwn(secrets, secret.shortId) ? secrets[secret.shortId] : undefined
    const state = secretState(secret, at)
    const last = tally?.lastAt ?? null
    return {
      ...secret,
      state,
      calls: tally?.counts[ACCEPTED] ?? 0,
      callsLastDay: tally === undefined ? 0 : callsSince(tally, at - DAY_MS),
      lastUsedAt: isoOrNull(last),
      isSafeToEnd: state === 'grace' && (last === null || last <= at - DAY_MS),
    }
  })
}

/** Granted scopes with what was exercised under them, then what was exercised and is granted no more. */
function scopeLives(granted: readonly string[], { scopes }: KeyUsage): ScopeLife[] {
  const exercised = Object.entries(scopes)
  const under = (covered: readonly (readonly [string, Tally])[]) => ({
    calls: covered.reduce((sum, [, { counts }]) => sum + (counts[ACCEPTED] ?? 0), 0),
    lastUsedAt: isoOrNull(
      covered.reduce<number | null>((last, [, { lastAt }]) => (lastAt === null ? last : Math.max(last ?? 0, lastAt)), null),
    ),
  })
  const held = granted.map((scope) => ({ scope, isGranted: true, ...under(exercised.filter(([name]) => covers(scope, name))) }))
  const lost = exercised.filter(([name]) => !granted.some((scope) => covers(scope, name)))
  return [...held, ...lost.map((entry) => ({ scope: entry[0], isGranted: false, ...under([entry]) }))]
}

const limitsLeft = async ({ store }: Asker, keyId: string, limits: readonly RateLimit[]): Promise<readonly LimitVerdict[]> =>
  limits.length === 0 ? [] : (await store.usage.take(keyId, limits, true)).limits

async function listedKey({ store, at }: Asker, id: string): Promise<ListedKey | null> {
  const window = await store.keyWindow({ filter: { ids: [id] }, sort: DEFAULT_SORT, at, span: { around: 'first', before: 0, after: 1 } })
  return window.rows[0]?.item ?? null
}

/** One key's whole life but for its records; null when it is gone. */
export async function wholeLife(asker: Asker, { id, window }: { id: string; window: UsageWindow }): Promise<WholeLife | null> {
  const key = await listedKey(asker, id)
  if (key === null) return null
  const { usage, alive }: { usage: KeyUsage; alive: Series } = await asker.store.usage.read({ keyId: id }, asker.at)
  return {
    key,
    lastWindow: usageStats(usage, alive, window, asker.at),
    allTime: usageStats(usage, alive, undefined, asker.at),
    secrets: secretLives(key, usage, asker.at),
    scopes: scopeLives(key.scopes, usage),
    limits: await limitsLeft(asker, id, key.rateLimits),
  }
}

/** What a dialog about keys shows of each: none that is gone. */
export async function keyFacts(asker: Asker, { ids }: { ids: readonly string[] }): Promise<KeyRow[]> {
  const facts: KeyRow[] = []
  for (let from = 0; from < ids.length; from += MAX_PAGE) {
    const some = ids.slice(from, from + MAX_PAGE)
    const span = { around: 'first', before: 0, after: MAX_PAGE } as const
    const { rows } = await keyRows(asker, { filter: { ids: some }, sort: DEFAULT_SORT, span })
    facts.push(...rows.map(({ item }) => item))
  }
  return facts
}

/** The key that a person names by id or shortId. */
export async function keyNamed({ store }: Asker, { ref }: { ref: KeyRef }): Promise<string> {
  const key = await store.findKey(ref)
  if (key === null) throw KeywrightError.from(noSuchKey(ref.name))
  return key.id
}

/** Owners that a form suggests for what is typed. */
const MAX_SUGGESTED_OWNERS = 20

export async function ownersMatching({ store, at }: Asker, { search }: { search: string }): Promise<string[]> {
  const span = { around: 'first', before: 0, after: MAX_SUGGESTED_OWNERS } as const
  const { rows } = await store.userWindow({ ...(search === '' ? {} : { search }), span, at })
  return rows.map(({ item }) => item.userId)
}

/** Owners that forms know before a text is typed. */
const MAX_KNOWN_OWNERS = 100

/** Words in use that forms suggest: owners whose name holds the text, scopes and tags of the newest keys. */
export interface Known {
  readonly owners: readonly string[]
  readonly scopes: readonly string[]
  readonly tags: readonly string[]
}

export async function knownWords({ store, at }: Asker): Promise<Known> {
  const span = { around: 'first', before: 0, after: MAX_PAGE } as const
  const [users, keys] = [
    await store.userWindow({ span: { ...span, after: MAX_KNOWN_OWNERS }, at }),
    await store.keyWindow({ filter: {}, sort: DEFAULT_SORT, span, at }),
  ]
  const words = (lists: readonly (readonly string[])[]): string[] => [...new Set(lists.flat())].sort().slice(0, MAX_KNOWN_WORDS)
  return {
    owners: users.rows.map(({ item }) => item.userId),
    scopes: words(keys.rows.map(({ item }) => item.scopes)),
    tags: words(keys.rows.map(({ item }) => item.tags)),
  }
}
