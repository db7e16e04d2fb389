// Puts a year of a busy store into a database whose tables are fresh. Indexes are made in the end, which is what makes it quick.

import pg from 'pg'
import type { Key } from '../src/domain/key.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../src/domain/time.ts'
import { KEY_COLUMNS, rowOf } from '../store/postgres/key-rows.ts'
import type { HistorySize, Slice } from './history.ts'
import { historyOf } from './history.ts'

const PUT_RECORDS = `INSERT INTO keywright.audit (seq, at, line)
  SELECT $1::bigint + r.place - 1, r.at::timestamptz, r.line
  FROM ROWS FROM (string_to_table($2, E'\\n'), string_to_table($3, ',')) WITH ORDINALITY AS r (line, at, place)`
const COLUMNS = KEY_COLUMNS.join(', ')
const PUT_KEYS = `INSERT INTO keywright.keys (${COLUMNS}) SELECT ${COLUMNS} FROM json_populate_recordset(NULL::keywright.keys, $1)`
const PUT_SECRETS = 'INSERT INTO keywright.secrets (short_id, key_id) SELECT * FROM unnest($1::text[], $2::text[])'
const PUT_OWNERS = `INSERT INTO keywright.owners (user_id, search, keys)
  SELECT user_id, lower(user_id), count(*) FROM keywright.keys GROUP BY user_id`
const MOVE_HEAD = 'UPDATE keywright.head SET seq = $1, hash = $2, at = $3, keys_seq = $4, keys_hash = $5, keys = $6, summarised_until = $7'

/** Two of three keys have been used, some each day of the last month, fewer each hour of the last week, the fewest in the last hour. */
const PUT_USES = `
INSERT INTO keywright.last_use (key_id, kind, name, at)
  SELECT id, 'total', '', $1::float8 - (hashtext(id) & 1023) * (hashtext(id) & 1023) * ${HOUR_MS / 1000}.0 * 30
  FROM keywright.keys WHERE place % 3 <> 0`
const PUT_CALLS = `
INSERT INTO keywright.usage (key_id, kind, name, span, bucket, code, calls)
  SELECT k.id, 'total', '', 'ever', 0, 0, 1000 FROM keywright.keys k WHERE k.place % 3 <> 0
  UNION ALL
  SELECT k.id, 'total', '', s.span, b.bucket, 0, 1 + k.place % 97
  FROM (VALUES ('day', 30, ${DAY_MS}, 50), ('hour', 168, ${HOUR_MS}, 500), ('minute', 60, ${MINUTE_MS}, 1000)) AS s (span, buckets, ms, every)
  JOIN keywright.keys k ON k.place % s.every = 1
  CROSS JOIN LATERAL generate_series(floor($1::float8 / s.ms)::bigint - s.buckets + 1, floor($1::float8 / s.ms)::bigint) AS b (bucket)`
const SUM_CALLS = `INSERT INTO keywright.usage (key_id, kind, name, span, bucket, code, calls)
  SELECT '*', 'total', '', span, bucket, code, sum(calls) FROM keywright.usage GROUP BY span, bucket, code`
const PUT_ALIVE = `INSERT INTO keywright.alive (span, bucket) SELECT DISTINCT span, bucket FROM keywright.usage WHERE key_id = '*' AND span <> 'ever'`

interface Index {
  readonly indexname: string
  readonly indexdef: string
}

const INDEXES = `SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'keywright' AND tablename IN ('audit', 'keys', 'usage', 'last_use')
  AND indexname NOT LIKE '%_pkey' ORDER BY indexname`

export async function fillYear(url: string, size: HistorySize): Promise<void> {
  const clients = await Promise.all(
    [0, 1].map(async () => {
      const options = '-c synchronous_commit=off -c maintenance_work_mem=1GB'
      // Statements that don't wait for each other's answers are sent together.
      const client = new pg.Client({ connectionString: url, options, pipeline: true } as pg.ClientConfig)
      await client.connect()
      return client
    }),
  )
  const [one, other] = clients as [pg.Client, pg.Client]
  try {
    for (let month = size.from; month <= size.until + 31 * DAY_MS; month += 27 * DAY_MS)
      await one.query('SELECT keywright.make_month(to_timestamp($1::float8 / 1000))', [Math.min(month, size.until)])
    const { rows: indexes } = await one.query<Index>(INDEXES)
    for (const { indexname } of indexes) await one.query(`DROP INDEX keywright.${indexname}`)
    const last = await putSlices(one, other, size)
    await one.query(MOVE_HEAD, [
      last.head.seq,
      last.head.hash,
      last.head.at,
      last.keysAnchor.seq,
      last.keysAnchor.hash,
      size.keys,
      size.until,
    ])
    await one.query(PUT_OWNERS)
    await one.query(PUT_USES, [size.until])
    await one.query(PUT_CALLS, [size.until])
    await one.query(SUM_CALLS)
    await one.query(PUT_ALIVE)
    // Of a partitioned table its definition says ONLY, which would leave the months without.
    for (const { indexdef } of indexes) await one.query(indexdef.replace(' ON ONLY ', ' ON '))
    await one.query('VACUUM ANALYZE')
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

/** The next slice is made while the last one is written, by either connection in turn. Keys go in in the order of their birth. */
async function putSlices(one: pg.Client, other: pg.Client, size: HistorySize) {
  let writing: Promise<unknown>[] = []
  let keysAnchor = { seq: 0, hash: '' }
  let head: Slice['head'] | null = null
  for (const slice of historyOf(size)) {
    const client = writing.length % 4 === 0 ? one : other
    writing.push(client.query(PUT_RECORDS, [slice.firstSeq, slice.lines, slice.times.join()]))
    writing.push(putKeys(one, slice.keys))
    if (slice.keysAnchor.seq > 0) keysAnchor = slice.keysAnchor
    head = slice.head
    // Lets the driver send.
    await new Promise(setImmediate)
    if (writing.length < 8) continue
    await Promise.all(writing)
    writing = []
  }
  await Promise.all(writing)
  return { head: head as Slice['head'], keysAnchor }
}

async function putKeys(client: pg.Client, keys: readonly Key[]): Promise<void> {
  if (keys.length === 0) return
  await client.query(PUT_KEYS, [JSON.stringify(keys.map(rowOf))])
  const secrets = keys.flatMap(({ id, secrets: all }) => all.map(({ shortId }) => ({ id, shortId })))
  await client.query(PUT_SECRETS, [secrets.map(({ shortId }) => shortId), secrets.map(({ id }) => id)])
}
