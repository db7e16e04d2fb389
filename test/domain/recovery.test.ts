// The recovery table as a plan: what is redone, what is rolled back, and what only an operator can mend.

import { describe, expect, test } from 'vitest'
import type { AuditRecord } from '../../src/domain/audit.ts'
import { EMPTY_ANCHOR } from '../../src/domain/audit.ts'
import type { Key } from '../../src/domain/key.ts'
import type { RecoveryPlan } from '../../src/domain/recovery.ts'
import { planRecovery, unresolvedChanges } from '../../src/domain/recovery.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { ACTOR, NOON } from '../store/harness.ts'
import type { Step } from './log-of.ts'
import { born, edit, gone, newLog } from './log-of.ts'

function logOfTwo() {
  const log = newLog()
  log.commit(born())
  log.commit(born())
  const [one = '', two = ''] = log.keys.keys()
  const keyOf = (id: string) => log.keys.get(id) as Key
  const revoke = (id: string): Step => edit(log, id, { revokedAt: isoFrom(NOON) }, 'key.revoke')
  const rotate = (id: string): Step => edit(log, id, { tags: ['rotated'] }, 'key.rotate')
  const tail = (): AuditRecord[] => log.records().filter(({ seq }) => seq > log.anchor().seq)
  const plan = (isTorn = false): RecoveryPlan => planRecovery(log.anchor(), tail(), isTorn)
  const said = (action: AuditRecord['action'], after: AuditRecord['after']) =>
    log.append([{ actor: ACTOR, at: isoFrom(NOON), action, after }])
  return { log, one, two, keyOf, revoke, rotate, tail, plan, said }
}

const seqsOf = (plan: RecoveryPlan) =>
  plan.kind === 'recover' ? { redo: plan.redo.map(({ seq }) => seq), rollBack: plan.rollBack } : plan.kind

describe('records behind the anchor', () => {
  test('that hold no change need nothing, torn line or not', () => {
    const { log, plan } = logOfTwo()
    expect([plan(), plan(true)]).toEqual([{ kind: 'none' }, { kind: 'none' }])
    log.note('validate.summary')
    log.note('audit.verify')
    expect([plan(), plan(true)]).toEqual([{ kind: 'none' }, { kind: 'none' }])
  })

  test('of one commit are redone, so that a revocation is not undone by an old file', () => {
    const { log, plan, revoke, keyOf, one, two } = logOfTwo()
    log.record([revoke(one), gone(keyOf(two))])
    expect(seqsOf(plan())).toEqual({ redo: [3, 4], rollBack: [] })
  })

  test('of births and rotations are rolled back, because nobody was given their secrets', () => {
    const { log, plan, rotate, revoke, one, two } = logOfTwo()
    log.record([born(), rotate(one), revoke(two)])
    expect(seqsOf(plan())).toEqual({ redo: [5], rollBack: [3, 4] })
  })

  test('of a key with one that can not be redone are rolled back wholly', () => {
    const { log, plan, rotate, revoke, one, two } = logOfTwo()
    log.record([revoke(one), rotate(one), edit(log, one, { name: 'x' }), revoke(two)])
    expect(seqsOf(plan())).toEqual({ redo: [6], rollBack: [3, 4, 5] })
  })

  test('are all rolled back behind a torn line', () => {
    const { log, plan, revoke, one, two } = logOfTwo()
    log.record([revoke(one), revoke(two)])
    expect(seqsOf(plan(true))).toEqual({ redo: [], rollBack: [3, 4] })
  })

  test('are found between notes of verifications', () => {
    const { log, plan, revoke, one } = logOfTwo()
    log.note('validate.summary')
    log.record([revoke(one)])
    log.note('validate.summary')
    expect(seqsOf(plan())).toEqual({ redo: [4], rollBack: [] })
  })

  test('of a first commit are recovered into a store that is not there yet', () => {
    const log = newLog()
    log.record([born(), born()])
    expect(seqsOf(planRecovery(EMPTY_ANCHOR, log.records(), false))).toEqual({ redo: [], rollBack: [1, 2] })
  })
})

describe('changes that are settled already', () => {
  test('by a rollback need nothing more, also when the store could not vouch for it', () => {
    const { log, plan, revoke, tail, said, one } = logOfTwo()
    const seqs = log.record([revoke(one)])
    said('store.rollback', { rolledBack: seqs })
    expect([plan(), unresolvedChanges(tail())]).toEqual([{ kind: 'none' }, []])
  })

  test('leave the commit after them as the one that died', () => {
    const { log, plan, revoke, rotate, said, one, two } = logOfTwo()
    said('store.rollback', { rolledBack: log.record([rotate(one)]) })
    log.record([revoke(two)])
    expect(seqsOf(plan())).toEqual({ redo: [5], rollBack: [] })
  })

  test('by a recovery that died itself are recovered once more', () => {
    const { log, plan, revoke, rotate, said, one, two } = logOfTwo()
    const [redone, rolledBack] = log.record([revoke(one), rotate(two)])
    said('store.recover', { redone: [redone], rolledBack: [rolledBack] })
    expect(seqsOf(plan())).toEqual({ redo: [3], rollBack: [] })
  })
})

describe('what an operator must look at', () => {
  test('are changes of more than one commit', () => {
    const { log, revoke, one, two } = logOfTwo()
    const anchor = log.anchor()
    log.commit(revoke(one))
    log.commit(revoke(two))
    expect(planRecovery(anchor, log.records().slice(2), false)).toMatchObject({
      kind: 'broken',
      disagreement: { kind: 'store-older', seq: 4 },
    })
  })

  test('are changes of a commit that began elsewhere', () => {
    const { log, plan, revoke, one } = logOfTwo()
    log.record([revoke(one)], 1)
    expect(plan().kind).toBe('broken')
    expect(planRecovery(EMPTY_ANCHOR, log.records(), false).kind).toBe('broken')
    expect(planRecovery(EMPTY_ANCHOR, log.records(), true).kind).toBe('broken')
  })
})
