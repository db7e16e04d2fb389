// Changes and their records: what a record holds, and that it is enough to make the change again.

import { describe, expect, test } from 'vitest'
import type { ChangeCommand } from '../../src/commands/command.ts'
import { disable, enable } from '../../src/commands/disable.ts'
import { generate } from '../../src/commands/generate.ts'
import { graceEnd, graceExtend } from '../../src/commands/grace.ts'
import { revoke } from '../../src/commands/revoke.ts'
import { rotate } from '../../src/commands/rotate.ts'
import { scopeAdd, scopeRemove, scopeSet } from '../../src/commands/scope.ts'
import { update } from '../../src/commands/update.ts'
import type { Change } from '../../src/domain/change.ts'
import { changeOf, isUnchanged, NOT_REDOABLE, redo } from '../../src/domain/change.ts'
import { inputFromValues } from '../../src/domain/field.ts'
import type { Key } from '../../src/domain/key.ts'
import { accepted, isRefusal } from '../../src/domain/refusal.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { hashToken } from '../../src/domain/token.ts'
import { ACTOR, NOON, newKey, seededDraw } from '../store/harness.ts'
import { grantable } from './arbitraries.ts'
import { always, fc } from './seed.ts'

const HOUR = 3_600_000
const draw = seededDraw('change')

interface Step {
  readonly command: ChangeCommand
  readonly input: object
  /** How much later than the step before. */
  readonly gap: number
}

/** What a command makes of a key; null where it refuses or changes nothing. */
function decide({ command, input }: Step, key: Key | null, at: number): { change: Change; token: string | undefined } | null {
  const target = command.fields['ids'] === undefined ? { key: key?.id } : { ids: [key?.id] }
  const parsed = accepted(inputFromValues(command.fields, key === null ? input : { ...target, ...input }))
  if (key !== null && command.guard(key, at) !== null) return null
  const decided = command.decide(
    key,
    parsed,
    { at, actor: ACTOR, draw },
    { brand: 'kw', model: null, isTaken: () => false, hash: hashToken },
  )
  if (isRefusal(decided) || decided.key === key) return null
  const reason = command.reason(parsed)
  return { change: changeOf(command.action, key, decided.key, { reason, batch: 'batch_0123456789AB' }), token: decided.token }
}

const soon = fc.integer({ min: 1, max: 48 }).map((hours) => isoFrom(NOON + hours * HOUR))
const texts = fc.constantFrom('a', 'b', '__proto__', 'constructor', 'é😀', 'x=y')
const edits = fc.record(
  {
    name: fc.option(texts),
    expiresAt: fc.option(soon),
    rateLimits: fc.option(fc.constantFrom([], [{ limit: 5, windowSeconds: 60 }])),
    allowedIps: fc.option(fc.constantFrom([], ['10.0.0.0/8'])),
    tags: fc.option(fc.array(texts, { maxLength: 3 })),
    metadata: fc.option(fc.array(fc.tuple(texts, texts), { maxLength: 3 }).map((pairs) => Object.fromEntries(pairs))),
  },
  { requiredKeys: [] },
)
const scopes = fc.record({ scopes: fc.array(grantable, { maxLength: 4 }) })
const reasons = fc.record({ reason: texts })
const stepOf = (command: ChangeCommand, inputs: fc.Arbitrary<object>): fc.Arbitrary<Step> =>
  fc.record({ command: fc.constant(command), input: inputs, gap: fc.constantFrom(0, 1, HOUR, 5 * HOUR) })
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: stepOf(update, edits) },
    { weight: 2, arbitrary: stepOf(rotate, fc.record({ graceSeconds: fc.constantFrom(0, 3600, 86_400) })) },
    ...[scopeAdd, scopeRemove, scopeSet].map((command) => ({ weight: 1, arbitrary: stepOf(command, scopes) })),
    ...[disable, enable].map((command) => ({ weight: 1, arbitrary: stepOf(command, reasons) })),
    { weight: 2, arbitrary: stepOf(graceExtend, fc.record({ until: soon })) },
    { weight: 2, arbitrary: stepOf(graceEnd, fc.constant({})) },
    { weight: 1, arbitrary: fc.boolean().chain((isNow) => (isNow ? stepOf(revoke, reasons) : stepOf(enable, reasons))) },
  ),
  { maxLength: 25 },
)
const born: Step = { command: generate, input: { userId: 'user1', scopes: ['read'], tags: ['t'], metadata: { a: 'b' } }, gap: 0 }

