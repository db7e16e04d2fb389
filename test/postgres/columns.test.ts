// What lies beside the lines of keys, edited by a superuser in every way: audit verify names it, nothing else, and what mends it does.

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import { ROWS_APART } from '../../src/domain/disagreement.ts'
import type { Key } from '../../src/domain/key.ts'
import { examineDatabase } from '../../store/doctor/database.ts'
import { createPostgresAudit } from '../../store/postgres/audit-port.ts'
import { connectDatabase } from '../../store/postgres/connection.ts'
import type { KEY_COLUMNS } from '../../store/postgres/key-rows.ts'
import { ACTOR, edit, manualClock, NOBODY, NOON, newKey, openStoreNamed, outcomeOf, put } from '../store/harness.ts'
import type { MigratedServer } from './harness.ts'
import { openManagerAtUrl, startMigrated } from './harness.ts'

const WHOLE = 'whole'
/** What the tables refuse a superuser may switch off. */
const UNCHECKED = 'SET session_replication_role = replica;'
const inDays = (days: number): string => new Date(NOON + days * 86_400_000).toISOString()

const [old, ann, bob, cyd] = [
  newKey({}, NOON - 1),
  newKey({ userId: 'ann', name: 'Her own', scopes: ['read:a', 'write:b'], tags: ['ci'], notBefore: inDays(-9), expiresAt: inDays(9) }),
  newKey({ userId: 'bob', revokedAt: inDays(-1), revokedBy: 'tester', revokedReason: 'leaked' }),
  newKey({ userId: 'Cyd', disabledAt: inDays(-1) }),
]
const graced: Key = {
  ...ann.key,
  secrets: [...ann.key.secrets, ...old.key.secrets.map((secret) => ({ ...secret, notAfter: inDays(1), retiredReason: 'rotated' }))],
}
const OLD_SECRET = graced.secrets[1]?.shortId ?? ''
const [ANN, BOB, CYD] = [graced, bob.key, cyd.key].map(({ id }) => id)

let server: MigratedServer
let made = 0

beforeAll(async () => {
  server = await startMigrated()
})
afterAll(() => server.remove())

/** The database that all others are copies of, made by the first who asks. */
async function makeWhole(): Promise<void> {
  const { name, url } = await server.fresh()
  const store = await openStoreNamed(url)
  await put(store, graced, bob.key, cyd.key)
  await store.close()
  await server.create(WHOLE, name)
}
let whole: Promise<void> | null = null

async function opened() {
  whole ??= makeWhole()
  await whole
  const name = `columns_${made++}`
  const url = await server.create(name, WHOLE)
  const database = connectDatabase(url, 'test')
  onTestFinished(() => database.close())
  const audit = createPostgresAudit({ database, isReadOnly: false, clocks: manualClock().clocks })
  const sql = (text: string) => server.admin(name, text)
  return {
    url,
    audit,
    sql,
    verified: async (): Promise<AuditReport> => (await audit.verify({})).report,
    tables: async () => ({
      keys: await sql('SELECT * FROM keywright.keys ORDER BY place'),
      secrets: await sql('SELECT * FROM keywright.secrets ORDER BY short_id'),
      owners: await sql('SELECT * FROM keywright.owners ORDER BY user_id'),
      head: await sql('SELECT brand, keys FROM keywright.head'),
    }),
  }
}

test('untouched tables agree with their lines, whatever was done to the keys', async () => {
  const { url, verified } = await opened()
  const store = await openStoreNamed(url)
  expect(await verified()).toEqual({ ok: true, records: 3, firstBad: null, problems: [], notes: [] })
  await edit(store, graced, { name: 'İstanbul ΑΣ "quoted\\"', tags: ['a"b', 'ü', '\\', 'null'], secrets: graced.secrets.slice(0, 1) })
  await edit(store, cyd.key, { userId: 'ann' })
  await put(store, newKey({ userId: 'ann', scopes: [] }).key)
  expect(await verified()).toMatchObject({ ok: true, problems: [], notes: [] })
})

