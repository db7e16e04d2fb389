// A log and the keys it tells of, made in memory as a store would make them: commits, notes, rollbacks, crashes.

import type { Action, Anchor, AuditRecord, Entry, Head } from '../../src/domain/audit.ts'
import { chainLines, EMPTY_ANCHOR, EMPTY_HEAD, sha256 } from '../../src/domain/audit.ts'
import type { AuditReport, Vouched } from '../../src/domain/audit-check.ts'
import { createAuditCheck } from '../../src/domain/audit-check.ts'
import type { ChangeAction } from '../../src/domain/change.ts'
import { changeOf } from '../../src/domain/change.ts'
import type { Key } from '../../src/domain/key.ts'
import { keyLine } from '../../src/domain/key.ts'
import type { SeqRange } from '../../src/domain/problem-list.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { ACTOR, NOON, newKey } from '../store/harness.ts'

export interface Step {
  readonly action: ChangeAction
  readonly before: Key | null
  readonly after: Key | null
}

/** A log that grows, the keys as the store holds them, and what the store's files vouch for. */
export function newLog() {
  const lines: Buffer[] = []
  const keys = new Map<string, Key>()
  let head: Head = EMPTY_HEAD
  let anchor: Anchor = EMPTY_ANCHOR
  let usageAnchor: Anchor = EMPTY_ANCHOR

  const now = () => isoFrom(NOON + lines.length * 1000)
  const append = (entries: readonly Entry[], from: Head = head): number[] => {
    const made = chainLines(from, entries)
    for (const line of made.lines.split('\n').slice(0, -1)) lines.push(Buffer.from(line))
    head = made.head
    return entries.map((_, index) => head.seq - entries.length + 1 + index)
  }
  const apply = (steps: readonly Step[]): void => {
    for (const { before, after } of steps) {
      if (after === null) keys.delete((before as Key).id)
      else keys.set(after.id, after)
    }
  }

  const log = {
    lines,
    keys,
    head: () => head,
    anchor: () => anchor,
    records: () => lines.map((line) => JSON.parse(line.toString()) as AuditRecord),
    append,
    /** The records of a commit; the store does not see it yet. Answers their seqs. */
    record: (steps: readonly Step[], base = anchor.seq): number[] =>
      append(
        steps.map(({ action, before, after }) => {
          const { key, ...change } = changeOf(action, before, after, { reason: null })
          return { ...change, actor: ACTOR, at: now(), base, digest: key === null ? null : sha256(keyLine(key)) }
        }),
      ),
    /** The store takes the changes and vouches for the log as it is. */
    take: (steps: readonly Step[]): void => {
      apply(steps)
      anchor = head
    },
    commit: (...steps: readonly Step[]): void => {
      log.record(steps)
      log.take(steps)
    },
    note: (action: Action, fields: Partial<Entry> = {}): number => {
      const [seq = 0] = append([{ actor: ACTOR, at: now(), action, ...fields }])
      usageAnchor = head
      return seq
    },
    vouched: (): Vouched => vouchedFor([...keys.values()], anchor, usageAnchor),
    check: (changed: readonly Buffer[] = lines, vouched: Vouched = log.vouched()): AuditReport => checkOf(changed, vouched).report,
  }
  return log
}

export type Log = ReturnType<typeof newLog>

/** What a store with these keys vouches for. */
export function vouchedFor(keys: readonly Key[], anchor: Anchor, usageAnchor: Anchor): Vouched {
  const all = keys.map(keyLine)
  return {
    anchors: [
      { by: 'keys.json', anchor },
      { by: 'keys.usage.json', anchor: usageAnchor },
    ],
    keyDigests: new Map(keys.map(({ id }, index) => [id, sha256(all[index] as string)])),
    allKeysDigest: sha256(all.join('\n')),
    seenSeq: anchor.seq,
  }
}

export function checkOf(lines: readonly Buffer[], vouched: Vouched): { report: AuditReport; head: Head; lost: SeqRange | null } {
  const check = createAuditCheck(vouched)
  for (const line of lines) check.add(line)
  return { report: check.finish(), head: check.head(), lost: check.lost() }
}

export const born = (fields: Partial<Key> = {}): Step => ({ action: 'key.generate', before: null, after: newKey(fields).key })
export const gone = (key: Key): Step => ({ action: 'key.purge', before: key, after: null })

/** A change of the key as the log knows it now. */
export function edit(log: Log, id: string, fields: Partial<Key>, action: ChangeAction = 'key.update'): Step {
  const before = log.keys.get(id) as Key
  return { action, before, after: { ...before, ...fields, revision: before.revision + 1 } }
}

const ENTRY_FIELDS = { after: { count: 1, since: isoFrom(NOON) } }

/** 60 records of a usual life: births, edits, bulk changes, a purge, a rollback, notes of verifications between them. */
export function logOf60(): Log {
  const log = newLog()
  for (let index = 0; index < 8; index++) log.commit(born({ name: `key ${index}`, scopes: ['read'] }))
  const ids = [...log.keys.keys()]
  const id = (index: number) => ids[index % ids.length] as string
  for (let round = 0; round < 9; round++) {
    log.commit(edit(log, id(round), { name: `round ${round}` }))
    log.commit(edit(log, id(round + 1), { scopes: ['read', 'write'] }, 'key.scope.add'))
    log.note(round === 0 ? 'validate.first-use' : 'validate.refused', {
      keyId: id(round),
      userId: 'user1',
      outcome: 'refused',
      reason: 'EXPIRED',
      ...ENTRY_FIELDS,
    })
    log.commit(edit(log, id(round + 2), { tags: [`t${round}`] }), edit(log, id(round + 3), { disabledAt: isoFrom(NOON) }, 'key.disable'))
  }
  const undone = log.record([edit(log, id(0), { name: 'never' })])
  log.append([{ actor: ACTOR, at: isoFrom(NOON + 1e6), action: 'store.rollback', after: { rolledBack: undone } }])
  log.commit(gone(log.keys.get(id(7)) as Key))
  log.note('validate.summary', { keyId: id(0), userId: 'user1', ...ENTRY_FIELDS })
  log.commit(edit(log, id(0), { revokedAt: isoFrom(NOON) }, 'key.revoke'), edit(log, id(1), { revokedAt: isoFrom(NOON) }, 'key.revoke'))
  log.note('audit.verify', { after: { ok: true, records: 58 } })
  return log
}

/** A line whose record was changed by hand, with a hash that fits it again. */
export function rewritten(line: Buffer, change: (record: Record<string, unknown>) => void): Buffer {
  const { hash: _, ...record } = JSON.parse(line.toString()) as Record<string, unknown>
  change(record)
  const body = JSON.stringify(record).slice(0, -1)
  return Buffer.from(`${body},"hash":"${sha256(body)}"}`)
}
