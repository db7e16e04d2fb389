// keywright.config.json: what is read from it, and what is refused with its path and member.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readStoreSettings } from '../../store/open.ts'
import { expectCode, newPlace } from './harness.ts'

const settingsOf = (value: unknown) => {
  const place = newPlace()
  writeFileSync(join(place.folder, 'keywright.config.json'), JSON.stringify(value))
  return readStoreSettings(place.keys, false)
}

describe('the settings beside a store', () => {
  test('are none where there is no file, and need no store', () => {
    expect(readStoreSettings(newPlace().keys, false)).toEqual({})
  })

  test('have the keys of the app’s commands as lists', () => {
    const keys = { 'keys.revoke': 'R', quit: ['q', 'ctrl-c'], 'audit.step-back': [' '] }
    expect(settingsOf({ brand: 'acme', keys })).toEqual({
      brand: 'acme',
      keys: { 'keys.revoke': ['R'], quit: ['q', 'ctrl-c'], 'audit.step-back': [' '] },
    })
  })

  test.each(['file:/x/sink.log', 'unix:/run/syslog', 'tcp://logs.example.com:601', 'tcp://[::1]:601'])(
    'have the address of a sink: %s',
    (auditSink) => {
      expect(settingsOf({ auditSink })).toEqual({ auditSink })
    },
  )

  test('have templates with what their texts mean', () => {
    const partner = {
      scopesCeiling: ['write:orders', 'read:*'],
      expiresMax: '90d',
      expires: '30d',
      rateLimits: ['100/m', 'burst=10/s'],
      tags: ['partner'],
      ticketPattern: 'OPS-\\d+',
    }
    expect(settingsOf({ templates: { partner, 'a.B_9': {} } }).templates).toEqual({
      partner: {
        scopesCeiling: ['read:*', 'write:orders'],
        expiresMaxSeconds: 90 * 86_400,
        expiresSeconds: 30 * 86_400,
        rateLimits: [
          { name: 'default', limit: 100, windowSeconds: 60 },
          { name: 'burst', limit: 10, windowSeconds: 1 },
        ],
        tags: ['partner'],
        ticketPattern: 'OPS-\\d+',
      },
      'a.B_9': {},
    })
  })

  test.each([
    ['[]', [], 'the settings are not an object'],
    [
      'an unknown setting',
      { bran: 'x' },
      '"bran" is not a setting; use brand, auditLog, auditSink, segmentBytes, validateSummary, keys, templates',
    ],
    ['a sink that is a number', { auditSink: 1 }, 'auditSink must be a text'],
    ...['', 'sink.log', 'file:sink.log', 'file:/x/', 'unix:x', 'udp://a:1', 'tcp://a', 'tcp://a:0', 'tcp://a:65536', 'tcp://a b:1'].map(
      (sink): [string, unknown, string] => [
        `the sink ${sink}`,
        { auditSink: sink },
        `auditSink: the audit sink "${sink}" is none; use file:/PATH`,
      ],
    ),
    ['keys that are a list', { keys: ['q'] }, 'keys must be an object'],
    ['keys of a command that has no such name', { keys: { 'Keys Revoke': 'r' } }, 'keys: "Keys Revoke" is no name'],
    ['a key that is a number', { keys: { quit: 1 } }, 'keys: "quit" must be'],
    ['a key that is empty', { keys: { quit: [''] } }, 'keys: "quit" must be'],
    ['no key', { keys: { quit: [] } }, 'keys: "quit" must be'],
    ['too many keys', { keys: { quit: [...'abcdefghi'] } }, 'keys: "quit" must be'],
    [
      'too many commands',
      { keys: Object.fromEntries(Array.from({ length: 201 }, (_, index) => ['a'.repeat(index + 1), 'q'])) },
      'keys must have at most 200',
    ],
    ['a template that is a text', { templates: { x: 'y' } }, 'templates.x must be an object'],
    ['a template of a wrong name', { templates: { 'a b': {} } }, 'templates: "a b" must be'],
    ['an unknown member', { templates: { x: { scopes: [] } } }, 'templates.x: "scopes" is no member of a template'],
    ['a member of every object', { templates: { x: { constructor: [] } } }, 'templates.x: "constructor" is no member'],
    ['a wrong scope', { templates: { x: { scopesCeiling: ['Read Users'] } } }, 'templates.x.scopesCeiling must be'],
    ['scopes that are no list', { templates: { x: { scopesCeiling: 'read' } } }, 'templates.x.scopesCeiling must be'],
    ['a duration that is a number', { templates: { x: { expires: 90 } } }, 'templates.x.expires must be'],
    ['a duration of nothing', { templates: { x: { expiresMax: '0s' } } }, 'templates.x.expiresMax must be'],
    ['an expiry above its own bound', { templates: { x: { expires: '2d', expiresMax: '1d' } } }, 'templates.x.expires must not be longer'],
    ['a limit that is an object', { templates: { x: { rateLimits: [{ limit: 1, windowSeconds: 1 }] } } }, 'templates.x.rateLimits must be'],
    ['a hostile tag', { templates: { x: { tags: ['a\u001b'] } } }, 'templates.x.tags must be'],
    ['a pattern that is none', { templates: { x: { ticketPattern: '(' } } }, 'templates.x.ticketPattern must be'],
  ])('are refused with their path and member: %s', async (_, value, problem) => {
    const { message } = await expectCode(() => settingsOf(value), 'INVALID_INPUT')
    expect(message).toContain(`keywright.config.json: ${problem}`)
  })
})