interface Edit {
  readonly sql: string
  readonly problems: readonly { readonly keyId?: string | undefined; readonly problem: string }[]
}

const inColumns = (keyId: string | undefined, columns: string) => ({
  keyId,
  problem: `was changed by hand: its row in keywright.keys says otherwise than its line, in ${columns}`,
})
const ofKey = (keyId: string | undefined, problem: string) => ({ keyId, problem: `was changed by hand: ${problem}` })
const lacks = (shortId: string) => `keywright.secrets has no row for its secret ${shortId}`
const gives = (shortId: string) => `keywright.secrets has a row for secret ${shortId}, which is not in its line`

type Column = Exclude<(typeof KEY_COLUMNS)[number], 'id' | 'line'>

/** Of every column a value, that of bob's key where there is no other. */
const COLUMNS: Readonly<Record<Column, readonly [value: string, userId?: string]>> = {
  user_id: ["'eve'"],
  name: ["'Her Own'"],
  environment: ["'test'"],
  scopes: ["ARRAY['read:a', 'write:*']"],
  tags: ["'{}'"],
  not_before: ['NULL'],
  expires_at: [`'${inDays(99)}'`],
  disabled_at: ['NULL', 'Cyd'],
  revoked_at: ['NULL', 'bob'],
  created_at: [`'${inDays(-99)}'`],
  created_by: ["'somebody'"],
  updated_at: [`'${inDays(-99)}'`],
  revision: ['7'],
  grace_until: ['NULL'],
  search: ["''"],
}
const IDS: Readonly<Record<string, string | undefined>> = { ann: ANN, bob: BOB, Cyd: CYD }

const EDITS: Readonly<Record<string, Edit>> = {
  ...Object.fromEntries(
    Object.entries(COLUMNS).map(([column, [value, userId = 'ann']]) => [
      `another ${column}`,
      { sql: `UPDATE keywright.keys SET ${column} = ${value} WHERE id = '${IDS[userId]}'`, problems: [inColumns(IDS[userId], column)] },
    ]),
  ),
  'a revoked key that looks alive, and is found by another name': {
    sql: `UPDATE keywright.keys SET revoked_at = NULL, search = 'x', tags = '{{ci}}' WHERE id = '${BOB}'`,
    problems: [inColumns(BOB, 'tags, revoked_at, search')],
  },
  'columns of two keys swapped': {
    sql: `UPDATE keywright.keys k SET user_id = o.user_id FROM keywright.keys o
      WHERE k.id IN ('${ANN}', '${BOB}') AND o.id IN ('${ANN}', '${BOB}') AND o.id <> k.id`,
    problems: [inColumns(ANN, 'user_id'), inColumns(BOB, 'user_id')],
  },
  'a secret removed': {
    sql: `DELETE FROM keywright.secrets WHERE short_id = '${OLD_SECRET}'`,
    problems: [ofKey(ANN, lacks(OLD_SECRET))],
  },
  'all secrets of a key removed': {
    sql: `DELETE FROM keywright.secrets WHERE key_id = '${ANN}'`,
    problems: [ofKey(ANN, lacks(graced.secrets.map(({ shortId }) => shortId).join(', ')))],
  },
  'a secret added': {
    sql: `INSERT INTO keywright.secrets VALUES ('0123456789AB', '${BOB}')`,
    problems: [ofKey(BOB, gives('0123456789AB'))],
  },
  'a secret of another name': {
    sql: `UPDATE keywright.secrets SET short_id = '0123456789AB' WHERE short_id = '${OLD_SECRET}'`,
    problems: [ofKey(ANN, `${lacks(OLD_SECRET)}; ${gives('0123456789AB')}`)],
  },
  'a text that no program writes for a secret': {
    sql: `UPDATE keywright.secrets SET short_id = 'kw_live_' || short_id WHERE short_id = '${OLD_SECRET}'`,
    problems: [ofKey(ANN, `${lacks(OLD_SECRET)}; ${gives('(no shortId)')}`)],
  },
  'a secret with another key': {
    sql: `UPDATE keywright.secrets SET key_id = '${BOB}' WHERE short_id = '${OLD_SECRET}'`,
    problems: [ofKey(ANN, lacks(OLD_SECRET)), ofKey(BOB, gives(OLD_SECRET))],
  },
  'a secret with a key that is not there': {
    sql: `${UNCHECKED} UPDATE keywright.secrets SET key_id = 'key_Stranger0000' WHERE short_id = '${OLD_SECRET}'`,
    problems: [
      ofKey(ANN, lacks(OLD_SECRET)),
      { problem: `keywright.secrets was changed by hand: it has a row for secret ${OLD_SECRET} of a key that is not there` },
    ],
  },
  'an owner removed': {
    sql: `DELETE FROM keywright.owners WHERE user_id = 'bob'`,
    problems: [{ problem: 'keywright.owners was changed by hand: it has no row for bob, who has 1 key' }],
  },
  'an owner added': {
    sql: `INSERT INTO keywright.owners VALUES ('eve', 'eve', 2)`,
    problems: [{ problem: 'keywright.owners was changed by hand: it counts 2 keys of eve, who has 0' }],
  },
  'an owner with more keys': {
    sql: `UPDATE keywright.owners SET keys = 5 WHERE user_id = 'bob'`,
    problems: [{ problem: 'keywright.owners was changed by hand: it counts 5 keys of bob, who has 1' }],
  },
  'an owner who is searched for in vain': {
    sql: `UPDATE keywright.owners SET search = user_id WHERE user_id = 'Cyd'`,
    problems: [{ problem: 'keywright.owners was changed by hand: its row for Cyd has another search' }],
  },
  'another number of keys': {
    sql: 'UPDATE keywright.head SET keys = 2',
    problems: [{ problem: 'keywright.head was changed by hand: it counts 2 keys of 3' }],
  },
}

