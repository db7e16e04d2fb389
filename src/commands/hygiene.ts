// hygiene: what is wrong with the keys of a store, worst first, and what mends it. Changes nothing.

import { optional } from '../domain/field.ts'
import type { Finding, Severity } from '../domain/hygiene.ts'
import { findingsOf, RULE_NAMES, RULES, SEVERITIES, TRIED_WINDOW } from '../domain/hygiene.ts'
import type { ListedKey } from '../domain/key.ts'
import { STATUSES } from '../domain/key.ts'
import * as kinds from '../domain/kinds.ts'
import type { Store } from '../domain/ports.ts'
import type { KeyFilter } from '../domain/selection.ts'
import { MAX_PAGE, parseCursor } from '../domain/selection.ts'
import { EMPTY_KEY_USAGE } from '../domain/usage.ts'
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

const OPEN_STATUSES = STATUSES.filter((status) => status !== 'revoked' && status !== 'expired')

/** Keys that could still do harm, oldest first, page by page. */
async function* openKeys(store: Store, filter: KeyFilter, at: number): AsyncGenerator<readonly ListedKey[]> {
  const query = {
    filter: { ...filter, status: OPEN_STATUSES },
    sort: { field: 'createdAt', isReversed: false },
    limit: MAX_PAGE,
    at,
  } as const
  for (let from = {}; ; ) {
    const { items, nextCursor, total } = await store.queryKeys({ ...query, ...from })
    yield items
    const cursor = nextCursor === null ? null : parseCursor(nextCursor)
    if (cursor === null) return
    from = { cursor, total }
  }
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
  async answer({ userId, severity: wanted = SEVERITIES }, { store, at, signal }): Promise<HygieneReport> {
    const found = new Map(SEVERITIES.map((severity) => [severity, [] as Finding[]]))
    let judged = 0
    for await (const keys of openKeys(store, userId === undefined ? {} : { userId }, at)) {
      const ids = keys.map(({ id }) => id)
      const { usages } = await store.usage.readEach(ids, TRIED_WINDOW, at)
      signal.throwIfAborted()
      for (const key of keys) {
        for (const finding of findingsOf({ key, usage: usages.get(key.id) ?? EMPTY_KEY_USAGE, at })) {
          const listed = found.get(finding.severity)
          if (listed !== undefined && listed.length < MAX_FINDINGS) listed.push(finding)
        }
        if (++judged % KEYS_A_TURN !== 0) continue
        await nextTurn()
        signal.throwIfAborted()
      }
    }
    return {
      findings: SEVERITIES.flatMap((severity) => (wanted.includes(severity) ? (found.get(severity) ?? []) : [])).slice(0, MAX_FINDINGS),
    }
  },
  exitCode: ({ findings }) => (findings.some(({ severity }) => severity === 'high') ? 1 : 0),
})
