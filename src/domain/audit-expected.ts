// What is known of a log's records from outside of the store. Pure; nothing on the log itself makes good what it contradicts.

import type { Anchor } from './audit.ts'
import type { AuditProblem } from './problem-list.ts'

/** A record's hash as someone knows it who keeps it away from the log. */
export interface Expected {
  /** Who expects it, as a problem names it. */
  readonly by: string
  readonly anchor: Anchor
}

/** What someone expects who asks for a verification. */
export function expectedBy(asker: Anchor | undefined): readonly Expected[] {
  return asker === undefined ? [] : [{ by: 'the expected anchor', anchor: asker }]
}

export interface ExpectedCheck {
  /** A record in its place. */
  readonly see: (seq: number, hash: string) => void
  /** `last`: the seq that the log ends with. */
  readonly finish: (last: number) => readonly AuditProblem[]
}

/** Costs a look in a map for each record, however many are expected. */
export function createExpectedCheck(expected: readonly Expected[]): ExpectedCheck {
  const pending = Map.groupBy(
    expected.filter(({ anchor }) => anchor.seq > 0),
    ({ anchor }) => anchor.seq,
  )
  const contradicted: AuditProblem[] = []
  return {
    see(seq, hash) {
      const these = pending.get(seq)
      if (these === undefined) return
      pending.delete(seq)
      for (const { by, anchor } of these)
        if (anchor.hash !== hash) contradicted.push({ seq, problem: `has another hash than ${by} says: ${hash}, not ${anchor.hash}` })
    },
    finish(last) {
      const unseen = [...pending].flatMap(([seq, these]) =>
        these.map(
          ({ by }): AuditProblem =>
            seq > last
              ? { seq: last + 1, problem: `is missing: ${by} is of seq ${seq}` }
              : { seq, problem: `can't be compared with ${by}` },
        ),
      )
      return [...contradicted, ...unseen]
    },
  }
}
