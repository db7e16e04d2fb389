// A year of a busy store, as records and keys in their order: keys are born all through it, each is changed once at most, and in between
// they are used. Made one slice at a time: ten million records are in no memory.

import type { Actor, Entry, Head } from '../src/domain/audit.ts'
import { chainLines, EMPTY_ANCHOR, EMPTY_HEAD } from '../src/domain/audit.ts'
import type { ChangeAction } from '../src/domain/change.ts'
import type { Key } from '../src/domain/key.ts'
import { DAY_MS, isoFrom } from '../src/domain/time.ts'
import { changeEntry, idOf, mint } from './stores.ts'

export interface HistorySize {
  readonly keys: number
  readonly records: number
  readonly owners: number
  /** In milliseconds since 1970. */
  readonly from: number
  readonly until: number
}

export interface Slice {
  /** Lines of the log, their line ends between them, and the times that they say. */
  readonly firstSeq: number
  readonly lines: string
  readonly times: readonly string[]
  /** Keys that will not be changed any more, in the order of their birth. */
  readonly keys: readonly Key[]
  readonly head: Head
  /** The record that vouches for the keys. */
  readonly keysAnchor: { readonly seq: number; readonly hash: string }
}

const RECORDS_AT_ONCE = 5_000
/** A key is changed, if it is, when so many more have been born. */
const LAG = 500
const TEAMS = ['payments', 'search', 'mobile', 'billing', 'reports', 'support', 'infra']
const PEOPLE = ['alice', 'bob', 'carol', 'dave', 'deploy']
/** One of so many records is of somebody who hardly ever does anything. */
const RARELY = 500_000

const actorOf = (name: string): Actor => ({ name, osUser: 'svc', host: 'node-1', via: 'library' })
export const userOfYear = (index: number, owners: number): string => `user-${(index * 7919) % owners}`

/** Scatters numbers, the same way each time. */
const scattered = (index: number): number => Math.imul(index, 2_654_435_761) >>> 0

function born(index: number, at: number, owners: number): Key {
  const iso = isoFrom(at)
  const { key } = mint(index, iso)
  const team = TEAMS[index % TEAMS.length] as string
  const turn = scattered(index) % 100
  const ends = turn < 20 ? at + 90 * DAY_MS : turn < 30 ? at + 400 * DAY_MS : null
  return {
    ...key,
    userId: userOfYear(index, owners),
    name: `${team} service ${index}`,
    environment: turn % 5 === 0 ? 'test' : 'live',
    tags: ['bench', team],
    notBefore: index % 1000 === 7 ? isoFrom(at + 300 * DAY_MS) : null,
    expiresAt: ends === null ? null : isoFrom(ends),
    createdBy: PEOPLE[index % PEOPLE.length] as string,
  }
}

/** What becomes of a key: most stay as they are. */
function fateOf(key: Key, index: number, at: string): { readonly action: ChangeAction; readonly after: Key } | null {
  const turn = scattered(index + 1) % 100
  const after = { ...key, updatedAt: at, revision: key.revision + 1 }
  if (turn < 12) return { action: 'key.revoke', after: { ...after, revokedAt: at, revokedBy: 'alice', revokedReason: 'left the company' } }
  if (turn < 15) return { action: 'key.disable', after: { ...after, disabledAt: at } }
  if (turn < 40) return { action: 'key.update', after: { ...after, name: `${key.name}, renamed` } }
  return null
}

/** A use of one of the keys that have been born: its first, its sum of an hour, now and then a refusal. */
function useOf(seq: number, known: number, owners: number, at: string): Entry {
  const index = scattered(seq) % known
  const who = seq % RARELY === 7 ? 'mallory' : 'gateway'
  const about = { actor: actorOf(who), at, keyId: idOf(index), userId: userOfYear(index, owners) }
  if (seq % 50 === 0) return { ...about, action: 'validate.refused', outcome: 'refused', reason: 'EXPIRED', after: { count: 1 } }
  if (seq % 10 === 1) return { ...about, action: 'validate.first-use', after: { ip: `10.0.${seq % 250}.${index % 250}` } }
  return { ...about, action: 'validate.summary', after: { count: seq % 1000, since: at } }
}

export function* historyOf({ keys: count, records, owners, from, until }: HistorySize): Generator<Slice> {
  let head: Head = EMPTY_HEAD
  let base = 0
  let known = 0
  const young: Key[] = []
  while (head.seq < records) {
    const firstSeq = head.seq + 1
    const entries: Entry[] = []
    const done: Key[] = []
    let lastChange = 0
    const changed = (before: Key | null, after: Key, at: string, action?: ChangeAction): void => {
      const seq = firstSeq + entries.length
      entries.push({ ...changeEntry(before, after, at, base, action), actor: actorOf(after.createdBy) })
      base = seq
      lastChange = entries.length
    }
    while (entries.length < RECORDS_AT_ONCE && firstSeq + entries.length <= records) {
      const seq = firstSeq + entries.length
      const moment = Math.floor(from + ((until - from) * seq) / records)
      const at = isoFrom(moment)
      if (known < Math.ceil((count * seq) / records)) {
        const key = born(known++, moment, owners)
        changed(null, key, at)
        young.push(key)
        if (young.length <= LAG) continue
        const old = young.shift() as Key
        const fate = firstSeq + entries.length > records ? null : fateOf(old, known - young.length - 1, at)
        if (fate !== null) changed(old, fate.after, at, fate.action)
        done.push(fate?.after ?? old)
      } else entries.push(useOf(seq, known, owners, at))
    }
    // The end of a slice that ends with the last change is what vouches for the keys: a slice before it is cut there.
    const upTo = lastChange === 0 ? 0 : lastChange
    const first = chainLines(head, entries.slice(0, upTo))
    const second = chainLines(first.head, entries.slice(upTo))
    head = second.head
    if (head.seq >= records) done.push(...young.splice(0))
    const keysAnchor = upTo === 0 ? EMPTY_ANCHOR : { seq: first.head.seq, hash: first.head.hash }
    yield { firstSeq, lines: (first.lines + second.lines).slice(0, -1), times: entries.map(({ at }) => at), keys: done, head, keysAnchor }
  }
}
