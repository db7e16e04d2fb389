// hygiene: what is wrong with the keys of a store, worst first, and what mends it. Changes nothing.

import { optional } from '../domain/field.ts'
import type { Finding, Severity } from '../domain/hygiene.ts'
import { findingsOf, HIGH_SUSPECTS, RULE_NAMES, RULES, SEVERITIES, TRIED_WINDOW } from '../domain/hygiene.ts'
import type { ListedKey } from '../domain/key.ts'
import { STATUSES } from '../domain/key.ts'
import * as kinds from '../domain/kinds.ts'
import type { KeyFilter, KeyQuery, Page, Place } from '../domain/selection.ts'
import { comparePlaces, MAX_PAGE, parseCursor } from '../domain/selection.ts'
import type { UsageWindow } from '../domain/usage.ts'
import { EMPTY_KEY_USAGE } from '../domain/usage.ts'
import type { Reader } from './command.ts'
import { defineRead } from './command.ts'

/** Findings that are listed; of more the least bad and youngest are left out. */
export const MAX_FINDINGS = 10_000
/** Keys that are judged before the event loop gets a turn: a server may be verifying in this process. */
const KEYS_A_TURN = 100

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

export interface HygieneInput {
  readonly userId?: string
  readonly severity?: Severity | readonly Severity[]
}

export interface HygieneReport {
  readonly findings: readonly Finding[]
}

const OLDEST_FIRST = { field: 'createdAt', isReversed: false } as const
const OPEN_STATUSES = STATUSES.filter((status) => status !== 'revoked' && status !== 'expired')

/** Keys that could still do harm, oldest first, page by page: the next is asked for while one is judged. */
async function* openKeys({ store, at, signal }: Reader, filter: KeyFilter): AsyncGenerator<Page<ListedKey>> {
  const query = { filter: { ...filter, status: OPEN_STATUSES }, sort: OLDEST_FIRST, limit: MAX_PAGE, at }
  const ask = async (from: Partial<KeyQuery>): Promise<Page<ListedKey>> => store.queryKeys({ ...query, ...from })
  for (let next: Promise<Page<ListedKey>> | null = ask({}); next !== null; ) {
    const page: Page<ListedKey> = await next
    signal.throwIfAborted()
    const cursor = page.nextCursor === null ? null : parseCursor(page.nextCursor)
    next = cursor === null ? null : ask({ cursor, total: page.total })
    // It fails where it is waited for, if it is.
    next?.catch(() => undefined)
    await nextTurn()
    yield page
  }
}

/** What is wrong with each of these keys. */
async function* judged(
  { store, at, signal }: Reader,
  keys: readonly ListedKey[],
  window: UsageWindow | null,
): AsyncGenerator<{ readonly key: ListedKey; readonly findings: readonly Finding[] }> {
  const ids = keys.map(({ id }) => id)
  const { usages } = await store.usage.readEach(ids, window, at)
  signal.throwIfAborted()
  for (const [index, key] of keys.entries()) {
    yield { key, findings: findingsOf({ key, usage: usages.get(key.id) ?? EMPTY_KEY_USAGE, at }) }
    if ((index + 1) % KEYS_A_TURN !== 0) continue
    await nextTurn()
    signal.throwIfAborted()
  }
}

/** A finding at the place of its key among all keys. */
interface Placed extends Place {
  readonly finding: Finding
}

const nameOf = ({ rule, keyId }: Finding): string => `${rule} ${keyId}`

const oldest = (all: readonly Placed[]): Placed[] => all.toSorted((a, b) => comparePlaces(false, a, b)).slice(0, MAX_FINDINGS)

/** The findings of severity high: of few keys, and found without looking at the others. */
async function worst(reader: Reader, filter: KeyFilter): Promise<Placed[]> {
  const { code, expiringWithinSeconds } = HIGH_SUSPECTS
  const tried = await reader.store.usage.refusing(code, TRIED_WINDOW, reader.at)
  let found: Placed[] = []
  const look = async (suspects: KeyFilter, isWanted: (key: ListedKey) => boolean): Promise<void> => {
    for await (const { items } of openKeys(reader, { ...filter, ...suspects })) {
      for await (const { key, findings } of judged(reader, items.filter(isWanted), TRIED_WINDOW))
        for (const finding of findings) if (finding.severity === 'high') found.push({ value: key.createdAt, id: key.id, finding })
      if (found.length > 2 * MAX_FINDINGS) found = oldest(found)
    }
  }
  const ids = [...tried]
  for (let from = 0; from < ids.length; from += MAX_PAGE) await look({ ids: ids.slice(from, from + MAX_PAGE) }, () => true)
  await look({ expiringWithinSeconds }, ({ id }) => !tried.has(id))
  return oldest(found)
}

export const hygiene = defineRead({
  words: 'hygiene',
  summary: 'Find keys that need care, worst first; exits 1 when a finding is of severity high',
  notes: [
    'Each finding comes with the command line that mends it. The rules:',
    ...RULE_NAMES.map((name) => `  ${name.padEnd(20)}  ${RULES[name].severity.padEnd(6)}  ${RULES[name].why}`),
  ],
  fields: {
    userId: optional(kinds.text('U'), 'Owner', 'keys of this owner', { flag: 'user' }),
    severity: optional(kinds.choices(SEVERITIES, 'S…'), 'Severity', 'findings of these severities', { flag: 'severity' }),
  },
  async answer({ userId, severity = SEVERITIES }, reader): Promise<HygieneReport> {
    const filter = userId === undefined ? {} : { userId }
    const isHighWanted = severity.includes('high')
    const high = isHighWanted ? await worst(reader, filter) : []
    const known = new Set(high.map(({ finding }) => nameOf(finding)))
    const others = SEVERITIES.filter((one) => one !== 'high' && severity.includes(one)).map((one) => ({
      severity: one,
      found: [] as Finding[],
    }))
    const [next] = others
    // Those of a severity come oldest first: when the worst fill the list, nothing that follows can be on it.
    const isFull = (): boolean => next === undefined || high.length + next.found.length >= MAX_FINDINGS
    if (!isFull()) {
      let records = 0
      for await (const { items, total } of openKeys(reader, filter)) {
        for await (const { key, findings } of judged(reader, items, null))
          for (const finding of findings) {
            // One that was not as bad when the worst were looked for.
            if (finding.severity === 'high' && isHighWanted && !known.has(nameOf(finding)))
              high.push({ value: key.createdAt, id: key.id, finding })
            const found = others.find((one) => one.severity === finding.severity)?.found
            if (found !== undefined && found.length < MAX_FINDINGS) found.push(finding)
          }
        records += items.length
        reader.onProgress?.({ records, bytes: records, totalBytes: total })
        if (isFull()) break
      }
    }
    return { findings: [...oldest(high).map(({ finding }) => finding), ...others.flatMap(({ found }) => found)].slice(0, MAX_FINDINGS) }
  },
  exitCode: ({ findings }) => (findings.some(({ severity }) => severity === 'high') ? 1 : 0),
})
