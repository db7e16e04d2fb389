// What the server says, or its silence, means for who works with the store. Loads no driver.

import type { ErrorCode } from '../../src/domain/refusal.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { displayText } from '../../src/domain/text.ts'

/** SQLSTATEs after which a transaction is tried again: nothing of it happened. */
const AGAIN: ReadonlySet<string> = new Set(['40001', '40P01'])

/** The server's code for an error; null for one that is not the server's. */
export function sqlStateOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}

/** Two transactions got in each other's way, or both drew the same id: the one that failed is tried again. */
export const isWorthAnotherTry = (error: unknown): boolean => AGAIN.has(sqlStateOf(error) ?? '')
export const isUniqueViolation = (error: unknown): boolean => sqlStateOf(error) === '23505'

/** What the driver says of a connection that is gone, or that nobody answers on; it has no codes for it. */
const GONE =
  /^(?:Connection terminated|Connection ended|Query read timeout|timeout exceeded|timeout expired|Client has encountered a connection error|Client was closed)/i

/** The server went away, was restarted, or ended this connection: what was not committed did not happen. */
export function isDisconnection(error: unknown): boolean {
  const state = sqlStateOf(error)
  if (state !== null) return (state.startsWith('08') && state !== '08P01') || state.startsWith('57P')
  if (!(error instanceof Error)) return false
  return ('code' in error && String(error.code) in NETWORK) || GONE.test(error.message)
}

interface Meaning {
  readonly code: ErrorCode
  readonly meaning: string
  readonly hint: string
}

/** What SQLSTATEs mean for who works with the store. */
const MEANINGS: readonly (readonly [state: RegExp, meaning: Meaning])[] = [
  [
    /^28/,
    {
      code: 'STORE_UNAVAILABLE',
      meaning: 'the login was refused',
      hint: 'look at the user and the password: PGPASSWORD, or a line in ~/.pgpass',
    },
  ],
  [
    /^3D000/,
    { code: 'STORE_UNAVAILABLE', meaning: 'there is no such database', hint: 'create it with: createdb NAME; then run: keywright migrate' },
  ],
  [
    /^(?:42P01|3F000|42883)/,
    { code: 'STORE_FORMAT', meaning: 'the tables of Keywright are not there', hint: 'make them with: keywright migrate' },
  ],
  [/^42703/, { code: 'STORE_FORMAT', meaning: 'the tables are of another version', hint: 'see which with: keywright migrate --dry-run' }],
  [
    /^42501/,
    {
      code: 'STORE_UNAVAILABLE',
      meaning: 'this database role may not do that',
      hint: 'log in as a role that may; see what each needs with: keywright migrate --roles',
    },
  ],
  [
    /^55P03/,
    {
      code: 'STORE_BUSY',
      meaning: 'another node has been changing the store for too long',
      hint: 'try again; see who with: SELECT * FROM pg_stat_activity',
    },
  ],
  [/^57014/, { code: 'STORE_UNAVAILABLE', meaning: 'the server took too long to answer', hint: 'look how busy the server is' }],
  [/^57P/, { code: 'STORE_UNAVAILABLE', meaning: 'the server is shutting down or starting', hint: 'try again in a moment' }],
  [
    /^53300/,
    {
      code: 'STORE_UNAVAILABLE',
      meaning: 'the server has no connection left',
      hint: 'raise max_connections, or close what does not need one',
    },
  ],
  [/^53/, { code: 'STORE_UNAVAILABLE', meaning: 'the server has run out of disk or memory', hint: 'make room on the server' }],
  [/^25006/, { code: 'STORE_UNAVAILABLE', meaning: 'the server is read-only', hint: 'give the address of the primary' }],
]

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'no machine has that name',
  EAI_AGAIN: 'the name could not be looked up',
  ETIMEDOUT: 'nobody answers there',
  EHOSTUNREACH: 'no way leads there',
  ECONNRESET: 'the server broke the connection off',
  EPIPE: 'the server broke the connection off',
  ENETUNREACH: 'no way leads there',
  ENOENT: 'there is no such socket',
  EACCES: 'the socket may not be opened',
}

/** A typed error about the database. One that is typed already passes through. Holds no statement, no value and no password. */
export function faultOf(name: string, doing: string, error: unknown): KeywrightError {
  if (error instanceof KeywrightError) return error
  const state = sqlStateOf(error)
  if (state !== null) {
    const known = MEANINGS.find(([pattern]) => pattern.test(state))?.[1]
    const what = known?.meaning ?? displayText((error as Error).message.slice(0, 200))
    return new KeywrightError(known?.code ?? 'STORE_UNAVAILABLE', `${doing} ${name} failed: ${what} (SQLSTATE ${state})`, {
      ...(known === undefined ? {} : { hint: known.hint }),
      cause: error,
    })
  }
  const errno = error instanceof Error && 'code' in error ? String(error.code) : ''
  const text = error instanceof Error ? error.message : String(error)
  const lost = /timeout/i.test(text) ? 'nobody answers there' : 'the connection was lost'
  const what = NETWORK[errno] ?? (isDisconnection(error) ? lost : displayText(text.slice(0, 200)))
  return new KeywrightError('STORE_UNAVAILABLE', `${doing} ${name} failed: ${what}${errno === '' ? '' : ` (${errno})`}`, {
    hint: 'look whether the server runs and whether its address is right, with: pg_isready',
    cause: error,
  })
}
