// audit list, export, head, verify, accept-loss: the log as it is, and the proof that it is whole.

import type { Anchor, AuditFilter, AuditRecord } from '../domain/audit.ts'
import { ACTIONS } from '../domain/audit.ts'
import type { AuditReport } from '../domain/audit-check.ts'
import type { InputOf } from '../domain/field.ts'
import { optional, required, single } from '../domain/field.ts'
import * as kinds from '../domain/kinds.ts'
import type { AcceptedLoss, SignedAnchor } from '../domain/ports.ts'
import { KeywrightError, noSuchKey, refuse } from '../domain/refusal.ts'
import { DEFAULT_PAGE } from '../domain/selection.ts'
import type { Reader } from './command.ts'
import { defineRead } from './command.ts'

const MAX_LISTED = 1_000_000_000
const GROUPS = ['key', 'key.scope', 'key.grace', 'validate', 'audit', 'store', 'log', 'usage']

const action = single<string>({
  placeholder: 'A',
  accepts: 'an action as it is on the log, as in key.revoke, or the first words of several, as in key.scope',
  fromText: (text) => ([...ACTIONS, ...GROUPS].includes(text) ? text : null),
  toText: (text) => text,
})

const filterFields = {
  keyId: optional(kinds.keyRef, 'ID', 'records of this key', { flag: 'id' }),
  userId: optional(kinds.text('U'), 'Owner', 'records of keys of this owner', { flag: 'user' }),
  actor: optional(kinds.text('ACTOR'), 'Actor', 'records of who did it', { flag: 'by' }),
  action: optional(action, 'Action', 'records of this action', { flag: 'action' }),
  since: optional(kinds.instant, 'Since', 'records from this time on', { flag: 'since' }),
  until: optional(kinds.instant, 'Until', 'records before this time', { flag: 'until' }),
}

/** The filter that an input means. A key id is taken at its word, because the log knows keys that were purged. */
async function filterOf(input: InputOf<typeof filterFields>, { store, at }: Pick<Reader, 'store' | 'at'>): Promise<AuditFilter> {
  const { keyId, since, until, ...rest } = input
  const filter: { -readonly [N in keyof AuditFilter]: AuditFilter[N] } = { ...rest }
  if (keyId !== undefined) {
    const key = keyId.by === 'id' ? keyId : await store.findKey(keyId)
    if (key === null) throw KeywrightError.from(noSuchKey(keyId.name))
    filter.keyId = key.id
  }
  if (since !== undefined) filter.since = kinds.resolveWhen(since, at)
  if (until !== undefined) filter.until = kinds.resolveWhen(until, at)
  return filter
}

async function* streamed(
  input: InputOf<typeof filterFields>,
  reader: Pick<Reader, 'store' | 'at'>,
  options: { reverse?: boolean; follow?: AbortSignal },
  limit = MAX_LISTED,
): AsyncGenerator<AuditRecord> {
  let given = 0
  for await (const record of reader.store.audit.records(await filterOf(input, reader), options)) {
    yield record
    if (++given >= limit) return
  }
}

export const libraryRecords = defineRead({
  words: 'audit records',
  summary: 'Stream records of the audit log',
  fields: { ...filterFields, reverse: optional(kinds.flag, 'Newest first', 'begin with the newest') },
  answer: async ({ reverse = false, ...filter }, reader) => streamed(filter, reader, { reverse }),
})

export const auditList = defineRead({
  words: 'audit list',
  summary: 'List records of the audit log, newest first',
  notes: ['`keywright audit` alone is the same. --follow goes on with new records until it is interrupted.'],
  fields: {
    ...filterFields,
    limit: optional(kinds.integer(1, MAX_LISTED), 'Limit', 'how many at most', { flag: 'limit', fallback: String(DEFAULT_PAGE) }),
    oldestFirst: optional(kinds.flag, 'Oldest first', 'begin with the oldest', { flag: 'oldest-first' }),
    follow: optional(kinds.flag, 'Follow', 'go on with new records as they are written', { flag: 'follow' }),
  },
  async answer({ limit = DEFAULT_PAGE, oldestFirst = false, follow = false, ...filter }, reader): Promise<AsyncIterable<AuditRecord>> {
    if (!follow) return streamed(filter, reader, { reverse: !oldestFirst }, limit)
    return following(filter, reader, limit)
  },
})

