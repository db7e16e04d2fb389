// The audit side of the store in PostgreSQL, on a real server: pages, streams, proofs, and what a superuser does behind its back.

import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Entry } from '../../src/domain/audit.ts'
import { chainLines, EMPTY_HEAD, GENESIS_HASH, sha256 } from '../../src/domain/audit.ts'
import { parseNotes } from '../../src/domain/checkpoint.ts'
import type { Key } from '../../src/domain/key.ts'
import { keyLine } from '../../src/domain/key.ts'
import type { AuditPort, Store } from '../../src/domain/ports.ts'
import { isSignedWith } from '../../store/log/signed-note.ts'
import type { PostgresAuditOptions } from '../../store/postgres/audit-port.ts'
import { createPostgresAudit } from '../../store/postgres/audit-port.ts'
import { searchOf } from '../../store/postgres/audit-read.ts'
import type { Database, Row } from '../../store/postgres/connection.ts'
import { connectDatabase } from '../../store/postgres/connection.ts'
import { appendRecords, insertLines, lockHead } from '../../store/postgres/head.ts'
import { migrate } from '../../store/postgres/migrate.ts'
import { writeKeys } from '../../store/postgres/write-keys.ts'
import { auditPageContract } from '../store/contract-audit-page.ts'
import type { ManualClock } from '../store/harness.ts'
import { ACTOR, collect, edit, errorOf, expectCode, manualClock, NOON, newKey, outcomeOf, put, until } from '../store/harness.ts'
import { newSigningKey } from '../store/signing.ts'
import type { PostgresServer } from './server.ts'
import { startPostgres } from './server.ts'

const DAY_MS = 86_400_000
const LINES_AT_ONCE = 1_000

let server: PostgresServer
let made = 0

beforeAll(async () => {
  server = await startPostgres()
  await server.create('template_audit')
  const database = connectDatabase(server.url('template_audit'), 'test')
  await migrate(database, false)
  await database.close()
})
afterAll(() => server.remove())

/** As much of a store as the log's tests need: changes of keys that are named by id, and the audit side. */
function storeOn(database: Database, audit: AuditPort): Store {
  const transact: Store['transact'] = ({ actor, targets, decide }) =>
    database.transaction(async (tx) => {
      const head = await lockHead(tx)
      const ids = 'refs' in targets ? targets.refs.flatMap((ref) => (ref.by === 'id' ? [ref.id] : [])) : []
      const found = await tx.query<{ id: string; line: string }>('SELECT id, line FROM keywright.keys WHERE id = ANY($1)', [ids])
      const keys = new Map(found.map(({ id, line }) => [id, JSON.parse(line) as Key]))
      const { at, changes, answer } = decide({ brand: 'kw', targets: ids.map((id) => keys.get(id) ?? null), isTaken: () => false })
      const entries = changes.map(({ key, ...change }): Entry => {
        const digest = key === null ? null : sha256(keyLine(key))
        return { ...change, actor, at: new Date(at).toISOString(), base: head.keysAnchor.seq, digest }
      })
      const last = await appendRecords(tx, head, entries)
      const changed = changes.map(({ keyId, key }) => ({ id: keyId, before: keys.get(keyId) ?? null, after: key }))
      await writeKeys(tx, { head, last, brand: head.brand, changed })
      return answer
    })
  return { transact, audit } as Store
}

