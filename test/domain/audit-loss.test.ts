// Crashes, rollbacks, recoveries and accepted losses as the proof of a log sees them.

import { describe, expect, test } from 'vitest'
import type { Entry } from '../../src/domain/audit.ts'
import { EMPTY_ANCHOR } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import type { Key } from '../../src/domain/key.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { ACTOR, NOON, newKey } from '../store/harness.ts'
import type { Log } from './log-of.ts'
import { born, checkOf, edit, newLog, vouchedFor } from './log-of.ts'

const note = (action: Entry['action'], after: (Entry['after'] & {}) | null, reason: string | null = null): Entry => ({
  actor: ACTOR,
  at: isoFrom(NOON + 1e7),
  action,
  after,
  reason,
})

/** A log with two keys and their ids. */
function logOfTwo(): { log: Log; ids: readonly [string, string] } {
  const log = newLog()
  log.commit(born({ name: 'one' }))
  log.commit(born({ name: 'two' }))
  const [one = '', two = ''] = log.keys.keys()
  return { log, ids: [one, two] }
}

const stateOf = ({ ok, firstBad, problems }: AuditReport) => ({ ok, firstBad, problems: problems.map(({ keyId, seq }) => keyId ?? seq) })
const WHOLE = { ok: true, firstBad: null, problems: [] }

describe('a change that died half-way', () => {
  test('before the store saw it is no fault: the next change will recover it', () => {
    const { log, ids } = logOfTwo()
    const seqs = log.record([edit(log, ids[0], { name: 'x' }), edit(log, ids[1], { name: 'y' })])
    expect(stateOf(log.check())).toEqual(WHOLE)
    expect(log.check().notes).toEqual([expect.stringContaining(seqs.join(', '))])
  })

  test('and was rolled back counts as if it never was, also when it was a birth or a purge', () => {
    const { log, ids } = logOfTwo()
    const undone = log.record([
      edit(log, ids[0], { name: 'x' }),
      born(),
      { action: 'key.purge', before: log.keys.get(ids[1]) as Key, after: null },
    ])
    log.append([note('store.rollback', { rolledBack: undone })])
    expect(stateOf(log.check())).toEqual(WHOLE)
    log.commit(edit(log, ids[0], { name: 'z' }))
    expect(stateOf(log.check())).toEqual(WHOLE)
  })

  test('and was recovered counts where it was redone, and not where it was rolled back', () => {
    const { log, ids } = logOfTwo()
    const [redoable, lost] = [edit(log, ids[0], { revokedAt: isoFrom(NOON) }, 'key.revoke'), born()]
    const [redone = 0, rolledBack = 0] = log.record([redoable, lost])
    log.append([note('store.recover', { redone: [redone], rolledBack: [rolledBack] })])
    log.take([redoable])
    const report = log.check()
    expect(stateOf(report)).toEqual(WHOLE)
    expect(report.notes).toEqual([expect.stringMatching(/redone 3.*rolled back 4/)])
    log.keys.delete(ids[0])
    expect(stateOf(log.check())).toEqual({ ok: false, firstBad: null, problems: [ids[0]] })
  })

  test('is not the explanation when a key differs otherwise', () => {
    const { log, ids } = logOfTwo()
    log.record([edit(log, ids[0], { name: 'x' })])
    log.keys.set(ids[1], { ...(log.keys.get(ids[1]) as Key), scopes: ['*'] })
    expect(stateOf(log.check())).toEqual({ ok: false, firstBad: null, problems: [ids[1]] })
  })
})

describe('a store that was replaced by an older one, or lost', () => {
  test('is found when the log holds more than one commit that it has not seen', () => {
    const { log, ids } = logOfTwo()
    const old = vouchedFor([...log.keys.values()], log.anchor(), log.anchor())
    log.commit(edit(log, ids[0], { name: 'x' }))
    expect(log.check(log.lines, old).ok).toBe(true)
    log.commit(edit(log, ids[0], { name: 'y' }))
    expect(log.check(log.lines, old).ok).toBe(false)
    expect(log.check(log.lines, vouchedFor([], EMPTY_ANCHOR, EMPTY_ANCHOR)).ok).toBe(false)
  })
})

