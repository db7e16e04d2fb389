// Follows the chain of an audit log and names the first wrong record. Shares no code with what wrote it; changes nothing.

import type { JudgedRecord } from './records.ts'
import { readRecord, ZEROS } from './records.ts'

/** Who vouches for a record of the log. */
export interface JudgedAnchor {
  readonly by: string
  readonly seq: number
  readonly hash: string
}

export interface ChainJudgement {
  /** The records up to the first wrong one. */
  readonly records: readonly JudgedRecord[]
  /** Null where the chain is whole. */
  readonly firstBad: number | null
  readonly wrong: string | null
}

/** The chain of a log's whole lines, held against what the store's files vouch for. */
export function judgeChain(lines: readonly Buffer[], anchors: readonly JudgedAnchor[]): ChainJudgement {
  const records: JudgedRecord[] = []
  const bad = (seq: number, what: string): ChainJudgement => ({ records, firstBad: seq, wrong: `seq ${seq} ${what}` })
  const isVouched = ({ seq, hash }: JudgedRecord): boolean => anchors.some((anchor) => anchor.seq === seq && anchor.hash === hash)
  for (const [index, line] of lines.entries()) {
    const expected = index + 1
    const last = records.at(-1)
    const record = readRecord(line)
    if (typeof record === 'string') return bad(expected, record)
    if (record.seq > expected) return bad(expected, `is missing, ${record.seq} stands in its place`)
    if (record.seq < expected) return bad(record.seq, 'stands twice')
    if (record.prev !== (last?.hash ?? ZEROS)) {
      // Two neighbours, each whole in itself. The one that its surroundings know is the right one.
      const next = lines[index + 1]
      const after = next === undefined ? null : readRecord(next)
      const isKnown = after === null ? isVouched(record) : typeof after !== 'string' && after.prev === record.hash
      return isKnown && last !== undefined ? bad(last.seq, 'was rewritten') : bad(record.seq, 'does not name the record before it')
    }
    const anchor = anchors.find(({ seq, hash }) => seq === record.seq && hash !== record.hash)
    if (anchor !== undefined) return bad(record.seq, `is not the record that ${anchor.by} vouches for`)
    if (last !== undefined && record.at < last.at) return bad(record.seq, `has the time ${record.at}, behind it stands ${last.at}`)
    if (record.base !== null && (record.base < 0 || record.base >= record.seq)) return bad(record.seq, `has the base ${record.base}`)
    records.push(record)
  }
  const beyond = anchors.find(({ seq }) => seq > records.length)
  return beyond === undefined
    ? { records, firstBad: null, wrong: null }
    : bad(records.length + 1, `is missing, ${beyond.by} vouches for records up to ${beyond.seq}`)
}