interface Opened {
  readonly database: Database
  readonly audit: AuditPort
  readonly store: Store
  /** Runs SQL as the superuser, behind the program's back. */
  readonly tamper: (sql: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>
}

async function open(clock: ManualClock = manualClock(), options: Partial<PostgresAuditOptions> = {}): Promise<Opened> {
  const name = `audit_${made++}`
  const database = connectDatabase(await server.create(name, 'template_audit'), 'test')
  onTestFinished(() => database.close())
  const audit = createPostgresAudit({ database, isReadOnly: false, clocks: clock.clocks, ...options })
  return { database, audit, store: storeOn(database, audit), tamper: (sql, values) => server.admin(name, sql, values) }
}

/** Records that are no changes, a day apart from each other: over as many months as that takes. */
async function fill({ database }: Opened, count: number, entryOf: (seq: number) => Partial<Entry> = () => ({})): Promise<void> {
  const entries = Array.from({ length: count }, (_, index): Entry => {
    const at = new Date(NOON + index * DAY_MS).toISOString()
    return { actor: ACTOR, at, action: 'validate.refused', reason: 'EXPIRED', ...entryOf(index + 1) }
  })
  await database.transaction(async (tx) => {
    const { lines, head } = chainLines(EMPTY_HEAD, entries)
    const all = lines.split('\n').slice(0, -1)
    // No statement takes long, however busy the machine is.
    for (let from = 0; from < all.length; from += LINES_AT_ONCE) await insertLines(tx, all.slice(from, from + LINES_AT_ONCE), null)
    await tx.query('UPDATE keywright.head SET seq = $1, hash = $2, at = $3', [head.seq, head.hash, head.at])
  })
}

/** Four keys, and one of them changed: seqs 1 to 5. */
async function told(opened: Opened): Promise<readonly Key[]> {
  const keys = ['ann', 'bob', 'cyd', 'dan'].map((userId) => newKey({ userId }).key)
  await put(opened.store, ...keys)
  await edit(opened.store, keys[1] as Key, { name: 'honest' })
  return keys
}

const seqsOf = async (records: AsyncIterable<{ readonly seq: number }>) => (await collect(records)).map(({ seq }) => seq)
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe('pages and timelines, as every store has them', () => {
  auditPageContract(async (clock) => ({ store: (await open(clock)).store }))
})

describe('pages over months', () => {
  test('each filter finds what it finds in the stream, and the records of all months once', async () => {
    const opened = await open()
    await fill(opened, 200, (seq) => ({
      actor: { ...ACTOR, name: seq % 7 === 0 ? 'ann' : 'tester', osUser: seq % 5 === 0 ? 'ann' : 'tester' },
      action: seq % 3 === 0 ? 'validate.refused' : seq % 11 === 0 ? 'usage.repair' : 'validate.summary',
      keyId: `key_${seq % 4}`,
    }))
    const { audit } = opened
    const since = NOON + 40 * DAY_MS
    for (const filter of [
      {},
      { actor: 'ann' },
      { action: 'validate' },
      { action: 'usage.repair' },
      { actor: 'ann', action: 'validate' },
      { keyId: 'key_1', actor: 'ann' },
      { actor: 'ann', since, until: since + 90 * DAY_MS },
      { action: 'validate', keyId: 'key_2', since },
    ]) {
      const expected = await seqsOf(audit.records(filter, { reverse: true }))
      expect(expected.length).toBeGreaterThan(2)
      expect(await seqsOf(audit.records(filter, {}))).toEqual(expected.toReversed())
      const down: number[] = []
      for (let isMore = true; isMore; ) {
        const { rows, hasOlder } = await audit.page({ filter, around: { seq: (down.at(-1) ?? 201) - 1 }, newer: 0, older: 7 })
        down.push(...rows.map(({ record }) => record.seq))
        isMore = hasOlder
      }
      expect(down).toEqual(expected)
    }
    const filter = { actor: 'ann' }
    expect(await seqsOf(audit.records(filter, {}))).toEqual(upTo(200).filter((seq) => seq % 7 === 0 || seq % 5 === 0))
    expect((await audit.timeline({ from: null, to: null, spans: 5 }))?.counts).toEqual([40, 40, 40, 40, 40])
  })

  test('what no record can have is looked for in vain, and no value breaks out of its statement', async () => {
    const opened = await open()
    await fill(opened, 3)
    for (const filter of [
      { keyId: 'a\0b' },
      { actor: "'; DROP TABLE keywright.audit; --" },
      { action: 'no.such' },
      { action: '%' },
      { text: '\0' },
      { text: "'" },
      { text: '%' },
      { since: Number.MAX_SAFE_INTEGER },
      { until: Number.MIN_SAFE_INTEGER },
    ]) {
      const { rows, lastSeq } = await opened.audit.page({ filter, around: 'newest', newer: 0, older: 9 })
      expect([filter, rows, lastSeq]).toEqual([filter, [], 3])
    }
  })

  test('a search is ended by its signal between two statements, with its reason, and tells how far it has come', async () => {
    const opened = await open()
    await fill(opened, 300)
    let statements = 0
    const reason = new Error('enough')
    const stop = new AbortController()
    // A clock on which each statement takes long: the next stretch is as short as may be.
    let passed = 0
    const uptime = (): number => (passed += 1e9)
    const database: Database = {
      ...opened.database,
      query: (sql, values) => {
        // The range of 300 seqs is one stretch: a limit of rows makes more of it.
        if (sql.includes('position(')) statements++
        return opened.database.query(sql, values)
      },
    }
    const audit = createPostgresAudit({ database, isReadOnly: false, clocks: { wall: () => NOON, uptime } })
    const progress: number[] = []
    const query = { filter: { text: 'expired' }, around: 'newest', newer: 0, older: 9 } as const
    await audit.page({ ...query, onProgress: ({ bytes, totalBytes }) => progress.push(bytes / totalBytes) })
    expect(progress.at(-1)).toBeCloseTo(10 / 300)
    const onProgress = (): void => stop.abort(reason)
    statements = 0
    // Found by the database and not by the judge, so that it goes on.
    const text = '"outcome":"done"'
    await expect(audit.page({ ...query, filter: { text }, signal: stop.signal, onProgress })).rejects.toBe(reason)
    expect(statements).toBe(1)
  })

  test('one who has been frequent long ago is found by an index: the log is not read through to there', async () => {
    const opened = await open()
    await fill(opened, 8_000, (seq) => ({
      at: new Date(NOON + seq * 60_000).toISOString(),
      keyId: seq <= 4_000 ? 'key_old' : `key_${seq}`,
      actor: { ...ACTOR, name: seq <= 4_000 ? 'old' : 'new' },
    }))
    await opened.tamper('ANALYZE')
    for (const filter of [{ keyId: 'key_old' }, { actor: 'old' }, { action: 'validate.refused' }]) {
      const search = searchOf(filter)
      const [explained] = await opened.database.query<{ readonly 'QUERY PLAN': readonly { readonly Plan: Row }[] }>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${search.sql(false)}`,
        [0, 8_000, 101, ...search.values],
      )
      // 101 lines with the pages of an index; to read through to them would be many times that.
      const blocks = Number(explained?.['QUERY PLAN'][0]?.Plan['Shared Hit Blocks'])
      expect([filter, blocks > 0 && blocks < 150]).toEqual([filter, true])
    }
  })
})

describe('following', () => {
  test('what is there comes first, then what is new, by polling and by being woken', async () => {
    const wakes = new Set<() => void>()
    const subscribe = (wake: () => void) => {
      wakes.add(wake)
      return () => wakes.delete(wake)
    }
    for (const options of [{}, { subscribe }]) {
      const opened = await open(manualClock(), options)
      const { key } = newKey()
      await put(opened.store, key)
      const stop = new AbortController()
      const seen: number[] = []
      const following = (async () => {
        for await (const { seq } of opened.audit.records({ keyId: key.id }, { follow: stop.signal })) seen.push(seq)
      })()
      await until('the first record is there', () => seen.length === 1)
      await edit(opened.store, key, { name: 'one' })
      await put(opened.store, newKey().key)
      await edit(opened.store, key, { name: 'two' })
      for (const wake of wakes) wake()
      await until('the new records are there', () => seen.length === 3)
      stop.abort()
      await following
      expect(seen).toEqual([1, 2, 4])
    }
    expect(wakes.size).toBe(0)
  })

  test('a signal that has come already means no record', async () => {
    const opened = await open()
    await fill(opened, 3)
    expect(await collect(opened.audit.records({}, { follow: AbortSignal.abort() }))).toEqual([])
  })
})

describe('the head', () => {
  test('is the last record of the log, and nothing while there is none', async () => {
    const opened = await open()
    expect(await opened.audit.head()).toEqual({ seq: 0, hash: GENESIS_HASH })
    await told(opened)
    const [last] = await collect(opened.audit.records({}, { reverse: true }))
    expect(await opened.audit.head()).toEqual({ seq: 5, hash: last?.hash })
  })

  test('is AUDIT_BROKEN where the log ends otherwise than the store says', async () => {
    const cases: readonly [sql: string, says: RegExp][] = [
      ['DELETE FROM keywright.audit WHERE seq = 5', /ends at seq 4, keywright\.head .* vouches for seq 5/],
      ['TRUNCATE keywright.audit', /is missing/],
      [`UPDATE keywright.audit SET line = replace(line, 'honest', 'forged') WHERE seq = 5`, /does not match its hash/],
      [`UPDATE keywright.head SET hash = repeat('1', 64)`, /is not the record that keywright\.head/],
      ['UPDATE keywright.head SET seq = 4', /older copy/],
    ]
    for (const [sql, says] of cases) {
      const opened = await open()
      await told(opened)
      await opened.tamper(sql)
      const error = await expectCode(opened.audit.head(), 'AUDIT_BROKEN')
      expect(error.message).toMatch(says)
    }
  })

  test('is looked for in the last month, and where nothing is there in those before it', async () => {
    const opened = await open()
    await fill(opened, 40)
    expect(await opened.audit.head()).toMatchObject({ seq: 40 })
    await opened.tamper(`DELETE FROM keywright.audit WHERE at >= date_trunc('month', (SELECT max(at) FROM keywright.audit), 'UTC')`)
    const { message } = await expectCode(opened.audit.head(), 'AUDIT_BROKEN')
    expect(message).toMatch(/ends at seq \d+, .* vouches for seq 40/)
  })

  test('is signed where there is a key to sign with', async () => {
    const { privateFile, publicFile } = newSigningKey()
    const unsigned = await open()
    await told(unsigned)
    await expectCode(unsigned.audit.signedHead(), 'INVALID_INPUT')
    const opened = await open(manualClock(), { signingKey: () => createPrivateKey(readFileSync(privateFile)) })
    await expectCode(opened.audit.signedHead(), 'INVALID_INPUT')
    await told(opened)
    const { note, ...anchor } = await opened.audit.signedHead()
    expect(anchor).toEqual(await opened.audit.head())
    const [parsed] = parseNotes(Buffer.from(note)).notes
    expect(parsed?.checkpoint).toMatchObject({ ...anchor, at: new Date(NOON).toISOString() })
    expect(parsed !== undefined && isSignedWith(parsed, createPublicKey(readFileSync(publicFile)))).toBe(true)
  })
})

describe('a verification', () => {
  test('proves an untouched store, and goes on the log when an actor asks', async () => {
    const appended: number[] = []
    const opened = await open(manualClock(), { onAppended: ({ seq }) => appended.push(seq) })
    const { audit } = opened
    const nothing = { ok: true, records: 0, firstBad: null, problems: [], notes: [] }
    expect(await audit.verify({ actor: ACTOR })).toEqual({ report: nothing, head: { seq: 0, hash: GENESIS_HASH } })
    await told(opened)
    expect((await audit.verify({})).report).toEqual({ ...nothing, records: 5 })
    const head = await audit.head()
    expect(await audit.verify({ actor: ACTOR })).toEqual({ report: { ...nothing, records: 5 }, head })
    const [last] = await collect(audit.records({}, { reverse: true }))
    expect(last).toMatchObject({ seq: 6, action: 'audit.verify', after: { ok: true, records: 5 }, base: null, prev: head.hash })
    expect(appended).toEqual([6])
    expect((await audit.verify({})).report).toEqual({ ...nothing, records: 6 })
    await expect(audit.verify({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })

  test('read-only, it leaves no record; where the record can’t be written, it says so and stands', async () => {
    const opened = await open()
    await told(opened)
    const readOnly = createPostgresAudit({ database: opened.database, isReadOnly: true, clocks: manualClock().clocks })
    expect((await readOnly.verify({ actor: ACTOR })).report).toMatchObject({ ok: true, notes: [] })
    const [{ name } = { name: '' }] = await opened.database.query<{ name: string }>('SELECT current_database() AS name')
    await opened.tamper(`ALTER DATABASE "${name}" SET default_transaction_read_only = on`)
    const other = connectDatabase(server.url(name), 'test')
    onTestFinished(() => other.close())
    const audit = createPostgresAudit({ database: other, isReadOnly: false, clocks: manualClock().clocks })
    const { report } = await audit.verify({ actor: ACTOR })
    expect(report).toMatchObject({ ok: true, notes: [expect.stringContaining('could not be put on the log')] })
    expect((await audit.head()).seq).toBe(5)
  })

  test('tells of its progress, and stops at its signal', async () => {
    const opened = await open()
    await fill(opened, 12_500, (seq) => ({ at: new Date(NOON + seq * 1000).toISOString() }))
    const progress: [number, number][] = []
    const onProgress = ({ records, bytes, totalBytes }: { records: number; bytes: number; totalBytes: number }): void => {
      progress.push([records, Math.round((100 * bytes) / totalBytes)])
    }
    expect((await opened.audit.verify({ onProgress })).report).toMatchObject({ ok: true, records: 12_500 })
    expect(progress).toEqual([[10_000, 80]])
    const stop = new AbortController()
    const stopped = opened.audit.verify({ onProgress: () => stop.abort(new Error('enough')), signal: stop.signal })
    await expect(stopped).rejects.toThrow('enough')
    expect((await opened.audit.verify({})).report.ok).toBe(true)
  })

  test('sees one moment: changes go on meanwhile and are not in it', async () => {
    const opened = await open()
    await told(opened)
    const proofs = Promise.all(upTo(5).map(() => opened.audit.verify({ actor: ACTOR })))
    await put(opened.store, ...upTo(20).map(() => newKey().key))
    for (const { report } of await proofs) expect(report).toMatchObject({ ok: true, problems: [], notes: [] })
    expect((await opened.audit.verify({})).report).toMatchObject({ ok: true, records: 30 })
  })

  test('takes what was kept elsewhere, and no public key: there are no checkpoints that it could prove', async () => {
    const opened = await open()
    await told(opened)
    const [second] = (await collect(opened.audit.records({}, {}))).slice(1)
    const expected = { seq: 2, hash: second?.hash ?? '' }
    expect((await opened.audit.verify({ expect: expected })).report.ok).toBe(true)
    const { report } = await opened.audit.verify({ expect: { ...expected, seq: 3 } })
    expect(report).toMatchObject({ ok: false, firstBad: 3 })
    const error = await errorOf(opened.audit.verify({ publicKeyFile: '/tmp/key.pem' }))
    expect([error.code, error.hint]).toEqual(['INVALID_INPUT', expect.stringContaining('audit head --signed')])
  })
})

interface Tampering {
  readonly sql: string
  readonly firstBad: number | null
  readonly says: RegExp
  readonly loss: { readonly lostFrom: number | null; readonly lostTo: number | null; readonly seq: number }
}

const DROP_SEQ_CHECK = 'ALTER TABLE keywright.audit DROP CONSTRAINT audit_check'
const ONE = (seq: number) => ({ lostFrom: seq, lostTo: seq, seq: 6 })

const TAMPERINGS: Readonly<Record<string, Tampering>> = {
  'a line was edited': {
    sql: `UPDATE keywright.audit SET line = replace(line, '"reason":null', '"reason":"x"') WHERE seq = 2`,
    firstBad: 2,
    says: /does not match its hash/,
    loss: ONE(2),
  },
  'a line is no record any more': {
    sql: `UPDATE keywright.audit SET line = '{"seq":3}' WHERE seq = 3`,
    firstBad: 3,
    says: /is not a record/,
    loss: ONE(3),
  },
  'the last line was edited': {
    sql: `UPDATE keywright.audit SET line = replace(line, 'honest', 'forged') WHERE seq = 5`,
    firstBad: 5,
    says: /does not match its hash/,
    loss: ONE(5),
  },
  'a row was deleted': { sql: 'DELETE FROM keywright.audit WHERE seq = 3', firstBad: 3, says: /is missing/, loss: ONE(3) },
  'the first row was deleted': { sql: 'DELETE FROM keywright.audit WHERE seq = 1', firstBad: 1, says: /is missing/, loss: ONE(1) },
  'the last row was deleted': {
    sql: 'DELETE FROM keywright.audit WHERE seq = 5',
    firstBad: 5,
    says: /is missing: the (?:head of the store|keys) vouches for records up to 5/,
    loss: ONE(5),
  },
  'all rows were deleted': {
    sql: 'TRUNCATE keywright.audit',
    firstBad: 1,
    says: /is missing/,
    loss: { lostFrom: 1, lostTo: 5, seq: 6 },
  },
  'a row stands there twice': {
    sql: `INSERT INTO keywright.audit (seq, at, line) SELECT seq, at + interval '1 hour', line FROM keywright.audit WHERE seq = 2`,
    firstBad: 2,
    says: /stands twice/,
    loss: ONE(2),
  },
  'a row was moved in time': {
    sql: `UPDATE keywright.audit SET at = at + interval '1 day' WHERE seq = 2`,
    firstBad: 2,
    says: /row says otherwise than its line, in at/,
    loss: ONE(2),
  },
  'a row was moved to another seq': {
    sql: `${DROP_SEQ_CHECK}; UPDATE keywright.audit SET seq = 40 WHERE seq = 2`,
    firstBad: 2,
    says: /row says otherwise than its line, in seq/,
    loss: { lostFrom: 2, lostTo: 40, seq: 41 },
  },
  'a key was edited': {
    sql: `UPDATE keywright.keys SET line = replace(line, 'honest', 'forged') WHERE user_id = 'bob'`,
    firstBad: null,
    says: /was changed in the store by hand/,
    loss: { lostFrom: null, lostTo: null, seq: 6 },
  },
  'a key was deleted': {
    sql: `DELETE FROM keywright.keys WHERE user_id = 'ann'`,
    firstBad: null,
    says: /was removed from the store by hand/,
    loss: { lostFrom: null, lostTo: null, seq: 6 },
  },
  'the head was put back': {
    sql: `UPDATE keywright.head SET seq = 4, hash = (SELECT substring(line FROM '"hash":"(.{64})"}$') FROM keywright.audit WHERE seq = 4)`,
    firstBad: 5,
    says: /stands behind the head/,
    loss: ONE(5),
  },
  'the head names another hash': {
    sql: `UPDATE keywright.head SET hash = repeat('1', 64)`,
    firstBad: 5,
    says: /is not the record that the head of the store vouches for/,
    loss: ONE(5),
  },
}

describe.each(Object.entries(TAMPERINGS))('%s', (_, { sql, firstBad, says, loss }) => {
  test('it is named; accepted, the store is proven anew, and the next hand is found again', async () => {
    const opened = await open()
    const { audit, store } = opened
    const keys = await told(opened)
    await expectCode(audit.acceptLoss(ACTOR, 'why not'), 'INVALID_INPUT')
    await opened.tamper(sql)
    const { report } = await audit.verify({ actor: ACTOR })
    expect(report).toMatchObject({ ok: false, firstBad })
    expect(report.problems.map(({ problem }) => problem).join('\n')).toMatch(says)

    const lines = (await opened.tamper('SELECT line FROM keywright.keys ORDER BY place')).map(({ line }) => line)
    expect(await audit.acceptLoss(ACTOR, 'restored')).toEqual(loss)
    const [record] = await collect(audit.records({ action: 'audit.accept-loss' }, {}))
    const { seq, lostFrom, lostTo } = loss
    const after = { keys: lines.length, digest: sha256(lines.join('\n')), lostFrom, lostTo }
    expect(record).toMatchObject({ seq, reason: 'restored', base: null, after })
    expect(await audit.head()).toEqual({ seq, hash: record?.hash })
    const [head] = await opened.tamper('SELECT keys_seq, keys_hash FROM keywright.head')
    expect(head).toEqual({ keys_seq: String(seq), keys_hash: record?.hash })

    const proven = (await audit.verify({})).report
    expect(proven).toMatchObject({ ok: true, firstBad: null, problems: [] })
    expect(proven.notes.join('\n')).toContain('loss accepted at seq')
    await edit(store, keys[2] as Key, { name: 'goes on' })
    await put(store, newKey().key)
    expect((await audit.verify({ actor: ACTOR })).report).toMatchObject({ ok: true, problems: [] })
    await expectCode(audit.acceptLoss(ACTOR, 'again'), 'INVALID_INPUT')
    await opened.tamper(`UPDATE keywright.keys SET line = replace(line, 'goes on', 'by hand')`)
    expect((await audit.verify({})).report).toMatchObject({ ok: false, problems: [{ keyId: keys[2]?.id }] })
  })
})

test('months are the same whatever the database’s style of dates and its time zone are', async () => {
  const name = `audit_${made++}`
  const url = await server.create(name, 'template_audit')
  await server.admin(name, `ALTER DATABASE "${name}" SET DateStyle = 'German'; ALTER DATABASE "${name}" SET TimeZone = 'Asia/Kolkata'`)
  const database = connectDatabase(url, 'test')
  onTestFinished(() => database.close())
  const audit = createPostgresAudit({ database, isReadOnly: false, clocks: manualClock().clocks })
  const opened = { database, audit, store: storeOn(database, audit), tamper: (sql: string) => server.admin(name, sql) }
  await told(opened)
  expect((await audit.verify({})).report).toMatchObject({ ok: true, records: 5 })
  const bounds = await database.transaction(async (tx) => {
    await tx.query(`SET LOCAL DateStyle = 'ISO'`)
    await tx.query(`SET LOCAL TimeZone = 'UTC'`)
    return tx.query(
      `SELECT pg_get_expr(relpartbound, oid) AS bound FROM pg_class WHERE relispartition AND relkind = 'r' AND relname LIKE 'audit%'`,
    )
  })
  expect(bounds).toEqual([{ bound: `FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')` }])
})

test('a row that is hidden from a filter is named: its column lies', async () => {
  const opened = await open()
  await told(opened)
  await opened.tamper('ALTER TABLE keywright.audit ALTER COLUMN action DROP EXPRESSION')
  expect((await opened.audit.verify({})).report.ok).toBe(true)
  await opened.tamper(`UPDATE keywright.audit SET action = 'x' WHERE seq = 5`)
  const problems = [{ seq: 5, problem: 'its row says otherwise than its line, in action' }]
  expect((await opened.audit.verify({})).report).toMatchObject({ ok: false, firstBad: 5, problems })
})

test('a last record that was replaced by another whole one is found, and its loss accepted', async () => {
  const opened = await open()
  await told(opened)
  const [fourth] = (await collect(opened.audit.records({}, {}))).slice(3)
  const forged = chainLines({ seq: 4, hash: fourth?.hash ?? '', at: null }, [
    { actor: ACTOR, at: new Date(NOON).toISOString(), action: 'audit.verify', after: { ok: true, records: 4 } },
  ])
  await opened.tamper('UPDATE keywright.audit SET line = $1 WHERE seq = 5', [forged.lines.trim()])
  expect((await opened.audit.verify({})).report).toMatchObject({ ok: false, firstBad: 5 })
  expect(await opened.audit.acceptLoss(ACTOR, 'known')).toEqual({ lostFrom: 5, lostTo: 5, seq: 6 })
  expect((await opened.audit.verify({})).report).toMatchObject({ ok: true })
})

test('a proof takes no connection from those who change something', async () => {
  const database = connectDatabase(await server.create(`audit_${made++}`, 'template_audit'), 'test', 1)
  onTestFinished(() => database.close())
  const audit = createPostgresAudit({ database, isReadOnly: false, clocks: manualClock().clocks })
  await put(storeOn(database, audit), newKey().key)
  const report = await database.transaction(async (tx) => {
    await lockHead(tx)
    return (await audit.verify({})).report
  })
  expect(report).toMatchObject({ ok: true, records: 1 })
})

test.each([1, 2, 3])(
  'changes are made while a loss is proven (%s times), and what is accepted is what was there after them',
  async (times) => {
    const opened = await open()
    const [, bob, cyd] = await told(opened)
    await opened.tamper(`UPDATE keywright.keys SET line = replace(line, 'honest', 'forged') WHERE user_id = 'bob'`)
    let proofs = 0
    const database = beforeProofs(opened.database, async () => {
      // Each waits for nobody, and moves the head.
      if (proofs++ < times) await edit(opened.store, cyd as Key, { name: `${proofs}` })
    })
    const audit = createPostgresAudit({ database, isReadOnly: false, clocks: manualClock().clocks })
    expect(await audit.acceptLoss(ACTOR, 'known')).toEqual({ lostFrom: null, lostTo: null, seq: 6 + times })
    expect(proofs).toBe(times + 1)
    expect((await audit.verify({})).report).toMatchObject({ ok: true, problems: [] })
    await edit(opened.store, bob as Key, { name: 'goes on' })
    expect((await audit.verify({})).report).toMatchObject({ ok: true, problems: [] })
  },
)

/** Does something before each proof, which sees its moment already. */
function beforeProofs(database: Database, call: () => Promise<void>): Database {
  return {
    ...database,
    transaction: (work, options) =>
      database.transaction(
        (tx) =>
          work({
            async query(sql, values, how) {
              if (sql.startsWith('SET LOCAL cursor_tuple_fraction')) await call()
              return tx.query(sql, values, how)
            },
          }),
        options,
      ),
  }
}

test('what the database refuses is a typed error that says how to go on', async () => {
  const database = connectDatabase(await server.create(`audit_${made++}`), 'test')
  onTestFinished(() => database.close())
  const audit = createPostgresAudit({ database, isReadOnly: false, clocks: manualClock().clocks })
  const doings = [
    () => audit.head(),
    () => audit.verify({}),
    () => audit.acceptLoss(ACTOR, 'r'),
    () => audit.timeline({ from: null, to: null, spans: 3 }),
    () => audit.page({ filter: {}, around: 'newest', newer: 0, older: 1 }),
    () => collect(audit.records({}, {})),
  ]
  for (const doing of doings) {
    const error = await expectCode(doing, 'STORE_FORMAT')
    expect(error.hint).toContain('keywright migrate')
  }
})

test('a change that is not made of the keys leaves their anchor where it was', async () => {
  const opened = await open()
  await opened.store.transact({ actor: ACTOR, targets: { refs: [] }, decide: () => outcomeOf('key.generate', null, newKey().key) })
  await opened.audit.verify({ actor: ACTOR })
  expect(await opened.tamper('SELECT seq, keys_seq FROM keywright.head')).toEqual([{ seq: '2', keys_seq: '1' }])
})
