// Addresses of databases: what is named of them in messages, on screens and in copied commands never holds a password.

import { describe, expect, test } from 'vitest'
import { isDatabaseUrl, parseDatabaseUrl } from '../../store/postgres/url.ts'
import { expectCode } from '../store/harness.ts'

describe('the address of a database', () => {
  test('is known by its scheme', () => {
    expect(['postgres://h/d', 'postgresql://h/d', 'POSTGRES://h/d'].map(isDatabaseUrl)).toEqual([true, true, true])
    expect(['./postgres', 'mysql://h/d', 'postgres:h'].map(isDatabaseUrl)).toEqual([false, false, false])
  })

  test.each([
    [
      'postgres://ann:hunter2@db.example.com:5433/keys?sslmode=verify-full',
      'postgres://ann@db.example.com:5433/keys',
      'keys@db.example.com:5433',
    ],
    ['postgres://ann:hunter2@h/keys?password=hunter2&sslpassword=hunter2&passfile=hunter2', 'postgres://ann@h/keys', 'keys@h'],
    ['postgres://an%6E@h/keys#hunter2', 'postgres://ann@h/keys', 'keys@h'],
  ])('%s is named without what is secret', (url, name, short) => {
    const parsed = parseDatabaseUrl(url)
    expect(parsed).toMatchObject({ name, short })
    expect(JSON.stringify(parsed)).not.toContain('hunter2')
  })

  test.each([
    'postgres://ann:/hunter2@h/d',
    'postgres://ann:12/hunter2@h/d',
    'postgres://ann:12?hunter2@h/d',
    'postgres://ann:12#hunter2@h/d',
    'postgres://ann:hunter2@:bad:/d',
    'postgres://ann%ZZ:hunter2@h/d',
  ])('%s is refused, and nothing of it repeated', async (url) => {
    const { message, hint } = await expectCode(() => parseDatabaseUrl(url), 'INVALID_INPUT')
    expect(`${message} ${hint}`).not.toContain('hunter2')
  })
})