test('each edit is named and nothing else is; accepted, the rows are as they were, and proven', async () => {
  const { url, audit, sql, verified, tables } = await opened()
  const before = await tables()
  for (const [index, [what, { sql: tampering, problems }]] of Object.entries(EDITS).entries()) {
    await sql(tampering)
    const { ok, firstBad, problems: found, notes } = await verified()
    expect([what, ok, firstBad, found, notes.at(-1)]).toEqual([what, false, null, problems, ROWS_APART.note])
    const lost = await audit.acceptLoss(ACTOR, what)
    expect([what, lost, await tables()]).toEqual([what, { lostFrom: null, lostTo: null, seq: index + 4 }, before])
  }
  expect(await verified()).toMatchObject({ ok: true, problems: [] })
  const store = await openStoreNamed(url)
  await edit(store, graced, { userId: 'bob', secrets: graced.secrets.slice(0, 1) })
  await put(store, newKey().key)
  expect(await verified()).toMatchObject({ ok: true, problems: [] })
})

test('what was edited beside a line lets nobody in; a list believes it, and the doctor says what mends it', async () => {
  const { url, sql } = await opened()
  await sql(`UPDATE keywright.keys SET revoked_at = NULL, user_id = 'eve' WHERE id = '${BOB}'`)
  const manager = await openManagerAtUrl(url, { clock: () => NOON })
  expect(await manager.validateApiKey(bob.token)).toMatchObject({ code: 'REVOKED', userId: 'bob' })
  const listed = async (filter: { userId: string }) => (await manager.listApiKeys(filter)).keys.map(({ id, status }) => [id, status])
  expect([await listed({ userId: 'bob' }), await listed({ userId: 'eve' })]).toEqual([[], [[BOB, 'revoked']]])
  const { ok, checks } = await examineDatabase(url, {
    nodeVersion: process.versions.node,
    platform: 'linux',
    userId: null,
    now: Date.now(),
    auditKeys: { signing: undefined, public: undefined },
    auditSink: undefined,
    tryToOpen: async () => undefined,
  })
  expect([ok, checks.filter(({ outcome }) => outcome === 'problem')]).toEqual([
    false,
    [
      {
        check: 'digests',
        outcome: 'problem',
        detail: `${BOB} ${inColumns(BOB, 'user_id, revoked_at').problem}`,
        fix: ROWS_APART.remedy,
      },
    ],
  ])
})