/** The last records, oldest first, then new ones until the reader's signal. */
async function* following(input: InputOf<typeof filterFields>, reader: Reader, limit: number): AsyncGenerator<AuditRecord> {
  const last: AuditRecord[] = []
  for await (const record of streamed(input, reader, { reverse: true }, limit)) last.unshift(record)
  yield* last
  const seen = last.at(-1)?.seq ?? 0
  for await (const record of streamed(input, reader, { follow: reader.signal })) if (record.seq > seen) yield record
}

export const auditExport = defineRead({
  words: 'audit export',
  summary: 'Write the whole log to stdout, oldest first',
  fields: {
    format: required(kinds.choice(['jsonl', 'csv']), 'Format', 'JSON Lines as on the log, or CSV', { flag: 'format' }),
    ...filterFields,
  },
  answer: async ({ format, ...filter }, reader) => ({ format, records: streamed(filter, reader, {}) }),
})

export const auditHead = defineRead({
  words: 'audit head',
  summary: "Print the last record's number and hash, to be kept away from the log",
  notes: ['Later `keywright audit verify --expect SEQ:HASH` proves that the log still holds that record and all before it.'],
  fields: {
    signed: optional(kinds.flag, 'Signed', 'print a signed note, with the key of KEYWRIGHT_AUDIT_KEY_FILE', { flag: 'signed' }),
  },
  answer: async ({ signed = false }, { store }): Promise<Anchor | SignedAnchor> => (signed ? store.audit.signedHead() : store.audit.head()),
})

export const auditVerify = defineRead({
  words: 'audit verify',
  summary: 'Prove that neither the log nor the store was edited, cut short or replaced',
  notes: [
    'Exits 1 when something is wrong. Where the log is whole and writable the verification itself goes on the log.',
    'Who can write both the store and the log can rewrite them so that they agree. What was kept elsewhere finds that: a head (--expect),',
    'or checkpoints, signed with KEYWRIGHT_AUDIT_KEY_FILE, and the public key to them (--public-key).',
  ],
  fields: {
    expect: optional(kinds.anchor, 'Expected', 'the log must hold this record: what `audit head` printed once', { flag: 'expect' }),
    publicKeyFile: optional(kinds.file, 'Public key', 'prove the checkpoints with it (else KEYWRIGHT_AUDIT_PUBLIC_KEY_FILE)', {
      flag: 'public-key',
    }),
  },
  async answer(input, { store, actor, isReadOnly, signal, onProgress }): Promise<AuditReport> {
    const options = { ...input, signal, ...(isReadOnly ? {} : { actor }), ...(onProgress === undefined ? {} : { onProgress }) }
    return (await store.audit.verify(options)).report
  },
  exitCode: ({ ok }) => (ok ? 0 : 1),
})

export const auditAcceptLoss = defineRead({
  words: 'audit accept-loss',
  summary: 'Go on after records or keys were lost, and put that on the log',
  notes: [
    'Run `keywright audit verify` first: a backup of the log or of the store is better than this.',
    'In a database it writes anew, from the lines of the keys, what they are found by: columns, secrets and owners.',
  ],
  fields: { reason: required(kinds.text('R'), 'Reason', 'why, for the log', { flag: 'reason' }) },
  async answer({ reason }, { store, actor, isReadOnly }): Promise<AcceptedLoss> {
    if (isReadOnly) throw KeywrightError.from(refuse('READ_ONLY', 'the store is open read-only'))
    return store.audit.acceptLoss(actor, reason)
  },
})