/** Runs steps on a new key, and hands each change to the check with the key before it. */
function walk(all: readonly Step[], check: (change: Change, before: Key | null, token: string | undefined) => void): Set<string> {
  const seen = new Set<string>()
  let key: Key | null = null
  let at = NOON
  for (const step of [born, ...all]) {
    at += step.gap
    const made = decide(step, key, at)
    if (made === null) continue
    check(made.change, key, made.token)
    seen.add(made.change.action)
    key = made.change.key
  }
  return seen
}

const asLogged = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

describe('the record of a change', () => {
  test('is enough to make the change again, for every action but generate and rotate', () => {
    const redone = new Set<string>()
    always(steps, (all) => {
      walk(all, ({ action, after, key }, before) => {
        if (NOT_REDOABLE.has(action) || before === null) return
        expect(redo(before, asLogged(after) ?? {})).toEqual(key)
        redone.add(action)
      })
    })
    expect([...redone].sort()).toEqual(
      [disable, enable, graceEnd, graceExtend, revoke, scopeAdd, scopeRemove, scopeSet, update].map(({ action }) => action).sort(),
    )
  })

  test('holds just the fields that differ, as they were and as they are, and never a hash, a secret or a token', () => {
    const seen = new Set<string>()
    always(steps, (all) => {
      const actions = walk(all, ({ key, ...record }, before, token) => {
        const recorded = JSON.stringify(record)
        expect(recorded).not.toMatch(/hash|sha256:/)
        for (const { hash } of [...(before?.secrets ?? []), ...(key?.secrets ?? [])])
          expect(recorded).not.toContain(hash.slice('sha256:'.length))
        if (token !== undefined) expect(recorded).not.toContain(token.slice(-49))
        if (before === null || key === null) return
        const { batch, ...after } = record.after ?? {}
        expect(batch).toBe('batch_0123456789AB')
        const changed = Object.keys(key).filter(
          (field) => JSON.stringify(key[field as keyof Key]) !== JSON.stringify(before[field as keyof Key]),
        )
        expect(Object.keys(after).sort()).toEqual(changed.sort())
        expect(changed).toEqual(expect.arrayContaining(['revision']))
        for (const field of changed.filter((name) => name !== 'secrets')) {
          expect(after[field]).toEqual(key[field as keyof Key])
          expect(record.before?.[field]).toEqual(before[field as keyof Key])
        }
      })
      for (const action of actions) seen.add(action)
    })
    expect(seen).toContain('key.rotate')
  })

  test('of secrets tells shortId, notAfter and retiredReason of those that changed', () => {
    const { key } = newKey()
    const [secret] = key.secrets as [Key['secrets'][0]]
    const ended = { ...secret, notAfter: isoFrom(NOON), retiredReason: 'rotated' }
    const { before, after } = changeOf(
      'key.rotate',
      key,
      { ...key, secrets: [newKey().key.secrets[0] as typeof secret, ended] },
      { reason: null },
    )
    const told = { shortId: secret.shortId, notAfter: null, retiredReason: null }
    expect(before).toEqual({ secrets: [told] })
    expect(after?.['secrets']).toEqual([
      { shortId: expect.not.stringContaining(secret.shortId), notAfter: null, retiredReason: null },
      { ...told, notAfter: isoFrom(NOON), retiredReason: 'rotated' },
    ])
  })

  test('of a birth has nothing before, of a purge nothing after', () => {
    const { key } = newKey({ name: 'a' })
    expect(changeOf('key.generate', null, key, { reason: null })).toMatchObject({
      keyId: key.id,
      userId: key.userId,
      before: null,
      after: { name: 'a', revision: 1 },
    })
    expect(changeOf('key.purge', key, null, { reason: null })).toMatchObject({
      keyId: key.id,
      key: null,
      before: { name: 'a', revision: 1 },
      after: null,
    })
  })
})

test('a key that differs in nothing but the time and number of its revision is unchanged', () => {
  const { key } = newKey({ metadata: { a: 'b' } })
  expect(isUnchanged(key, { ...key, updatedAt: isoFrom(NOON + 1), revision: 2, metadata: { a: 'b' }, scopes: [] })).toBe(true)
  expect(isUnchanged(key, { ...key, name: 'x' })).toBe(false)
})