describe('an accepted loss', () => {
  /** What `audit accept-loss` does: one record behind the last whole one, for which both files then vouch. */
  function accept(
    lines: readonly Buffer[],
    log: Log,
  ): { check: (keys?: readonly Key[], more?: readonly Buffer[]) => AuditReport; continued: Log } {
    const keys = [...log.keys.values()]
    const { head, lost } = checkOf(lines, log.vouched())
    const extent = { lostFrom: lost?.from ?? null, lostTo: lost?.to ?? null }
    const { allKeysDigest } = log.vouched()
    const continued = newLog()
    for (const key of keys) continued.keys.set(key.id, key)
    continued.append([note('audit.accept-loss', { keys: keys.length, digest: allKeysDigest, ...extent }, 'a backup was lost')], head)
    continued.take([])
    const check = (seen: readonly Key[] = [...continued.keys.values()], more: readonly Buffer[] = []) =>
      checkOf([...lines, ...continued.lines, ...more], vouchedFor(seen, continued.head(), continued.head())).report
    return { check, continued }
  }

  /** 12 records over two keys. */
  function longLog(): { log: Log; ids: readonly [string, string] } {
    const { log, ids } = logOfTwo()
    for (let round = 0; round < 5; round++) {
      log.commit(edit(log, ids[0], { name: `round ${round}` }))
      log.note('validate.summary')
    }
    return { log, ids }
  }

  test('of a cut tail makes the proof whole again, with a note', () => {
    const { log } = longLog()
    for (let length = 0; length < 12; length++) {
      const cut = log.lines.slice(0, length)
      expect(log.check(cut).ok).toBe(false)
      const report = accept(cut, log).check()
      expect(stateOf(report)).toEqual(WHOLE)
      expect(report.notes.join('\n')).toContain('a backup was lost')
    }
  })

  test('of a missing line makes the proof whole again', () => {
    const { log } = longLog()
    for (let index = 0; index < 12; index++) expect(stateOf(accept(log.lines.toSpliced(index, 1), log).check())).toEqual(WHOLE)
  })

  test('of a garbled line makes the proof whole again, also when it was the last', () => {
    const { log } = longLog()
    for (let index = 0; index < 12; index++)
      expect({ index, ...stateOf(accept(log.lines.with(index, Buffer.from('garbled')), log).check()) }).toEqual({ index, ...WHOLE })
  })

  test('of a line that was broken in two makes the proof whole again, also when it was the last', () => {
    const { log } = longLog()
    for (let index = 0; index < 12; index++) {
      const broken = log.lines.toSpliced(index, 1, Buffer.from('half'), Buffer.from('a line'))
      expect({ index, ...stateOf(accept(broken, log).check()) }).toEqual({ index, ...WHOLE })
    }
  })

  test('takes the seq after the last whole record', () => {
    const { log } = longLog()
    const headBehind = (lines: readonly Buffer[]) => checkOf(lines, log.vouched()).head.seq
    expect(headBehind(log.lines.slice(0, 7))).toBe(7)
    expect(headBehind(log.lines.toSpliced(4, 1))).toBe(12)
    expect(headBehind(log.lines.with(11, Buffer.from('garbled')))).toBe(11)
    expect(headBehind(log.lines.toSpliced(10, 1, Buffer.from('half'), Buffer.from('a line')))).toBe(12)
    expect(headBehind([])).toBe(0)
  })

  test('of keys that were changed by hand starts their digests anew', () => {
    const { log, ids } = longLog()
    log.keys.set(ids[1], { ...(log.keys.get(ids[1]) as Key), scopes: ['*'] })
    expect(stateOf(log.check())).toEqual({ ok: false, firstBad: null, problems: [ids[1]] })
    expect(stateOf(accept(log.lines, log).check())).toEqual(WHOLE)
  })

  test('hides nothing that is changed by hand afterwards', () => {
    const { log, ids } = longLog()
    const { check } = accept(log.lines.slice(0, 9), log)
    const keys = [...log.keys.values()]
    expect(check(keys.with(0, { ...(keys[0] as Key), scopes: ['*'] })).ok).toBe(false)
    expect(check(keys.slice(1)).ok).toBe(false)
    expect(check([...keys, newKey().key]).ok).toBe(false)
    expect(ids).toHaveLength(2)
  })

  test('hides nothing of keys that were changed in the proper way since', () => {
    const { log, ids } = longLog()
    const { check, continued } = accept(log.lines.slice(0, 9), log)
    const before = continued.lines.length
    continued.commit(edit(continued, ids[0], { name: 'since' }))
    expect(continued.lines.length).toBe(before + 1)
    expect(stateOf(check())).toEqual(WHOLE)
    const tampered = [...continued.keys.values()].map((key) => (key.id === ids[0] ? { ...key, scopes: ['*'] } : key))
    expect(stateOf(check(tampered))).toEqual({ ok: false, firstBad: null, problems: [ids[0]] })
    expect(check([...continued.keys.values()].slice(0, 1)).ok).toBe(false)
  })

  /** The report once a line of the log, which is known by its index, has become another. */
  const checkWith = (lines: readonly Buffer[], log: Log, index: number, line: Buffer[]): AuditReport => {
    const { continued } = accept(lines, log)
    const all = [...lines, ...continued.lines].toSpliced(index, 1, ...line)
    return checkOf(all, vouchedFor([...continued.keys.values()], continued.head(), continued.head())).report
  }

  test('hides no damage that is done afterwards to the records before it, but to those that it names', () => {
    const { log } = longLog()
    const damages: readonly ((line: Buffer) => Buffer[])[] = [
      () => [Buffer.from('garbled')],
      () => [],
      (line) => [Buffer.from(line.toString().replace('"outcome":"done"', '"outcome":"refused"'))],
    ]
    // Seq 6 is lost, at index 5.
    const lossy = log.lines.toSpliced(5, 1)
    for (const damage of damages) {
      for (const [index, line] of lossy.entries())
        expect({ index, ok: checkWith(lossy, log, index, damage(line)).ok }).toEqual({ index, ok: false })
    }
  })

  test('of keys alone hides no damage of any record before it', () => {
    const { log, ids } = longLog()
    log.keys.set(ids[1], { ...(log.keys.get(ids[1]) as Key), scopes: ['*'] })
    for (const index of log.lines.keys())
      expect({ index, ok: checkWith(log.lines, log, index, [Buffer.from('garbled')]).ok }).toEqual({ index, ok: false })
  })

  test('is made good again by accepting the new damage too', () => {
    const { log } = longLog()
    const lossy = log.lines.toSpliced(5, 1)
    const { continued } = accept(lossy, log)
    const damaged = [...lossy, ...continued.lines].with(1, Buffer.from('garbled'))
    expect(checkOf(damaged, continued.vouched()).report.ok).toBe(false)
    expect(stateOf(accept(damaged, continued).check())).toEqual(WHOLE)
  })

  test('hides no later damage of the log', () => {
    const { log } = longLog()
    const { check } = accept(log.lines.slice(0, 9), log)
    expect(stateOf(check(undefined, [Buffer.from('garbled')]))).toEqual({ ok: false, firstBad: 11, problems: [11] })
  })
})

describe('repairs', () => {
  test('of a torn line and of the usage file are listed and are no fault', () => {
    const { log } = logOfTwo()
    log.append([
      note('log.repair', { length: 17, digest: '0'.repeat(64) }),
      note('usage.repair', { aside: 'keys.usage.json.1' }),
      note('log.segment', null),
    ])
    const report = log.check()
    expect(stateOf(report)).toEqual(WHOLE)
    expect(report.notes).toEqual([expect.stringMatching(/seq 3: log\.repair.*17 bytes/), expect.stringContaining('seq 4: usage.repair')])
  })
})
