// Who may do what in a database: three roles as data, and the SQL that makes them. Prints nothing, connects to nothing.

/** What a role may do with tables and views; columns in parentheses. */
interface Grant {
  readonly rights: string
  readonly on: readonly string[]
}

interface Role {
  readonly name: string
  /** Who logs in with it, for who reads the SQL. */
  readonly about: string
  readonly tables: readonly Grant[]
  readonly functions: readonly string[]
}

/** All tables and views, but the months of the log: those are reached through the log alone. */
export const TABLES = [
  'schema_version',
  'head',
  'keys',
  'secrets',
  'owners',
  'audit',
  'usage',
  'fresh',
  'counted',
  'last_use',
  'used',
  'purged',
  'alive',
  'nodes',
  'limits',
] as const

/** What a verification reads, and what it leaves behind: counts, and records of first uses and refusals. */
const VERIFYING: readonly Grant[] = [
  { rights: 'SELECT', on: ['schema_version', 'head', 'keys', 'secrets', 'owners', 'counted', 'used'] },
  { rights: 'SELECT, INSERT, UPDATE, DELETE', on: ['usage', 'fresh', 'last_use', 'alive', 'nodes'] },
  // Rows that are over are tidied away; they are made by keywright.take and by purges.
  { rights: 'SELECT, DELETE', on: ['limits', 'purged'] },
  // Without a right to change some of it a row can not be locked. The log and its end are moved by keywright.note.
  { rights: 'UPDATE (summarised_until, summarised_key)', on: ['head'] },
]

/** Decides limits, and puts records of verifications on the log. */
const WHILE_VERIFYING = ['take', 'note']
/** What is called by name; triggers run without a right of their own. */
export const FUNCTIONS: readonly string[] = [...WHILE_VERIFYING, 'make_month']

export const ROLES: readonly Role[] = [
  {
    name: 'keywright_verifier',
    about: 'verifies keys and counts; changes none',
    tables: VERIFYING,
    functions: WHILE_VERIFYING,
  },
  {
    name: 'keywright_operator',
    about: 'runs every command but migrate and copy',
    tables: [
      ...VERIFYING,
      { rights: 'SELECT, INSERT', on: ['audit'] },
      { rights: 'INSERT, UPDATE, DELETE', on: ['keys', 'secrets', 'owners'] },
      { rights: 'UPDATE', on: ['head'] },
    ],
    functions: FUNCTIONS,
  },
  {
    name: 'keywright_auditor',
    about: 'reads everything, changes nothing',
    tables: [{ rights: 'SELECT', on: TABLES }],
    functions: [],
  },
]

const qualified = (these: readonly string[]): string => these.map((one) => `keywright.${one}`).join(', ')
const names = ROLES.map(({ name }) => name).join(', ')

const HEAD = `-- The roles of Keywright. Run this as the owner of the schema, or as a superuser, after: keywright migrate
-- Run it again after each migration. Then give a login one of them: GRANT keywright_verifier TO my_application;
-- No role may change or remove a record of the log, or alter a table.
BEGIN;
`

const create = ({ name, about }: Role): string => `
-- ${name}: ${about}.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '${name}') THEN
    CREATE ROLE ${name} NOLOGIN;
  END IF;
END $$;
`

/** Nothing for all, and nothing that an older version gave. */
const TAKE_ALL = `
REVOKE ALL ON SCHEMA keywright FROM PUBLIC, ${names};
REVOKE ALL ON ALL TABLES IN SCHEMA keywright FROM PUBLIC, ${names};
REVOKE ALL ON ALL SEQUENCES IN SCHEMA keywright FROM PUBLIC, ${names};
REVOKE ALL ON FUNCTION ${qualified(FUNCTIONS)} FROM PUBLIC, ${names};
GRANT USAGE ON SCHEMA keywright TO ${names};
`

function grants({ name, tables, functions }: Role): string {
  const lines = tables.map(({ rights, on }) => `GRANT ${rights} ON ${qualified(on)} TO ${name};\n`)
  if (functions.length > 0) lines.push(`GRANT EXECUTE ON FUNCTION ${qualified(functions)} TO ${name};\n`)
  return `\n${lines.join('')}`
}

/** Can be run again and again: afterwards each role may do what is written here and no more. */
export function rolesSql(): string {
  return [HEAD, ...ROLES.map(create), TAKE_ALL, ...ROLES.map(grants), '\nCOMMIT;\n'].join('')
}
