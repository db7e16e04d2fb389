// The address of a PostgreSQL store: what is one, and how it is named where people read it. Loads no driver.

import { KeywrightError } from '../../src/domain/refusal.ts'
import { displayText } from '../../src/domain/text.ts'

const SCHEME = /^postgres(?:ql)?:\/\//i
const FORM = 'postgres://USER@HOST:PORT/DATABASE'

export const isDatabaseUrl = (store: string): boolean => SCHEME.test(store)

export interface DatabaseUrl {
  /** As messages name it: user, host and database, never a password. */
  readonly name: string
  /** As the head of a screen names it: database and host. */
  readonly short: string
  /** The same address for a command line that is shown or copied; the password comes from PGPASSWORD or ~/.pgpass there. */
  readonly withoutPassword: string
}

/** Parameters that say how to connect and keep nothing secret. */
const SHOWN_PARAMETERS: ReadonlySet<string> = new Set([
  'sslmode',
  'host',
  'port',
  'application_name',
  'connect_timeout',
  'target_session_attrs',
])

/**
 * Throws INVALID_INPUT; repeats nothing of what can't be read, since a password may be in it: also of one whose password holds a
 * character that ends it, so that a part of it would be taken for the host or the database.
 */
export function parseDatabaseUrl(store: string): DatabaseUrl {
  const url = URL.canParse(store) ? new URL(store) : null
  const user = url === null ? null : decoded(url.username)
  if (url === null || user === null || [url.pathname, url.search, url.hash].some((part) => part.includes('@')))
    throw new KeywrightError('INVALID_INPUT', `the store is a URL that can't be read; give one like ${FORM}`, {
      hint: 'write the password in PGPASSWORD or ~/.pgpass; in a URL its characters : / ? # @ stand as %3A %2F %3F %23 %40',
      field: 'store',
    })
  url.password = ''
  url.hash = ''
  for (const parameter of [...url.searchParams.keys()]) if (!SHOWN_PARAMETERS.has(parameter)) url.searchParams.delete(parameter)
  return {
    short: displayText(`${url.pathname.slice(1)}@${url.host}`),
    name: displayText(`postgres://${user === '' ? '' : `${user}@`}${url.host}${url.pathname}`),
    withoutPassword: url.href,
  }
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
