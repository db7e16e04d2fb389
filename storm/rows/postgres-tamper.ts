// The hands of a superuser in the tables: lines of the log and of keys, and what lies beside them, edited, deleted, swapped, added.
// All of it is found.

import { createHash } from 'node:crypto'
import type { MigratedServer } from '../../test/postgres/migrated.ts'
import { judge, openNode, withServer } from '../postgres.ts'
import type { Row, Storm, Wrong } from '../storm.ts'
import { upTo } from '../storm.ts'
import type { Tampering } from './postgres-beside.ts'
import { isNamed, tamperingsBeside } from './postgres-beside.ts'

const KEYS = 6
const SHORT_TAMPERINGS = 4
const PREPARED = 'prepared'
const REFUSED_BY_THE_TABLE = /violates check constraint|invalid input syntax for type json|violates unique|no partition/

interface Held {
  readonly seq: number
  readonly line: string
}

/** A database with so many records over some keys. */
async function prepare(storm: Storm, server: MigratedServer): Promise<{ readonly log: readonly Held[]; readonly ids: readonly string[] }> {
  const { name, url } = await server.fresh()
  const manager = await openNode(url)
  const made = await Promise.all(Array.from(upTo(KEYS), (number) => manager.generateApiKey({ userId: `u${number}` })))
  for (const { token } of made) await manager.validateApiKey(token)
  for (let round = 1; round < storm.size(20, 5); round++)
    await Promise.all(made.map(({ key }) => manager.updateApiKey(key.id, { name: `${round}` })))
  await manager.close()
  await server.create(PREPARED, name)
  const log = await server.admin(PREPARED, 'SELECT seq, line FROM keywright.audit ORDER BY seq')
  return { log: log.map(({ seq, line }) => ({ seq: Number(seq), line: String(line) })), ids: made.map(({ key }) => key.id) }
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/** A line with another letter or digit somewhere. */
function withAnotherLetter(storm: Storm, line: string): string {
  for (;;) {
    const at = storm.below(line.length)
    const letter = ALPHABET[storm.below(ALPHABET.length)] as string
    if (/\w/.test(line[at] as string) && letter !== line[at]) return line.slice(0, at) + letter + line.slice(at + 1)
  }
}

const HASH_BYTES = ',"hash":"'.length + 64 + '"}'.length

/** A line that says something else, with the hash that belongs to it. */
function rewritten(line: string): string {
  const body = line.slice(0, -HASH_BYTES).replace('"outcome":"done"', '"outcome":"refused"')
  return `${body},"hash":"${createHash('sha256').update(body).digest('hex')}"}`
}

/** What the tables themselves refuse a superuser may switch off. */
const UNCHECKED = `DO $$ DECLARE r record; BEGIN
  FOR r IN SELECT conname FROM pg_constraint WHERE conrelid = 'keywright.audit'::regclass AND contype = 'c' LOOP
    EXECUTE format('ALTER TABLE keywright.audit DROP CONSTRAINT %I', r.conname);
  END LOOP;
END $$`

function* tamperings(storm: Storm, log: readonly Held[], ids: readonly string[]): Generator<Tampering> {
  const any = <T>(all: readonly T[]): T => all[storm.below(all.length)] as T
  const record = any(log)
  const other = log[(log.indexOf(record) + 1 + storm.below(log.length - 1)) % log.length] as Held
  const [seq, lower] = [record.seq, Math.min(record.seq, other.seq)]
  const [keyId, otherId] = storm.shuffled(ids) as [string, string]
  const last = log.at(-1) as Held
  yield { what: 'a record deleted', sql: 'DELETE FROM keywright.audit WHERE seq = $1', values: [seq], firstBad: seq }
  yield { what: 'the tail cut off', sql: 'DELETE FROM keywright.audit WHERE seq >= $1', values: [seq], firstBad: seq }
  yield {
    what: 'a letter of a record exchanged',
    sql: 'UPDATE keywright.audit SET line = $2 WHERE seq = $1',
    values: [seq, withAnotherLetter(storm, record.line)],
    firstBad: seq,
  }
  yield {
    what: 'a record rewritten with its hash',
    sql: 'UPDATE keywright.audit SET line = $2 WHERE seq = $1',
    values: [seq, rewritten(record.line)],
    firstBad: seq,
  }
  yield {
    what: 'two records swapped',
    sql: 'UPDATE keywright.audit SET line = CASE seq WHEN $1 THEN $3 ELSE $4 END WHERE seq IN ($1, $2)',
    values: [seq, other.seq, other.line, record.line],
    firstBad: lower,
  }
  yield {
    what: 'a record doubled',
    sql: "INSERT INTO keywright.audit (seq, at, line) SELECT seq, at + interval '1 ms', line FROM keywright.audit WHERE seq = $1",
    values: [seq],
  }
  yield {
    what: 'the time of a row moved',
    sql: "UPDATE keywright.audit SET at = at - interval '1 ms' WHERE seq = $1",
    values: [seq],
    firstBad: seq,
  }
  yield {
    what: 'a record added behind the last',
    sql: 'INSERT INTO keywright.audit (seq, at, line) SELECT $1, at, $2 FROM keywright.audit WHERE seq = $3',
    values: [last.seq + 1, chained(last), last.seq],
    firstBad: last.seq + 1,
  }
  yield {
    what: 'a letter of a key exchanged',
    sql: 'UPDATE keywright.keys SET line = replace(line, \'"tags":[]\', \'"tags":["mine"]\') WHERE id = $1',
    values: [keyId],
  }
  yield { what: 'a key deleted', sql: 'DELETE FROM keywright.keys WHERE id = $1', values: [keyId] }
  yield {
    what: 'the lines of two keys swapped',
    sql: `UPDATE keywright.keys k SET line = o.line FROM keywright.keys o WHERE k.id IN ($1, $2) AND o.id IN ($1, $2) AND o.id <> k.id`,
    values: [keyId, otherId],
  }
  yield {
    what: 'a key added',
    sql: `INSERT INTO keywright.keys SELECT (jsonb_populate_record(k, jsonb_build_object('id', 'key_Stranger0000', 'place', 1000000,
      'line', replace(k.line, k.id, 'key_Stranger0000')))).* FROM keywright.keys k WHERE id = $1`,
    values: [keyId],
  }
  yield { what: 'the head’s hash garbled', sql: "UPDATE keywright.head SET hash = repeat('a', 64)", values: [] }
  yield { what: 'the head put back', sql: 'UPDATE keywright.head SET seq = $1 - 1', values: [last.seq] }
}

/** A record that follows the last one, hash and all. */
function chained({ seq, line }: Held): string {
  const record = JSON.parse(line) as Record<string, unknown>
  const { hash, ...rest } = record
  const body = JSON.stringify({ ...rest, seq: seq + 1, base: null, digest: null, prev: hash }).slice(0, -1)
  return `${body},"hash":"${createHash('sha256').update(body).digest('hex')}"}`
}

async function tryTampering(storm: Storm, server: MigratedServer, one: Tampering, number: number, wrong: Wrong): Promise<boolean> {
  const name = `tampered_${number}`
  const url = await server.create(name, PREPARED)
  await server.admin(name, UNCHECKED)
  try {
    await server.admin(name, one.sql, one.values)
  } catch (error) {
    if (!REFUSED_BY_THE_TABLE.test(String(error))) throw error
    await server.admin('postgres', `DROP DATABASE ${name}`)
    return false
  }
  const manager = await openNode(url, { readOnly: true })
  const { ok, firstBad, problems } = await manager.verifyAudit()
  await manager.close()
  if (ok) wrong('audit verify finds nothing')
  else if (one.firstBad !== undefined && firstBad !== one.firstBad)
    wrong(`audit verify names seq ${firstBad} instead of ${one.firstBad}: ${JSON.stringify(problems.slice(0, 2))}`)
  else if (one.named !== undefined && !isNamed(one.named, problems))
    wrong(`audit verify does not name ${JSON.stringify(one.named)}: ${JSON.stringify(problems.slice(0, 2))}`)
  const judgement = await judge(storm, server, name)
  if (judgement.wrong.length + judgement.wrongKeys.length === 0) wrong('the judge finds nothing')
  await server.admin('postgres', `DROP DATABASE ${name}`)
  return true
}

async function tamper(storm: Storm): Promise<void> {
  await withServer(storm, async (server) => {
    const { log, ids } = await prepare(storm, server)
    const whole = storm.trials('the whole tables: nothing is found')
    await whole.each([PREPARED], async (name, wrong) => {
      const { wrong: found, wrongKeys } = await judge(storm, server, name)
      for (const one of [...found, ...wrongKeys]) wrong(one)
    })
    let made = 0
    const hands: readonly (readonly [what: string, rounds: number, each: () => Iterable<Tampering>])[] = [
      ['columns, secrets, owners and the head edited beside the lines', 3, () => tamperingsBeside(storm, ids)],
      ['records and keys edited, deleted, swapped, added by a superuser', 25, () => tamperings(storm, log, ids)],
    ]
    for (const [what, rounds, each] of hands) {
      const trials = storm.trials(what)
      let refused = 0
      const cases = Array.from(upTo(storm.size(rounds, 1))).flatMap(() => storm.shuffled([...each()]))
      await trials.each(
        cases.slice(0, storm.size(cases.length, SHORT_TAMPERINGS)),
        async (one, wrong) => {
          if (!(await tryTampering(storm, server, one, made++, wrong))) refused++
        },
        { name: ({ what: which, values }) => `${which} (${values.slice(0, 2).join(' ').slice(0, 40)})` },
      )
      trials.measured('refused by the tables', refused, '')
    }
  })
}

export const postgresTamperRows: readonly Row[] = [
  {
    name: 'postgres-tamper',
    about: 'PostgreSQL: lines of the log and of keys, and what lies beside them, tampered with by a superuser: found',
    lines: 3,
    run: tamper,
  },
]
