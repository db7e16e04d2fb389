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

/** Throws INVALID_INPUT; repeats nothing of what can't be read, since a password may be in it. */
export function parseDatabaseUrl(store: string): DatabaseUrl {
  let url: URL
  try {
    url = new URL(store)
    decodeURIComponent(url.username)
  } catch {
    throw new KeywrightError('INVALID_INPUT', `the store is a URL that can't be read; give one like ${FORM}`, { field: 'store' })
  }
  url.password = ''
  url.searchParams.delete('password')
  const user = decodeURIComponent(url.username)
  return {
    short: displayText(`${url.pathname.slice(1)}@${url.host}`),
    name: displayText(`postgres://${user === '' ? '' : `${user}@`}${url.host}${url.pathname}`),
    withoutPassword: url.href,
  }
}
