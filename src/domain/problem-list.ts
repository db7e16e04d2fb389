// What a proof finds wrong: listed up to a bound, and made good by a loss that was accepted, as far as that names it. Pure.

import type { AuditRecord } from './audit.ts'

/** More are counted, not listed. */
const MAX_LISTED = 1000

/** What is wrong with a record, with a key, or with neither. */
export interface AuditProblem {
  readonly seq?: number
  readonly keyId?: string
  readonly problem: string
}

/** Seqs, both ends included. */
export interface SeqRange {
  readonly from: number
  readonly to: number
}

export interface ProblemList {
  /** `to`: the last of several records that it is about; else it is about one. */
  readonly add: (problem: AuditProblem, to?: number) => void
  /**
   * Takes out what the record of an accepted loss makes good, and answers a note for each: problems of the records that it
   * names as lost, and those that are of no record. Whatever else is wrong before it came later, or was hidden from who accepted.
   */
  readonly accept: (loss: AuditRecord) => readonly string[]
  readonly count: () => number
  readonly listed: () => readonly AuditProblem[]
  /** From the first to the last record with a problem, listed or not; null where there is none. */
  readonly range: () => SeqRange | null
}

export function createProblemList(): ProblemList {
  let found: { readonly problem: AuditProblem; readonly to: number }[] = []
  let count = 0
  let range: SeqRange | null = null

  return {
    add(problem, to = problem.seq ?? 0) {
      count++
      if (found.length < MAX_LISTED) found.push({ problem, to })
      const { seq } = problem
      if (seq !== undefined) range = { from: Math.min(range?.from ?? seq, seq), to: Math.max(range?.to ?? to, to) }
    },
    accept(loss) {
      const lost = lostBy(loss)
      const isGood = ({ problem: { seq }, to }: (typeof found)[number]): boolean =>
        seq === undefined || (lost !== null && seq >= lost.from && to <= lost.to)
      const isAllGood = range === null || (lost !== null && range.from >= lost.from && range.to <= lost.to)
      const good = found.filter(isGood)
      found = found.filter((one) => !isGood(one))
      count = isAllGood ? 0 : count - good.length
      if (isAllGood) range = null
      return good.map(
        ({ problem: { seq, keyId, problem } }) =>
          `accepted at seq ${loss.seq}: ${[seq === undefined ? null : `seq ${seq}`, keyId, problem].filter(Boolean).join(' ')}`,
      )
    },
    count: () => count,
    listed: () => found.map(({ problem }) => problem),
    range: () => range,
  }
}

/** The records that an accepted loss names; null where it names none: then only keys were not as the log says. */
function lostBy({ seq, after }: AuditRecord): SeqRange | null {
  const { lostFrom, lostTo } = after ?? {}
  if (typeof lostFrom !== 'number') return null
  return { from: lostFrom, to: typeof lostTo === 'number' ? lostTo : seq }
}
