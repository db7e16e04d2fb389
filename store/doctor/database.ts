// The examination of a store in a database: its server, its tables, its log and its keys. Writes nothing.

import { ROWS_APART } from '../../src/domain/disagreement.ts'
import type { Examination, Examined, ExaminedName, Found } from '../../src/domain/examination.ts'
import { EXAMINED_NAMES } from '../../src/domain/examination.ts'
import { formatDistance } from '../../src/domain/time.ts'
import { readPublicKey, readSigningKey } from '../log/audit-key.ts'
import type { Proven } from '../postgres/audit-verify.ts'
import { prove } from '../postgres/audit-verify.ts'
import type { Database } from '../postgres/connection.ts'
import { connectDatabase, faultOf } from '../postgres/connection.ts'
import type { LockedHead } from '../postgres/head.ts'
import { readHead } from '../postgres/head.ts'
import { assertMigrated } from '../postgres/migrate.ts'
import { SCHEMA_VERSION } from '../postgres/schema.ts'
import { fine, problem, problemOf, skipped, told, warning } from './found.ts'
import * as machine from './machine.ts'
import type { Surroundings } from './scene.ts'

/** A server's clock that is so far from this one's is wrong, or this one is. */
const TOLERATED_SKEW_MS = 2_000
const PROOF_MS = 60_000

interface Seen {
  readonly database: Database
  readonly head: LockedHead
  readonly proven: Proven
  readonly surroundings: Surroundings
}

/** Asked of the server alone, in this order; each must pass before the next makes sense. */
const SERVER_LOOKS: Readonly<Partial<Record<ExaminedName, (database: Database) => Promise<Found>>>> = {
  async path(database) {
    const [row] = await database.query<{ version: string; user: string }>(
      `SELECT current_setting('server_version') AS version, current_user AS user`,
    )
    return fine(`${database.name} answers: PostgreSQL ${row?.version}, as ${row?.user}`)
  },
  async format(database) {
    await assertMigrated(database)
    return fine(`tables of version ${SCHEMA_VERSION}`)
  },
}

const LOOKS: Readonly<Partial<Record<ExaminedName, (seen: Seen) => Found | Promise<Found>>>> = {
  access: lookAtRights,
  keys: ({ head, proven }) =>
    head.keys === proven.keys.byId.size
      ? fine(`${head.keys} ${head.keys === 1 ? 'key' : 'keys'}`)
      : problem(`there are ${proven.keys.byId.size} keys where the head knows of ${head.keys}`, 'see which with: keywright audit verify'),
  log: ({ proven }) => fine(`${proven.report.records} ${proven.report.records === 1 ? 'record' : 'records'}`),
  chain: ({ proven }) => problemsOf(proven, ({ seq }) => seq !== undefined, 'every record follows the one before it'),
  digests: ({ proven }) => problemsOf(proven, ({ seq }) => seq === undefined, 'every key is as the log says'),
  async clock({ database, head, surroundings: { now } }) {
    const [row] = await database.query<{ at: number }>('SELECT extract(epoch FROM clock_timestamp())::double precision * 1000 AS at')
    const skew = (row?.at ?? now) - now
    if (Math.abs(skew) <= TOLERATED_SKEW_MS) return machine.lookAtClock(head.at, now)
    return warning(
      `the server's clock is ${formatDistance(now + Math.abs(skew), now)} ${skew > 0 ? 'ahead of' : 'behind'} this machine's: one of them is wrong`,
      'set the clocks of both, with: timedatectl',
    )
  },
  'audit-keys': ({ surroundings: { auditKeys } }) => {
    const { signing, public: proving } = auditKeys
    readSigningKey(signing, { awayFrom: [], isInsecureAllowed: false, warn: () => undefined })
    if (proving !== undefined) readPublicKey(proving)
    const keys = [
      ...(signing === undefined ? [] : [`${signing} signs the log`]),
      ...(proving === undefined ? [] : [`${proving} proves it`]),
    ]
    return fine(keys.length === 0 ? 'there are none' : keys.join(', '))
  },
  opening: async ({ surroundings }) => {
    await surroundings.tryToOpen()
    return fine('it can')
  },
}

/** Whoever runs Keywright every day should not be able to change what is on the log. */
async function lookAtRights({ database }: Seen): Promise<Found> {
  const [row] = await database.query<{ user: string; can_change: boolean }>(
    `SELECT current_user AS user, has_table_privilege('keywright.audit', 'UPDATE') OR has_table_privilege('keywright.audit', 'DELETE')
       OR has_table_privilege('keywright.audit', 'TRUNCATE') AS can_change`,
  )
  if (row?.can_change !== true) return fine(`${row?.user} can read the log, and change nothing on it`)
  return warning(
    `${row.user} may change and delete records of the log`,
    'run Keywright as a member of keywright_operator; make the roles with: keywright migrate --roles | psql',
  )
}

function problemsOf({ report, areLinesWhole }: Proven, isMeant: (one: { readonly seq?: number }) => boolean, otherwise: string): Found {
  const these = report.problems.filter(isMeant)
  if (these.length === 0) return fine(otherwise)
  const texts = these.map(({ seq, keyId, problem: what }) => [seq === undefined ? '' : `seq ${seq}`, keyId ?? '', what].join(' ').trim())
  return problem(
    told(texts),
    areLinesWhole ? ROWS_APART.remedy : 'restore it from a backup, or go on as it is with: keywright audit accept-loss --reason R',
  )
}

/** Looks at everything that a database has; what only files have is left out and said so. Throws nothing. */
export async function examineDatabase(url: string, surroundings: Surroundings): Promise<Examination> {
  const database = connectDatabase(url, 'keywright doctor')
  const found = new Map<ExaminedName, Found>([['node', machine.lookAtNode(surroundings.nodeVersion)]])
  const look = async (name: ExaminedName, work: () => Found | Promise<Found>): Promise<boolean> => {
    const result = await Promise.resolve()
      .then(work)
      .catch((error: unknown) => problemOf(faultOf(database.name, 'looking at', error)))
    found.set(name, result)
    return result.outcome !== 'problem'
  }
  try {
    let isUsable = true
    for (const [name, work] of Object.entries(SERVER_LOOKS))
      isUsable &&= await look(name as ExaminedName, () => (work as (database: Database) => Promise<Found>)(database))
    const seen = isUsable ? await prepared(database, surroundings, found) : null
    if (seen !== null) for (const [name, work] of Object.entries(LOOKS)) await look(name as ExaminedName, () => work(seen))
  } finally {
    await database.close()
  }
  const other = (name: ExaminedName): Found =>
    skipped(LOOKS[name] === undefined ? 'the store is in a database' : 'what was found is in the way')
  const checks = EXAMINED_NAMES.map((check): Examined => ({ check, ...(found.get(check) ?? other(check)) }))
  return { ok: checks.every(({ outcome }) => outcome !== 'problem'), checks }
}

/** The head and the proof of one moment. */
async function prepared(database: Database, surroundings: Surroundings, found: Map<ExaminedName, Found>): Promise<Seen | null> {
  try {
    return await database.transaction(
      async (tx) => {
        const head = await readHead(tx)
        return { database, head, proven: await prove(tx, head, {}), surroundings }
      },
      { isSnapshot: true, answerMs: PROOF_MS },
    )
  } catch (error) {
    found.set('log', problemOf(faultOf(database.name, 'reading', error)))
    return null
  }
}