test('of a line that was edited itself nothing is said to contradict it; of another key it is', async () => {
  const { sql, verified, audit } = await opened()
  await sql(`UPDATE keywright.keys SET line = replace(line, 'Her own', 'His own') WHERE id = '${ANN}'`)
  await sql(`UPDATE keywright.keys SET environment = 'test' WHERE id = '${BOB}'`)
  await sql('UPDATE keywright.owners SET keys = 9')
  const byLine = { keyId: ANN, problem: 'was changed in the store by hand' }
  const notes = [ROWS_APART.note, 'owners were not compared with keys that are not whole']
  expect(await verified()).toMatchObject({ ok: false, problems: [byLine, inColumns(BOB, 'environment')], notes })
  await audit.acceptLoss(ACTOR, 'known')
  expect(await verified()).toMatchObject({ ok: true })
  expect(await sql(`SELECT name, search LIKE 'his own%' AS is_found FROM keywright.keys WHERE id = '${ANN}'`)).toEqual([
    { name: 'His own', is_found: true },
  ])
})

test('a line that is no key’s is named and accepted as it is', async () => {
  const { sql, verified, audit } = await opened()
  for (const line of ['', '{"userId":7}', 'null']) {
    await sql(`UPDATE keywright.keys SET line = '${line}' WHERE id = '${ANN}'`)
    expect(await verified()).toMatchObject({ ok: false, problems: [{ keyId: ANN, problem: 'was changed in the store by hand' }] })
  }
  await audit.acceptLoss(ACTOR, 'known')
  expect(await verified()).toMatchObject({ ok: true })
})

test('a key under another id is one that was removed, and one that was added', async () => {
  const { sql, verified } = await opened()
  await sql(`${UNCHECKED} UPDATE keywright.keys SET id = 'key_Stranger0000' WHERE id = '${BOB}'`)
  const { problems } = await verified()
  expect(problems).toContainEqual({ keyId: 'key_Stranger0000', problem: 'was added to the store by hand' })
  expect(problems).toContainEqual({ keyId: BOB, problem: 'was removed from the store by hand' })
})

test('another time of the last record is named, and the next record does not take it over', async () => {
  const { sql, verified, audit } = await opened()
  await sql(`UPDATE keywright.head SET at = '2099-01-01T00:00:00.000Z'`)
  const says = `it says that seq 3 is of 2099-01-01T00:00:00.000Z, and its line says ${inDays(0)}`
  const problem = `the head of the store was changed by hand: ${says}`
  expect(await verified()).toMatchObject({ ok: false, firstBad: null, problems: [{ problem }] })
  await audit.acceptLoss(ACTOR, 'known')
  expect(await verified()).toMatchObject({ ok: true })
  expect(await sql('SELECT at FROM keywright.head')).toEqual([{ at: inDays(0) }])
})

test('of very many rows the first are listed and the rest are counted; all are written anew', async () => {
  const { url, sql, verified, audit, tables } = await opened()
  const store = await openStoreNamed(url)
  const many = Array.from({ length: 1_100 }, (_, index) => newKey({ userId: `many${index}` }).key)
  const changes = many.flatMap((key) => outcomeOf('key.generate', null, key).changes)
  await store.transact({ actor: ACTOR, targets: NOBODY, decide: () => ({ at: NOON, changes, answer: null }) })
  const before = await tables()
  await sql('UPDATE keywright.keys SET revision = revision + 1; DELETE FROM keywright.secrets; DELETE FROM keywright.owners')
  const { problems, notes } = await verified()
  expect(problems).toHaveLength(2_000)
  expect(notes).toEqual([ROWS_APART.note, '206 more rows that contradict the lines of keys are not listed'])
  await audit.acceptLoss(ACTOR, 'known')
  expect(await verified()).toMatchObject({ ok: true })
  expect(await tables()).toEqual(before)
})
